/** Stories that break the invariants of replication. */
import type { Fact } from "../../core/facts.ts";
import { Batch } from "../../core/record/batch.ts";
import { batches, bodyOf } from "./honest-story.testkit.ts";
import type { Lie } from "./lies.testkit.ts";
import { exposed, otherZ, story, told } from "./lies.testkit.ts";
import { falsified, inserted, without } from "./run-story.testkit.ts";
import { PARTITION } from "./story.testkit.ts";

const { x, lost } = batches;

export const liesAboutReplication: readonly Lie[] = [
  {
    id: "B1",
    what: "a leader lacks a committed record",
    steps: without(story, "append-2-y"),
  },
  {
    id: "B1",
    what: "a leader lacks a record that was acknowledged too early",
    steps: inserted(story, "append-1-lost", [
      told("ack-lost", "b1", {
        kind: "ack-sent",
        partition: PARTITION,
        leaderEpoch: 0,
        appendEpoch: 0,
        acks: -1,
        baseOffset: 2,
        lastOffset: 2,
        body: lost.body,
        duplicate: false,
        highWatermark: 2,
        isrSize: 3,
        minIsr: 2,
        client: "p1",
      }),
    ]),
  },
  {
    id: "B2",
    what: "a member of the ISR lacks a committed record",
    steps: without(story, "append-3-x", "append-3-y"),
  },
  {
    id: "B2",
    what: "a broker that lost its tail registers and stays in the ISR",
    steps: falsified(without(story, "elected-2-committed", "joined-1-committed"), "loaded-1", {
      endOffset: 1,
    }).map((step) => (step.name === "booted-1" ? { ...step, disk: [x] } : step)),
  },
  {
    id: "B3",
    what: "the high watermark passes a member of the committed ISR",
    steps: falsified(story, "mark-1-y", { counted: [1, 2] }),
  },
  {
    id: "B4",
    what: "a follower is counted that has not fetched so far",
    steps: without(story, "fetched-3-y"),
  },
  {
    id: "B4",
    what: "the high watermark moves while the ISR is below the minimum",
    steps: falsified(story, "led-1", { isr: [1] }),
  },
  {
    id: "B5",
    what: "the high watermark falls within a leadership",
    steps: falsified(story, "mark-1-y", { highWatermark: 0 }),
  },
  {
    id: "B5",
    what: "a later leader answers an older latest offset",
    steps: falsified(story, "listed-latest-2", { offset: 1 }),
  },
  {
    id: "B6",
    what: "a follower calls committed what the cluster has not",
    steps: falsified(story, "append-2-y", { batch: new Batch(1, 0, bodyOf("w", 1)) }),
  },
  {
    id: "B7",
    what: "a record that consumers saw is not in the log of the next leader",
    steps: inserted(story, "append-1-lost", [exposed("b1", lost, 0)]),
  },
  {
    id: "B7",
    what: "another record is served than the committed one",
    steps: falsified(story, "served-z", { batches: [otherZ] }),
  },
  {
    id: "B8",
    what: "two brokers lead in one epoch",
    steps: falsified(story, "led-2", { leaderEpoch: 0 }),
  },
  {
    id: "B9",
    what: "an AlterPartition of a stale leader epoch is granted",
    steps: falsified(story, "altered", { requestLeaderEpoch: 0 }),
  },
  {
    id: "B9",
    what: "a fetch of a stale leader epoch is served",
    steps: falsified(story, "fetched-3-back", { requestLeaderEpoch: 0 }),
  },
  {
    id: "B9",
    what: "a broker goes back to an older leader epoch",
    steps: inserted(story, "mark-3-z", [
      told("back", "b3", {
        kind: "became-follower",
        partition: PARTITION,
        leaderEpoch: 0,
        leader: 1,
        endOffset: 3,
      }),
    ]),
  },
  {
    id: "B9",
    what: "a decision does not raise the partition epoch",
    steps: falsified(story, "joined-1", { partitionEpoch: 1 }),
  },
  {
    id: "B10",
    what: "the leader is not in the ISR",
    steps: story.map((step) =>
      step.name === "elected-2-committed"
        ? {
            ...step,
            fact: {
              ...(step.fact as Extract<Fact, { kind: "metadata-committed" }>),
              record: {
                type: "PartitionChange",
                topicId: "T",
                partitionId: 0,
                isr: [1, 3],
                leader: 2,
                leaderRecoveryState: null,
              },
            },
          }
        : step,
    ),
  },
  {
    id: "B10",
    what: "a fenced broker stays in an ISR of three",
    steps: inserted(story, "partition", [
      told("fenced", "c100", {
        kind: "metadata-committed",
        offset: 5.5,
        epoch: 1,
        record: {
          type: "BrokerRegistrationChange",
          brokerId: 3,
          brokerEpoch: 3,
          fenced: true,
          inControlledShutdown: null,
        },
        endsBatch: true,
      }),
    ]),
  },
  {
    id: "B11",
    what: "a replica is proposed that has not caught up with the epoch",
    steps: falsified(story, "fetched-1", { fetchOffset: 1 }),
  },
  {
    id: "B11",
    what: "a replica joins in another incarnation than the one that caught up",
    steps: falsified(story, "fetched-1", { brokerEpoch: 1 }),
  },
  {
    id: "B11",
    what: "a replica joins by an election",
    steps: falsified(story, "joined-1", { why: "unfenced" }),
  },
  {
    id: "B12",
    what: "a record is acknowledged that is not below the high watermark",
    steps: without(story, "mark-1-y"),
  },
  {
    id: "B12",
    what: "another record is at the acknowledged offset",
    steps: falsified(story, "ack-z", { body: lost.body }),
  },
  {
    id: "B12",
    what: "a record is acknowledged below the minimum ISR",
    steps: falsified(story, "ack-y", { isrSize: 1 }),
  },
  {
    id: "B12",
    what: "a record is acknowledged that was appended before the broker followed",
    steps: falsified(story, "ack-z", { appendEpoch: 0 }),
  },
  {
    id: "B13",
    what: "a leader is elected from outside the ISR",
    steps: falsified(story, "elected-2", { previousIsr: [1, 3] }),
  },
  {
    id: "B15",
    what: "a leader keeps its fetcher",
    steps: without(story, "unfetched-2"),
  },
  {
    id: "B15",
    what: "a follower has no fetcher",
    steps: without(story, "fetcher-3b"),
  },
  {
    id: "B15",
    what: "a follower gets a second fetcher",
    steps: without(story, "unfetched-3"),
  },
  {
    id: "B16",
    what: "a follower's high watermark is beyond what it was told",
    steps: falsified(story, "mark-2-x", { highWatermark: 1, told: 0 }),
  },
  {
    id: "B16",
    what: "a high watermark is beyond the log",
    steps: falsified(story, "mark-2-z", { highWatermark: 4 }).filter(
      ({ node }) => node === "b2" || node === "c100",
    ),
  },
];
