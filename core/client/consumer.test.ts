import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import type { FetchRequest, FetchResponse } from "../protocol/fetch.ts";
import { ApiKeys } from "../protocol/message.ts";
import { BatchBody } from "../record/batch.ts";
import { encodeBatch } from "../record/encode.ts";
import { utf8Decode, utf8Encode } from "../record/utf8.ts";
import { makeRules } from "../rules.ts";
import { consumerSettings } from "../settings/client-settings.ts";
import type { ConsumerSettings } from "../settings/client-settings.ts";
import type { SettingValue } from "../settings/definition.ts";
import { resolveSettings } from "../settings/definition.ts";
import type { ManualNode } from "../testkit/manual-ports.ts";
import type { PollResult } from "./consumer.ts";
import { Consumer } from "./consumer.ts";
import { ConsumerRules } from "./consumer-rules.ts";
import { FakeCluster } from "./fake-cluster.testkit.ts";

interface Bench {
  readonly cluster: FakeCluster;
  readonly node: ManualNode;
  readonly consumer: Consumer;
  readonly results: PollResult[];
  /** Polls for ever, as an application's loop. */
  loop(): void;
  /** Values of all records so far, in the order in which they were returned. */
  values(): string[];
  errors(): string[];
}

const base = { "retry.backoff.ms": 20, "auto.offset.reset": "earliest", "request.timeout.ms": 800 };

function bench(
  settings: Record<string, SettingValue> = {},
  topics: Record<string, number> = { t: 1 },
  rules = makeRules(),
): Bench {
  const cluster = new FakeCluster(2, topics);
  const node = cluster.world.node("c1");
  const consumer = new Consumer(node.ports, {
    clientId: "c1",
    bootstrap: cluster.hosts,
    settings: resolveSettings<ConsumerSettings>(consumerSettings, { ...base, ...settings }),
    rules,
  });
  const results: PollResult[] = [];
  const loop = (): void =>
    consumer.poll(100, (result) => {
      results.push(result);
      loop();
    });
  const values = (): string[] =>
    results.flatMap((result) =>
      result.kind === "error"
        ? []
        : result.records.map((record) => utf8Decode(record.value as Uint8Array)),
    );
  const errors = (): string[] =>
    results.flatMap((result) => (result.kind === "error" ? [result.error] : []));
  return { cluster, node, consumer, results, loop, values, errors };
}

function batchOf(...values: string[]): BatchBody {
  const records = values.map((value) => ({
    timestamp: 1000,
    key: null,
    value: utf8Encode(value),
    headers: [],
  }));
  const codecs = { compress: () => new Uint8Array(), decompress: () => new Uint8Array() };
  return encodeBatch(records, {
    compression: "none",
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    codecs,
  });
}

/** Of a fetch request: its session, or the first one when it opens one. */
function sessionIdOf(body: unknown): number {
  return (body as FetchRequest).sessionId || 1;
}

const T0 = [{ topic: "t", partition: 0 }];

describe("reading", () => {
  it("returns what is there, in order, then waits for more", () => {
    const { cluster, node, consumer, loop, values } = bench();
    cluster.append("t", 0, batchOf("a", "b"));
    cluster.append("t", 0, batchOf("c"));
    consumer.assign(T0);
    loop();
    cluster.world.run(300);
    expect(values()).toEqual(["a", "b", "c"]);
    cluster.append("t", 0, batchOf("d"));
    cluster.world.run(300);
    expect(values()).toEqual(["a", "b", "c", "d"]);
    expect(consumer.position("t", 0)).toBe(4);
    expect(node.factsOf("polled").map((fact) => [fact.position, fact.nextPosition])).toEqual([
      [0, 3],
      [3, 4],
    ]);
  });

  it("answers an empty poll after its time, never inside poll()", () => {
    const { cluster, consumer, results } = bench();
    consumer.assign(T0);
    consumer.poll(50, (result) => results.push(result));
    cluster.world.run(49);
    expect(results).toEqual([]);
    cluster.world.run(1);
    expect(results).toEqual([{ kind: "records", records: [] }]);
    cluster.append("t", 0, batchOf("a"));
    cluster.world.run(600);
    consumer.poll(50, (result) => results.push(result));
    expect(results).toHaveLength(1);
  });

  it("hands out at most max.poll.records at a time, also from inside a batch", () => {
    const { cluster, consumer, results, loop, values } = bench({ "max.poll.records": 2 });
    cluster.append("t", 0, batchOf("a", "b", "c", "d", "e"));
    consumer.assign(T0);
    loop();
    cluster.world.run(300);
    const sizes = results.map((result) => (result.kind === "records" ? result.records.length : -1));
    expect(sizes.filter((size) => size > 0)).toEqual([2, 2, 1]);
    expect(values()).toEqual(["a", "b", "c", "d", "e"]);
    const offsets = cluster
      .requests(ApiKeys.FETCH)
      .flatMap((request) => request.body.topics.flatMap((topic) => topic.partitions));
    expect(offsets.map((asked) => asked.fetchOffset)).toEqual([0, 5]);
  });

  it("skips what lies before the position in the first batch", () => {
    const { cluster, consumer, loop, values } = bench();
    cluster.append("t", 0, batchOf("a", "b", "c"));
    consumer.assign(T0);
    consumer.seek("t", 0, 2);
    loop();
    cluster.world.run(200);
    expect(values()).toEqual(["c"]);
  });

  it("names in an incremental fetch only the partitions that changed", () => {
    const { cluster, consumer, loop, values } = bench({ "fetch.max.wait.ms": 50 }, { t: 8 });
    const all = Array.from({ length: 8 }, (_, partition) => ({ topic: "t", partition }));
    consumer.assign(all);
    loop();
    cluster.world.run(300);
    cluster.append("t", 2, batchOf("x"));
    cluster.world.run(300);
    expect(values()).toEqual(["x"]);
    const toLeader = cluster.seen.filter(
      ({ broker, request }) => broker === 1 && request.apiKey === ApiKeys.FETCH,
    );
    const named = toLeader.map(({ request }) => {
      const { sessionEpoch, topics } = request.body as FetchRequest;
      const asked = topics.flatMap((topic) => topic.partitions);
      return [sessionEpoch, asked.map((one) => [one.partition, one.fetchOffset])];
    });
    expect(named[0]).toEqual([0, [0, 2, 4, 6].map((partition) => [partition, 0])]);
    expect(named.slice(1).filter((one) => (one[1] as unknown[]).length > 0)).toEqual([
      [expect.any(Number), [[2, 1]]],
    ]);
    expect(named.map((one) => one[0])).toEqual(named.map((_, index) => index));
  });

  it("opens a new session when the broker does not know the old one", () => {
    const { cluster, consumer, loop, values } = bench({ "fetch.max.wait.ms": 50 });
    consumer.assign(T0);
    loop();
    cluster.world.run(200);
    let count = 0;
    cluster.intercept = (_, request) => {
      if (request.apiKey !== ApiKeys.FETCH || count++ > 0) return undefined;
      return { errorCode: Errors.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, responses: [] };
    };
    cluster.world.run(200);
    cluster.append("t", 0, batchOf("a"));
    cluster.world.run(200);
    expect(values()).toEqual(["a"]);
    const openings = cluster
      .requests(ApiKeys.FETCH)
      .filter((request) => request.body.sessionEpoch === 0);
    expect(openings.map((request) => request.body.sessionId)).toEqual([0, 0]);
  });

  it("throws away data that was asked for before a seek", () => {
    const { cluster, consumer, loop, values } = bench();
    cluster.append("t", 0, batchOf("a"));
    cluster.append("t", 0, batchOf("b"));
    consumer.assign(T0);
    loop();
    cluster.world.runUntil(() => cluster.requests(ApiKeys.FETCH).length > 0);
    consumer.seek("t", 0, 1);
    cluster.world.run(300);
    expect(values()).toEqual(["b"]);
  });

  it("reports a batch with a bad CRC, keeps the position, and reads on when it is good again", () => {
    const { cluster, consumer, loop, values, errors } = bench();
    const good = batchOf("a");
    const bytes = good.encoded.slice();
    bytes[bytes.length - 2] = (bytes[bytes.length - 2] as number) ^ 1;
    const batch = cluster.append("t", 0, new BatchBody(bytes, good));
    consumer.assign(T0);
    loop();
    cluster.world.run(100);
    expect(errors()).toContain("CORRUPT_MESSAGE");
    expect(values()).toEqual([]);
    expect(consumer.position("t", 0)).toBe(0);
    cluster.partition("t", 0).batches = [];
    expect(batch.baseOffset).toBe(0);
    cluster.append("t", 0, good);
    cluster.world.run(300);
    expect(values()).toEqual(["a"]);
  });
});

describe("positions", () => {
  it.each([
    ["earliest", 3, ["d", "e"]],
    ["latest", 5, []],
  ])("starts with auto.offset.reset=%s at %i", (policy, offset, expected) => {
    const { cluster, node, consumer, loop, values } = bench({ "auto.offset.reset": policy });
    cluster.partition("t", 0).startOffset = 3;
    cluster.append("t", 0, batchOf("d", "e"));
    consumer.assign(T0);
    loop();
    cluster.world.run(200);
    expect(values()).toEqual(expected);
    expect(node.factsOf("position-set")).toMatchObject([{ offset, why: "assigned", cause: 0 }]);
  });

  it("reports a missing position when the policy is none", () => {
    const { cluster, consumer, errors, results } = bench({ "auto.offset.reset": "none" });
    consumer.assign(T0);
    consumer.poll(100, (result) => results.push(result));
    cluster.world.run(1);
    expect(errors()).toEqual(["NO_OFFSET_FOR_PARTITION"]);
    expect(consumer.position("t", 0)).toBeNull();
  });

  it("seeks to the beginning and to the end", () => {
    const { cluster, consumer, loop, values } = bench({ "fetch.max.wait.ms": 50 });
    cluster.append("t", 0, batchOf("a", "b"));
    consumer.assign(T0);
    loop();
    cluster.world.run(100);
    consumer.seekToBeginning(T0);
    expect(consumer.position("t", 0)).toBeNull();
    cluster.world.run(200);
    expect(values()).toEqual(["a", "b", "a", "b"]);
    consumer.seek("t", 0, 0);
    consumer.seekToEnd(T0);
    cluster.world.run(200);
    expect(values()).toHaveLength(4);
    expect(consumer.position("t", 0)).toBe(2);
  });

  it("resets a position that is out of range by policy, or reports it without one", () => {
    const { cluster, node, consumer, loop, values } = bench();
    cluster.append("t", 0, batchOf("a"));
    consumer.assign(T0);
    consumer.seek("t", 0, 50);
    loop();
    cluster.world.run(300);
    expect(values()).toEqual(["a"]);
    expect(node.factsOf("position-set")[1]).toMatchObject({
      offset: 0,
      why: "reset-earliest",
      cause: Errors.OFFSET_OUT_OF_RANGE,
    });

    const strict = bench({ "auto.offset.reset": "none" });
    strict.consumer.assign(T0);
    strict.consumer.seek("t", 0, 50);
    strict.loop();
    strict.cluster.world.run(100);
    expect(strict.errors()[0]).toBe("OFFSET_OUT_OF_RANGE");
    expect(strict.consumer.position("t", 0)).toBe(50);
  });

  it("follows the leader without a reset, and without a look-up while it has no epoch", () => {
    const { cluster, consumer, loop, values, errors } = bench({ "fetch.max.wait.ms": 50 });
    consumer.assign(T0);
    loop();
    cluster.world.run(200);
    cluster.elect("t", 0, 2);
    cluster.append("t", 0, batchOf("a"));
    cluster.world.run(500);
    expect(values()).toEqual(["a"]);
    expect(errors()).toEqual([]);
    expect(cluster.requests(ApiKeys.OFFSET_FOR_LEADER_EPOCH)).toHaveLength(0);
  });

  it("validates a position with an epoch before it fetches from a new leader", () => {
    const { cluster, node, consumer, loop, values } = bench({ "fetch.max.wait.ms": 50 });
    cluster.append("t", 0, batchOf("a", "b"));
    consumer.assign(T0);
    loop();
    cluster.world.run(200);
    cluster.elect("t", 0, 2);
    cluster.append("t", 0, batchOf("c"));
    cluster.world.run(500);
    expect(values()).toEqual(["a", "b", "c"]);
    const asked = cluster.requests(ApiKeys.OFFSET_FOR_LEADER_EPOCH);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.body.topics[0]?.partitions[0]).toEqual({
      partition: 0,
      currentLeaderEpoch: 1,
      leaderEpoch: 0,
    });
    expect(node.factsOf("position-set")).toHaveLength(1);
  });

  it("goes back to the end of the common epoch when the log was truncated below it", () => {
    const { cluster, node, consumer, loop, values } = bench({ "fetch.max.wait.ms": 50 });
    cluster.append("t", 0, batchOf("a"));
    cluster.append("t", 0, batchOf("b"));
    consumer.assign(T0);
    loop();
    cluster.world.run(200);
    cluster.partition("t", 0).batches.pop();
    cluster.elect("t", 0, 2);
    cluster.append("t", 0, batchOf("B"));
    cluster.append("t", 0, batchOf("C"));
    cluster.world.run(500);
    expect(values()).toEqual(["a", "b", "B", "C"]);
    expect(node.factsOf("position-set")[1]).toMatchObject({ offset: 1, why: "truncation" });
  });

  it("lets a known bug skip that check, and then misses a record", () => {
    class NeverValidates extends ConsumerRules {
      override needsValidation(): boolean {
        return false;
      }
    }
    const rules = makeRules({ consumer: NeverValidates });
    const { cluster, consumer, loop, values } = bench({ "fetch.max.wait.ms": 50 }, { t: 1 }, rules);
    cluster.append("t", 0, batchOf("a"));
    cluster.append("t", 0, batchOf("b"));
    consumer.assign(T0);
    loop();
    cluster.world.run(200);
    cluster.partition("t", 0).batches.pop();
    cluster.elect("t", 0, 2);
    cluster.append("t", 0, batchOf("B"));
    cluster.append("t", 0, batchOf("C"));
    cluster.world.run(500);
    expect(values()).toEqual(["a", "b", "C"]);
  });

  it("resets when no epoch is common, and reports a truncation without a policy", () => {
    for (const policy of ["earliest", "none"]) {
      const { cluster, node, consumer, loop, errors } = bench({
        "auto.offset.reset": policy,
        "fetch.max.wait.ms": 50,
      });
      cluster.append("t", 0, batchOf("a"));
      consumer.assign(T0);
      consumer.seek("t", 0, 0);
      loop();
      cluster.world.run(100);
      cluster.partition("t", 0).batches = [];
      cluster.elect("t", 0, 2);
      cluster.append("t", 0, batchOf("Z"));
      cluster.world.run(500);
      if (policy === "none") expect(errors()[0]).toBe("LOG_TRUNCATION");
      else {
        expect(node.factsOf("position-set")[1]).toMatchObject({ why: "reset-earliest", cause: -2 });
      }
    }
  });

  it("survives the loss of its leader", () => {
    const { cluster, consumer, loop, values } = bench({ "fetch.max.wait.ms": 50 });
    cluster.append("t", 0, batchOf("a"));
    consumer.assign(T0);
    loop();
    cluster.world.run(200);
    cluster.world.node("b1").kill();
    cluster.world.run(300);
    cluster.elect("t", 0, 2);
    cluster.append("t", 0, batchOf("b"));
    cluster.world.run(2000);
    expect(values()).toEqual(["a", "b"]);
  });

  it("refreshes metadata when a look-up fails, whatever the error was", () => {
    const { cluster, consumer, loop } = bench();
    consumer.assign(T0);
    loop();
    cluster.world.run(500);
    let asked = 0;
    cluster.intercept = (_, request) => {
      if (request.apiKey !== ApiKeys.LIST_OFFSETS || asked++ > 0) return undefined;
      const partition = {
        partitionIndex: 0,
        errorCode: Errors.UNKNOWN_LEADER_EPOCH,
        timestamp: -1,
        offset: -1,
        leaderEpoch: -1,
      };
      return { topics: [{ name: "t", partitions: [partition] }] };
    };
    const before = cluster.requests(ApiKeys.METADATA).length;
    consumer.seekToEnd(T0);
    cluster.world.run(700);
    expect(asked).toBe(2);
    expect(cluster.requests(ApiKeys.METADATA).length).toBe(before + 1);
  });

  it("backs off from a partition whose fetches fail", () => {
    const { cluster, consumer, loop } = bench({ "fetch.max.wait.ms": 50, "retry.backoff.ms": 100 });
    consumer.assign(T0);
    loop();
    cluster.world.run(100);
    const before = cluster.requests(ApiKeys.FETCH).length;
    cluster.intercept = (_, request) => {
      if (request.apiKey !== ApiKeys.FETCH) return undefined;
      const records: FetchResponse["responses"][0]["partitions"][0]["records"] = [];
      const error = {
        partitionIndex: 0,
        errorCode: Errors.UNKNOWN_LEADER_EPOCH,
        highWatermark: -1,
        lastStableOffset: -1,
        logStartOffset: -1,
        divergingEpoch: null,
        currentLeader: null,
        snapshotId: null,
        records,
      };
      const responses = [{ topicId: "id-of-t", partitions: [error] }];
      return { errorCode: 0, sessionId: sessionIdOf(request.body), responses };
    };
    cluster.world.run(2000);
    const attempts = cluster.requests(ApiKeys.FETCH).length - before;
    expect(attempts).toBeGreaterThan(3);
    expect(attempts).toBeLessThan(15);
  });
});
