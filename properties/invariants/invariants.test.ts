import { describe, expect, test } from "vitest";
import { Errors } from "../../core/errors.ts";
import type { Fact } from "../../core/facts.ts";
import { Batch, BatchBody } from "../../core/record/batch.ts";
import type { Step } from "./honest-stream.ts";
import { batches, bodyOf, honestStory, PARTITION, producersOfLog } from "./honest-stream.ts";
import { checkedInvariants, invariants } from "./registry.ts";
import { falsified, firedBy, inserted, runStory, without } from "./run-story.ts";

const story = honestStory();
const { x, y, lost, z } = batches;

function told(name: string, node: string, fact: Fact): Step {
  return { name, node, fact };
}

/** The same records, encoded differently: another body with another CRC. */
const otherZ = new Batch(2, 1, bodyOf("other"));

function corrupt(batch: Batch): Batch {
  const encoded = batch.body.encoded.slice();
  encoded[encoded.length - 3] = (encoded[encoded.length - 3] as number) ^ 1;
  return new Batch(batch.baseOffset, batch.leaderEpoch, new BatchBody(encoded, batch.body));
}

const appendAgain = (name: string, node: string, batch: Batch, epoch: number): Step =>
  told(name, node, {
    kind: "appended",
    partition: PARTITION,
    as: "leader",
    leaderEpoch: epoch,
    batch,
  });

const outOfOrder = {
  kind: "produce-refused",
  partition: PARTITION,
  leaderEpoch: 0,
  error: Errors.OUT_OF_ORDER_SEQUENCE_NUMBER,
  producerId: 7,
  producerEpoch: 0,
  client: "p1",
} as const;

const commitX2 = (batch: Batch): Step[] => [
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
const exposed = (node: string, batch: Batch, epoch: number): Step =>
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

interface Lie {
  readonly id: string;
  readonly what: string;
  readonly steps: readonly Step[];
}

const lies: readonly Lie[] = [
  {
    id: "A1",
    what: "a batch is appended behind a hole",
    steps: falsified(story, "append-3-y", { batch: new Batch(5, 0, y.body) }),
  },
  {
    id: "A2",
    what: "a leader stamps an epoch that is not its own",
    steps: falsified(story, "append-2-z", { leaderEpoch: 2 }),
  },
  {
    id: "A2",
    what: "a follower takes a batch of an epoch that it is not in yet",
    steps: falsified(story, "append-3-z", { leaderEpoch: 0 }),
  },
  {
    id: "A2",
    what: "the epoch cache lacks an epoch after a start",
    steps: falsified(story, "loaded-1", { epochs: [] }),
  },
  {
    id: "A2",
    what: "the epoch cache has an empty epoch in which another broker led",
    steps: falsified(story, "loaded-1", {
      epochs: [
        { epoch: 0, startOffset: 0 },
        { epoch: 1, startOffset: 3 },
      ],
    }),
  },
  {
    id: "A3",
    what: "a batch is appended over another",
    steps: falsified(story, "append-3-y", { batch: new Batch(0, 0, y.body) }),
  },
  {
    id: "A3",
    what: "a disk holds another batch than was appended",
    steps: story.map((step) =>
      step.name === "booted-1" ? { ...step, disk: [x, new Batch(1, 0, bodyOf("w", 1))] } : step,
    ),
  },
  {
    id: "A4",
    what: "a leader truncates",
    steps: inserted(story, "mark-2-z", [
      told("cut", "b2", {
        kind: "truncated",
        partition: PARTITION,
        why: "diverging",
        leaderEpoch: 1,
        fromOffset: 3,
        toOffset: 2,
        highWatermark: 3,
        epochsCut: 1,
      }),
    ]),
  },
  {
    id: "A4",
    what: "a member of the ISR truncates committed records",
    steps: inserted(story, "followed-3b", [
      told("cut", "b3", {
        kind: "truncated",
        partition: PARTITION,
        why: "rule",
        leaderEpoch: 1,
        fromOffset: 2,
        toOffset: 1,
        highWatermark: 1,
        epochsCut: 1,
      }),
    ]),
  },
  {
    id: "A5",
    what: "a log opens beyond what is intact on its disk",
    steps: story.map((step) =>
      step.name === "booted-1" ? { ...step, disk: [x, y, corrupt(lost)] } : step,
    ),
  },
  {
    id: "A5",
    what: "a power loss takes what was synced",
    steps: story
      .map((step) => (step.name === "booted-1" ? { ...step, disk: [x] } : step))
      .filter(({ name }) => name !== "loaded-1"),
  },
  {
    id: "A6",
    what: "a follower appends a corrupt batch",
    steps: falsified(story, "append-3-z", { batch: corrupt(z) }),
  },
  {
    id: "A8",
    what: "a log opens with a high watermark beyond its end",
    steps: falsified(story, "loaded-1", { highWatermark: 4 }),
  },
  {
    id: "A8",
    what: "a log opens without the producers that it has batches of",
    steps: falsified(story, "loaded-1", { producers: [] }),
  },
  {
    id: "A11",
    what: "two replicas hold different batches below their high watermarks",
    steps: falsified(story, "append-2-x", { batch: new Batch(0, 0, bodyOf("w", 0)) }).toSpliced(
      story.findIndex(({ name }) => name === "power-loss-1"),
      0,
      told("mark", "b3", {
        kind: "high-watermark",
        partition: PARTITION,
        as: "follower",
        leaderEpoch: 0,
        highWatermark: 2,
        endOffset: 2,
        counted: [],
        told: 2,
      }),
    ),
  },
  {
    id: "A11",
    what: "a disk holds other bytes than were committed",
    steps: story.map((step) =>
      step.name === "disk-b3" ? { ...step, disk: [x, y, otherZ] } : step,
    ),
  },
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
        offset: 4.5,
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
  {
    id: "D1",
    what: "a retry is appended again",
    steps: inserted(story, "polled-y", [appendAgain("again", "b1", new Batch(2, 0, y.body), 0)]),
  },
  {
    id: "D1",
    what: "a duplicate is answered with the offset of another batch",
    steps: falsified(story, "duplicate", { baseOffset: 1 }),
  },
  {
    id: "D2",
    what: "a send is committed twice in one session",
    steps: inserted(story, "polled-z", commitX2(new Batch(3, 1, y.body))),
  },
  {
    id: "D2",
    what: "an acknowledged send is never committed",
    steps: falsified(story, "failed-lost", {
      kind: "send-acked",
      offset: 2,
    }),
  },
  {
    id: "D3",
    what: "a batch is committed behind a younger one of its session",
    steps: story
      .map((step) =>
        step.name === "out-x" || step.name === "out-y"
          ? {
              ...step,
              fact: {
                ...(step.fact as Extract<Fact, { kind: "batch-sent" }>),
                sendIds: step.name === "out-x" ? ["late"] : ["x"],
              },
            }
          : step,
      )
      .toSpliced(
        story.findIndex(({ name }) => name === "send-x") + 1,
        0,
        told("send-late", "p1", {
          kind: "send-started",
          sendId: "late",
          topic: "t",
          key: null,
          value: null,
        }),
      ),
  },
  {
    id: "D4",
    what: "the next sequence is refused",
    steps: falsified(story, "refused", { baseSequence: 2 }),
  },
  {
    id: "D4",
    what: "a batch that the leader remembers is refused",
    steps: falsified(story, "refused", { baseSequence: 0 }),
  },
  {
    id: "D4",
    what: "a producer that the log does not know is refused",
    steps: falsified(story, "refused", { producerId: 8 }),
  },
  {
    id: "D4",
    what: "a new leader refuses what it knew when it began",
    steps: inserted(story, "led-2", [
      told("refused-2", "b2", { ...outOfOrder, leaderEpoch: 1, baseSequence: 1 }),
    ]),
  },
  {
    id: "D5",
    what: "a producer id is given twice",
    steps: inserted(story, "given", [
      told("again", "b2", { kind: "producer-id-given", producerId: 7, client: "p2" }),
    ]),
  },
  {
    id: "D5",
    what: "a block of producer ids is allocated twice",
    steps: inserted(story, "ids-1", [
      told("again", "c100", {
        kind: "producer-ids-allocated",
        broker: 2,
        first: 0,
        count: 1000,
      }),
    ]),
  },
  {
    id: "D6",
    what: "a new leader knows nothing of a producer in its log",
    steps: falsified(story, "led-2", { producers: [] }),
  },
  {
    id: "D6",
    what: "a new leader remembers an older batch as the last",
    steps: falsified(story, "led-2", {
      producers: producersOfLog.map((entry) => ({ ...entry, batches: entry.batches.slice(0, 1) })),
    }),
  },
  {
    id: "D7",
    what: "a batch without idempotence is committed more often than it was sent",
    steps: inserted(story, "polled-z", commitX2(new Batch(3, 1, z.body))),
  },
  {
    id: "D8",
    what: "a leader appends what nobody sent",
    steps: inserted(story, "polled-z", [
      appendAgain("foreign", "b2", new Batch(3, 1, bodyOf("f")), 1),
    ]),
  },
  {
    id: "F1",
    what: "a poll leaves out a record",
    steps: without(story, "polled-y"),
  },
  {
    id: "F1",
    what: "a poll goes back",
    steps: inserted(
      story,
      "polled-y",
      story.filter(({ name }) => name === "polled-x"),
    ),
  },
  {
    id: "F2",
    what: "a consumer is served beyond the high watermark",
    steps: inserted(story, "append-1-lost", [exposed("b1", lost, 0)]),
  },
  {
    id: "F4",
    what: "a poll returns another value than the committed one",
    steps: falsified(story, "polled-z", {
      records: [
        {
          offset: 2,
          leaderEpoch: 1,
          timestamp: z.body.baseTimestamp,
          key: null,
          value: new Uint8Array([1]),
        },
      ],
    }),
  },
  {
    id: "F6",
    what: "a consumer loses a position below what is committed",
    steps: inserted(story, "polled-y", [
      told("reset", "r1", {
        kind: "position-set",
        partition: PARTITION,
        offset: 0,
        why: "reset-earliest",
        cause: Errors.OFFSET_OUT_OF_RANGE,
      }),
    ]),
  },
  {
    id: "F6",
    what: "a consumer with a reset policy is told of an offset out of range",
    steps: inserted(story, "polled-y", [
      told("error", "r1", { kind: "client-error", where: "poll", error: "OFFSET_OUT_OF_RANGE" }),
    ]),
  },
  {
    id: "F7",
    what: "latest is not the high watermark",
    steps: falsified(story, "listed-latest-1", { offset: 1 }),
  },
  {
    id: "F7",
    what: "a timestamp is answered with a record that is too young",
    steps: falsified(story, "listed-time", { offset: 1 }),
  },
  {
    id: "H1",
    what: "a response answers another request than the oldest",
    steps: story.map((step) =>
      step.name === "response-x"
        ? {
            ...step,
            frame: { connection: 1, content: { apiKey: 0, correlationId: 9, body: {} } },
          }
        : step,
    ),
  },
  {
    id: "H2",
    what: "batches of one connection take effect out of order",
    steps: (() => {
      const request = story.find(({ name }) => name === "request-y") as Step;
      return inserted(without(story, "request-y"), "out-x", [request]);
    })(),
  },
  {
    id: "H3",
    what: "a client goes back to an older leader epoch",
    steps: falsified(story, "knows-2", { leaderEpoch: -1 }),
  },
];

describe("invariants", () => {
  test("hold in the story of a correct cluster, each by real comparisons", () => {
    const { violations, checks } = runStory(story);
    expect(violations).toEqual([]);
    const idle = checkedInvariants.filter((id) => (checks[id] ?? 0) === 0);
    expect(idle).toEqual([]);
  });

  test.each(lies)("$id fires when $what", ({ id, steps }) => {
    expect(firedBy(story, [id])).toEqual([]);
    expect(firedBy(steps, [id])).toEqual([id]);
  });

  test("each is shown to fire", () => {
    const shown = new Set(lies.map(({ id }) => id));
    expect([...invariants.keys()].filter((id) => !shown.has(id))).toEqual([]);
  });
});
