/**
 * L4: every send is acknowledged or fails by its delivery.timeout.ms, and after the heal new ones are
 * acknowledged: one probe for each partition, sent again when it failed. That a send failed by its
 * timeout is no violation.
 *
 * Broken by a leader that keeps a follower in the ISR because it fetches, not because it keeps up
 * (`IsrRules.isCaughtUp`):
 *   1. b3, outside the core, hears from its leader b1 only after seconds, and fetches all the time
 *   2. it stays in the ISR, and the high watermark waits for it
 *   3. no acks=all send is acknowledged before its timeout
 */
import type { Progress } from "../progress.ts";
import {
  clockExcuse,
  diskFullExcuse,
  firstOf,
  leaderExcuse,
  minIsrExcuse,
  staleClients,
} from "./excuses.ts";
import type { StaleClient } from "./excuses.ts";
import type { HealView } from "./heal-view.ts";
import type { Pending } from "./pending.ts";
import { LivenessCheck } from "./pending.ts";
import { PROBE_CLIENT } from "./probe-client.ts";
import type { Probe, Probes } from "./probes.ts";
import type { ReaderWatch } from "./reader-watch.ts";

export class ProduceResolves extends LivenessCheck {
  readonly id = "L4";
  /** Programs that wait for a partition without a leader send again and again: what began since is no news. */
  sendsBefore: number = Infinity;
  readonly #probes: Probes;
  readonly #progress: Progress;

  readonly #watch: ReaderWatch;

  constructor(probes: Probes, progress: Progress, watch: ReaderWatch) {
    super();
    this.#probes = probes;
    this.#progress = progress;
    this.#watch = watch;
  }

  *pending(view: HealView): Iterable<Pending> {
    for (const probe of this.#probes.all.values()) {
      this.evaluations += 1;
      if (probe.state !== "acked") yield this.#probe(view, probe);
    }
    for (const [client, sends] of this.#progress.openByClient) {
      if (client === PROBE_CLIENT) continue;
      this.evaluations += 1;
      const [first] = sends;
      if (first === undefined || first[1] > this.sendsBefore) continue;
      yield {
        object: client,
        partition: null,
        nodes: [client],
        waitsFor: () =>
          `${sends.size} sends are neither acknowledged nor failed, ${first[0]} first`,
        excuse: () => null,
      };
    }
  }

  #probe(view: HealView, probe: Probe): Pending {
    const { partition } = probe;
    const live = [...view.partitions()].find((one) => one.partition.name === partition);
    const leader = live?.registration.leader ?? -1;
    const stale = (): readonly StaleClient[] | null =>
      live === undefined ? null : staleClients(view, live, [PROBE_CLIENT], this.#watch);
    return {
      object: partition,
      partition,
      nodes: live === undefined ? [] : view.names(live.registration.replicas),
      waitsFor: () =>
        `attempt ${probe.attempts} of the probe was sent ${view.ago(probe.sentAt)} and is ${probe.state}` +
        (probe.error === "" ? "" : `, the last failure was ${probe.error}`) +
        `; leader ${leader < 0 ? "none" : view.name(leader)}, ISR [${live?.registration.isr.join(", ")}]`,
      excuse: () =>
        live === undefined
          ? null
          : firstOf(
              () => leaderExcuse(view, live),
              () => minIsrExcuse(view, live),
              () => diskFullExcuse(view, live),
              () => clockExcuse(view, PROBE_CLIENT, leader),
              () => (stale() === null ? null : "stale-metadata"),
            ),
      excusedBy: () => stale()?.[0]?.fault ?? null,
    };
  }
}
