import type { FactOf, PolledRecord } from "../../core/facts.ts";
import type { DecodedRecord } from "../../core/record/decode.ts";
import type { Batch } from "../../core/record/batch.ts";
import { decodeRecords } from "../../core/record/decode.ts";
import { sameBytes } from "../history/content-hash.ts";
import type { Moment } from "../observation.ts";
import type { GhostLog } from "../ghost/ghost-log.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * F4, genuine records: a poll returns the committed record of that offset, whole and unaltered, with
 * its timestamp and leader epoch; nothing made up, foreign or corrupt.
 *
 * Broken by: a consumer that counts offsets itself instead of reading them from the batch.
 *   1. offsets 0 and 1 hold x and y   2. a poll returns y as offset 0
 */
export class GenuineRecords extends Check {
  readonly id = "F4";

  override readonly before: Handlers = {
    polled: (fact, moment) => this.#judge(fact, moment),
  };

  #judge(fact: FactOf<"polled">, moment: Moment): void {
    const { committed, pastEras } = this.ghost.partition(fact.partition);
    let batch: Batch | undefined;
    let decoded: readonly DecodedRecord[] = [];
    for (const record of fact.records) {
      if (batch === undefined || record.offset >= batch.nextOffset) {
        batch = committed.batchAt(record.offset);
        // Uncommitted records are F2's business; here there is nothing to compare with.
        if (batch === undefined) continue;
        decoded = decodeRecords(batch, this.context.codecs);
      }
      this.evaluations += 1;
      const want = decoded[record.offset - batch.baseOffset];
      if (want !== undefined && same(record, want, batch.leaderEpoch)) continue;
      // It may have been fetched before a loss, or from a leader that has not heard of it.
      if (pastEras.some(({ committed: old }) => this.#isFrom(old, record))) continue;
      const message = `${moment.node} was given another record at offset ${record.offset} than the committed one`;
      this.fail(moment, message, fact.partition, record.offset);
    }
  }

  #isFrom(log: GhostLog, record: PolledRecord): boolean {
    const batch = log.batchAt(record.offset);
    if (batch === undefined) return false;
    const want = decodeRecords(batch, this.context.codecs)[record.offset - batch.baseOffset];
    return want !== undefined && same(record, want, batch.leaderEpoch);
  }
}

function same(got: PolledRecord, want: DecodedRecord, leaderEpoch: number): boolean {
  return (
    got.offset === want.offset &&
    got.leaderEpoch === leaderEpoch &&
    got.timestamp === want.timestamp &&
    sameBytes(got.key, want.key) &&
    sameBytes(got.value, want.value)
  );
}
