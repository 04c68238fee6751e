import type { BatchBody } from "../../core/record/batch.ts";
import { Batch } from "../../core/record/batch.ts";
import { OFFSETS_TOPIC } from "../../core/ids.ts";
import type { FactOf } from "../../core/facts.ts";
import { decodeRecords } from "../../core/record/decode.ts";
import { sameBytes } from "../history/content-hash.ts";
import type { PartitionHistory } from "../history/partition-history.ts";
import { SentBatch } from "../history/send.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * D8, content: what a leader appends is what some client sent to that partition: same keys, values,
 * headers and, unless the leader stamps its own time, timestamps. A leader may encode it anew.
 *
 * Broken by: a leader that appends the batch of another partition.
 *   1. p1 sends x to partition 0   2. the leader of partition 1 appends x
 */
export class Content extends Check {
  readonly id = "D8";

  override readonly before: Handlers = {
    appended: (fact, moment) => {
      if (fact.as === "leader") this.#judge(fact, moment);
    },
  };

  #judge(fact: FactOf<"appended">, moment: Moment): void {
    const { body, baseOffset } = fact.batch;
    const { isMetadata, topic } = this.ghost.partition(fact.partition);
    // What is in the log of groups comes from their coordinator, which no client may write to.
    if (body.isControl || isMetadata || topic === OFFSETS_TOPIC) return;
    const history = this.context.history.partition(fact.partition);
    this.evaluations += 1;
    if (history.sentBatch(body) !== null) return;
    const original = this.#encodedAnew(history, body);
    if (original === null) {
      const message = `no client sent the batch that was appended at offset ${baseOffset}`;
      this.fail(moment, message, fact.partition, baseOffset);
      return;
    }
    // From here on this encoding stands for the batch that the client sent.
    const again = new SentBatch(
      body,
      original.client,
      original.entries,
      history.firstWithCrc(body.crc),
    );
    again.attempts = original.attempts;
    history.remember(body.crc, again);
  }

  #encodedAnew(history: PartitionHistory, body: BatchBody): SentBatch | null {
    for (const sent of history.sentBatches()) {
      const { body: candidate } = sent;
      if (
        candidate.producerId === body.producerId &&
        candidate.producerEpoch === body.producerEpoch &&
        candidate.baseSequence === body.baseSequence &&
        candidate.recordsCount === body.recordsCount &&
        this.#sameRecords(candidate, body)
      ) {
        return sent;
      }
    }
    return null;
  }

  #sameRecords(a: BatchBody, b: BatchBody): boolean {
    const { codecs } = this.context;
    const before = decodeRecords(new Batch(0, 0, a), codecs);
    const after = decodeRecords(new Batch(0, 0, b), codecs);
    return before.every((record, index) => {
      const other = after[index];
      if (other === undefined) return false;
      return (
        sameBytes(record.key, other.key) &&
        sameBytes(record.value, other.value) &&
        (b.hasAppendTime || record.timestamp === other.timestamp) &&
        record.headers.length === other.headers.length &&
        record.headers.every((header, at) => {
          const its = other.headers[at];
          return header.key === its?.key && sameBytes(header.value, its.value);
        })
      );
    });
  }
}
