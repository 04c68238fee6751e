import { InputKind } from "../input.ts";
import type { Kernel } from "../kernel.ts";
import type { SimNode } from "../node.ts";
import type { Process } from "../process.ts";
import type { ConnectionHandler } from "../ports.ts";
import { Endpoint, Pipe } from "./connection.ts";
import { Delivery, DeliveryKind } from "./delivery.ts";
import { LatencyModel } from "./latency.ts";
import type { LatencyOptions } from "./latency.ts";
import { Link } from "./link.ts";

export interface NetworkOptions {
  readonly latency: LatencyOptions;
  /** How long TCP repeats what does not get through before it gives a connection up. */
  readonly tcpTimeoutUs: number;
  /** A connection with more bytes under way is not writable. */
  readonly sendLimitBytes: number;
  /** Applied to each frame as it is delivered, to prove that nodes share nothing by it. */
  readonly cloneFrame: ((frame: unknown) => unknown) | null;
}

/** A fault that waits for a frame to lose. */
export interface Loss {
  /** The frames it may lose. */
  matches(delivery: Delivery): boolean;
  /** It has lost one. */
  lost(): void;
}

/** Told of each frame that a program took, just before it does. */
export type FrameListener = (
  /** Numbers the connections of a run; never used twice. */
  connection: number,
  from: string,
  to: string,
  channel: string,
  frame: unknown,
  sizeBytes: number,
  sentAtUs: number,
) => void;

/**
 * The network between the hosts: TCP as programs see it. Frames of a connection arrive in order and
 * at most once; a dead process answers with a reset, a host without power with silence; what is held
 * back by a block arrives after it, or the connection breaks, and each side learns of it separately.
 *
 * Differs from TCP: acknowledgements are not modelled, so a block of one direction lets the frames of
 * the other pass. What a killed process sent and a block held back is lost.
 */
export class Network {
  readonly kernel: Kernel;
  readonly tcpTimeoutUs: number;
  readonly sendLimitBytes: number;
  readonly losses: Loss[] = [];
  readonly frameListeners: FrameListener[] = [];
  framesSent = 0;
  framesTaken = 0;
  framesLost = 0;
  #connections = 0;
  readonly #model: LatencyModel;
  readonly #clone: ((frame: unknown) => unknown) | null;
  readonly #nodes: ReadonlyMap<string, SimNode>;
  /** By index of the sender, then of the receiver. */
  readonly #links: (Link | undefined)[][] = [];

  constructor(kernel: Kernel, nodes: ReadonlyMap<string, SimNode>, options: NetworkOptions) {
    this.kernel = kernel;
    this.tcpTimeoutUs = options.tcpTimeoutUs;
    this.sendLimitBytes = options.sendLimitBytes;
    this.#model = new LatencyModel(options.latency, kernel.draws);
    this.#clone = options.cloneFrame;
    this.#nodes = nodes;
  }

  link(from: SimNode, to: SimNode): Link {
    const row = (this.#links[from.index] ??= []);
    return (row[to.index] ??= new Link(from, to, this.#model));
  }

  connect(
    process: Process,
    lane: string,
    host: string,
    channel: string,
    handler: ConnectionHandler,
  ): Endpoint {
    const peer = this.#nodes.get(host);
    if (peer === undefined) throw new Error(`${process.node.id} connects to unknown host ${host}`);
    const number = ++this.#connections;
    const near = new Endpoint(process.node, true);
    const far = new Endpoint(peer, false);
    near.out = far.in = new Pipe(this, this.link(process.node, peer), channel, number, near, far);
    near.in = far.out = new Pipe(this, this.link(peer, process.node), channel, number, far, near);
    near.process = process;
    near.lane = process.laneNamed(lane);
    near.handler = handler;
    process.endpoints.add(near);
    if (process.stalled) {
      process.issue(() => near.out.transmit(DeliveryKind.connect, null, 0, process.localUs));
    } else {
      near.out.transmit(DeliveryKind.connect, null, 0, process.localUs);
    }
    return near;
  }

  /** A request for a connection reached the host: its kernel answers, even for a paused process. */
  connectArrived(delivery: Delivery): void {
    const far = delivery.pipe.to;
    const process = far.node.process;
    const listener = process?.listener ?? null;
    if (process === null || listener === null) {
      far.state = "closed";
      far.out.transmit(DeliveryKind.refused, null, 0, this.kernel.nowUs);
      return;
    }
    far.process = process;
    far.lane = listener.lane;
    far.state = "open";
    process.endpoints.add(far);
    far.out.transmit(DeliveryKind.opened, null, 0, this.kernel.nowUs);
    far.lane.offer(delivery);
  }

  /** Something came for a connection that is no more: the host says so. */
  arrivedNowhere(delivery: Delivery): void {
    if (delivery.kind !== DeliveryKind.data && delivery.kind !== DeliveryKind.opened) return;
    this.dropped(delivery);
    const { from, to } = delivery.pipe;
    if (from.state !== "closed") to.out.transmit(DeliveryKind.reset, null, 0, this.kernel.nowUs);
  }

  dropped(delivery: Delivery): void {
    if (delivery.kind === DeliveryKind.data) this.framesLost++;
  }

  /** Whether a fault loses this frame: then the connection is reset instead. */
  loses(delivery: Delivery): boolean {
    // Asked of every frame: a closure here would be made for each of them.
    for (const loss of this.losses) {
      if (!loss.matches(delivery)) continue;
      this.dropped(delivery);
      loss.lost();
      this.resetFrom(delivery.pipe.to);
      return true;
    }
    return false;
  }

  /** Breaks a connection: this side learns of it now, the other one when the reset reaches it. */
  resetFrom(endpoint: Endpoint): void {
    endpoint.breakOff("reset");
    endpoint.out.transmit(DeliveryKind.reset, null, 0, this.kernel.nowUs);
  }

  /** A program takes a frame. */
  take(delivery: Delivery): void {
    const { pipe, sizeBytes, payload } = delivery;
    const { to, from } = pipe;
    pipe.underWayBytes -= sizeBytes;
    if (pipe.full && pipe.underWayBytes * 2 <= this.sendLimitBytes && from.state === "open") {
      to.out.transmit(DeliveryKind.drained, null, 0, this.kernel.nowUs);
    }
    this.framesTaken++;
    to.process!.record(InputKind.frame, pipe.channel.name, sizeBytes);
    const { frameListeners } = this;
    for (let index = 0; index < frameListeners.length; index++) {
      const { channel } = pipe;
      frameListeners[index]!(
        pipe.connection,
        from.node.id,
        to.node.id,
        channel.name,
        payload,
        sizeBytes,
        delivery.sentAtUs,
      );
    }
    to.handler!.received(this.#clone === null ? payload : this.#clone(payload));
  }

  /** A process has ended. Its kernel, if the host has power, resets what was open. */
  processEnded(process: Process, hostHasPower: boolean): void {
    for (const endpoint of [...process.endpoints]) {
      endpoint.forget();
      endpoint.out.dropHeld();
      if (hostHasPower) endpoint.out.transmit(DeliveryKind.reset, null, 0, this.kernel.nowUs);
    }
    for (const lane of process.lanes()) {
      for (const input of lane.inbox()) if (input instanceof Delivery) this.dropped(input);
      lane.deferred.length = 0;
    }
  }

  /** Lets go what was held back, wherever the way is free now. */
  releaseHeld(): void {
    for (const row of this.#links) {
      for (const link of row ?? []) {
        if (link === undefined || link.holding.size === 0) continue;
        if (link.isBlocked || !link.to.powered) continue;
        for (const pipe of [...link.holding]) pipe.release();
      }
    }
  }

  /** Where each frame that was sent is now: the numbers add up, or the simulator is wrong. */
  census(): { sent: number; taken: number; lost: number; underWay: number } {
    let underWay = 0;
    const count = (input: unknown): void => {
      if (input instanceof Delivery && input.kind === DeliveryKind.data) underWay++;
    };
    this.kernel.queue.forEach(count);
    for (const row of this.#links) {
      for (const link of row ?? [])
        for (const pipe of link?.holding ?? []) pipe.held.forEach(count);
    }
    for (const node of this.#nodes.values()) {
      for (const lane of node.process?.lanes() ?? [])
        for (const input of lane.inbox()) count(input);
    }
    return { sent: this.framesSent, taken: this.framesTaken, lost: this.framesLost, underWay };
  }
}
