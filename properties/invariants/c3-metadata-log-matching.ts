import type { FactOf } from "../../core/facts.ts";
import { firstDifference } from "../ghost/ghost-log.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * C3, log matching of the metadata: a node that takes a batch of an epoch over holds up to there what
 * the leader of that epoch held; below its high watermark every node holds the committed records.
 *
 * Broken by: a leader that does not compare the epoch before a fetch offset with its own log.
 *   1. K2 has offset 9 of epoch 1, deposed   2. leader K1, epoch 2, has another offset 9
 *   3. K2 fetches from 10 and gets offset 10 on top of its own offset 9
 */
export class MetadataLogMatching extends Check {
  readonly id = "C3";

  override readonly before: Handlers = {
    "high-watermark": (fact, moment) => {
      if (fact.partition === METADATA_PARTITION) this.#judgeCommitted(fact, moment);
    },
  };

  override readonly after: Handlers = {
    appended: (fact, moment) => {
      if (fact.partition === METADATA_PARTITION && fact.as === "follower") {
        this.#judgeAppended(fact, moment);
      }
    },
  };

  #judgeAppended(fact: FactOf<"appended">, moment: Moment): void {
    const { quorum } = this.ghost;
    const { log, partition } = this.ghost.replica(METADATA_PARTITION, moment);
    const leader = quorum.leaderIn[fact.batch.leaderEpoch];
    const leaders = leader === undefined ? undefined : partition.replica(leader);
    // Only its author can have cut the batch since, and then there is nothing to compare with.
    if (leaders === undefined || leaders.node.nodeId === moment.nodeId) return;
    if (leaders.log.end < log.end || leaders.log.lastEpoch < fact.batch.leaderEpoch) return;
    const batch = leaders.log.batchAt(fact.batch.baseOffset);
    if (batch === undefined || batch.leaderEpoch !== fact.batch.leaderEpoch) return;
    this.evaluations += 1;
    if (log.samePrefix(leaders.log, log.end)) return;
    this.#report(leaders, fact.batch.nextOffset, moment);
  }

  #judgeCommitted(fact: FactOf<"high-watermark">, moment: Moment): void {
    const { log, partition } = this.ghost.replica(METADATA_PARTITION, moment);
    const end = Math.min(fact.highWatermark, partition.committed.end, log.end);
    if (end === 0 || this.ghost.metadataLost) return;
    this.evaluations += 1;
    if (log.samePrefix(partition.committed, end)) return;
    const offset = firstDifference(log, partition.committed, end);
    const message = `${moment.node} calls metadata offset ${offset} committed and holds another record there than the quorum`;
    this.fail(moment, message, METADATA_PARTITION, offset);
  }

  #report(leaders: ReplicaGhost, end: number, moment: Moment): void {
    const { log } = this.ghost.replica(METADATA_PARTITION, moment);
    const offset = firstDifference(log, leaders.log, end);
    const message = `${moment.node} holds another metadata record at offset ${offset} than ${leaders.node.name}, from whose epoch it took what follows`;
    this.fail(moment, message, METADATA_PARTITION, offset);
  }
}
