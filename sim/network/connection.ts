import { Input, InputKind } from "../input.ts";
import type { Lane } from "../lane.ts";
import type { Process } from "../process.ts";
import type { SimNode } from "../node.ts";
import type { CloseReason, ConnectionHandler, ConnectionPort } from "../ports.ts";
import { DeliveryKind } from "./delivery.ts";
import { Delivery } from "./delivery.ts";
import type { Channel, Link } from "./link.ts";
import type { Network } from "./network.ts";

/** The first repetition (RFC 6298). Others do not follow: a host that is there answers it. */
const ASK_AGAIN_US = 1_000_000;

/**
 * One direction of a connection: an ordered stream of frames. Frames that reach a blocked link, or a
 * host without power, are held here (TCP repeats them) until the way is free or TCP gives up.
 */
export class Pipe {
  readonly network: Network;
  readonly link: Link;
  readonly channel: Channel;
  /** Number of the connection that it is a half of. */
  readonly connection: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** Bytes sent and not yet taken by the receiving program. */
  underWayBytes = 0;
  /** The sender was told that it must not send, and not yet that it may again. */
  full = false;
  held: Delivery[] = [];
  #asksAgain = false;
  /** Something was lost with its sender: no program gets what comes behind it. */
  hasGap = false;
  #lastArrivalUs = 0;
  #giveUp: Input | null = null;
  /** How many deliveries were sent again and have not arrived yet. */
  #resent = 0;

  constructor(
    network: Network,
    link: Link,
    channel: string,
    connection: number,
    from: Endpoint,
    to: Endpoint,
  ) {
    this.network = network;
    this.link = link;
    this.channel = link.channel(channel);
    this.connection = connection;
    this.from = from;
    this.to = to;
  }

  /** Sends something down the stream; `readyUs` is when the sender is done with it. */
  transmit(kind: DeliveryKind, payload: unknown, sizeBytes: number, readyUs: number): void {
    const { kernel } = this.network;
    const delivery = new Delivery(this, kind, payload, sizeBytes, readyUs);
    const us = this.link.arrivalUs(this.channel, kernel.nowUs, readyUs, sizeBytes);
    this.#lastArrivalUs = Math.max(this.#lastArrivalUs, us);
    kernel.push(this.#lastArrivalUs, this.to.laneKey, delivery);
  }

  sendFrame(frame: unknown, sizeBytes: number, readyUs: number): void {
    this.network.framesSent++;
    this.transmit(DeliveryKind.data, frame, sizeBytes, readyUs);
  }

  /** Whether an arrival must wait for older ones that a block held and that set out anew. */
  overtakes(delivery: Delivery): boolean {
    if (this.#resent === 0) return false;
    if (!delivery.resent) return true;
    delivery.resent = false;
    this.#resent--;
    return false;
  }

  /** Sends something again that had been held back, or had overtaken what was. */
  resend(delivery: Delivery): void {
    const { kernel } = this.network;
    delivery.resent = true;
    this.#resent++;
    this.#lastArrivalUs = Math.max(this.#lastArrivalUs, kernel.nowUs);
    kernel.push(this.#lastArrivalUs, this.to.laneKey, delivery);
  }

  /** Keeps something that cannot get through now. Nothing of a dead sender is kept. */
  hold(delivery: Delivery): void {
    const sender = this.from;
    if (delivery.kind !== DeliveryKind.refused && !sender.isHostAlive) {
      this.#lose(delivery);
      return;
    }
    this.held.push(delivery);
    this.link.holding.add(this);
    this.#giveUp ??= this.network.kernel.at(
      this.network.kernel.nowUs + this.network.tcpTimeoutUs,
      () => this.#breakUp(),
    );
  }

  /** The way is free again: what was held sets out anew, in order. */
  release(): void {
    const { kernel } = this.network;
    const held = this.#takeHeld();
    for (const delivery of held) {
      const { sizeBytes } = delivery;
      const us = this.link.arrivalUs(this.channel, kernel.nowUs, kernel.nowUs, sizeBytes);
      this.#lastArrivalUs = Math.max(this.#lastArrivalUs, us);
      this.resend(delivery);
    }
  }

  /** What is held here is lost: its sender is gone. */
  dropHeld(): void {
    for (const delivery of this.#takeHeld()) this.#lose(delivery);
  }

  #lose(delivery: Delivery): void {
    this.hasGap = true;
    this.network.dropped(delivery);
    if (this.to.isOpener && this.to.state === "connecting") this.#askAgain();
  }

  /** The answer to a request for a connection is lost with whoever gave it: TCP repeats the request. */
  #askAgain(): void {
    const { kernel } = this.network;
    const asking = this.to;
    if (this.#asksAgain) return;
    this.#asksAgain = true;
    kernel.at(kernel.nowUs + ASK_AGAIN_US, () => {
      this.#asksAgain = false;
      if (asking.state !== "connecting" || !asking.isHostAlive) return;
      this.hasGap = false;
      asking.out.transmit(DeliveryKind.connect, null, 0, kernel.nowUs);
    });
  }

  /** TCP gives up: the sender learns of it, the receiver does not. */
  #breakUp(): void {
    const held = this.held;
    this.dropHeld();
    this.from.breakOff("timeout");
    // An answer to a connection request that never got through: the asking side gives up too.
    if (held.some((delivery) => delivery.isAnswerToConnect)) this.to.breakOff("timeout");
  }

  #takeHeld(): Delivery[] {
    const held = this.held;
    this.held = [];
    this.link.holding.delete(this);
    if (this.#giveUp !== null) this.network.kernel.queue.remove(this.#giveUp);
    this.#giveUp = null;
    return held;
  }
}

/** One side of a connection, as the program there holds it. */
export class Endpoint implements ConnectionPort {
  readonly node: SimNode;
  readonly isOpener: boolean;
  state: "connecting" | "open" | "closed" = "connecting";
  /** The process that opened or accepted it; null before it is accepted. */
  process: Process | null = null;
  lane: Lane | null = null;
  handler: ConnectionHandler | null = null;
  /** Set right after both sides were made. */
  out!: Pipe;
  in!: Pipe;
  /** Frames that have not left since an older one waits for a disk. */
  readonly #kept: { frame: unknown; sizeBytes: number; isReady: boolean }[] = [];

  constructor(node: SimNode, isOpener: boolean) {
    this.node = node;
    this.isOpener = isOpener;
  }

  get peer(): string {
    return this.out.to.node.id;
  }

  get laneKey(): number {
    return this.lane === null ? this.node.key : this.lane.key;
  }

  get writable(): boolean {
    return !this.out.full && this.state === "open";
  }

  /** Its process runs and its host has power. */
  get isHostAlive(): boolean {
    return this.process !== null && this.process.ended === null;
  }

  send(frame: unknown, sizeBytes: number): void {
    const process = this.process!;
    process.beforeChange();
    if (this.state === "connecting") throw new Error(`send to ${this.peer} before it was opened`);
    if (this.state === "open") {
      const { out } = this;
      out.underWayBytes += sizeBytes;
      if (out.underWayBytes > out.network.sendLimitBytes) out.full = true;
      if (process.stalled || this.#kept.length > 0) this.#keepBack(process, frame, sizeBytes);
      else out.sendFrame(frame, sizeBytes, process.localUs);
    }
    process.afterChange();
  }

  /**
   * What a stalled handler sends keeps its place in the stream: frames that other lanes send after it
   * leave after it, however long the disk takes.
   */
  #keepBack(process: Process, frame: unknown, sizeBytes: number): void {
    const kept = { frame, sizeBytes, isReady: !process.stalled };
    this.#kept.push(kept);
    if (kept.isReady) return;
    process.issue(() => {
      kept.isReady = true;
      while (this.#kept[0]?.isReady === true) {
        const next = this.#kept.shift()!;
        this.out.sendFrame(next.frame, next.sizeBytes, process.localUs);
      }
    });
  }

  close(): void {
    const process = this.process!;
    process.check();
    if (this.state === "closed") return;
    this.forget();
    const { out } = this;
    if (process.stalled) {
      process.issue(() => out.transmit(DeliveryKind.fin, null, 0, process.localUs));
    } else {
      out.transmit(DeliveryKind.fin, null, 0, process.localUs);
    }
  }

  /** The connection is of no more use to this side, from now on and without a word. */
  forget(): void {
    this.state = "closed";
    this.process?.endpoints.delete(this);
  }

  /** This side learns, now, that the connection is gone. */
  breakOff(reason: CloseReason): void {
    if (this.state === "closed" || this.lane === null) return;
    this.lane.offer(new BreakOff(this, reason));
  }

  /** The program is told that the connection is gone. */
  notifyClosed(reason: CloseReason): void {
    if (this.state === "closed") return;
    this.forget();
    this.process!.record(InputKind.closed, this.out.channel.name, reason.length);
    this.handler!.closed(reason);
  }
}

/** The news that a connection is gone, where no frame brings it. */
class BreakOff extends Input {
  readonly #endpoint: Endpoint;
  readonly #reason: CloseReason;

  constructor(endpoint: Endpoint, reason: CloseReason) {
    super();
    this.#endpoint = endpoint;
    this.#reason = reason;
  }

  override arrive(): void {
    this.#endpoint.lane!.offer(this);
  }

  override handle(): void {
    this.#endpoint.notifyClosed(this.#reason);
  }
}
