import { Input, InputKind } from "../input.ts";
import type { Pipe } from "./connection.ts";

/** What travels down a stream. All but `data` are TCP's own messages. */
export const DeliveryKind = {
  /** Asks for a connection. */
  connect: 0,
  /** The peer's host accepted. */
  opened: 1,
  /** Nobody listens there. */
  refused: 2,
  data: 3,
  /** Nothing more comes. */
  fin: 4,
  /** The connection does not exist any more. */
  reset: 5,
  /** The receiver has room again. */
  drained: 6,
} as const;
export type DeliveryKind = (typeof DeliveryKind)[keyof typeof DeliveryKind];

/** Something under way in a stream. */
export class Delivery extends Input {
  declare readonly pipe: Pipe;
  declare readonly kind: DeliveryKind;
  declare readonly payload: unknown;
  declare readonly sizeBytes: number;
  /** When it left. */
  declare readonly sentAtUs: number;
  /** It had to set out again; only the stream writes it. */
  declare resent: boolean;

  constructor(
    pipe: Pipe,
    kind: DeliveryKind,
    payload: unknown,
    sizeBytes: number,
    sentAtUs: number,
  ) {
    super();
    this.pipe = pipe;
    this.kind = kind;
    this.payload = payload;
    this.sizeBytes = sizeBytes;
    this.sentAtUs = sentAtUs;
    this.resent = false;
  }

  get isAnswerToConnect(): boolean {
    return this.kind === DeliveryKind.opened || this.kind === DeliveryKind.refused;
  }

  /** It counts only when all before it has come. A reset does not wait. */
  get isInStream(): boolean {
    const { kind } = this;
    return kind === DeliveryKind.data || kind === DeliveryKind.fin || kind === DeliveryKind.drained;
  }

  override arrive(): void {
    const { pipe } = this;
    const { network, to } = pipe;
    if (pipe.overtakes(this)) {
      pipe.resend(this);
      return;
    }
    if (pipe.hasGap && this.isInStream) {
      network.dropped(this);
      return;
    }
    if (!to.node.powered || pipe.held.length > 0 || pipe.link.isBlocked) {
      pipe.hold(this);
      return;
    }
    if (this.kind === DeliveryKind.connect) {
      network.connectArrived(this);
      return;
    }
    const { lane } = to;
    if (to.state === "closed" || lane === null || lane.process.ended !== null) {
      network.arrivedNowhere(this);
      return;
    }
    if (this.kind === DeliveryKind.data && network.losses.length > 0 && network.loses(this)) return;
    lane.offer(this);
  }

  override handle(): void {
    const { pipe } = this;
    const endpoint = pipe.to;
    if (endpoint.state === "closed") {
      pipe.network.arrivedNowhere(this);
      return;
    }
    const process = endpoint.process!;
    switch (this.kind) {
      case DeliveryKind.data:
        pipe.network.take(this);
        return;
      case DeliveryKind.connect:
        process.record(InputKind.accepted, pipe.channel.name, 0);
        endpoint.handler = process.listener!.accept(endpoint);
        return;
      case DeliveryKind.opened:
        endpoint.state = "open";
        process.record(InputKind.opened, pipe.channel.name, 0);
        endpoint.handler!.opened?.();
        return;
      case DeliveryKind.drained:
        endpoint.out.full = false;
        process.record(InputKind.drained, pipe.channel.name, 0);
        endpoint.handler!.drained?.();
        return;
      case DeliveryKind.refused:
        endpoint.notifyClosed("refused");
        return;
      case DeliveryKind.fin:
        endpoint.notifyClosed("closed");
        return;
      case DeliveryKind.reset:
        endpoint.notifyClosed("reset");
        return;
    }
  }
}
