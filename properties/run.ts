/**
 * One run of a plan: faults and traffic, then a core of the cluster healed, then on until it has come
 * to rest, every send is resolved and every acknowledged record read back. A pure function of the plan.
 */
import { AssertionError } from "../core/assert.ts";
import type { Fact } from "../core/facts.ts";
import type { Rules } from "../core/rules.ts";
import type { TraceEvent } from "../sim/kernel.ts";
import type { FrameListener } from "../sim/network/network.ts";
import type { RunEnd, World } from "../sim/world.ts";
import { withTraps } from "../sim/traps.ts";
import { InputError } from "../sim/input-error.ts";
import { AppHost, appClients } from "./apps/app-host.ts";
import type { Apps } from "./apps/app.ts";
import type { Steps } from "./apps/drain.ts";
import { drained } from "./apps/drain.ts";
import type { DeliveryPromise } from "./apps/promised-effects.ts";
import { PromisedEffects } from "./apps/promised-effects.ts";
import { startClient } from "./cluster/client-node.ts";
import type { ClientContext, ClientNode } from "./cluster/client-node.ts";
import { Cluster } from "./cluster/cluster.ts";
import type { MutableMoment } from "./cluster/cluster.ts";
import { codecs } from "./cluster/codecs.ts";
import { Isolation } from "./cluster/isolation.ts";
import { resolveRole } from "./cluster/roles.ts";
import { RunFindings } from "./findings.ts";
import type { Damage, DurableFiles } from "./ghost/durable-files.ts";
import { isCanonical } from "./ghost/canon.ts";
import { FaultRecord } from "./ghost/fault-record.ts";
import { Ghost } from "./ghost/ghost.ts";
import { History } from "./history/history.ts";
import { budgetsHit, disagreements } from "./invariants/harness.ts";
import { createObservers } from "./invariants/registry.ts";
import type { Observers } from "./invariants/registry.ts";
import { lossJudge } from "./oracle/loss-judge.ts";
import { StallJudge } from "./oracle/stall-judge.ts";
import { rulesWith } from "./known-bugs/infect.ts";
import { resolveCore } from "./liveness/core.ts";
import type { Core } from "./liveness/core.ts";
import { HealPhase } from "./liveness/heal-phase.ts";
import { LivenessWatch } from "./liveness/liveness-watch.ts";
import { PROBE_CLIENT } from "./liveness/probe-client.ts";
import { Probes } from "./liveness/probes.ts";
import { ReaderWatch } from "./liveness/reader-watch.ts";
import type { Findings, Moment, NodeEvent, Observer } from "./observation.ts";
import { Dispatcher } from "./observe.ts";
import type { ClientPlan, Plan } from "./plan/plan.ts";
import { effectiveSetting } from "./plan/settings.ts";
import { Progress } from "./progress.ts";
import { consumerPromises, producerPromises, readersOf } from "./promises.ts";
import { profileOf } from "./strict/profile-of.ts";
import type { HarnessFailure, Verdict } from "./verdict.ts";
import { verdictOf } from "./verdict-of.ts";

export interface RunOptions {
  /** Copies each frame at delivery and checks all bytes; must not change the trace. */
  readonly isolate?: boolean;
  /** Goes on after a violation, so that the layers of checkers can be compared. */
  readonly toEnd?: boolean;
  /** False runs without checkers, for measurements; the trace is the same. */
  readonly checkers?: boolean;
  /** What every group's program has promised about the effects of records; absent: nothing is judged. */
  readonly promise?: DeliveryPromise;
  /** Instead of Kafka's rules with the plan's known bugs built in. */
  readonly rules?: Rules;
  /** Further observers, e.g. invariants of a scenario. */
  readonly observers?: (findings: Findings) => readonly Observer[];
  readonly onEvent?: (event: TraceEvent) => void;
  readonly onFact?: (fact: Fact, moment: Moment) => void;
  /** Told of each frame that a program takes, just before it does. */
  readonly onFrame?: FrameListener;
  /** Shown the world as the run leaves it: its disks, how much was drawn. */
  readonly onEnd?: (world: World) => void;
}

/** What core's own assertions are called among the violations. */
const ASSERTION = "assertion";

/** What a run is allowed at most; far above what any plan needs. */
const MAX_EVENTS = 200_000_000;

/** Probes are idempotent, with acks=all and as many requests under way as Kafka allows. */
const probePromise = { acks: -1, idempotent: true, maxInFlight: 5 };

/** A run that has told its story goes on for this long, so that followers and checkers settle. */
const SETTLE_US = 1_000_000;

/** Throws an InputError for a plan with clients that async code drives. */
export function run(plan: Plan, options: RunOptions = {}): Verdict {
  const [client] = [...appClients(plan), ...Object.keys((options as RunAsyncOptions).apps ?? {})];
  if (client !== undefined) {
    throw new InputError(`clients: ${client} is driven by async code: use runAsync with its apps`);
  }
  return withTraps(() => {
    const { done, value } = new Run(plan, options, {}).toVerdict().next();
    if (done !== true) throw new Error("a run without async code waited for some");
    return value;
  });
}

export interface RunAsyncOptions extends RunOptions {
  /** The code of clients of the plan. */
  readonly apps?: Apps;
  /** Told each time after user code had its turn. */
  readonly onDrain?: () => void;
  /** Runs microtasks in the way that needs nothing of Node's internals; must not change the trace. */
  readonly portableDrain?: boolean;
}

/**
 * The same for plans whose clients may be asynchronous code. It begins in a later turn of the event
 * loop, and then gives no other code a turn until it is over. Rejects with an InputError when the apps
 * do not suit the plan.
 */
export async function runAsync(plan: Plan, options: RunAsyncOptions = {}): Promise<Verdict> {
  const { apps = {}, onDrain, portableDrain = false } = options;
  return drained(() => new Run(plan, options, apps).toVerdict(onDrain), portableDrain);
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
  /** Null when no client is asynchronous code. */
  readonly #apps: AppHost | null;
  readonly #promised: PromisedEffects | null;
  readonly #watch: LivenessWatch;
  readonly #probes: Probes = new Probes();
  readonly #readerWatch: ReaderWatch = new ReaderWatch();
  /** Partitions whose acknowledged records must have been read at the end. */
  readonly #readBack: Set<string>;
  #core: Core | null = null;
  #healPhase: HealPhase | null = null;
  #moment: Moment | null = null;
  /** A node's own assertion failed: nothing that follows would mean anything. */
  #isBroken = false;

  constructor(plan: Plan, options: RunOptions, apps: Apps) {
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
    this.#ghost.onLoss((partition, lost, offset) => {
      this.#progress.lost(partition, offset, isCanonical(lost));
      if (isCanonical(lost)) this.#promised?.lost(partition.name, offset);
    });
    this.#watch = new LivenessWatch(this.#ghost);
    this.#readBack = new Set(readersOf(plan).keys());
    const durable = [...producerPromises(plan)].filter(([, { acks }]) => acks === -1);
    this.#progress = new Progress(
      readersOf(plan),
      new Set([...durable.map(([client]) => client), PROBE_CLIENT]),
    );
    const { promise } = options;
    const durableClients = new Set(durable.map(([client]) => client));
    const findings = this.#findings;
    this.#promised =
      promise === undefined ? null : new PromisedEffects({ promise, findings, durableClients });
    this.#isolation = options.isolate === true ? new Isolation() : null;
    this.#checkers = options.checkers === false ? null : this.#makeCheckers(files);
    const isAsync = Object.keys(apps).length + appClients(plan).length > 0;
    this.#apps = isAsync ? this.#makeApps(apps) : null;
    this.#dispatcher = new Dispatcher([
      // Without checkers the truth is still needed: roles and the strict profile ask it.
      ...(this.#checkers?.observers ?? [this.#ghost]),
      ...(options.observers?.(this.#findings) ?? []),
      this.#progress,
      this.#watch,
      this.#probes,
      this.#readerWatch,
      ...(this.#promised === null ? [] : [this.#promised]),
      ...(this.#apps === null ? [] : [this.#apps]),
    ]);
    this.#cluster = this.#makeCluster();
  }

  /** Yields where microtasks must run, which is never without asynchronous code. */
  *toVerdict(onDrain?: () => void): Steps<Verdict> {
    const { heal, horizon } = this.#plan;
    const deadline = Math.min(horizon, heal.at + heal.deadline);
    const { world } = this.#cluster;
    const runUntil = (timeUs: number, stop: () => boolean): Steps<RunEnd> =>
      this.#runUntil(timeUs, stop, onDrain);
    let end = yield* runUntil(Math.min(heal.at, deadline), () => this.#isOver);
    if (end === "time") {
      const phase = this.#heal();
      end = yield* runUntil(deadline, () => this.#isOver || phase.isOver());
    }
    if (end === "stopped" && !this.#isOver) {
      const settled = Math.min(world.nowUs + SETTLE_US, deadline);
      end = yield* runUntil(settled, () => this.#isOver);
    }
    const awaited = this.#awaited();
    if (!this.#isOver && this.#moment !== null) this.#dispatcher.atEnd(this.#lastMoment());
    this.#checkers?.reportChecks();
    this.#healPhase?.reportChecks(this.#findings);
    this.#isolation?.assertUntouched();
    this.#options.onEnd?.(world);
    const verdict = verdictOf({
      plan: this.#plan,
      world,
      findings: this.#findings,
      ghost: this.#ghost,
      history: this.#history,
      core: this.#core,
      healPhase: this.#healPhase,
      faults: this.#faults,
      stalls: this.#stalls.stalls,
      harness: this.#harness(end, deadline, awaited),
    });
    this.#apps?.close();
    return verdict;
  }

  /** As World.runUntil, with the user code's turn after each step that concerns it. */
  *#runUntil(timeUs: number, stop: () => boolean, onDrain?: () => void): Steps<RunEnd> {
    const apps = this.#apps;
    if (apps === null) return this.#advance(timeUs, stop);
    const pause = (): boolean => apps.isDirty || stop();
    for (;;) {
      const end = this.#advance(timeUs, pause);
      if (!apps.isDirty) return end;
      apps.resume();
      apps.resumed(yield);
      onDrain?.();
      if (stop()) return "stopped";
    }
  }

  /** As World.runUntil. A node that finds its own state broken is a violation: core's own assertions. */
  #advance(timeUs: number, stop: () => boolean): RunEnd {
    const { world } = this.#cluster;
    try {
      return world.runUntil(timeUs, stop);
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error;
      const node = this.#moment?.node ?? "";
      const message = `core found its own state broken: ${error.message}`;
      this.#findings.violation({ invariant: ASSERTION, at: world.nowUs, node, message });
      this.#isBroken = true;
      return "stopped";
    }
  }

  /** The run need not go on: a violation was found, or a node, or user code, can never go on. */
  get #isOver(): boolean {
    return this.#isRefuted || this.#isBroken || (this.#apps !== null && this.#apps.isStuck);
  }

  /** A violation was found and the run need not go on. */
  get #isRefuted(): boolean {
    return this.#findings.violations.length > 0 && this.#options.toEnd !== true;
  }

  /** From here on nothing strikes, and only the core is well. */
  #heal(): HealPhase {
    const plan = this.#plan;
    const { world } = this.#cluster;
    const servers = plan.topology.nodes.map(({ id }) => id);
    const core = resolveCore({ plan, ghost: this.#ghost, world });
    const clients = world.nodes().filter(({ id }) => !servers.includes(id));
    world.heal({
      restart: true,
      forGood: true,
      nodes: [...core.servers, ...clients.map(({ id }) => id)],
      leave: plan.heal.leave ?? [],
    });
    this.#core = core;
    const lastOperationAt = plan.workload.reduce((latest, { at }) => Math.max(latest, at), 0);
    const phase = new HealPhase({
      plan,
      ghost: this.#ghost,
      world,
      watch: this.#watch,
      core,
      findings: this.#findings,
      progress: this.#progress,
      probes: this.#probes,
      lastOperationAt,
      isWorking: () =>
        this.#apps?.isUnfinished === true || this.#promised?.pending(world.nowUs) != null,
      readerWatch: this.#readerWatch,
      readers: readersOf(plan),
      mayStall: (partition) => this.#stalls.excuses(partition),
      // What users' own code reads is what their own code sent.
      mayProbe: this.#apps === null,
      sendProbe: (partition, sendId) => this.#cluster.probe(partition, sendId),
      giveUp: (partition) => {
        this.#readBack.delete(partition);
        this.#progress.giveUp(partition);
      },
    });
    this.#healPhase = phase;
    return phase;
  }

  /** What the run waits for; null when its story is told. */
  #awaited(): string | null {
    const awaited = this.#healPhase === null ? this.#unresolved() : this.#healPhase.awaited();
    return awaited ?? this.#apps?.awaited ?? null;
  }

  #unresolved(): string | null {
    const { openSends, unreadRecords } = this.#progress;
    if (openSends > 0) return `${openSends} sends are unresolved`;
    return unreadRecords > 0 ? `${unreadRecords} acknowledged records are unread` : null;
  }

  #lastMoment(): Moment {
    return { ...this.#moment!, at: this.#cluster.world.nowUs };
  }

  #harness(end: RunEnd, deadline: number, awaited: string | null): HarnessFailure[] {
    const { world } = this.#cluster;
    const failures: HarnessFailure[] = [];
    // A handler that ended in the middle leaves frames that nobody took.
    if (this.#isBroken) return failures;
    if (this.#options.checkers !== false && !this.#isRefuted) {
      failures.push(...disagreements(this.#findings.violations));
    }
    const escapes = this.#apps?.escapes() ?? [];
    failures.push(...escapes.map((message) => ({ check: "X2", at: world.nowUs, message })));
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

  #makeCheckers(files: DurableFiles): Observers {
    const plan = this.#plan;
    const producers = new Map([...producerPromises(plan), [PROBE_CLIENT, probePromise]]);
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
      blackBox: {
        producers,
        readBack: this.#readBack,
        mayStall: (name) => this.#stalls.excuses(name),
      },
    });
  }

  #makeApps(apps: Apps): AppHost {
    return new AppHost(this.#plan, apps, {
      findings: this.#findings,
      nowUs: () => this.#cluster.world.nowUs,
    });
  }

  #makeCluster(): Cluster {
    const plan = this.#plan;
    const apps = this.#apps;
    const isolation = this.#isolation;
    const cluster: Cluster = new Cluster(plan, {
      rules: this.#options.rules ?? rulesWith(plan.bugs),
      maxEvents: MAX_EVENTS,
      fact: (fact, moment) => this.#told(fact, moment),
      nodeEvent: (event, moment) => this.#nodeEvent(event, moment),
      role: (role, of) => resolveRole(this.#ghost, role, of),
      ...(apps !== null && {
        startClient: (client: ClientPlan, context: ClientContext): ClientNode =>
          apps.has(client.id)
            ? apps.start(client.id, context, cluster.world.node(client.id).incarnation)
            : startClient(client, context),
      }),
      ...(isolation === null ? {} : { cloneFrame: (frame) => isolation.copyFrame(frame) }),
      mayStrike: (fault, targets) => profile.mayStrike(fault, targets),
    });
    const profile = profileOf(plan, this.#ghost, cluster.world);
    if (this.#dispatcher.wantsFrames) {
      cluster.listenToFrames((connection, frame, moment, from) =>
        this.#dispatcher.frameDelivered(connection, frame, moment, from),
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
