import type { FactOf } from "../../core/facts.ts";
import { firstDifference } from "../ghost/ghost-log.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B6, log matching: below its high watermark every replica, leader or follower, holds the committed
 * records: same offset, same epoch, same content. Compared by prefix hashes whenever one moves.
 *
 * Broken by: a follower that takes over the leader's high watermark before it truncates.
 *   1. follower A has offset 5 of a deposed leader   2. leader B answers: diverging, high watermark 6
 *   3. A raises its high watermark to 6 over its own offset 5
 */
export class LogMatching extends Check {
  readonly id = "B6";

  /**
   * Before the ghost takes a leader's records as committed: they must extend what is. A leader that
   * was deposed is judged too: it can move only with fetches that its followers sent it before. If
   * records were lost since, it is held to what was committed in its time.
   */
  override readonly before: Handlers = {
    "high-watermark": (fact, moment) => this.#judge(fact, moment),
  };

  #judge(fact: FactOf<"high-watermark">, moment: Moment): void {
    const replica = this.ghost.replica(fact.partition, moment);
    const { partition, log } = replica;
    if (partition.isMetadata || replica.struck) return;
    // It falls where a log is cut, in several steps if epochs are missing (KIP-279), and claims nothing.
    if (fact.as === "follower" && fact.highWatermark <= replica.highWatermark) return;
    const { committed } = partition.canonOf(fact.leaderEpoch);
    const end = Math.min(fact.highWatermark, committed.end, log.end);
    if (end === 0) return;
    this.evaluations += 1;
    if (log.samePrefix(committed, end)) return;
    const offset = firstDifference(log, committed, end);
    const message = `${moment.node} calls offset ${offset} committed and holds another record there than the cluster`;
    this.fail(moment, message, fact.partition, offset);
  }
}
