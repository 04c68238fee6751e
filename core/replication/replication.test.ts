import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { makeRules } from "../rules.ts";
import { IsrRules } from "./isr-rules.ts";
import { ReplicaRules } from "./replica-rules.ts";
import { ServingRules } from "./serving-rules.ts";
import { batchOf, producedTo, TestCluster } from "./testkit/test-cluster.ts";

const fast = { "replica.lag.time.max.ms": 3000, "replica.fetch.backoff.ms": 200 };
const minIsr2 = { "min.insync.replicas": 2 };

function ends(cluster: TestCluster, index: number = 0): number[] {
  return cluster.brokers.map((broker) => broker.log(index).endOffset);
}

function highWatermarks(cluster: TestCluster): number[] {
  return cluster.brokers.map((broker) => broker.log().highWatermark);
}

describe("replication", () => {
  it("acknowledges acks=all once every member of the ISR has the record, and not before", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    cluster.world.hold("b2", "b0");
    const result = cluster.produce(0, batchOf(cluster, 2));
    cluster.run(300);
    expect(ends(cluster)).toEqual([2, 2, 2]);
    expect(result.outcome).toBeNull();
    expect(cluster.broker(0).log().highWatermark).toBe(0);
    cluster.world.release("b2", "b0");
    cluster.run(20);
    expect(producedTo(result)).toMatchObject({ errorCode: Errors.NONE, baseOffset: 0 });
    expect(cluster.broker(0).node.factsOf("ack-sent")).toMatchObject([
      { acks: -1, baseOffset: 0, lastOffset: 1, highWatermark: 2, isrSize: 3, minIsr: 1 },
    ]);
    cluster.run(600);
    expect(highWatermarks(cluster)).toEqual([2, 2, 2]);
  });

  it("acknowledges acks=1 after the leader's append", () => {
    const cluster = new TestCluster();
    cluster.run(50);
    cluster.world.cut("b0", "b1");
    const result = cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.run(10);
    expect(producedTo(result).errorCode).toBe(Errors.NONE);
    expect(cluster.broker(0).log().highWatermark).toBe(0);
  });

  it("carries the same batches to every replica through many appends", () => {
    const cluster = new TestCluster({ partitions: 3 });
    cluster.run(50);
    for (let round = 0; round < 30; round++) {
      cluster.produce(0, batchOf(cluster, 1 + (round % 3)), { index: round % 3 });
      cluster.run(3);
    }
    cluster.run(700);
    for (let index = 0; index < 3; index++) {
      expect(new Set(ends(cluster, index)).size).toBe(1);
      const [leader, ...others] = cluster.brokers.map((broker) =>
        broker.log(index).read(0, 1000000, 1000, true),
      );
      for (const other of others) expect(other).toEqual(leader);
    }
    expect(cluster.proposals).toEqual([]);
  });

  it("shrinks the ISR to who keeps up, moves on only then, and takes the laggard back", () => {
    const cluster = new TestCluster({ broker: fast, topic: minIsr2 });
    cluster.run(50);
    cluster.world.cut("b0", "b2");
    const result = cluster.produce(0, batchOf(cluster));
    cluster.run(2500);
    expect(cluster.registration().isr).toEqual([0, 1, 2]);
    expect(result.outcome).toBeNull();
    cluster.run(2500);
    expect(cluster.registration().isr).toEqual([0, 1]);
    expect(producedTo(result).errorCode).toBe(Errors.NONE);
    cluster.world.mend("b0", "b2");
    cluster.run(1000);
    expect(cluster.registration().isr).toEqual([0, 1, 2]);
    expect(ends(cluster)).toEqual([1, 1, 1]);
    const facts = cluster.broker(0).node;
    expect(facts.factsOf("isr-proposed").map((fact) => fact.change)).toEqual(["shrink", "expand"]);
    expect(facts.factsOf("isr-committed")).toMatchObject([{ removed: [2] }, { added: [2] }]);
  });

  it("does not move the high watermark past a member that only a pending shrink would drop", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    cluster.isMute = true;
    cluster.world.cut("b0", "b2");
    cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.run(6000);
    expect(cluster.proposals.length).toBeGreaterThan(0);
    cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.run(500);
    expect(ends(cluster)).toEqual([2, 2, 0]);
    expect(cluster.broker(0).log().highWatermark).toBe(0);
  });

  it("refuses acks=all and freezes the high watermark under min ISR, and recovers", () => {
    const cluster = new TestCluster({ broker: fast, topic: minIsr2 });
    cluster.run(50);
    cluster.world.cut("b0", "b1");
    cluster.world.cut("b0", "b2");
    cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.run(5000);
    expect(cluster.registration().isr).toEqual([0]);
    const refused = cluster.produce(0, batchOf(cluster));
    const taken = cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.run(10);
    expect(producedTo(refused).errorCode).toBe(Errors.NOT_ENOUGH_REPLICAS);
    expect(producedTo(taken).errorCode).toBe(Errors.NONE);
    expect(cluster.broker(0).log().highWatermark).toBe(0);
    cluster.world.mend("b0", "b1");
    cluster.run(1000);
    expect(cluster.registration().isr).toEqual([0, 1]);
    expect(cluster.broker(0).log().highWatermark).toBe(2);
  });

  it("truncates a deposed leader's tail to where the epochs part", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    cluster.produce(0, batchOf(cluster, 3));
    cluster.run(600);
    cluster.world.cut("b0", "b1");
    cluster.world.cut("b0", "b2");
    const lost = cluster.produce(0, batchOf(cluster, 2));
    cluster.run(10);
    expect(ends(cluster)).toEqual([5, 3, 3]);
    cluster.isQuiet = true;
    cluster.change({ leader: 1, isr: [1, 2] });
    cluster.publish([1, 2]);
    cluster.run(50);
    cluster.produce(1, batchOf(cluster, 1));
    cluster.run(700);
    expect(ends(cluster)).toEqual([5, 4, 4]);
    cluster.world.mend("b0", "b1");
    cluster.isQuiet = false;
    cluster.publish();
    cluster.run(700);
    expect(producedTo(lost).errorCode).toBe(Errors.NOT_LEADER_OR_FOLLOWER);
    expect(ends(cluster)).toEqual([4, 4, 4]);
    expect(cluster.broker(0).node.factsOf("truncated")).toMatchObject([
      { why: "diverging", fromOffset: 5, toOffset: 3 },
    ]);
    expect(cluster.broker(0).log().epochEntries()).toEqual(cluster.broker(1).log().epochEntries());
    expect(cluster.registration().isr).toEqual([1, 2, 0]);
  });

  it("forgets where its followers' logs ended when it missed a leader epoch", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    cluster.produce(0, batchOf(cluster, 3));
    cluster.run(600);
    cluster.world.cut("b0", "b1");
    cluster.produce(0, batchOf(cluster, 1), { acks: 1 });
    cluster.run(20);
    expect(ends(cluster)).toEqual([4, 3, 4]);
    cluster.world.cut("b0", "b2");
    cluster.isQuiet = true;
    cluster.change({ leader: 1, isr: [1, 0, 2] });
    cluster.publish([1, 2]);
    cluster.run(700);
    expect(ends(cluster)).toEqual([4, 3, 3]);
    // It never hears of that epoch. b2 has cut what it had told of.
    cluster.isQuiet = false;
    cluster.change({ leader: 0, isr: [0, 2] });
    cluster.run(20);
    expect(cluster.broker(0).log().highWatermark).toBe(3);
    cluster.world.mend("b0", "b2");
    cluster.run(700);
    expect(cluster.broker(0).log().highWatermark).toBe(4);
    expect(ends(cluster)[2]).toBe(4);
  });

  it("admits nobody to the ISR who misses what came before the leader's epoch", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    cluster.world.cut("b0", "b2");
    cluster.world.cut("b1", "b2");
    cluster.produce(0, batchOf(cluster, 4), { acks: 1 });
    cluster.run(6000);
    expect(cluster.registration().isr).toEqual([0, 1]);
    // b1 has all records, but is told of no high watermark any more.
    cluster.world.cut("b0", "b1");
    cluster.broker(1).log().setHighWatermark(0);
    cluster.change({ leader: 1, isr: [1, 0] });
    expect(cluster.broker(1).log().highWatermark).toBe(0);
    cluster.world.hold("b1", "b2");
    cluster.world.mend("b1", "b2");
    cluster.run(50);
    expect(cluster.registration().isr).toEqual([1, 0]);
    cluster.world.release("b1", "b2");
    cluster.run(1500);
    expect(cluster.broker(2).log().endOffset).toBe(4);
    const proposals = cluster.broker(1).node.factsOf("isr-proposed");
    const fetched = cluster.broker(1).node.factsOf("follower-fetched");
    const expansion = proposals.find((fact) => fact.proposedIsr.includes(2));
    expect(expansion).toBeDefined();
    expect(fetched.some((fact) => fact.follower === 2 && fact.fetchOffset === 0)).toBe(true);
    expect(expansion?.highWatermark).toBeLessThan(4);
  });

  it("keeps members that have everything in the ISR while nothing happens for long", () => {
    const cluster = new TestCluster({ broker: fast, partitions: 5 });
    cluster.run(30000);
    cluster.produce(0, batchOf(cluster), { index: 3 });
    cluster.run(1);
    cluster.run(2000);
    expect(cluster.proposals).toEqual([]);
    expect(ends(cluster, 3)).toEqual([1, 1, 1]);
  });

  it("drops a member that died long ago soon after the next record", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(100);
    cluster.broker(2).node.kill();
    cluster.run(20000);
    expect(cluster.proposals).toEqual([]);
    cluster.produce(0, batchOf(cluster));
    cluster.run(1600);
    expect(cluster.registration().isr).toEqual([0, 1]);
  });

  it("follows a leader whose log was cut below its own end by an unclean election", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    cluster.world.cut("b0", "b2");
    cluster.world.cut("b1", "b2");
    cluster.produce(0, batchOf(cluster, 5), { acks: 1 });
    cluster.run(100);
    expect(ends(cluster)).toEqual([5, 5, 0]);
    cluster.change({ leader: 2, isr: [2] });
    cluster.world.mend("b0", "b2");
    cluster.world.mend("b1", "b2");
    cluster.run(1500);
    expect(ends(cluster)).toEqual([0, 0, 0]);
    expect(cluster.registration().isr.toSorted()).toEqual([0, 1, 2]);
  });

  it("retries a proposal that the controller did not answer, and gives up when metadata overtakes", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    cluster.world.cut("b0", "b2");
    cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.isMute = true;
    cluster.run(5000);
    expect(
      cluster.broker(0).manager.partition("topic-id-of-t", 0)?.leading?.pending,
    ).not.toBeNull();
    cluster.change({ isr: [0, 1] });
    const leading = cluster.broker(0).manager.partition("topic-id-of-t", 0)?.leading;
    expect(leading?.pending).toBeNull();
    expect(leading?.committedIsr).toEqual([0, 1]);
    expect(cluster.broker(0).log().highWatermark).toBe(1);
  });

  it("ends fetchers when it becomes a leader and starts them when it follows", () => {
    const cluster = new TestCluster();
    cluster.run(50);
    const leads = (): unknown => cluster.broker(0).manager.partition("topic-id-of-t", 0)?.isLeader;
    expect(leads()).toBe(true);
    cluster.change({ leader: 1 });
    cluster.run(50);
    expect(leads()).toBe(false);
    expect(cluster.broker(1).node.factsOf("fetcher-removed")).toMatchObject([
      { why: "became-leader" },
    ]);
    expect(cluster.broker(0).node.factsOf("fetcher-added")).toMatchObject([{ leader: 1 }]);
    cluster.change({ leader: -1 });
    expect(cluster.broker(0).node.factsOf("fetcher-removed")).toMatchObject([{ why: "no-leader" }]);
    expect(cluster.broker(1).node.factsOf("became-follower")).toHaveLength(2);
  });

  it("leaves the fetcher when it is fenced, until it hears of the new leader epoch", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    const { node } = cluster.broker(1);
    cluster.isQuiet = true;
    cluster.change({ leader: 0 });
    cluster.publish([0]);
    cluster.run(50);
    expect(node.factsOf("follower-error")).toMatchObject([{ error: Errors.FENCED_LEADER_EPOCH }]);
    expect(node.factsOf("fetcher-removed")).toMatchObject([{ why: "fenced" }]);
    cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.run(1000);
    expect(node.factsOf("follower-error")).toHaveLength(1);
    cluster.publish([1]);
    cluster.run(50);
    expect(ends(cluster)).toEqual([1, 1, 0]);
  });

  it("asks again and again while its leader has not heard of the leader epoch", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    const { node } = cluster.broker(1);
    cluster.isQuiet = true;
    cluster.change({ leader: 0 });
    cluster.publish([1]);
    cluster.run(1000);
    const errors = node.factsOf("follower-error").map(({ error }) => error);
    expect(new Set(errors)).toEqual(new Set([Errors.UNKNOWN_LEADER_EPOCH]));
    // One for each replica.fetch.backoff.ms.
    expect(errors.length).toBeGreaterThanOrEqual(3);
    expect(errors.length).toBeLessThanOrEqual(5);
    cluster.publish([0]);
    cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.run(300);
    expect(cluster.broker(1).log().endOffset).toBe(1);
  });

  it("starts over where its leader's log begins when that is beyond its own end", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    cluster.produce(0, batchOf(cluster, 2));
    cluster.run(50);
    cluster.broker(0).node.perform(() => cluster.broker(0).log().truncateFullyAndStartAt(100, 0));
    cluster.change({ leader: 0 });
    cluster.run(500);
    const { logStartOffset, endOffset, highWatermark } = cluster.broker(1).log();
    expect([logStartOffset, endOffset, highWatermark]).toEqual([100, 100, 100]);
  });

  it("stops fetching during a controlled shutdown once it is out of the ISR", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    const { node, manager } = cluster.broker(1);
    node.perform(() => manager.beginShutdown());
    cluster.change({ isr: [0, 1] });
    expect(node.factsOf("fetcher-removed")).toEqual([]);
    cluster.change({ isr: [0] });
    expect(node.factsOf("fetcher-removed")).toMatchObject([{ why: "stopped" }]);
  });

  it("gives a partition up whose log refuses what the leader sends, until a new leader epoch", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    const log = cluster.broker(1).log();
    log.configure({ ...cluster.topic, "segment.bytes": 61 });
    cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.run(50);
    expect(cluster.broker(1).node.factsOf("fetcher-removed")).toMatchObject([{ why: "failed" }]);
    log.configure(cluster.topic);
    cluster.run(2000);
    expect(log.endOffset).toBe(0);
    cluster.change({ leader: 0 });
    cluster.run(100);
    expect(ends(cluster)).toEqual([1, 1, 1]);
  });

  it("halts the broker when its disk is full", () => {
    const cluster = new TestCluster();
    cluster.run(50);
    cluster.broker(0).node.disk.failure = { under: "data/t-0", code: "ENOSPC" };
    const result = cluster.produce(0, batchOf(cluster));
    cluster.run(100);
    expect(cluster.broker(0).node.exitReason).toMatch(/ENOSPC/);
    expect(result.outcome).toEqual({ kind: "disconnected" });
  });

  it("comes back from a restart with its records and joins the ISR again", () => {
    const cluster = new TestCluster({ broker: fast });
    cluster.run(50);
    cluster.produce(0, batchOf(cluster, 3));
    cluster.run(100);
    cluster.broker(2).node.kill();
    cluster.change({ isr: [0, 1] });
    cluster.produce(0, batchOf(cluster, 2));
    cluster.run(100);
    cluster.restart(2, 50);
    cluster.run(1500);
    expect(ends(cluster)).toEqual([5, 5, 5]);
    expect(cluster.registration().isr).toEqual([0, 1, 2]);
  });
});

describe("replaced rules change what happens", () => {
  it("R09: a pending shrink already counts", () => {
    const isr = class extends IsrRules {
      override maximalIsr(
        _committed: readonly number[],
        proposed: readonly number[],
      ): readonly number[] {
        return proposed;
      }
    };
    const cluster = new TestCluster({ broker: fast, rules: makeRules({ isr }) });
    cluster.run(50);
    cluster.isMute = true;
    cluster.world.cut("b0", "b2");
    cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.run(6000);
    cluster.produce(0, batchOf(cluster), { acks: 1 });
    cluster.run(500);
    expect(cluster.broker(0).log().highWatermark).toBe(2);
  });

  it("R16: acks=all is answered after the append", () => {
    const serving = class extends ServingRules {
      override isReplicated(): boolean {
        return true;
      }
    };
    const cluster = new TestCluster({ rules: makeRules({ serving }) });
    cluster.run(50);
    cluster.world.cut("b0", "b1");
    const result = cluster.produce(0, batchOf(cluster));
    cluster.run(10);
    expect(producedTo(result).errorCode).toBe(Errors.NONE);
    expect(cluster.broker(0).log().highWatermark).toBe(0);
  });

  it("R01: a new epoch truncates to the high watermark", () => {
    const replica = class extends ReplicaRules {
      override startOffset(_end: number, highWatermark: number): number {
        return highWatermark;
      }
    };
    const cluster = new TestCluster({ rules: makeRules({ replica }) });
    cluster.run(50);
    cluster.produce(0, batchOf(cluster, 2));
    cluster.run(20);
    expect(ends(cluster)).toEqual([2, 2, 2]);
    cluster.isQuiet = true;
    cluster.change({ leader: 1 });
    cluster.publish([2]);
    expect(ends(cluster)).toEqual([2, 2, 0]);
    expect(cluster.broker(2).node.factsOf("truncated")).toMatchObject([{ why: "rule" }]);
  });
});
