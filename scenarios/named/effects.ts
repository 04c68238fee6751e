/** What the programs of a group have done, as the store outside shows it. */
import type { Offset, PartitionName } from "../../core/ids.ts";
import type { Findings, Moment, Observer } from "../../properties/observation.ts";
import { report } from "./promises.ts";

export interface EffectsPromise {
  readonly scenario: string;
  readonly group: string;
  /** No record is worked on twice. */
  readonly once?: boolean;
}

/** How often the effect of each record was put, by partition and offset. */
export type EffectCounts = Map<PartitionName, Map<Offset, number>>;

/** A group leaves out no record, from the beginning of each partition to the last that it worked on. */
export class GroupEffects implements Observer {
  readonly #findings: Findings;
  readonly #promise: EffectsPromise;
  readonly counts: EffectCounts = new Map();

  constructor(findings: Findings, promise: EffectsPromise) {
    this.#findings = findings;
    this.#promise = promise;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "effect-put": ({ group, partition, offset }) => {
      if (group !== this.#promise.group) return;
      let counts = this.counts.get(partition);
      if (counts === undefined) this.counts.set(partition, (counts = new Map()));
      counts.set(offset, (counts.get(offset) ?? 0) + 1);
    },
  };

  atEnd(moment: Moment): void {
    const { scenario, group, once = false } = this.#promise;
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, scenario, held, complaint, moment);
    claim(this.counts.size > 0, `${group} worked on nothing`);
    for (const [partition, counts] of this.counts) {
      const last = Math.max(...counts.keys());
      const skipped = Array.from({ length: last }, (_, offset) => offset).find(
        (offset) => !counts.has(offset),
      );
      claim(skipped === undefined, `${group} skipped ${partition}@${skipped}`);
      if (!once) continue;
      const repeated = [...counts].find(([, count]) => count > 1);
      claim(repeated === undefined, `${group} repeated ${partition}@${repeated?.[0]}`);
    }
  }
}
