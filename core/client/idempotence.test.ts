import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { ProduceRequest } from "../protocol/produce.ts";
import type { BatchBody } from "../record/batch.ts";
import { makeRules } from "../rules.ts";
import { bodiesOf, refuseAll } from "./fake-cluster.testkit.ts";
import {
  bench,
  logOf,
  loseAnswersTo,
  sequences,
  spoil,
  valuesIn,
} from "./producer-bench.testkit.ts";
import { ProducerRules } from "./producer-rules.ts";

describe("expiry and epochs", () => {
  it("gives up after delivery.timeout.ms, and says whether the record may be in the log", () => {
    const { cluster, results, send } = bench();
    cluster.intercept = (_, request) => (request.apiKey === ApiKeys.PRODUCE ? "silent" : undefined);
    send("a");
    cluster.world.run(1990);
    expect(results.size).toBe(0);
    cluster.world.run(20);
    const failed = { kind: "failed", error: "DELIVERY_TIMED_OUT" };
    expect(results.get("a")).toEqual({ ...failed, maybeAppended: true });

    const never = bench();
    never.cluster.partition("t", 0).leader = -1;
    never.send("b");
    never.cluster.world.run(2010);
    expect(never.results.get("b")).toEqual({ ...failed, maybeAppended: false });
  });

  it("never uses the sequence of an expired batch again: the next one has a new epoch", () => {
    const { cluster, node, results, send } = bench();
    loseAnswersTo(cluster, "x");
    send("x");
    cluster.world.run(2100);
    send("y");
    cluster.world.run(2000);
    expect(results.get("x")).toMatchObject({ kind: "failed", maybeAppended: true });
    expect(results.get("y")).toEqual({ kind: "acked", partition: 0, offset: 1 });
    expect(logOf(cluster)).toEqual(["x", "y"]);
    expect(node.factsOf("producer-epoch-bumped")).toMatchObject([
      { producerEpoch: 1, cause: "unresolved sequence" },
    ]);
  });

  it("lets a known bug free that sequence, and then loses a record", () => {
    class FreesSequence extends ProducerRules {
      override sequenceAfterExpiry(_next: number, base: number): number {
        return base;
      }
    }
    const rules = makeRules({ producer: FreesSequence });
    const { cluster, results, send } = bench({}, { t: 1 }, rules);
    loseAnswersTo(cluster, "x");
    send("x");
    cluster.world.run(2100);
    send("y");
    cluster.world.run(2000);
    expect(results.get("y")).toMatchObject({ kind: "acked", offset: 0 });
    expect(logOf(cluster)).toEqual(["x"]);
  });

  it("resolves an expired batch without a bump when later ones were acknowledged", () => {
    const { cluster, node, send, results } = bench({ "linger.ms": 0 });
    send("warm-up");
    cluster.world.run(100);
    let attempts = 0;
    cluster.intercept = (broker, request) => {
      if (request.apiKey !== ApiKeys.PRODUCE) return undefined;
      const body = request.body as ProduceRequest;
      if (valuesIn(bodiesOf(body)[0] as BatchBody)[0] !== "x") return undefined;
      if (attempts++ > 0) return "silent";
      cluster.produce(broker, body);
      return refuseAll(body, Errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    };
    send("x");
    cluster.world.run(0);
    send("y");
    cluster.world.run(3500);
    expect(results.get("x")).toMatchObject({ kind: "failed", maybeAppended: true });
    expect(results.get("y")).toMatchObject({ kind: "acked" });
    send("z");
    cluster.world.run(500);
    expect(results.get("z")).toMatchObject({ kind: "acked" });
    expect(logOf(cluster)).toEqual(["warm-up", "x", "y", "z"]);
    expect(node.factsOf("producer-epoch-bumped")).toEqual([]);
  });

  it("bumps the epoch when the broker misses a record, and rewrites what was not acknowledged", () => {
    const { cluster, node, results, send } = bench({ "linger.ms": 0 });
    send("a");
    cluster.world.run(100);
    spoil(cluster, { 0: Errors.OUT_OF_ORDER_SEQUENCE_NUMBER });
    send("b");
    cluster.world.run(500);
    expect(node.factsOf("producer-epoch-bumped")).toMatchObject([
      { producerEpoch: 1, cause: "OUT_OF_ORDER_SEQUENCE_NUMBER", partitions: ["t-0"] },
    ]);
    expect(sequences(cluster.produced())).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
    ]);
    expect(results.get("b")).toMatchObject({ kind: "acked", offset: 1 });
  });

  it("leaves other partitions' batches alone at a bump, and lets new ones wait for them", () => {
    const { cluster, results, send } = bench({ "linger.ms": 0 }, { t: 2 });
    send("a0", { partition: 0 });
    send("a1", { partition: 1 });
    cluster.world.run(100);
    cluster.intercept = (_, request) => {
      if (request.apiKey !== ApiKeys.PRODUCE) return undefined;
      const [body] = bodiesOf(request.body as ProduceRequest);
      const [value] = valuesIn(body as BatchBody);
      if (value === "c1" && body?.producerEpoch === 0) return "silent";
      if (value !== "b0" || body?.producerEpoch !== 0) return undefined;
      return refuseAll(request.body as ProduceRequest, Errors.OUT_OF_ORDER_SEQUENCE_NUMBER);
    };
    send("c1", { partition: 1 });
    cluster.world.run(2);
    send("b0", { partition: 0 });
    cluster.world.run(100);
    expect(results.get("b0")).toMatchObject({ kind: "acked" });
    send("d1", { partition: 1 });
    cluster.world.run(100);
    // Partition 1 still waits for c1 of epoch 0.
    expect(cluster.produced().some((body) => valuesIn(body)[0] === "d1")).toBe(false);
    cluster.intercept = () => undefined;
    cluster.world.run(1000);
    const ofOne = cluster.partition("t", 1).batches.map((batch) => batch.body);
    expect(ofOne.map((body) => valuesIn(body)[0])).toEqual(["a1", "c1", "d1"]);
    expect(sequences(ofOne)).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
    ]);
  });

  it("wraps sequences at 2^31 - 1", () => {
    const rules = new ProducerRules();
    expect(rules.nextSequence(0x7fffffff, 1)).toBe(0);
    expect(rules.nextSequence(0x7ffffffe, 5)).toBe(3);
    expect(rules.isNextSequence(0x7fffffff, 0)).toBe(true);
    expect(rules.retryPosition([0x7ffffff0, 5, -1], 2)).toBe(1);
    expect(rules.retryPosition([3, 9, -1, -1], 5)).toBe(1);
    expect(rules.retryPosition([-1, -1], 5)).toBe(0);
    expect(rules.retryPosition([3, 9], -1)).toBe(0);
  });
});
