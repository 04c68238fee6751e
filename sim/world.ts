import { defaultDiskCosts } from "./disk/storage.ts";
import type { DiskCosts } from "./disk/storage.ts";
import { FaultEngine } from "./faults/engine.ts";
import type { FaultCount, FaultListener, MayStrike } from "./faults/engine.ts";
import type { Fault, FaultKind, FaultOutcome, StandingFault } from "./faults/fault.ts";
import { hashString } from "./hash.ts";
import { Kernel } from "./kernel.ts";
import type { TraceEvent } from "./kernel.ts";
import type { PaceOptions } from "./lane.ts";
import type { LatencyOptions } from "./network/latency.ts";
import { Network } from "./network/network.ts";
import type { FrameListener } from "./network/network.ts";
import { SimNode } from "./node.ts";
import type { NodeContext, NodeListener, NodeSpec, NodeView } from "./node.ts";
import { Step } from "./process.ts";
import type { KeyedDraws } from "./random.ts";
import type { TraceHash } from "./trace-hash.ts";
import type { EventFields, Vocabulary } from "./vocabulary.ts";

const BOOT = hashString("boot");

/** Nodes that boot "at the start" do so within this time. */
const BOOT_SPREAD_US = 5000;

export interface WorldOptions {
  /** Everything random in the world follows from it. */
  readonly seed: string;
  /** Wall clock at the start of the run, ms since 1970. */
  readonly startMs: number;
  readonly latency: LatencyOptions;
  /** Inputs of different lanes that fall on one microsecond are handled in a drawn order. */
  readonly shuffleTies: boolean;
  readonly vocabulary: Vocabulary;
  readonly mayStrike?: MayStrike;
  /** `runUntil` gives up after so many events. */
  readonly maxEvents: number;
  /** How long TCP repeats what does not get through; 10 s by default. */
  readonly tcpTimeoutUs?: number;
  /** More bytes under way make a connection unwritable; 1 MiB by default. */
  readonly sendLimitBytes?: number;
  readonly pace?: PaceOptions;
  readonly diskCosts?: Partial<DiskCosts>;
  /** Applied to each frame as it is delivered. It must not change what the frame says. */
  readonly cloneFrame?: (frame: unknown) => unknown;
}

/** Told what happens in a world. Listeners change nothing. */
export interface WorldListener extends NodeListener, FaultListener {
  readonly frameDelivered?: FrameListener;
}

export interface HealOptions {
  /** Nodes that are down run again, each with its own disk. */
  readonly restart?: boolean;
  /** Only these are healed: standing faults that hit another node too go on. Absent: all. */
  readonly nodes?: readonly string[];
  /** What is not healed now stays as it is, and no fault strikes any more. */
  readonly forGood?: boolean;
  /** Faults that go on all the same; a node that one of them took down stays down. */
  readonly leave?: readonly string[];
}

/** Faults that leave a node down. */
const downKinds: ReadonlySet<FaultKind> = new Set<FaultKind>(["kill", "power-loss", "stop"]);

/** Why `runUntil` came back: the time is reached, `stop` said so, too many events, nothing left. */
export type RunEnd = "time" | "stopped" | "budget" | "idle";

const defaultPace: PaceOptions = { minUs: 5, spreadUs: 20, tailDoublings: 6 };

/**
 * The simulated world: nodes with their processes, disks and clocks on a network, and faults that
 * strike them. One seed gives one course of events, to the microsecond.
 *
 * Build it, add the nodes, load the faults, then run it; nothing happens outside `runUntil`.
 */
export class World {
  readonly #kernel: Kernel;
  readonly #network: Network;
  readonly #faults: FaultEngine;
  readonly #nodes: Map<string, SimNode> = new Map();
  readonly #listeners: WorldListener[] = [];
  readonly #context: NodeContext;
  readonly #maxEvents: number;

  constructor(options: WorldOptions) {
    const kernel = new Kernel(options.seed, options.shuffleTies);
    this.#kernel = kernel;
    this.#maxEvents = options.maxEvents;
    this.#network = new Network(kernel, this.#nodes, {
      latency: options.latency,
      tcpTimeoutUs: options.tcpTimeoutUs ?? 10_000_000,
      sendLimitBytes: options.sendLimitBytes ?? 1 << 20,
      cloneFrame: options.cloneFrame ?? null,
    });
    this.#context = {
      kernel,
      network: this.#network,
      startMs: options.startMs,
      pace: options.pace ?? defaultPace,
      diskCosts: { ...defaultDiskCosts, ...options.diskCosts },
      listeners: this.#listeners,
    };
    const { vocabulary } = options;
    const world = { kernel, network: this.#network, nodes: this.#nodes, vocabulary };
    this.#faults = new FaultEngine(world, options.mayStrike ?? null, this.#listeners);
  }

  /** Virtual time in microseconds. */
  get nowUs(): number {
    return this.#kernel.nowUs;
  }

  /** The trace hash, open for the numbers of whoever observes the run. */
  get hash(): TraceHash {
    return this.#kernel.hash;
  }

  get draws(): KeyedDraws {
    return this.#kernel.draws;
  }

  /** Inputs handled by live nodes, and faults that struck. */
  get events(): number {
    return this.#kernel.events;
  }

  /** Frames that programs took. */
  get frames(): number {
    return this.#network.framesTaken;
  }

  /** Inputs and timers that stand in the queue: a measure of work, for benchmarks. */
  get queued(): number {
    return this.#kernel.queue.size;
  }

  /** Told of every event; costs nothing while it is null. */
  set onEvent(listener: ((event: TraceEvent) => void) | null) {
    this.#kernel.onEvent = listener;
  }

  /** The node whose handler runs, or ran when a handler threw. */
  get runningNode(): string | null {
    return this.#kernel.current?.node.id ?? null;
  }

  addNode(spec: NodeSpec): void {
    if (this.#nodes.has(spec.id)) throw new Error(`node ${spec.id} is added twice`);
    const node = new SimNode(spec, this.#nodes.size + 1, this.#context);
    this.#nodes.set(spec.id, node);
    const us = spec.bootAtUs ?? this.draws.below(BOOT_SPREAD_US, BOOT, node.key, 0, 0);
    node.bootAfter(Math.max(0, us - this.nowUs));
  }

  node(id: string): NodeView {
    return this.#nodeNamed(id);
  }

  /** All nodes, in the order in which they were added. */
  nodes(): readonly NodeView[] {
    return [...this.#nodes.values()];
  }

  listen(listener: WorldListener): void {
    this.#listeners.push(listener);
    if (listener.frameDelivered !== undefined) {
      this.#network.frameListeners.push(listener.frameDelivered);
    }
  }

  loadFaults(faults: readonly Fault[]): void {
    this.#faults.load(faults);
  }

  /**
   * Lets a node do a step at a time, as an input from outside. If the node is down then, the step is
   * dropped and `onDropped` is told; if it is paused or busy, it waits.
   */
  schedule(
    atUs: number,
    nodeId: string,
    lane: string,
    name: string,
    step: () => void,
    onDropped?: () => void,
  ): void {
    const node = this.#nodeNamed(nodeId);
    this.#kernel.at(atUs, () => {
      const { process } = node;
      if (process === null) {
        onDropped?.();
        return;
      }
      const target = process.laneNamed(lane);
      target.offer(new Step(target, name, step));
    });
  }

  /** Calls the run's owner at a time. */
  at(atUs: number, run: () => void): void {
    this.#kernel.at(atUs, run);
  }

  /** Calls the run's owner again and again, first after one period. */
  every(periodUs: number, run: () => void): void {
    const again = (): void => {
      run();
      this.#kernel.at(this.nowUs + periodUs, again);
    };
    this.#kernel.at(this.nowUs + periodUs, again);
  }

  /**
   * Runs until the time is reached or `stop`, asked after each step, says so. What a handler throws,
   * other than the end of its own process, comes out of here; the run cannot go on then.
   */
  runUntil(timeUs: number, stop?: () => boolean): RunEnd {
    const kernel = this.#kernel;
    const { queue } = kernel;
    for (;;) {
      if (kernel.events >= this.#maxEvents) return "budget";
      const next = queue.nextTime();
      if (next > timeUs || next === Infinity) {
        if (timeUs !== Infinity) kernel.nowUs = Math.max(kernel.nowUs, timeUs);
        return next === Infinity ? "idle" : "time";
      }
      kernel.nowUs = next;
      queue.pop().arrive();
      kernel.runAfterHandler();
      if (stop !== undefined && stop()) return "stopped";
    }
  }

  /** Whether somebody waits for an event of that name: ask before building its fields. */
  wants(event: string): boolean {
    return this.#faults.wants(event);
  }

  /** Tells that an event has occurred at a node; faults may strike here and now. */
  occurred(node: string, event: string, fields: EventFields): void {
    this.#faults.occurred(node, event, fields);
  }

  /** Ends standing faults and disarms those that wait; see {@link HealOptions}. */
  heal(options: HealOptions = {}): void {
    const { restart = false, nodes, forGood = false, leave = [] } = options;
    const only = nodes === undefined ? null : new Set(nodes);
    const left = new Set(leave);
    this.#faults.heal(only, forGood, left);
    const stayDown = this.#downBy(left);
    for (const node of this.#nodes.values()) {
      if ((only !== null && !only.has(node.id)) || stayDown.has(node.id)) {
        if (forGood) node.cancelBoots();
        continue;
      }
      if (!restart) continue;
      if (!node.alive) {
        node.mountOwn();
        node.bootAfter(0);
      } else if (node.stopping) {
        node.bootAfter(0);
      }
    }
  }

  /** Nodes that these faults have taken down. */
  #downBy(faults: ReadonlySet<string>): ReadonlySet<string> {
    if (faults.size === 0) return faults;
    const ended = this.faultOutcomes().filter(
      ({ fault, result }) =>
        faults.has(fault.id) && result === "struck" && downKinds.has(fault.kind),
    );
    return new Set(ended.flatMap((outcome) => outcome.nodes));
  }

  /** Whether frames from one node to another are held back now. */
  isBlocked(from: string, to: string): boolean {
    return this.#network.link(this.#nodeNamed(from), this.#nodeNamed(to)).isBlocked;
  }

  standingFaults(): readonly StandingFault[] {
    return this.#faults.standing();
  }

  /** What has become of each fault, in the order of loading. */
  faultOutcomes(): readonly FaultOutcome[] {
    return this.#faults.outcomes();
  }

  faultCounts(): Readonly<Record<FaultKind, FaultCount>> {
    return this.#faults.counts();
  }

  /** Where each frame that was sent is: sent = taken + lost + under way, always. */
  frameCensus(): { sent: number; taken: number; lost: number; underWay: number } {
    return this.#network.census();
  }

  #nodeNamed(id: string): SimNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }
}
