/** Partitions that are not asked about before their backoff has passed. */
import type { Ports } from "../ports.ts";
import type { ConsumerSettings } from "../settings/client-settings.ts";
import { ExponentialBackoff } from "./backoff.ts";
import { CLIENT_LANE } from "./client-network.ts";
import type { ConsumerPartition } from "./consumer-partition.ts";
import { DeadlineTimer } from "./deadline-timer.ts";

export class PartitionRetries {
  readonly #ports: Ports;
  readonly #backoff: ExponentialBackoff;
  readonly #timer: DeadlineTimer;
  readonly #waiting: Set<ConsumerPartition> = new Set();

  /** `onDue` is called when some of them may be asked about again. */
  constructor(ports: Ports, clientId: string, settings: ConsumerSettings, onDue: () => void) {
    this.#ports = ports;
    const [initialMs, maxMs] = [settings["retry.backoff.ms"], settings["retry.backoff.max.ms"]];
    this.#backoff = new ExponentialBackoff(ports.random, "consumer backoff", initialMs, maxMs);
    this.#timer = new DeadlineTimer(
      ports.timers.timer(CLIENT_LANE, `consumer retry ${clientId}`, () => {
        this.#timer.fired();
        this.#release();
        onDue();
      }),
    );
  }

  /** After a failure of the partition. */
  backOff(partition: ConsumerPartition): void {
    const nowMs = this.#ports.clock.monotonicMs();
    partition.failures += 1;
    partition.retryAtMs = nowMs + this.#backoff.delayMs(partition.failures);
    partition.fetcher?.changed(partition);
    this.#waiting.add(partition);
    this.#timer.armNoLaterThan(partition.retryAtMs, nowMs);
  }

  forget(partition: ConsumerPartition): void {
    this.#waiting.delete(partition);
  }

  close(): void {
    this.#timer.cancel();
  }

  #release(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    let nextMs = Infinity;
    for (const partition of this.#waiting) {
      if (partition.retryAtMs > nowMs) {
        nextMs = Math.min(nextMs, partition.retryAtMs);
        continue;
      }
      this.#waiting.delete(partition);
      partition.fetcher?.changed(partition);
    }
    this.#timer.arm(nextMs, nowMs);
  }
}
