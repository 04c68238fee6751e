import { NodeClock } from "./clock.ts";
import { Disk } from "./disk/disk.ts";
import type { DiskView, PowerLossWish } from "./disk/disk.ts";
import { DiskHealth } from "./disk/health.ts";
import { ProcessStorage } from "./disk/storage.ts";
import type { DiskCosts } from "./disk/storage.ts";
import { hashString } from "./hash.ts";
import { InputKind } from "./input.ts";
import type { Kernel } from "./kernel.ts";
import type { PaceOptions } from "./lane.ts";
import { Side } from "./network/link.ts";
import type { Network } from "./network/network.ts";
import { ProcessTransport } from "./network/transport.ts";
import type { EndCause, NodePorts, Program } from "./ports.ts";
import { Process, Step } from "./process.ts";
import type { KeyedDraws } from "./random.ts";

/** A host and the program that runs on it. */
export interface NodeSpec {
  /** Also its name on the network. */
  readonly id: string;
  readonly rack?: string | null;
  /** When it first boots; by default at the start, a little apart from the others. */
  readonly bootAtUs?: number;
  /** Starts the program, each time the node boots. Runs as an input of lane "main". */
  boot(ports: NodePorts): Program;
}

export type BootDisk = "same" | "empty" | "foreign";

/** What a world tells about its nodes. Listeners change nothing. */
export interface NodeListener {
  booted?(node: string, disk: BootDisk): void;
  ended?(node: string, cause: EndCause, reason: string): void;
  /** Its host lost power while no process ran on it: nothing ended. */
  lostPower?(node: string): void;
  paused?(node: string): void;
  resumed?(node: string): void;
  /**
   * Bytes [from, to) of a file were damaged, or silently not made durable; [0, 0) of a directory: its
   * names were not.
   */
  damaged?(
    node: string,
    how: "bit-rot" | "lost-sync",
    path: string,
    from: number,
    to: number,
  ): void;
}

/** What all nodes of a world share. */
export interface NodeContext {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly startMs: number;
  readonly pace: PaceOptions;
  readonly diskCosts: DiskCosts;
  readonly listeners: readonly NodeListener[];
}

/** What observers may ask of a node. */
export interface NodeView {
  readonly id: string;
  readonly rack: string | null;
  /** Its process runs, be it paused. */
  readonly alive: boolean;
  readonly paused: boolean;
  /** Its process was told to terminate, be it that it does not know yet. */
  readonly stopping: boolean;
  readonly powered: boolean;
  /** Counts the starts of its process, from 1; 0 before the first. */
  readonly incarnation: number;
  readonly disk: DiskView;
  readonly clock: NodeClock;
}

/** A host: its power, its process, its disk, its clocks and its side of the network. */
export class SimNode implements NodeView {
  readonly id: string;
  readonly index: number;
  /** Hash of the name, for draws. */
  readonly key: number;
  readonly rack: string | null;
  readonly clock: NodeClock;
  readonly health: DiskHealth = new DiskHealth();
  readonly outgoing: Side = new Side();
  readonly incoming: Side = new Side();
  readonly pace: PaceOptions;
  process: Process | null = null;
  powered = true;
  incarnation = 0;
  disk: Disk = new Disk();
  /** Why its process ended last. */
  lastEnd: EndCause | null = null;
  /** Incarnation that was told to terminate; 0 for none. */
  terminating = 0;
  #bootPlan = 0;
  readonly #spec: NodeSpec;
  readonly #context: NodeContext;
  /** The own disk, while another node's is mounted. */
  #ownDisk: Disk | null = null;
  #mounted: BootDisk = "same";
  /** What the own disk is to the next process that starts with it. */
  #ownMounted: BootDisk = "same";
  #program: Program | null = null;
  #whenEnded: (() => void)[] = [];

  constructor(spec: NodeSpec, index: number, context: NodeContext) {
    this.id = spec.id;
    this.index = index;
    this.key = hashString(spec.id);
    this.rack = spec.rack ?? null;
    this.pace = context.pace;
    this.clock = new NodeClock(context.kernel, context.startMs);
    this.#spec = spec;
    this.#context = context;
  }

  get alive(): boolean {
    return this.process !== null;
  }

  get paused(): boolean {
    return this.process !== null && this.process.paused;
  }

  get stopping(): boolean {
    return this.process !== null && this.terminating === this.incarnation;
  }

  get draws(): KeyedDraws {
    return this.#context.kernel.draws;
  }

  /** Starts the process, with power if there was none; a no-op when it runs. */
  boot(): void {
    if (this.process !== null) return;
    const { kernel, network, diskCosts, listeners } = this.#context;
    const hadPower = this.powered;
    this.powered = true;
    this.incarnation++;
    const process = new Process(kernel, this, this.incarnation);
    this.process = process;
    if (!hadPower) network.releaseHeld();
    kernel.record(this.id, this.index, InputKind.booted, this.#mounted, this.incarnation);
    for (const listener of listeners) listener.booted?.(this.id, this.#mounted);
    if (this.#mounted === "empty") this.#mounted = "same";
    const ports: NodePorts = {
      clock: this.clock,
      timers: process,
      random: process,
      work: process,
      host: process,
      transport: new ProcessTransport(process, network),
      storage: new ProcessStorage(process, this.disk, diskCosts),
    };
    const main = process.laneNamed("main");
    main.offer(
      new Step(main, "boot", () => {
        this.#program = this.#spec.boot(ports);
      }),
    );
  }

  /** SIGKILL: the process is gone at once, the page cache stays. False when none runs. */
  kill(): boolean {
    if (this.process === null) return false;
    this.#end("kill", "");
    return true;
  }

  /** The host has no power any more. False when it had none. `key` names this loss for draws. */
  losePower(key: number, wish: PowerLossWish): boolean {
    if (!this.powered) return false;
    this.powered = false;
    const wasDown = this.process === null;
    this.#end("power-loss", "");
    if (wasDown) for (const listener of this.#context.listeners) listener.lostPower?.(this.id);
    this.disk.losePower(this.draws, this.key ^ key, wish);
    return true;
  }

  /** The process ends itself; called inside one of its handlers. */
  processExits(reason: string): void {
    this.#end("exit", reason);
  }

  /** SIGTERM. A program that has no answer to it ends at once. */
  terminate(): void {
    const { process } = this;
    if (process === null) return;
    this.terminating = process.incarnation;
    const main = process.laneNamed("main");
    main.offer(
      new Step(main, "terminate", () => {
        const program = this.#program;
        if (program?.terminate === undefined) process.exit("terminated");
        else program.terminate();
      }),
    );
  }

  /** The node is down and stays so; boots that were planned before are off. */
  cancelBoots(): void {
    this.#bootPlan++;
  }

  /** Boots after so long, unless something else is planned for the node in the meantime. */
  bootAfter(us: number): void {
    const plan = ++this.#bootPlan;
    const { kernel } = this.#context;
    kernel.at(kernel.nowUs + us, () => {
      if (plan !== this.#bootPlan) return;
      this.onceEnded(() => {
        kernel.at(kernel.nowUs, () => {
          if (plan === this.#bootPlan) this.boot();
        });
      });
    });
  }

  /** Calls back once the process has ended, at once when none runs. */
  onceEnded(run: () => void): void {
    if (this.process === null) run();
    else this.#whenEnded.push(run);
  }

  pause(): boolean {
    if (this.process === null || this.process.paused) return false;
    this.process.pause();
    for (const listener of this.#context.listeners) listener.paused?.(this.id);
    return true;
  }

  /** Resumes that very process, if it still exists. */
  resume(process: Process): void {
    if (this.process !== process || !process.paused) return;
    for (const listener of this.#context.listeners) listener.resumed?.(this.id);
    process.resume();
  }

  /** Gives the node, which must be down, a newly formatted disk. */
  mountEmpty(): void {
    this.disk = new Disk();
    this.#ownDisk = null;
    this.#mounted = "empty";
  }

  /** Gives the node, which must be down, a copy of another node's disk; its own is put aside. */
  mountForeign(disk: Disk): void {
    if (this.#ownDisk === null) {
      this.#ownDisk = this.disk;
      this.#ownMounted = this.#mounted;
    }
    this.disk = disk.clone();
    this.#mounted = "foreign";
  }

  /** The disk that belongs to it, be it put aside. */
  get ownDisk(): Disk {
    return this.#ownDisk ?? this.disk;
  }

  get hasForeignDisk(): boolean {
    return this.#ownDisk !== null;
  }

  /** Takes a foreign disk out again. The node must be down. */
  mountOwn(): void {
    if (this.#ownDisk === null) return;
    this.disk = this.#ownDisk;
    this.#ownDisk = null;
    this.#mounted = this.#ownMounted;
  }

  /** Changes the rate of its clock; timers that are set follow it. */
  setDrift(ppm: number): void {
    this.clock.setDrift(ppm);
    this.process?.rescheduleTimers();
  }

  damaged(how: "bit-rot" | "lost-sync", path: string, from: number, to: number): void {
    for (const listener of this.#context.listeners)
      listener.damaged?.(this.id, how, path, from, to);
  }

  #end(cause: EndCause, reason: string): void {
    const { process } = this;
    if (process === null) return;
    const { kernel, network, listeners } = this.#context;
    this.process = null;
    this.#program = null;
    this.lastEnd = cause;
    process.end(cause);
    network.processEnded(process, this.powered);
    kernel.hash.event(kernel.nowUs, this.index, InputKind.ended, cause.length);
    if (kernel.onEvent !== null) {
      const label = reason === "" ? cause : `${cause}: ${reason}`;
      kernel.onEvent({ atUs: kernel.nowUs, node: this.id, kind: InputKind.ended, label, size: 0 });
    }
    for (const listener of listeners) listener.ended?.(this.id, cause, reason);
    const waiting = this.#whenEnded;
    this.#whenEnded = [];
    for (const run of waiting) run();
  }
}
