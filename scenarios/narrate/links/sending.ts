/** From a record that is handed over to its place: which partition, and where the metadata was from. */
import { ApiKeys } from "../../../core/protocol/message.ts";
import { utf8Decode } from "../../../core/record/utf8.ts";
import type { SendOperation } from "../../../properties/plan/plan.ts";
import { indexOf, topicOf } from "../partition-names.ts";
import { demand, need } from "../step.ts";
import type { Answered, Asked, Told, Trace } from "../trace.ts";

/** A record as its producer was given it. */
export interface Handed {
  readonly id: string;
  readonly producer: string;
  readonly topic: string;
  readonly key: string | null;
  readonly value: string;
  readonly started: Told<"send-started">;
}

/** The records that the plan sends, in the order in which they were handed over. */
export function handedOver(trace: Trace): Handed[] {
  const sends = trace.plan.workload.filter((operation) => operation.op === "send");
  return sends.map((send) => handed(trace, send)).sort((a, b) => a.started.id - b.started.id);
}

function handed(trace: Trace, { id, client }: SendOperation): Handed {
  const of = (told: Told<"send-started">): boolean =>
    told.node === client && told.fact.sendId === id;
  const [started] = trace.told("send-started", of);
  const found = need(started, () => `${client} was never given ${id}`);
  const { key, value, topic } = found.fact;
  return {
    id,
    producer: client,
    topic,
    key: key === null ? null : utf8Decode(key),
    // Values that only fill a batch are of blanks.
    value: value === null ? "" : utf8Decode(value).trimEnd(),
    started: found,
  };
}

/** What a producer learned of a topic before it placed its first record there. */
export interface Learned {
  readonly request: Asked<typeof ApiKeys.METADATA>;
  readonly answer: Answered<typeof ApiKeys.METADATA>;
  /** What went into its cache: one fact for each partition, in their order. */
  readonly cached: readonly Told<"client-metadata">[];
}

/** The request after `first`, its answer, and the cache that the answer filled. */
export function learned(trace: Trace, first: Handed): Learned {
  const { producer, topic } = first;
  const told = trace.exchanges(ApiKeys.METADATA, producer).find(([request, answer]) => {
    const asks = request.asks.topics?.some(({ name }) => name === topic) === true;
    return asks && request.id > first.started.id && partitionsIn(answer, topic).length > 0;
  });
  const [request, answer] = need(told, () => `nobody told ${producer} of ${topic}`);
  const cached = partitionsIn(answer, topic).map(({ partitionIndex, leaderId }) => {
    const name = `${topic}-${partitionIndex}`;
    const [kept] = trace.told(
      "client-metadata",
      ({ id, at, node, fact }) =>
        node === producer && id > answer.id && at === answer.at && fact.partition === name,
    );
    const found = need(kept, () => `${producer} did not keep what it was told of ${name}`);
    demand(found.fact.leader === leaderId, () => `${producer} keeps another leader of ${name}`);
    return found;
  });
  return { request, answer, cached };
}

function partitionsIn(
  answer: Answered<typeof ApiKeys.METADATA>,
  topic: string,
): Answered<typeof ApiKeys.METADATA>["answers"]["topics"][number]["partitions"] {
  const found = answer.answers.topics.find(({ name }) => name === topic);
  return found === undefined || found.errorCode !== 0 ? [] : found.partitions;
}

/** A record in its partition. */
export interface Placed extends Handed {
  readonly partition: number;
  readonly batched: Told<"send-batched">;
}

export function placed(trace: Trace, record: Handed): Placed {
  const { id, producer, topic } = record;
  const [batched] = trace.told(
    "send-batched",
    ({ node, fact }) => node === producer && fact.sendId === id,
  );
  const found = need(batched, () => `${id} never got a partition`);
  const { partition } = found.fact;
  demand(topicOf(partition) === topic, () => `${id} went to ${partition}, not to ${topic}`);
  return { ...record, partition: indexOf(partition), batched: found };
}

/** The leader of a partition in the cache of the producer. */
export interface LookedUp {
  readonly partition: number;
  readonly leader: string;
  readonly cached: Told<"client-metadata">;
  /** The batch that left for it. */
  readonly sent: Told<"batch-sent">;
}

/** What the cache said when the batch of `record` left. */
export function lookedUp(trace: Trace, record: Placed): LookedUp {
  const { id, producer, partition, batched } = record;
  const name = batched.fact.partition;
  const [sent] = trace.told(
    "batch-sent",
    ({ node, fact }) => node === producer && fact.sendIds.includes(id),
  );
  const found = need(sent, () => `no batch with ${id} was sent`);
  const cached = trace
    .told("client-metadata", ({ node, fact }) => node === producer && fact.partition === name)
    .findLast((told) => told.id < found.id);
  const known = need(cached, () => `${producer} sent to ${name} without having its leader cached`);
  demand(known.fact.leader >= 0, () => `${producer} had no leader of ${name} in its cache`);
  return { partition, leader: trace.broker(known.fact.leader), cached: known, sent: found };
}

/** The same, and that nobody was asked between placing and sending: the cache was all it took. */
export function lookedUpInCache(trace: Trace, record: Placed): LookedUp {
  const { id, producer, batched } = record;
  const lookUp = lookedUp(trace, record);
  const asked = trace
    .asked(ApiKeys.METADATA, producer)
    .some((request) => request.id > batched.id && request.id < lookUp.sent.id);
  demand(!asked, () => `${producer} asked for metadata again before it sent ${id}`);
  return lookUp;
}
