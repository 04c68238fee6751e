/**
 * What follows the heal. Without new traffic the cluster comes to rest, every send is resolved and what
 * was acknowledged is read; then probes are sent, the cluster comes to rest again, and they are read.
 * Each step has a deadline of its own, made of the plan's timeouts; what has not come true by then is
 * excused by name, told as a stall of a fault that was left standing, or a violation. Records that readers
 * went past are for the clients' history to judge: then no probe takes the place of what may be lost.
 *
 * Looks at the cluster every 20 ms at most, and only until the first thing that is missing.
 */
import { HealView } from "./heal-view.ts";
import type { HealViewOptions } from "./heal-view.ts";
import { healDeadlines } from "./deadline.ts";
import type { HealDeadlines } from "./deadline.ts";
import { touches } from "./hampered.ts";
import { QuorumLeader } from "./l1-quorum-leader.ts";
import { NoLivelock } from "./l11-no-livelock.ts";
import { HighWatermarkCatchesUp } from "./l12-high-watermark.ts";
import { PartitionLeaders } from "./l2-partition-leaders.ts";
import { BrokersRun } from "./l3-brokers-run.ts";
import { ProduceResolves } from "./l4-produce-resolves.ts";
import { ReadersReachTheEnd } from "./l9-readers-reach-the-end.ts";
import { FullReplication } from "./l5-full-replication.ts";
import { MetadataConverges } from "./l6-metadata-converges.ts";
import type { ExcuseReason, LivenessCheck, Pending } from "./pending.ts";
import type { Probes } from "./probes.ts";
import type { ReaderWatch } from "./reader-watch.ts";
import type { Findings } from "../observation.ts";
import type { Progress } from "../progress.ts";
import type { Stall } from "../verdict.ts";

const LOOK_US = 20_000;

export interface HealPhaseOptions extends HealViewOptions {
  readonly findings: Findings;
  readonly progress: Progress;
  readonly probes: Probes;
  /** When the plan's last operation begins. */
  readonly lastOperationAt: number;
  /** Clients' own code is still to end. */
  readonly isWorking: () => boolean;
  readonly readerWatch: ReaderWatch;
  /** By partition, the clients that read it from the beginning to the end. */
  readonly readers: ReadonlyMap<string, readonly string[]>;
  /** A fault that no Kafka can clear keeps records of the partition from being read: told elsewhere. */
  readonly mayStall: (partition: string) => boolean;
  /** Where probes would disturb, the traffic of the plan has to do. */
  readonly mayProbe: boolean;
  /** Sends a record to a partition, as soon as the client that probes is up. */
  readonly sendProbe: (partition: string, sendId: string) => void;
  /** The partition cannot be used, legally: nobody has to read it. */
  readonly giveUp: (partition: string) => void;
}

/** What a run waits for after its heal, in this order. */
type Step = "operations" | "rest" | "reading" | "probes" | "probes-read";

export class HealPhase {
  /** By reason, what was excused. */
  readonly excused: Map<ExcuseReason, Set<string>> = new Map();
  readonly stalls: Stall[] = [];
  /** From the heal, or the last operation after it, until everything held; null before. */
  timeToHealUs: number | null = null;
  readonly #options: HealPhaseOptions;
  readonly #view: HealView;
  readonly #deadlines: HealDeadlines;
  readonly #atRest: readonly LivenessCheck[];
  readonly #leaders: PartitionLeaders = new PartitionLeaders();
  readonly #produce: ProduceResolves;
  readonly #readers: ReadersReachTheEnd;
  readonly #livelock: NoLivelock = new NoLivelock();
  /** Invariant and object of what was told; it is not waited for any more. */
  readonly #settled: Set<string> = new Set();
  #step: Step = "operations";
  /** When the present step began, and its last look. */
  #since: number;
  #startedAt: number;
  #nextLook = 0;

  constructor(options: HealPhaseOptions) {
    this.#options = options;
    this.#view = new HealView(options);
    this.#deadlines = healDeadlines(options.plan);
    this.#since = this.#startedAt = options.world.nowUs;
    const { progress, readers, readerWatch: watch } = options;
    this.#produce = new ProduceResolves(options.probes, progress, watch);
    this.#readers = new ReadersReachTheEnd({ progress, readers, watch });
    this.#atRest = [
      new QuorumLeader(),
      this.#leaders,
      new BrokersRun(),
      new FullReplication(),
      new MetadataConverges(),
      new HighWatermarkCatchesUp(),
    ];
    options.watch.begin((partition, { at }) => {
      const view = this.#view;
      const over =
        partition === null
          ? this.#livelock.quorum(view)
          : this.#livelock.partition(view, partition);
      for (const pending of over) this.#judge(this.#livelock, pending, at);
    });
  }

  /** What the present step waits for, beside what was lost to be read anew. */
  get #checks(): readonly LivenessCheck[] {
    switch (this.#step) {
      case "rest":
        return this.#atRest;
      case "reading":
        return [this.#produce, this.#readers];
      case "probes":
        return [...this.#atRest, this.#produce];
      case "probes-read":
        return [this.#readers];
      case "operations":
        return [];
    }
  }

  /** Asked after each input: whether the story is told. */
  isOver(): boolean {
    const { nowUs } = this.#view;
    if (nowUs < this.#nextLook) return false;
    this.#nextLook = nowUs + LOOK_US;
    const { restUs, readUs, probeUs } = this.#deadlines;
    switch (this.#step) {
      case "operations":
        if (nowUs <= this.#options.lastOperationAt) {
          this.#since = nowUs;
          return false;
        }
        if (this.#options.isWorking() && !(this.#isLate(restUs) && this.#blocksPrograms)) {
          return false;
        }
        this.#enter("rest");
        this.#startedAt = nowUs;
        return false;
      case "rest":
        if (!this.#isDone(restUs)) return false;
        // What programs waited for has come after all: they go on.
        this.#enter(
          this.#options.isWorking() && this.#settled.size === 0 ? "operations" : "reading",
        );
        this.#produce.sendsBefore = nowUs;
        return false;
      case "reading":
        if (!this.#isDone(readUs)) return false;
        if (this.#unread > 0) return this.#isLate(readUs);
        this.#enter("probes");
        this.#sendProbes();
        return false;
      case "probes":
        // A topic may have grown since.
        this.#sendProbes();
        this.#retryProbes();
        if (!this.#isDone(probeUs)) return false;
        if (this.#settled.size === 0) this.timeToHealUs = nowUs - this.#startedAt;
        this.#enter("probes-read");
        return false;
      case "probes-read":
        if (!this.#isDone(readUs)) return false;
        return this.#unread === 0 || this.#isLate(readUs);
    }
  }

  /** What the run waits for, for a run that was cut off; null when its story is told. */
  awaited(): string | null {
    for (const check of this.#checks) {
      const pending = this.#firstOf(check);
      if (pending === null) continue;
      return `${check.id} is pending: ${pending.object}: ${pending.waitsFor()}`;
    }
    return this.#unread > 0 ? `${this.#unread} acknowledged records are unread` : null;
  }

  reportChecks(findings: Findings): void {
    for (const check of [...this.#atRest, this.#produce, this.#readers, this.#livelock]) {
      findings.checked(check.id, check.evaluations);
    }
  }

  get #unread(): number {
    const { progress } = this.#options;
    // Where records were lost, what took their place has to be read.
    return progress.hasReadAnew ? progress.unreadRecords : progress.unreadRecords + 1;
  }

  /** Nothing can be sent to some partition. Where that is legal, programs may try for ever. */
  get #blocksPrograms(): boolean {
    if (this.#firstOf(this.#leaders) !== null) return true;
    const { ghost } = this.#view;
    for (const { partition, registration } of this.#view.partitions()) {
      const { isr, replicas } = registration;
      if (isr.length < ghost.effectiveMinIsr(partition, replicas.length)) return true;
    }
    return false;
  }

  #isLate(deadlineUs: number): boolean {
    return this.#view.nowUs >= this.#since + deadlineUs;
  }

  /** Nothing is pending, or the deadline of this step has passed, and what is pending is told. */
  #isDone(deadlineUs: number): boolean {
    if (!this.#checks.some((check) => this.#firstOf(check) !== null)) return true;
    if (!this.#isLate(deadlineUs)) return false;
    for (const check of this.#checks) {
      for (const pending of check.pending(this.#view)) {
        this.#judge(check, pending, this.#view.nowUs);
      }
    }
    return true;
  }

  #enter(step: Step): void {
    this.#step = step;
    this.#since = this.#view.nowUs;
  }

  #firstOf(check: LivenessCheck): Pending | null {
    for (const pending of check.pending(this.#view)) {
      if (!this.#settled.has(`${check.id} ${pending.object}`)) return pending;
    }
    return null;
  }

  /** To every partition of the plan's topics, as many as they are, that got none yet. */
  #sendProbes(): void {
    const { mayProbe, plan, probes } = this.#options;
    if (!mayProbe) return;
    for (const { partition } of this.#view.partitions()) {
      const { name, topic } = partition;
      if (probes.all.has(name) || this.#isGivenUp(name)) continue;
      // What Kafka keeps for itself takes no records of others.
      if (plan.topics.some((one) => one.name === topic)) this.#send(name);
    }
  }

  #retryProbes(): void {
    for (const { partition, state } of this.#options.probes.all.values()) {
      if (state === "failed") this.#send(partition);
    }
  }

  #send(partition: string): void {
    const sendId = this.#options.probes.begin(partition, this.#view.nowUs);
    this.#options.sendProbe(partition, sendId);
  }

  #isGivenUp(partition: string): boolean {
    return this.#settled.has(`L2 ${partition}`) || this.#settled.has(`L4 ${partition}`);
  }

  /** It has not come true: says why, once. */
  #judge(check: LivenessCheck, pending: Pending, at: number): void {
    const { object, partition, nodes } = pending;
    const key = `${check.id} ${object}`;
    if (this.#settled.has(key)) return;
    this.#settled.add(key);
    const isReading = check === this.#readers;
    if (isReading && partition !== null && this.#options.mayStall(partition)) return;
    const fault = this.#leftFaultOn(nodes);
    const reason = fault === null ? pending.excuse() : null;
    const waitsFor = pending.waitsFor();
    const isLegal = fault !== null || reason !== null;
    if (partition !== null && isLegal && (isReading || this.#isGivenUp(partition))) {
      this.#options.giveUp(partition);
    }
    if (fault !== null) {
      this.stalls.push({ invariant: check.id, object, waitsFor, fault });
      return;
    }
    if (reason !== null) {
      const objects = this.excused.get(reason);
      if (objects === undefined) this.excused.set(reason, new Set([object]));
      else objects.add(object);
      const standing = pending.excusedBy?.() ?? null;
      if (standing !== null) {
        this.stalls.push({ invariant: check.id, object, waitsFor, fault: standing });
      }
      return;
    }
    const sinceMs = Math.round((at - this.#startedAt) / 1000);
    this.#options.findings.violation({
      invariant: check.id,
      at,
      node: nodes[0] ?? "",
      message: `${object}: ${waitsFor}, ${sinceMs} ms after the heal`,
      ...(partition === null ? {} : { partition }),
    });
  }

  /** Id of a fault that the plan leaves standing, on one of these nodes. */
  #leftFaultOn(nodes: readonly string[]): string | null {
    const { world, plan } = this.#options;
    const left = plan.heal.leave ?? [];
    if (left.length === 0) return null;
    const standing = [
      ...world.standingFaults(),
      // A fault that took a node down stands as long as the node is down.
      ...world
        .faultOutcomes()
        .filter((outcome) => outcome.result === "struck")
        .filter((outcome) => outcome.nodes.some((node) => !world.node(node).alive)),
    ];
    const found = standing.find(
      (one) => left.includes(one.fault.id) && nodes.some((node) => touches(one, node)),
    );
    return found?.fault.id ?? null;
  }
}
