/** A producer and brokers for its unit tests. */
import type { ErrorCode } from "../errors.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { ProduceRequest } from "../protocol/produce.ts";
import type { BatchBody } from "../record/batch.ts";
import { Batch } from "../record/batch.ts";
import { decodeRecords } from "../record/decode.ts";
import { utf8Decode, utf8Encode } from "../record/utf8.ts";
import type { Rules } from "../rules.ts";
import { makeRules } from "../rules.ts";
import type { SettingValue } from "../settings/definition.ts";
import type { ManualNode } from "../testkit/manual-ports.ts";
import { FakeCluster, bodiesOf, refuseAll } from "./fake-cluster.testkit.ts";
import type { ProducerRecord, SendResult } from "./producer.ts";
import { Producer } from "./producer.ts";
import { resolveProducerSettings } from "./producer-settings.ts";

export interface ProducerBench {
  readonly cluster: FakeCluster;
  readonly node: ManualNode;
  readonly producer: Producer;
  readonly results: Map<string, SendResult>;
  send(sendId: string, given?: Partial<ProducerRecord>): void;
}

const base = { "retry.backoff.ms": 20, "retry.backoff.max.ms": 40, "request.timeout.ms": 300 };

export function bench(
  settings: Record<string, SettingValue> = {},
  topics: Record<string, number> = { t: 1 },
  rules: Rules = makeRules(),
): ProducerBench {
  const cluster = new FakeCluster(2, topics);
  const node = cluster.world.node("p1");
  const results = new Map<string, SendResult>();
  const producer = new Producer(node.ports, {
    clientId: "p1",
    bootstrap: cluster.hosts,
    settings: resolveProducerSettings({ ...base, "delivery.timeout.ms": 2000, ...settings }),
    rules,
  });
  const send = (sendId: string, given: Partial<ProducerRecord> = {}): void => {
    const record = { sendId, topic: "t", key: null, value: utf8Encode(sendId), timestamp: 1000 };
    producer.send({ ...record, ...given }, (result) => results.set(sendId, result));
  };
  return { cluster, node, producer, results, send };
}

/** Answers the n-th produce request (from 0) with an error, or not at all. */
export function spoil(
  cluster: FakeCluster,
  spoilt: Record<number, ErrorCode | "silent" | "lose">,
): void {
  let count = 0;
  cluster.intercept = (broker, request) => {
    if (request.apiKey !== ApiKeys.PRODUCE) return undefined;
    const what = spoilt[count++];
    const body = request.body as ProduceRequest;
    if (what === undefined) return undefined;
    if (what === "lose") cluster.produce(broker, body);
    return what === "lose" || what === "silent" ? "silent" : refuseAll(body, what);
  };
}

export function valuesIn(body: BatchBody): string[] {
  const codecs = { compress: () => body.encoded, decompress: () => body.encoded };
  return decodeRecords(new Batch(0, 0, body), codecs).map((record) =>
    utf8Decode(record.value as Uint8Array),
  );
}

export function logOf(cluster: FakeCluster, partition = 0, topic = "t"): string[] {
  return cluster.partition(topic, partition).batches.flatMap((batch) => valuesIn(batch.body));
}

export function sequences(bodies: readonly BatchBody[]): [number, number][] {
  return bodies.map((body) => [body.producerEpoch, body.baseSequence]);
}

/** Requests with that value are appended, and never answered. */
export function loseAnswersTo(cluster: FakeCluster, value: string): void {
  cluster.intercept = (broker, request) => {
    if (request.apiKey !== ApiKeys.PRODUCE) return undefined;
    const body = request.body as ProduceRequest;
    if (valuesIn(bodiesOf(body)[0] as BatchBody)[0] !== value) return undefined;
    cluster.produce(broker, body);
    return "silent";
  };
}
