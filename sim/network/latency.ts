import { hashString } from "../hash.ts";
import { InputError, showValue } from "../input-error.ts";
import type { KeyedDraws } from "../random.ts";

const BASE = hashString("latency-base");
const SPREAD = hashString("latency-spread");
const TAIL = hashString("latency-tail");
const JITTER = hashString("latency-jitter");

/** The names a plan may give; each is a preset of the same few numbers. */
export const latencyModels = [
  "constant",
  "uniform",
  "heavy-tail",
  "personality",
  "change-points",
] as const;
export type LatencyModelName = (typeof latencyModels)[number];

/** How long frames travel, as a plan says it; what is left out takes the model's own value. */
export interface LatencyOptions {
  readonly model: LatencyModelName;
  /** Least delay of every link. */
  readonly baseUs?: number;
  /** Drawn on top for each channel and time slot. */
  readonly spreadUs?: number;
  /** Drawn on top for each frame. */
  readonly jitterUs?: number;
  /** Added between hosts of different racks. */
  readonly crossRackUs?: number;
  /** The rarest slots are 2^this as slow as the common ones. */
  readonly tailDoublings?: number;
  /** Links differ in their base by up to this many doublings. */
  readonly linkDoublings?: number;
  /** A link draws a new base this often; 0: never. */
  readonly changeEveryUs?: number;
}

type Numbers = Required<Omit<LatencyOptions, "model">>;

const presets: Readonly<Record<LatencyModelName, Numbers>> = {
  constant: numbers({ baseUs: 500 }),
  uniform: numbers({ baseUs: 200, spreadUs: 2000, jitterUs: 2000 }),
  "heavy-tail": numbers({ baseUs: 250, spreadUs: 500, jitterUs: 250, tailDoublings: 7 }),
  personality: numbers({
    baseUs: 200,
    spreadUs: 300,
    jitterUs: 200,
    tailDoublings: 3,
    linkDoublings: 6,
  }),
  "change-points": numbers({
    baseUs: 200,
    spreadUs: 300,
    jitterUs: 200,
    linkDoublings: 8,
    changeEveryUs: 3_000_000,
  }),
};

/** One frame in so many slots of a channel: the tail begins here and halves with each doubling. */
const TAIL_STARTS = 4;

/**
 * The delay of a frame is a property of the link at a time: a base, plus a spread keyed by channel
 * and time slot, plus a jitter keyed by the k-th frame of the channel in that slot. So taking one
 * operation out of a plan leaves nearly all other frames' delays as they were.
 */
export class LatencyModel {
  readonly numbers: Numbers;
  readonly #draws: KeyedDraws;

  constructor(options: LatencyOptions, draws: KeyedDraws) {
    const { model, ...given } = options;
    this.numbers = { ...presets[model], ...given };
    this.#draws = draws;
  }

  /** What every frame of a channel takes in a time slot. */
  fixedUs(linkKey: number, channelKey: number, slot: number, slotStartUs: number): number {
    const { baseUs, spreadUs, tailDoublings, linkDoublings, changeEveryUs } = this.numbers;
    let us = baseUs;
    if (linkDoublings > 0) {
      const period = changeEveryUs === 0 ? 0 : Math.floor(slotStartUs / changeEveryUs);
      const doublings = this.#draws.below(linkDoublings + 1, BASE, linkKey, period, 0);
      us = baseUs << doublings;
      us += this.#draws.below(us, BASE, linkKey, period, 1);
    }
    if (spreadUs === 0) return us;
    let spread = this.#draws.below(spreadUs + 1, SPREAD, channelKey, slot, 0);
    if (tailDoublings > 0) {
      const rarity = Math.clz32(this.#draws.draw(TAIL, channelKey, slot, 0)) - TAIL_STARTS;
      if (rarity >= 0) spread = (spread + spreadUs) << Math.min(rarity + 1, tailDoublings);
    }
    return us + spread;
  }

  /** What one frame takes on top. */
  jitterUs(channelKey: number, slot: number, k: number): number {
    const { jitterUs } = this.numbers;
    return jitterUs === 0 ? 0 : this.#draws.below(jitterUs + 1, JITTER, channelKey, slot, k);
  }
}

/** Checks the `latency` of a plan; `path` names it in messages. */
export function parseLatency(value: unknown, path: string): LatencyOptions {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InputError(`${path}: expected an object, got ${showValue(value)}`);
  }
  const model = (value as { model?: unknown }).model;
  if (!latencyModels.includes(model as LatencyModelName)) {
    const known = latencyModels.join(", ");
    throw new InputError(
      `${path}.model: unknown latency model ${showValue(model)}; known: ${known}`,
    );
  }
  for (const [name, field] of Object.entries(value)) {
    if (name === "model") continue;
    const limit = limitOf(name);
    if (limit === undefined) throw new InputError(`${path}.${name}: unknown field`);
    if (!Number.isSafeInteger(field) || (field as number) < 0 || (field as number) > limit) {
      throw new InputError(
        `${path}.${name}: expected an integer from 0 to ${limit}, got ${showValue(field)}`,
      );
    }
  }
  return value as LatencyOptions;
}

function limitOf(name: string): number | undefined {
  if (!Object.hasOwn(presets.constant, name)) return undefined;
  return name.endsWith("Doublings") ? 10 : 60_000_000;
}

function numbers(given: Partial<Numbers>): Numbers {
  return {
    baseUs: 0,
    spreadUs: 0,
    jitterUs: 0,
    crossRackUs: 0,
    tailDoublings: 0,
    linkDoublings: 0,
    changeEveryUs: 0,
    ...given,
  };
}
