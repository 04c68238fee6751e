/** What the falsified stories have in common. */
import type { Fact } from "../../core/facts.ts";
import { Batch, BatchBody } from "../../core/record/batch.ts";
import { batches, bodyOf, honestStory } from "./honest-story.testkit.ts";
import { PARTITION } from "./story.testkit.ts";
import type { Step } from "./story.testkit.ts";

/** A story in which one thing is not as a correct Kafka does it, and the invariant that finds it. */
export interface Lie {
  readonly id: string;
  readonly what: string;
  readonly steps: readonly Step[];
}

export const story: readonly Step[] = honestStory();

export function told(name: string, node: string, fact: Fact): Step {
  return { name, node, fact };
}

/** The same records, encoded differently: another body with another CRC. */
export const otherZ: Batch = new Batch(2, 1, bodyOf("other"));

export function corrupt(batch: Batch): Batch {
  const encoded = batch.body.encoded.slice();
  encoded[encoded.length - 3] = (encoded[encoded.length - 3] as number) ^ 1;
  return new Batch(batch.baseOffset, batch.leaderEpoch, new BatchBody(encoded, batch.body));
}

/** A leader appends one more batch. */
export const appendAgain = (name: string, node: string, batch: Batch, epoch: number): Step =>
  told(name, node, {
    kind: "appended",
    partition: PARTITION,
    as: "leader",
    leaderEpoch: epoch,
    batch,
  });

/** Broker 2 appends a batch, the others fetch it, and it is committed. */
export const committedByAll = (batch: Batch): Step[] => [
  appendAgain("again", "b2", batch, 1),
  ...([1, 3] as const).flatMap((follower): Step[] => [
    told("", `b${follower}`, {
      kind: "appended",
      partition: PARTITION,
      as: "follower",
      leaderEpoch: 1,
      batch,
    }),
    told("", "b2", {
      kind: "follower-fetched",
      partition: PARTITION,
      leaderEpoch: 1,
      follower,
      brokerEpoch: follower,
      fetchOffset: batch.nextOffset,
      requestLeaderEpoch: 1,
    }),
  ]),
  told("", "b2", {
    kind: "high-watermark",
    partition: PARTITION,
    as: "leader",
    leaderEpoch: 1,
    highWatermark: batch.nextOffset,
    endOffset: batch.nextOffset,
    counted: [1, 2, 3],
    told: batch.nextOffset,
  }),
];

/** Broker 2 serves the end of its log, where only it has a batch. */
export const exposed = (node: string, batch: Batch, epoch: number): Step =>
  told("exposed", node, {
    kind: "fetch-served",
    partition: PARTITION,
    leaderEpoch: epoch,
    requestLeaderEpoch: epoch,
    fetchOffset: batch.baseOffset,
    highWatermark: batch.nextOffset,
    batches: [batch],
    client: "r1",
  });
