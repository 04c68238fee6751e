import { Batch } from "../../core/record/batch.ts";
import { crcIsValid } from "../../core/record/decode.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * A6, corruption is detected: once damaged or torn bytes may lie on some disk, no follower appends
 * and no log opens with a batch that is not what its CRC says. A reader may stay stuck there.
 *
 * Broken by: a follower that does not verify what it fetches.
 *   1. a bit of the leader's segment rots   2. a follower fetches the range and appends it
 */
export class Corruption extends Check {
  readonly id = "A6";

  override readonly before: Handlers = {
    appended: (fact, moment) => {
      if (!this.ghost.tainted) return;
      this.evaluations += 1;
      if (crcIsValid(fact.batch.body)) return;
      const { baseOffset } = fact.batch;
      const message = `a corrupt batch was appended at offset ${baseOffset}`;
      this.fail(moment, message, fact.partition, baseOffset);
    },
    "fetch-served": (fact, moment) => {
      if (!this.ghost.tainted) return;
      const { committed } = this.ghost.partition(fact.partition).canonOf(fact.leaderEpoch);
      for (const batch of fact.batches) {
        const known = committed.batchAt(batch.baseOffset);
        if (known === undefined || known.body === batch.body) continue;
        // The leader does not look; but what it reads back must be found out by the CRC.
        this.evaluations += 1;
        if (!crcIsValid(batch.body) || sameBytes(known, batch)) continue;
        const message = `bytes at offset ${batch.baseOffset} changed on the disk and their CRC did not notice`;
        this.fail(moment, message, fact.partition, batch.baseOffset);
      }
    },
  };

  override readonly after: Handlers = {
    "log-loaded": (fact, moment) => {
      const scan = this.ghost.node(moment.nodeId, moment.node).scans.get(fact.partition);
      if (scan === undefined || fact.clean || scan.hasHole) return;
      this.evaluations += 1;
      const end = scan.recoveredEnd(fact.recoveryPoint);
      if (fact.endOffset <= end) return;
      const message = `a log opened with bytes that no CRC vouches for, from offset ${end}`;
      this.fail(moment, message, fact.partition, end);
    },
  };
}

function sameBytes(a: Batch, b: Batch): boolean {
  return Buffer.compare(a.body.encoded, b.body.encoded) === 0;
}
