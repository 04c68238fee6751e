import { partitionName } from "../../core/ids.ts";
import type { Ports } from "../../core/ports.ts";
import { showValue } from "../../sim/input-error.ts";
import type { AppEffects, AppMessageRef } from "./app.ts";
import type { AppTimers } from "./app-timers.ts";
import type { Origin, Origins } from "./received.ts";

/** How long the store takes, at least, and within how many ms more. */
const LEAST_MS = 1;
const SPREAD_MS = 4;

/** The trial's store outside, as one program sees it. */
export class Effects implements AppEffects {
  readonly #ports: Ports;
  readonly #timers: AppTimers;
  readonly #origins: Origins;

  constructor(ports: Ports, timers: AppTimers, origins: Origins) {
    this.#ports = ports;
    this.#timers = timers;
    this.#origins = origins;
  }

  async put(given: AppMessageRef): Promise<void> {
    const { group, topic, partition, offset } = this.#originOf(given);
    const costMs = LEAST_MS + this.#timers.below("effect", SPREAD_MS);
    await this.#timers.after("effects.put", costMs, () => {
      const name = partitionName(topic, partition);
      this.#ports.probe?.emit({ kind: "effect-put", group, partition: name, offset });
    });
  }

  #originOf(given: AppMessageRef): Origin {
    const isObject = typeof given === "object" && given !== null;
    const message = isObject && "message" in given ? given.message : given;
    const origin = isObject ? this.#origins.get(message) : undefined;
    if (origin !== undefined) return origin;
    throw new TypeError(
      `effects.put(): ${showValue(given)} is not a message that a consumer of this app was given`,
    );
  }
}
