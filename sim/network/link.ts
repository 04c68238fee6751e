import { combine, hashString } from "../hash.ts";
import { SLOT_US } from "../kernel.ts";
import type { SimNode } from "../node.ts";
import type { LatencyModel } from "./latency.ts";
import type { Pipe } from "./connection.ts";

/** What a frame to oneself takes. */
const LOOPBACK_US = 20;

/** A network card, or a line, of limited rate: frames leave it one after the other. */
export class Shaper {
  readonly bytesPerSecond: number;
  #freeAtUs = 0;

  constructor(bytesPerSecond: number) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** When a frame that is ready at `readyUs` has passed. */
  pass(readyUs: number, sizeBytes: number): number {
    const begin = Math.max(readyUs, this.#freeAtUs);
    this.#freeAtUs = begin + Math.ceil((sizeBytes * 1_000_000) / this.bytesPerSecond);
    return this.#freeAtUs;
  }
}

/** What faults do to the traffic of a host in one direction. */
export class Side {
  blocks = 0;
  extraUs = 0;
  shaper: Shaper | null = null;
}

/** The way from one host to another. Each direction of a pair is a link of its own. */
export class Link {
  readonly from: SimNode;
  readonly to: SimNode;
  readonly key: number;
  /** Standing blocks of this link itself; those of its ends come on top. */
  readonly side: Side = new Side();
  /** Streams that have frames held back here. */
  readonly holding: Set<Pipe> = new Set();
  readonly #model: LatencyModel;
  readonly #channels: Map<string, Channel> = new Map();
  readonly #crossRackUs: number;

  constructor(from: SimNode, to: SimNode, model: LatencyModel) {
    this.from = from;
    this.to = to;
    this.key = combine(from.key, to.key);
    this.#model = model;
    this.#crossRackUs = from.rack === to.rack ? 0 : model.numbers.crossRackUs;
  }

  get isBlocked(): boolean {
    if (this.from === this.to) return false;
    return this.side.blocks + this.from.outgoing.blocks + this.to.incoming.blocks > 0;
  }

  channel(name: string): Channel {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = new Channel(name, combine(this.key, hashString(name)));
      this.#channels.set(name, channel);
    }
    return channel;
  }

  /** When a frame arrives that is ready to leave at `readyUs`. */
  arrivalUs(channel: Channel, nowUs: number, readyUs: number, sizeBytes: number): number {
    const { from, to, side } = this;
    if (from === to) return readyUs + LOOPBACK_US;
    let us = readyUs;
    if (from.outgoing.shaper !== null) us = from.outgoing.shaper.pass(us, sizeBytes);
    if (side.shaper !== null) us = side.shaper.pass(us, sizeBytes);
    us += this.#delayUs(channel, nowUs) + channel.extraUs;
    us += side.extraUs + from.outgoing.extraUs + to.incoming.extraUs;
    return to.incoming.shaper === null ? us : to.incoming.shaper.pass(us, sizeBytes);
  }

  #delayUs(channel: Channel, nowUs: number): number {
    const slot = Math.floor(nowUs / SLOT_US);
    if (slot !== channel.slot) {
      channel.slot = slot;
      channel.frames = 0;
      channel.fixedUs =
        this.#crossRackUs + this.#model.fixedUs(this.key, channel.key, slot, slot * SLOT_US);
    }
    return channel.fixedUs + this.#model.jitterUs(channel.key, slot, channel.frames++);
  }
}

/** A named stream of connections over a link; what its frames' delays are keyed by. */
export class Channel {
  readonly name: string;
  readonly key: number;
  slot = -1;
  /** Frames sent in the present slot. */
  frames = 0;
  /** What every frame of the present slot takes. */
  fixedUs = 0;
  /** What faults add. */
  extraUs = 0;

  constructor(name: string, key: number) {
    this.name = name;
    this.key = key;
  }
}
