import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { ProduceRequest } from "../protocol/produce.ts";
import type { BatchBody } from "../record/batch.ts";
import { Batch } from "../record/batch.ts";
import { decodeRecords } from "../record/decode.ts";
import { utf8Decode } from "../record/utf8.ts";
import { bodiesOf, refuseAll } from "./fake-cluster.testkit.ts";
import { bench, logOf, sequences, spoil, valuesIn } from "./producer-bench.testkit.ts";

describe("batching", () => {
  it("collects what is sent within linger.ms into one batch and acknowledges each record", () => {
    const { cluster, node, producer, results, send } = bench();
    for (const id of ["a", "b", "c"]) send(id);
    expect(producer.pendingCount).toBe(3);
    expect(results.size).toBe(0);
    cluster.world.run(100);
    expect(cluster.produced().map(valuesIn)).toEqual([["a", "b", "c"]]);
    expect([...results.values()]).toEqual(
      [0, 1, 2].map((offset) => ({ kind: "acked", partition: 0, offset })),
    );
    expect(producer.pendingCount).toBe(0);
    expect(node.factsOf("send-acked").map((fact) => fact.sendId)).toEqual(["a", "b", "c"]);
    expect(node.factsOf("batch-sent").map((fact) => fact.sendIds)).toEqual([["a", "b", "c"]]);
  });

  it("waits linger.ms after the first record, not after the last", () => {
    const { cluster, send } = bench({ "linger.ms": 50 });
    send("warm-up");
    cluster.world.run(200);
    const startMs = cluster.world.nowMs;
    send("a");
    cluster.world.run(30);
    send("b");
    cluster.world.run(100);
    const sent = cluster.seen.filter((one) => one.request.apiKey === ApiKeys.PRODUCE)[1];
    expect(sent?.atMs).toBe(startMs + 51);
    expect(logOf(cluster)).toEqual(["warm-up", "a", "b"]);
  });

  it("sends a full batch at once, without waiting for linger.ms", () => {
    const { cluster, send } = bench({ "linger.ms": 200, "batch.size": 200 });
    for (let at = 0; at < 30; at++) send(`record-${at}`);
    cluster.world.run(150);
    const sizes = cluster.produced().map((body) => body.sizeBytes);
    expect(sizes.length).toBeGreaterThan(2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(200);
    cluster.world.run(300);
    expect(logOf(cluster)).toEqual(Array.from({ length: 30 }, (_, at) => `record-${at}`));
  });

  it("makes everything due at a flush and tells when all of it has results", () => {
    const { cluster, producer, results, send } = bench({
      "linger.ms": 1000,
      "delivery.timeout.ms": 5000,
    });
    send("a");
    let flushed = -1;
    producer.flush(() => (flushed = results.size));
    expect(flushed).toBe(-1);
    cluster.world.run(100);
    expect(flushed).toBe(1);
    producer.flush(() => (flushed = 100));
    expect(flushed).toBe(1);
    cluster.world.run(1);
    expect(flushed).toBe(100);
  });

  it("compresses batches that the consumer's side reads back", () => {
    const { cluster, send, results } = bench({ "compression.type": "gzip" });
    send("a");
    send("b");
    cluster.world.run(100);
    const body = cluster.produced()[0] as BatchBody;
    expect(body.attributes & 7).toBe(1);
    const batch = new Batch(0, 0, body);
    const records = decodeRecords(batch, cluster.world.codecs);
    expect(records.map((record) => utf8Decode(record.value as Uint8Array))).toEqual(["a", "b"]);
    expect(results.size).toBe(2);
  });

  it("never has more requests in flight than allowed, and none with acks=0 waits", () => {
    const { cluster, node, send } = bench({
      "linger.ms": 0,
      "max.in.flight.requests.per.connection": 2,
    });
    send("warm-up");
    cluster.world.run(100);
    cluster.intercept = (_, request) => (request.apiKey === ApiKeys.PRODUCE ? "silent" : undefined);
    for (let at = 0; at < 5; at++) {
      send(`${at}`);
      cluster.world.run(5);
    }
    const sent = node.factsOf("batch-sent").map((fact) => fact.sendIds);
    expect(sent).toEqual([["warm-up"], ["0"], ["1"]]);

    const fast = bench({ "linger.ms": 0, acks: "0" });
    fast.cluster.intercept = cluster.intercept;
    fast.send("x");
    fast.cluster.world.run(50);
    expect(fast.results.get("x")).toEqual({ kind: "acked", partition: 0, offset: -1 });
    expect(fast.cluster.produced()[0]?.producerId).toBe(-1);
  });
});

describe("sequences and retries", () => {
  it("numbers the records of each partition from 0 under the id that a broker gave", () => {
    const { cluster, send } = bench({ "linger.ms": 0 });
    for (const id of ["a", "b", "c"]) {
      send(id);
      cluster.world.run(50);
    }
    expect(cluster.produced().map((body) => body.producerId)).toEqual([1000, 1000, 1000]);
    expect(sequences(cluster.produced())).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
    ]);
  });

  it("sends the very same batch again when the answer is lost, and it is stored once", () => {
    const { cluster, results, send } = bench();
    spoil(cluster, { 0: "lose" });
    send("a");
    cluster.world.run(1000);
    const [first, second] = cluster.produced();
    expect(second).toBe(first);
    expect(logOf(cluster)).toEqual(["a"]);
    expect(results.get("a")).toEqual({ kind: "acked", partition: 0, offset: 0 });
  });

  it("keeps the order when the first of several batches in flight is refused", () => {
    const { cluster, results, send } = bench({ "linger.ms": 0 });
    send("warm-up");
    cluster.world.run(100);
    spoil(cluster, { 0: Errors.NOT_ENOUGH_REPLICAS });
    for (const id of ["a", "b", "c", "d"]) {
      send(id);
      cluster.world.run(0);
    }
    cluster.world.run(1500);
    expect(logOf(cluster)).toEqual(["warm-up", "a", "b", "c", "d"]);
    expect(results.size).toBe(5);
    expect(cluster.produced().every((body) => body.producerEpoch === 0)).toBe(true);
  });

  it("backs off between attempts, but not when a new leader is known", () => {
    const { cluster, send, results } = bench({
      "retry.backoff.ms": 500,
      "retry.backoff.max.ms": 500,
    });
    send("warm-up");
    cluster.world.run(100);
    cluster.elect("t", 0, 2);
    const startMs = cluster.world.nowMs;
    cluster.intercept = (broker, request) => {
      if (request.apiKey !== ApiKeys.PRODUCE || broker === 2) return undefined;
      const hint = { leaderId: 2, leaderEpoch: 1 };
      const body = request.body as ProduceRequest;
      const answer = refuseAll(body, Errors.NOT_LEADER_OR_FOLLOWER, hint);
      return answer;
    };
    send("a");
    cluster.world.run(400);
    expect(results.get("a")).toMatchObject({ kind: "acked" });
    const last = cluster.seen[cluster.seen.length - 1];
    expect(last?.broker).toBe(2);
    const attempts = cluster.seen.filter((one) => one.request.apiKey === ApiKeys.PRODUCE);
    expect((attempts[2]?.atMs as number) - startMs).toBeLessThan(20);
  });

  it("takes a new leader that its metadata do not list, if the answer says where it is", () => {
    const { cluster, send, results } = bench({ "retry.backoff.ms": 500 });
    cluster.unlisted.add(2);
    send("warm-up");
    cluster.world.run(100);
    cluster.elect("t", 0, 2);
    cluster.intercept = (broker, request) => {
      if (request.apiKey === ApiKeys.METADATA) return "silent";
      if (request.apiKey !== ApiKeys.PRODUCE || broker === 2) return undefined;
      const hint = { leaderId: 2, leaderEpoch: 1, leaderHost: "b2" };
      return refuseAll(request.body as ProduceRequest, Errors.NOT_LEADER_OR_FOLLOWER, hint);
    };
    send("a");
    cluster.world.run(400);
    expect(results.get("a")).toMatchObject({ kind: "acked" });
    expect(cluster.seen[cluster.seen.length - 1]?.broker).toBe(2);
  });

  it("mutes a partition with one request in flight and no idempotence", () => {
    const { cluster, send } = bench({
      "linger.ms": 0,
      "enable.idempotence": false,
      "max.in.flight.requests.per.connection": 1,
    });
    spoil(cluster, { 1: Errors.NOT_ENOUGH_REPLICAS });
    for (const id of ["a", "b", "c", "d"]) {
      send(id);
      cluster.world.run(10);
    }
    cluster.world.run(1000);
    expect(logOf(cluster)).toEqual(["a", "b", "c", "d"]);
  });

  it("may reorder without idempotence and with several requests in flight", () => {
    const { cluster, send } = bench({ "linger.ms": 0, "enable.idempotence": false });
    send("warm-up");
    cluster.world.run(100);
    spoil(cluster, { 0: Errors.NOT_ENOUGH_REPLICAS });
    for (const id of ["a", "b"]) {
      send(id);
      cluster.world.run(0);
    }
    cluster.world.run(1000);
    expect(logOf(cluster)).toEqual(["warm-up", "b", "a"]);
  });

  it("splits a batch that is too large for the broker into smaller ones with its sequences", () => {
    const { cluster, results, send } = bench({ "batch.size": 1000 });
    cluster.intercept = (_, request) => {
      if (request.apiKey !== ApiKeys.PRODUCE) return undefined;
      const body = request.body as ProduceRequest;
      const isLarge = (bodiesOf(body)[0] as BatchBody).sizeBytes > 300;
      return isLarge ? refuseAll(body, Errors.MESSAGE_TOO_LARGE) : undefined;
    };
    const ids = Array.from({ length: 20 }, (_, at) => `value-number-${at}`);
    for (const id of ids) send(id);
    cluster.world.run(1000);
    expect(logOf(cluster)).toEqual(ids);
    expect([...results.values()].every((result) => result.kind === "acked")).toBe(true);
    const stored = cluster.partition("t", 0).batches;
    expect(stored.length).toBeGreaterThan(2);
    expect(stored.map((batch) => batch.body.baseSequence)).toEqual(
      stored.map((batch) => batch.baseOffset),
    );
  });

  it("splits a small record off a large one that only fits alone", () => {
    const { cluster, results, send } = bench({ "batch.size": 1000 });
    cluster.intercept = (_, request) => {
      if (request.apiKey !== ApiKeys.PRODUCE) return undefined;
      const body = request.body as ProduceRequest;
      const isLarge = (bodiesOf(body)[0] as BatchBody).sizeBytes > 475;
      return isLarge ? refuseAll(body, Errors.MESSAGE_TOO_LARGE) : undefined;
    };
    send("s", { value: new Uint8Array(1) });
    send("l", { value: new Uint8Array(400) });
    cluster.world.run(100);
    expect(results.get("s")).toMatchObject({ kind: "acked", offset: 0 });
    expect(results.get("l")).toMatchObject({ kind: "acked", offset: 1 });
    expect(cluster.produced()).toHaveLength(4);
  });

  it("fails a record that is refused for good, as certainly not appended", () => {
    const { cluster, results, send, node } = bench();
    spoil(cluster, { 0: Errors.INVALID_RECORD });
    send("a");
    cluster.world.run(200);
    const failed = { kind: "failed", error: "INVALID_RECORD", maybeAppended: false };
    expect(results.get("a")).toEqual(failed);
    send("b");
    cluster.world.run(200);
    expect(node.factsOf("producer-epoch-bumped")).toMatchObject([
      { producerEpoch: 1, cause: "failed batch", partitions: ["t-0"] },
    ]);
    expect(sequences(cluster.produced())).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });
});

describe("what a send waits for", () => {
  it("waits for metadata in order, up to max.block.ms", () => {
    const { cluster, results, send } = bench({ "max.block.ms": 500 }, {});
    send("a");
    send("b");
    cluster.world.run(300);
    cluster.topics.set("t", {
      id: "late",
      partitions: [{ leader: 1, leaderEpoch: 0, startOffset: 0, batches: [] }],
    });
    cluster.world.run(300);
    expect(logOf(cluster)).toEqual(["a", "b"]);

    const never = bench({ "max.block.ms": 500 }, {});
    never.send("c");
    never.cluster.world.run(510);
    expect(never.results.get("c")).toEqual({
      kind: "failed",
      error: "METADATA_TIMED_OUT",
      maybeAppended: false,
    });
    expect(results.size).toBe(2);
  });

  it("waits for memory, and fails when none comes", () => {
    const settings = { "buffer.memory": 600, "batch.size": 200, "max.block.ms": 400 };
    const { cluster, results, send } = bench(settings);
    for (let at = 0; at < 40; at++) send(`record-${at}`);
    cluster.world.run(1000);
    expect(logOf(cluster)).toEqual(Array.from({ length: 40 }, (_, at) => `record-${at}`));
    expect(results.size).toBe(40);
    cluster.intercept = (_, request) => (request.apiKey === ApiKeys.PRODUCE ? "silent" : undefined);
    for (let at = 0; at < 40; at++) send(`more-${at}`);
    cluster.world.run(450);
    const failed = { kind: "failed", error: "BUFFER_EXHAUSTED", maybeAppended: false };
    expect(results.get("more-39")).toEqual(failed);
    expect(results.has("more-0")).toBe(false);
  });

  it("refuses a record that can never be sent, and everything after close", () => {
    const { cluster, producer, results, send } = bench({
      "max.request.size": 100,
      "linger.ms": 100,
    });
    send("large", { value: new Uint8Array(101) });
    send("open");
    expect(results.size).toBe(0);
    cluster.world.run(50);
    expect(results.get("large")).toMatchObject({ kind: "failed", error: "MESSAGE_TOO_LARGE" });
    producer.close();
    send("late");
    cluster.world.run(1);
    expect(results.get("open")).toMatchObject({ kind: "failed", error: "PRODUCER_CLOSED" });
    expect(results.get("late")).toMatchObject({ kind: "failed", error: "PRODUCER_CLOSED" });
  });

  it("counts the batch header when it compares a record with max.request.size", () => {
    const { cluster, results, send } = bench({ "max.request.size": 200 });
    send("too large", { value: new Uint8Array(115) });
    send("fits", { value: new Uint8Array(114) });
    cluster.world.run(500);
    expect(results.get("too large")).toMatchObject({ kind: "failed", error: "MESSAGE_TOO_LARGE" });
    expect(results.get("fits")).toMatchObject({ kind: "acked" });
  });

  it("asks for metadata again while a partition has an error, also when its epoch is an old one", () => {
    const { cluster, send } = bench();
    cluster.partition("t", 0).leaderEpoch = 5;
    send("a");
    cluster.world.run(100);
    const before = cluster.requests(ApiKeys.METADATA).length;
    cluster.intercept = (_, request) => {
      if (request.apiKey !== ApiKeys.METADATA) return undefined;
      const partition = {
        errorCode: Errors.LEADER_NOT_AVAILABLE,
        partitionIndex: 0,
        leaderId: -1,
        leaderEpoch: 4,
        replicaNodes: [1, 2],
        isrNodes: [],
        offlineReplicas: [],
      };
      return {
        brokers: cluster.hosts.map((host, at) => ({ nodeId: at + 1, host, rack: null })),
        clusterId: "cluster",
        controllerId: 1,
        topics: [
          {
            errorCode: 0,
            name: "t",
            topicId: "id-of-t",
            isInternal: false,
            partitions: [partition],
          },
        ],
      };
    };
    cluster.world.node("b1").kill();
    cluster.world.run(1000);
    expect(cluster.requests(ApiKeys.METADATA).length - before).toBeGreaterThan(5);
  });

  it("finds a new leader after the old one is gone", () => {
    const { cluster, results, send } = bench();
    send("a");
    cluster.world.run(100);
    cluster.world.node("b1").kill();
    cluster.elect("t", 0, 2);
    send("b");
    cluster.world.run(1500);
    expect(results.get("b")).toMatchObject({ kind: "acked", offset: 1 });
  });

  it("never lets its view of a leader go back to an older epoch", () => {
    const { cluster, node, send } = bench({ "metadata.max.age.ms": 50 });
    cluster.partition("t", 0).leaderEpoch = 5;
    send("a");
    cluster.world.run(100);
    cluster.partition("t", 0).leaderEpoch = 4;
    cluster.partition("t", 0).leader = 2;
    cluster.world.run(300);
    expect(cluster.requests(ApiKeys.METADATA).length).toBeGreaterThan(3);
    expect(node.factsOf("client-metadata")).toMatchObject([{ leader: 1, leaderEpoch: 5 }]);
  });
});
