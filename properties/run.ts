/**
 * One run of a plan: faults and traffic, then everything healed, then on until every send is resolved
 * and every acknowledged record read back. A pure function of the plan.
 */
import type { Fact } from "../core/facts.ts";
import type { Rules } from "../core/rules.ts";
import type { TraceEvent } from "../sim/kernel.ts";
import type { FrameListener } from "../sim/network/network.ts";
import type { RunEnd } from "../sim/world.ts";
import { withTraps } from "../sim/traps.ts";
import { Cluster } from "./cluster/cluster.ts";
import type { MutableMoment } from "./cluster/cluster.ts";
import { codecs } from "./cluster/codecs.ts";
import { Isolation } from "./cluster/isolation.ts";
import { resolveRole } from "./cluster/roles.ts";
import { RunFindings } from "./findings.ts";
import type { Damage, DurableFiles } from "./ghost/durable-files.ts";
import { FaultRecord } from "./ghost/fault-record.ts";
import { Ghost } from "./ghost/ghost.ts";
import { History } from "./history/history.ts";
import { budgetsHit, disagreements } from "./invariants/harness.ts";
import { createObservers } from "./invariants/registry.ts";
import type { Observers } from "./invariants/registry.ts";
import { lossJudge } from "./oracle/loss-judge.ts";
import { StallJudge } from "./oracle/stall-judge.ts";
import { rulesWith } from "./known-bugs/infect.ts";
import type { Findings, Moment, NodeEvent, Observer } from "./observation.ts";
import { Dispatcher } from "./observe.ts";
import type { Plan } from "./plan/plan.ts";
import { effectiveSetting } from "./plan/settings.ts";
import { Progress } from "./progress.ts";
import { consumerPromises, producerPromises, readBackPartitions } from "./promises.ts";
import { plannedWorld, StrictProfile } from "./strict/strict-profile.ts";
import type { HarnessFailure, Verdict } from "./verdict.ts";
import { verdictOf } from "./verdict-of.ts";

export interface RunOptions {
  /** Copies each frame at delivery and checks all bytes; must not change the trace. */
  readonly isolate?: boolean;
  /** Goes on after a violation, so that the layers of checkers can be compared. */
  readonly toEnd?: boolean;
  /** False runs without checkers, for measurements; the trace is the same. */
  readonly checkers?: boolean;
  /** Instead of Kafka's rules with the plan's known bugs built in. */
  readonly rules?: Rules;
  /** Further observers, e.g. invariants of a scenario. */
  readonly observers?: (findings: Findings) => readonly Observer[];
  readonly onEvent?: (event: TraceEvent) => void;
  readonly onFact?: (fact: Fact, moment: Moment) => void;
  /** Told of each frame that a program takes, just before it does. */
  readonly onFrame?: FrameListener;
}

/** What a run is allowed at most; far above what any plan needs. */
const MAX_EVENTS = 200_000_000;

/** A run that has told its story goes on for this long, so that followers and checkers settle. */
const SETTLE_US = 1_000_000;

export function run(plan: Plan, options: RunOptions = {}): Verdict {
  return withTraps(() => new Run(plan, options).toVerdict());
}

class Run {
  readonly #plan: Plan;
  readonly #options: RunOptions;
  readonly #findings: RunFindings = new RunFindings();
  readonly #faults: FaultRecord = new FaultRecord();
  readonly #ghost: Ghost;
  readonly #stalls: StallJudge;
  readonly #history: History = new History();
  readonly #progress: Progress;
  readonly #isolation: Isolation | null;
  readonly #checkers: Observers | null;
  readonly #dispatcher: Dispatcher;
  readonly #cluster: Cluster;
  readonly #lastOperationAt: number;
  #controller = -1;
  #moment: Moment | null = null;

  constructor(plan: Plan, options: RunOptions) {
    this.#plan = plan;
    this.#options = options;
    const files = this.#durableFiles();
    const minIsr = effectiveSetting(plan, "topic", {}, "min.insync.replicas");
    this.#ghost = new Ghost({
      files,
      defaultMinIsr: Number(minIsr),
      faults: this.#faults,
      // Only in chaos does a fault strike that may take the last copy of something committed.
      ...(plan.profile === "chaos" && { judge: lossJudge(this.#faults) }),
    });
    this.#stalls = new StallJudge(this.#ghost, this.#faults);
    this.#findings.isBeyondPromise = (name) =>
      this.#ghost.partitions.get(name)?.isBeyondPromise === true;
    this.#ghost.onLoss((partition, _lost, offset) => this.#progress.lost(partition, offset));
    const readBack = readBackPartitions(plan);
    const durable = [...producerPromises(plan)].filter(([, { acks }]) => acks === -1);
    this.#progress = new Progress(readBack, new Set(durable.map(([client]) => client)));
    this.#isolation = options.isolate === true ? new Isolation() : null;
    this.#checkers = options.checkers === false ? null : this.#makeCheckers(files, readBack);
    this.#dispatcher = new Dispatcher([
      // Without checkers the truth is still needed: roles and the strict profile ask it.
      ...(this.#checkers?.observers ?? [this.#ghost]),
      ...(options.observers?.(this.#findings) ?? []),
      this.#progress,
      { on: { "controller-activated": (_fact, { nodeId }) => (this.#controller = nodeId) } },
    ]);
    this.#lastOperationAt = plan.workload.reduce((latest, { at }) => Math.max(latest, at), 0);
    this.#cluster = this.#makeCluster();
  }

  toVerdict(): Verdict {
    const { heal, horizon } = this.#plan;
    const deadline = Math.min(horizon, heal.at + heal.deadline);
    const { world } = this.#cluster;
    let end = world.runUntil(Math.min(heal.at, deadline), () => this.#isRefuted);
    if (end === "time") {
      world.heal({ restart: true });
      end = world.runUntil(deadline, () => this.#isRefuted || this.#isTold);
    }
    if (end === "stopped" && !this.#isRefuted) {
      end = world.runUntil(Math.min(world.nowUs + SETTLE_US, deadline), () => this.#isRefuted);
    }
    const awaited = this.#awaited();
    if (!this.#isRefuted && this.#moment !== null) this.#dispatcher.atEnd(this.#lastMoment());
    this.#checkers?.reportChecks();
    this.#isolation?.assertUntouched();
    return verdictOf({
      plan: this.#plan,
      world,
      findings: this.#findings,
      ghost: this.#ghost,
      history: this.#history,
      faults: this.#faults,
      stalls: this.#stalls.stalls,
      harness: this.#harness(end, deadline, awaited),
    });
  }

  /** A violation was found and the run need not go on. */
  get #isRefuted(): boolean {
    return this.#findings.violations.length > 0 && this.#options.toEnd !== true;
  }

  get #isTold(): boolean {
    // Asked after each input: no sentence is made here.
    const { openSends, unreadRecords } = this.#progress;
    if (openSends > 0 || unreadRecords > 0 || !this.#progress.hasReadAnew) return false;
    return this.#cluster.world.nowUs > this.#lastOperationAt;
  }

  /** What the run waits for; null when its story is told. */
  #awaited(): string | null {
    const { openSends, unreadRecords } = this.#progress;
    if (openSends > 0) return `${openSends} sends are unresolved`;
    if (unreadRecords > 0) return `${unreadRecords} acknowledged records are unread`;
    return null;
  }

  #lastMoment(): Moment {
    return { ...this.#moment!, at: this.#cluster.world.nowUs };
  }

  #harness(end: RunEnd, deadline: number, awaited: string | null): HarnessFailure[] {
    const { world } = this.#cluster;
    const failures: HarnessFailure[] = [];
    if (this.#options.checkers !== false && !this.#isRefuted) {
      failures.push(...disagreements(this.#findings.violations));
    }
    // A deadline that passes with records unread is for the checkers to judge: `unseen`.
    const isJudged = this.#plan.profile === "chaos" && this.#progress.openSends === 0;
    const cutOff =
      end === "budget" || isJudged || this.#findings.violations.length > 0 ? null : awaited;
    failures.push(
      ...budgetsHit({
        events: world.events,
        maxEvents: MAX_EVENTS,
        at: world.nowUs,
        deadline,
        awaited: cutOff,
      }),
    );
    const { sent, taken, lost, underWay } = world.frameCensus();
    if (sent !== taken + lost + underWay) {
      const message = `${sent} frames sent, but ${taken} taken, ${lost} lost, ${underWay} under way`;
      failures.push({ check: "X3", at: world.nowUs, message });
    }
    return failures;
  }

  #makeCheckers(files: DurableFiles, readBack: ReadonlySet<string>): Observers {
    const plan = this.#plan;
    const producers = producerPromises(plan);
    const expiration = effectiveSetting(plan, "broker", {}, "producer.id.expiration.ms");
    return createObservers({
      context: {
        ghost: this.#ghost,
        history: this.#history,
        findings: this.#findings,
        files,
        codecs,
        producers,
        consumers: consumerPromises(plan),
        startMs: plan.startMs,
        producerIdExpirationMs: Number(expiration),
        faults: this.#faults,
      },
      blackBox: { producers, readBack, mayStall: (name) => this.#stalls.excuses(name) },
    });
  }

  #makeCluster(): Cluster {
    const plan = this.#plan;
    const isolation = this.#isolation;
    const cluster: Cluster = new Cluster(plan, {
      rules: this.#options.rules ?? rulesWith(plan.bugs),
      maxEvents: MAX_EVENTS,
      fact: (fact, moment) => this.#told(fact, moment),
      nodeEvent: (event, moment) => this.#nodeEvent(event, moment),
      role: (role, of) => resolveRole(this.#ghost, this.#controller, role, of),
      ...(isolation === null ? {} : { cloneFrame: (frame) => isolation.copyFrame(frame) }),
      ...(plan.profile === "strict"
        ? { mayStrike: (fault, targets) => strict.mayStrike(fault, targets) }
        : {}),
    });
    const strict = new StrictProfile({
      ghost: this.#ghost,
      world: plannedWorld(cluster.world),
      controllers: plan.topology.nodes
        .filter(({ roles }) => roles.includes("controller"))
        .map(({ id }) => id),
      heartbeatIntervalMs: (broker) => {
        const own = plan.topology.nodes.find(({ id }) => id === broker)?.settings ?? {};
        return Number(effectiveSetting(plan, "broker", own, "broker.heartbeat.interval.ms"));
      },
    });
    if (this.#dispatcher.wantsFrames) {
      cluster.listenToFrames((connection, frame, moment) =>
        this.#dispatcher.frameDelivered(connection, frame, moment),
      );
    }
    cluster.world.listen({
      faultStruck: (outcome) => this.#faults.struck(outcome),
      faultEnded: (fault) => this.#faults.ended(fault, cluster.world.nowUs),
    });
    const { onFrame, onEvent } = this.#options;
    if (onFrame !== undefined) cluster.world.listen({ frameDelivered: onFrame });
    cluster.world.onEvent = onEvent ?? null;
    return cluster;
  }

  #told(fact: Fact, moment: MutableMoment): void {
    this.#moment = moment;
    this.#dispatcher.fact(fact, moment);
    this.#options.onFact?.(fact, moment);
  }

  #nodeEvent(event: NodeEvent, moment: MutableMoment): void {
    this.#moment = moment;
    this.#dispatcher.nodeEvent(event, moment);
  }

  #durableFiles(): DurableFiles {
    const disk = (node: string): ReturnType<Cluster["diskOf"]> => this.#cluster.diskOf(node);
    return {
      list: (node) => disk(node).files(),
      read: (node, path) => (disk(node).exists(path) ? disk(node).content(path) : null),
      pieces: (node, path) => disk(node).chunks(path),
      damage: (node, path): readonly Damage[] => disk(node).damage(path),
    };
  }
}
