/**
 * A short story of a correct cluster, told in facts, for the tests of the invariants: three brokers,
 * one partition, an idempotent producer, a consumer, a plain producer. Leader 1 loses power while a
 * batch of its own is not replicated, 2 takes over, 1 comes back, truncates and joins again. Each
 * step has a name, so that a test can falsify one of them.
 */
import type { Fact, ProducerEntry } from "../../core/facts.ts";
import { ApiKeys } from "../../core/protocol/message.ts";
import { Errors } from "../../core/errors.ts";
import { Batch } from "../../core/record/batch.ts";
import type { BatchBody } from "../../core/record/batch.ts";
import { decodeRecords } from "../../core/record/decode.ts";
import { encodeBatch } from "../../core/record/encode.ts";
import { utf8Encode } from "../../core/record/utf8.ts";
import { codecs } from "../cluster/codecs.ts";
import { electController, metadataBatches } from "./quorum-story.testkit.ts";
import { base, START_MS, Story } from "./story.testkit.ts";
import type { Step } from "./story.testkit.ts";

const PRODUCER_ID = 7;

/** A batch of one record as a producer makes it; without a sequence it is not idempotent. */
export function bodyOf(value: string, sequence: number = -1, epoch: number = 0): BatchBody {
  const record = {
    timestamp: START_MS + 1000,
    key: utf8Encode("k"),
    value: utf8Encode(value),
    headers: [],
  };
  return encodeBatch([record], {
    compression: "none",
    producerId: sequence < 0 ? -1 : PRODUCER_ID,
    producerEpoch: sequence < 0 ? -1 : epoch,
    baseSequence: sequence,
    codecs,
  });
}

const bodies = {
  x: bodyOf("x", 0),
  y: bodyOf("y", 1),
  lost: bodyOf("lost", 2),
  z: bodyOf("z"),
};

/** Committed at 0 and 1 under epoch 0; `lost` is only on broker 1; z is committed at 2 in epoch 1. */
export const batches: Readonly<Record<"x" | "y" | "lost" | "z", Batch>> = {
  x: new Batch(0, 0, bodies.x),
  y: new Batch(1, 0, bodies.y),
  lost: new Batch(2, 0, bodies.lost),
  z: new Batch(2, 1, bodies.z),
};

export const producersOfLog: readonly ProducerEntry[] = [
  {
    producerId: PRODUCER_ID,
    producerEpoch: 0,
    lastTimestamp: START_MS + 1000,
    batches: [
      { firstSequence: 0, lastSequence: 0, lastOffset: 0 },
      { firstSequence: 1, lastSequence: 1, lastOffset: 1 },
    ],
  },
];

export function honestStory(): Step[] {
  const story = beforeFailOver();
  failOver(story);
  comeBack(story);
  readOn(story);
  return story.steps;
}

/** Its first part: broker 1 leads in epoch 0, and everybody has x and y. */
export function beforeFailOver(): Story {
  const story = new Story();
  electController(story, metadataBatches(bodyOf));
  createTopic(story);
  produceAndRead(story);
  return story;
}

function createTopic(story: Story): void {
  story.tell("activated", "c100", { kind: "controller-activated", epoch: 1 });
  for (const broker of [1, 2, 3]) {
    story.commit(`registered-${broker}`, {
      type: "RegisterBroker",
      brokerId: broker,
      brokerEpoch: broker,
      incarnationId: `i${broker}`,
      host: `b${broker}`,
      rack: null,
      fenced: false,
      inControlledShutdown: false,
      logDirs: [],
    });
    story.tell(`running-${broker}`, `b${broker}`, {
      kind: "broker-state",
      broker,
      state: "RUNNING",
    });
  }
  const isr = [1, 2, 3];
  story.decide("created", {
    leader: 1,
    leaderEpoch: 0,
    partitionEpoch: 0,
    isr,
    previousIsr: [],
    previousLeader: -1,
    why: "created",
  });
  story.commit("topic", { type: "Topic", name: "t", topicId: "T" }, false);
  story.commit("partition", {
    type: "Partition",
    topicId: "T",
    partitionId: 0,
    replicas: [1, 2, 3],
    isr,
    leader: 1,
    leaderRecoveryState: 0,
    leaderEpoch: 0,
    partitionEpoch: 0,
  });
  story.tell("led-1", "b1", leads(0, 0, [1, 2, 3], 0, []));
  story.tell("applied-1", "b1", { kind: "metadata-applied", offset: 5, epoch: 1 });
  story.tell("unfenced-1", "c100", { kind: "broker-unfenced", broker: 1, brokerEpoch: 1 });
  for (const broker of [2, 3]) {
    const node = `b${broker}`;
    story.tell(`followed-${broker}`, node, follows(0, 1, 0));
    story.tell(`fetcher-${broker}`, node, {
      kind: "fetcher-added",
      ...base,
      leaderEpoch: 0,
      leader: 1,
    });
    story.tell(`applied-${broker}`, node, { kind: "metadata-applied", offset: 5, epoch: 1 });
  }
}

export function leads(
  leaderEpoch: number,
  partitionEpoch: number,
  isr: readonly number[],
  endOffset: number,
  producers: readonly ProducerEntry[],
): Fact {
  return {
    kind: "became-leader",
    ...base,
    leaderEpoch,
    partitionEpoch,
    alreadyLed: false,
    endOffset,
    highWatermark: endOffset,
    isr,
    replicas: [1, 2, 3],
    producers,
  };
}

function follows(leaderEpoch: number, leader: number, endOffset: number): Fact {
  return { kind: "became-follower", ...base, leaderEpoch, leader, endOffset };
}

function send(story: Story, client: string, sendId: string, body: BatchBody): void {
  const value = utf8Encode(sendId);
  story.tell(`send-${sendId}`, client, {
    kind: "send-started",
    sendId,
    topic: "t",
    key: utf8Encode("k"),
    value,
  });
  story.tell(`batched-${sendId}`, client, { kind: "send-batched", sendId, ...base });
  story.tell(`out-${sendId}`, client, {
    kind: "batch-sent",
    ...base,
    attempt: 1,
    body,
    sendIds: [sendId],
  });
}

function acked(story: Story, sendId: string, node: string, batch: Batch, client: string): void {
  const { leaderEpoch, baseOffset, lastOffset, body } = batch;
  story.tell(`ack-${sendId}`, node, {
    kind: "ack-sent",
    ...base,
    leaderEpoch,
    appendEpoch: leaderEpoch,
    acks: -1,
    baseOffset,
    lastOffset,
    body,
    duplicate: false,
    highWatermark: lastOffset + 1,
    isrSize: 3,
    minIsr: 2,
    client,
  });
  story.tell(`acked-${sendId}`, client, {
    kind: "send-acked",
    sendId,
    ...base,
    offset: baseOffset,
  });
}

function polled(story: Story, name: string, batch: Batch): void {
  const position = batch.baseOffset;
  const records = decodeRecords(batch, codecs).map(({ offset, timestamp, key, value }) => {
    return { offset, leaderEpoch: batch.leaderEpoch, timestamp, key, value };
  });
  const nextPosition = batch.nextOffset;
  story.tell(name, "r1", { kind: "polled", ...base, position, nextPosition, records });
}

function served(story: Story, name: string, node: string, batch: Batch, epoch: number): void {
  story.tell(name, node, {
    kind: "fetch-served",
    ...base,
    leaderEpoch: epoch,
    requestLeaderEpoch: epoch,
    fetchOffset: batch.baseOffset,
    highWatermark: batch.nextOffset,
    batches: [batch],
    client: "r1",
  });
}

function listed(story: Story, name: string, node: string, timestamp: number, offset: number): void {
  story.tell(name, node, {
    kind: "offsets-listed",
    ...base,
    leaderEpoch: node === "b1" ? 0 : 1,
    timestamp,
    offset,
    foundTimestamp: -1,
    highWatermark: offset,
    logStartOffset: 0,
    epochStartOffset: 0,
  });
}

/** A produce request reaches broker 1 on connection 1. */
function produceFrame(name: string, correlationId: number, body: BatchBody): Step {
  const topicData = [{ topicId: "T", partitionData: [{ index: 0, records: [body] }] }];
  const content = {
    apiKey: ApiKeys.PRODUCE,
    apiVersion: 13,
    correlationId,
    clientId: "p1",
    body: { transactionalId: null, acks: -1, timeoutMs: 2000, topicData },
  };
  return { name: `request-${name}`, node: "b1", frame: { connection: 1, content } };
}

function responseFrame(name: string, correlationId: number): Step {
  const content = { apiKey: ApiKeys.PRODUCE, correlationId, body: { responses: [] } };
  return { name: `response-${name}`, node: "p1", frame: { connection: 1, content } };
}

function produceAndRead(story: Story): void {
  const given = { kind: "producer-id-given", producerId: PRODUCER_ID, client: "p1" } as const;
  story.tell("ids-1", "c100", { kind: "producer-ids-allocated", broker: 1, first: 0, count: 1000 });
  story.tell("given", "b1", given);
  story.tell("knows-1", "p1", {
    kind: "client-metadata",
    client: "p1",
    ...base,
    leader: 1,
    leaderEpoch: 0,
  });
  story.tell("position", "r1", {
    kind: "position-set",
    ...base,
    offset: 0,
    why: "reset-earliest",
    cause: 0,
  });
  for (const sendId of ["x", "y"] as const) {
    const batch = batches[sendId];
    const mark = batch.nextOffset;
    send(story, "p1", sendId, batch.body);
    story.steps.push(produceFrame(sendId, mark, batch.body));
    story.append(`append-1-${sendId}`, "b1", batch, "leader", 0);
    for (const follower of [2, 3]) {
      story.append(`append-${follower}-${sendId}`, `b${follower}`, batch, "follower", 0);
      story.fetched(`fetched-${follower}-${sendId}`, "b1", follower, mark, 0);
    }
    story.leaderMark(`mark-1-${sendId}`, "b1", mark, [1, 2, 3], 0);
    acked(story, sendId, "b1", batch, "p1");
    story.steps.push(responseFrame(sendId, mark));
    story.followerMark(`mark-2-${sendId}`, "b2", mark, 0);
    served(story, `served-${sendId}`, "b1", batch, 0);
    polled(story, `polled-${sendId}`, batch);
  }
  story.tell("duplicate", "b1", {
    kind: "duplicate-found",
    ...base,
    leaderEpoch: 0,
    producerId: PRODUCER_ID,
    producerEpoch: 0,
    baseSequence: 0,
    baseOffset: 0,
  });
  story.tell("refused", "b1", {
    kind: "produce-refused",
    ...base,
    leaderEpoch: 0,
    error: Errors.OUT_OF_ORDER_SEQUENCE_NUMBER,
    producerId: PRODUCER_ID,
    producerEpoch: 0,
    baseSequence: 9,
    client: "p1",
  });
  listed(story, "listed-earliest", "b1", -2, 0);
  listed(story, "listed-latest-1", "b1", -1, 2);
  listed(story, "listed-time", "b1", START_MS, 0);
  story.tell("flushed-1", "b1", { kind: "log-flushed", ...base, upTo: 2 });
}

function failOver(story: Story): void {
  send(story, "p1", "lost", batches.lost.body);
  story.append("append-1-lost", "b1", batches.lost, "leader", 0);
  const event = { kind: "ended", cause: "power-loss", reason: "f1" } as const;
  story.steps.push({ name: "power-loss-1", node: "b1", event });
  story.tell("failed-lost", "p1", {
    kind: "send-failed",
    sendId: "lost",
    ...base,
    error: "timeout",
    maybeAppended: true,
  });
  story.decide("elected-2", {
    leader: 2,
    leaderEpoch: 1,
    partitionEpoch: 1,
    isr: [2, 3],
    previousIsr: [1, 2, 3],
    previousLeader: 1,
    why: "fenced",
  });
  story.tell("unfetched-2", "b2", { kind: "fetcher-removed", ...base, why: "became-leader" });
  story.tell("led-2", "b2", leads(1, 1, [2, 3], 2, producersOfLog));
  story.tell("applied-2b", "b2", { kind: "metadata-applied", offset: 6, epoch: 1 });
  story.tell("unfetched-3", "b3", { kind: "fetcher-removed", ...base, why: "new-leader" });
  story.tell("followed-3b", "b3", follows(1, 2, 2));
  story.tell("fetcher-3b", "b3", { kind: "fetcher-added", ...base, leaderEpoch: 1, leader: 2 });
  story.tell("applied-3b", "b3", { kind: "metadata-applied", offset: 6, epoch: 1 });
  story.fetched("fetched-3-back", "b2", 3, 2, 1);
}

function comeBack(story: Story): void {
  const { x, y, lost } = batches;
  const event = { kind: "booted", disk: "same" } as const;
  story.steps.push({ name: "booted-1", node: "b1", event, disk: [x, y, lost] });
  story.commit("registered-1-again", {
    type: "RegisterBroker",
    brokerId: 1,
    brokerEpoch: 7,
    incarnationId: "i1b",
    host: "b1",
    rack: null,
    fenced: false,
    inControlledShutdown: false,
    logDirs: [],
  });
  story.tell("loaded-1", "b1", {
    kind: "log-loaded",
    ...base,
    clean: false,
    logStartOffset: 0,
    recoveryPoint: 0,
    highWatermark: 1,
    endOffset: 3,
    cutBytes: 0,
    epochs: [{ epoch: 0, startOffset: 0 }],
    producers: [
      {
        ...(producersOfLog[0] as ProducerEntry),
        batches: [
          { firstSequence: 1, lastSequence: 1, lastOffset: 1 },
          { firstSequence: 2, lastSequence: 2, lastOffset: 2 },
        ],
      },
    ],
  });
  story.tell("followed-1", "b1", follows(1, 2, 3));
  story.tell("fetcher-1", "b1", { kind: "fetcher-added", ...base, leaderEpoch: 1, leader: 2 });
  story.tell("truncated-1", "b1", {
    kind: "truncated",
    ...base,
    why: "diverging",
    leaderEpoch: 1,
    fromOffset: 3,
    toOffset: 2,
    highWatermark: 1,
    epochsCut: 1,
  });
  story.tell("fetched-1", "b2", {
    kind: "follower-fetched",
    ...base,
    leaderEpoch: 1,
    follower: 1,
    brokerEpoch: 7,
    fetchOffset: 2,
    requestLeaderEpoch: 1,
  });
  story.followerMark("mark-1-back", "b1", 2, 1);
  story.tell("proposed", "b2", {
    kind: "isr-proposed",
    ...base,
    leaderEpoch: 1,
    partitionEpoch: 1,
    committedIsr: [2, 3],
    proposedIsr: [2, 3, 1],
    change: "expand",
    highWatermark: 2,
    endOffset: 2,
  });
  story.tell("altered", "c100", {
    kind: "alter-partition-handled",
    ...base,
    from: 2,
    error: 0,
    requestLeaderEpoch: 1,
    requestPartitionEpoch: 1,
    currentLeader: 2,
    currentLeaderEpoch: 1,
    currentPartitionEpoch: 1,
  });
  story.decide("joined-1", {
    leader: 2,
    leaderEpoch: 1,
    partitionEpoch: 2,
    isr: [2, 3, 1],
    previousIsr: [2, 3],
    previousLeader: 2,
    why: "alter-partition",
  });
  story.tell("isr-committed", "b2", {
    kind: "isr-committed",
    ...base,
    leaderEpoch: 1,
    partitionEpoch: 2,
    isr: [2, 3, 1],
    added: [1],
    removed: [],
  });
}

/** A producer without idempotence writes once more; its client knows the new leader. */
function readOn(story: Story): void {
  const { z } = batches;
  story.tell("knows-2", "p1", {
    kind: "client-metadata",
    client: "p1",
    ...base,
    leader: 2,
    leaderEpoch: 1,
  });
  send(story, "p2", "z", z.body);
  story.append("append-2-z", "b2", z, "leader", 1);
  for (const follower of [1, 3]) {
    story.append(`append-${follower}-z`, `b${follower}`, z, "follower", 1);
    story.fetched(`fetched-${follower}-z`, "b2", follower, 3, 1);
  }
  story.leaderMark("mark-2-z", "b2", 3, [2, 3, 1], 1);
  acked(story, "z", "b2", z, "p2");
  story.followerMark("mark-1-z", "b1", 3, 1);
  story.followerMark("mark-3-z", "b3", 3, 1);
  served(story, "served-z", "b2", z, 1);
  polled(story, "polled-z", z);
  listed(story, "listed-latest-2", "b2", -1, 3);
  for (const node of ["b1", "b2", "b3"]) {
    const disk = [batches.x, batches.y, z];
    story.steps.push({ name: `disk-${node}`, node, disk });
  }
}
