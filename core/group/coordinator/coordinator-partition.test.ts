/** A coordinator comes with a leadership and goes with it. */
import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import { encodeBatch } from "../../record/encode.ts";
import { utf8Encode } from "../../record/utf8.ts";
import { makeRules } from "../../rules.ts";
import { resolveBrokerSettings } from "../../settings/broker-settings.ts";
import type { ManualNode } from "../../testkit/manual-ports.ts";
import { ManualWorld } from "../../testkit/manual-ports.ts";
import { ManualPartition } from "../testkit/manual-partition.ts";
import { CoordinatorLoader } from "./coordinator-loader.ts";
import { CoordinatorPartition } from "./coordinator-partition.ts";
import { GroupRules } from "./group-rules.ts";
import type { GroupShard } from "./group-shard.ts";

class Fixture {
  readonly world: ManualWorld = new ManualWorld();
  readonly node: ManualNode = this.world.node("b1");
  readonly partition: ManualPartition = new ManualPartition();
  readonly coordinator: CoordinatorPartition;

  constructor(rules: GroupRules = new GroupRules()) {
    const { ports } = this.node;
    const loader = new CoordinatorLoader({
      ports,
      chunkBytes: 1,
      onStorageError: () => undefined,
    });
    this.coordinator = new CoordinatorPartition(
      {
        ports,
        rules,
        settings: resolveBrokerSettings({}),
        replicas: { localPartition: () => this.partition },
        loader,
      },
      0,
    );
  }

  /** Lets all that is queued at this moment happen, and what that causes. */
  settle(): void {
    this.world.run(0);
  }

  elect(epoch: number): void {
    this.partition.leaderEpoch = epoch;
    this.coordinator.elected(epoch);
  }

  /** Commits an offset; gives what became of it, undefined while it waits. */
  commit(offset: number): { error?: ErrorCode | null } {
    const outcome: { error?: ErrorCode | null } = {};
    const key = { group: "g", topic: "t", partition: 0 };
    const value = {
      offset,
      leaderEpoch: 0,
      metadata: "",
      commitTimestamp: 1,
      expireTimestamp: -1,
    };
    this.coordinator.perform(
      (shard) =>
        shard.write(
          () => ({ records: [{ stored: { kind: "offset", ...key, value }, group: null }] }),
          (error) => (outcome.error = error),
        ),
      (error) => (outcome.error = error),
    );
    this.settle();
    return outcome;
  }

  /** What the coordinator reads as committed, or why it does not. */
  read(whileLoading?: ErrorCode): number | string | undefined {
    let result: number | string | undefined;
    this.coordinator.perform(
      (shard: GroupShard) => (result = shard.committedState.offsets.get("g", "t", 0)?.offset),
      (error) => (result = `error ${error}`),
      whileLoading,
    );
    this.settle();
    return result;
  }
}

/** With three commits in its log, all of them committed. */
function withCommits(rules?: GroupRules): Fixture {
  const fixture = new Fixture(rules);
  fixture.elect(1);
  fixture.settle();
  for (const offset of [5, 6, 7]) fixture.commit(offset);
  fixture.partition.commit();
  fixture.settle();
  return fixture;
}

describe("the coordinator of a partition", () => {
  it("is not there before it is elected", () => {
    expect(new Fixture().read()).toBe(`error ${Errors.NOT_COORDINATOR}`);
  });

  it("loads in several steps, and serves nobody meanwhile", () => {
    const fixture = withCommits();
    fixture.coordinator.resigned(2);
    fixture.settle();
    expect(fixture.read()).toBe(`error ${Errors.NOT_COORDINATOR}`);
    fixture.partition.lead(3, true);
    fixture.elect(3);
    const reads: (number | string | undefined)[] = [];
    const ask = (): void =>
      fixture.coordinator.perform(
        (shard) => reads.push(shard.committedState.offsets.get("g", "t", 0)?.offset ?? "none"),
        (error) => reads.push(error),
      );
    for (let at = 0; at < 10; at++) fixture.world.later(fixture.node, 0, ask);
    fixture.settle();
    ask();
    fixture.settle();

    expect(reads[0]).toBe(Errors.COORDINATOR_LOAD_IN_PROGRESS);
    expect(reads.at(-1)).toBe(7);
    expect(fixture.node.factsOf("coordinator-loaded").at(-1)).toMatchObject({
      leaderEpoch: 3,
      endOffset: 3,
      groups: ["g"],
    });
  });

  it("would give out what is not all, if it served while it loads (G05)", () => {
    const fixture = withCommits();
    fixture.coordinator.resigned(2);
    fixture.settle();
    fixture.partition.lead(3, true);
    fixture.elect(3);
    const seen = new Set<number | undefined>();
    const ask = (): void =>
      fixture.coordinator.perform(
        (shard) => seen.add(shard.committedState.offsets.get("g", "t", 0)?.offset),
        () => undefined,
        Errors.NONE,
      );
    for (let at = 0; at < 20; at++) fixture.world.later(fixture.node, 0, ask);
    fixture.settle();
    ask();
    fixture.settle();
    expect([...seen]).toEqual([5, 7]);
  });

  it("goes with the leadership: what waits fails, an old resignation does nothing", () => {
    const fixture = withCommits();
    const waiting = fixture.commit(8);
    fixture.coordinator.resigned(1);
    fixture.settle();
    expect(waiting.error).toBeUndefined();
    fixture.partition.isLeader = false;
    fixture.coordinator.resigned(2);
    fixture.settle();

    expect(waiting.error).toBe(Errors.NOT_COORDINATOR);
    expect(fixture.read()).toBe(`error ${Errors.NOT_COORDINATOR}`);
    expect(fixture.node.factsOf("coordinator-unloaded")).toMatchObject([{ leaderEpoch: 1 }]);
  });

  it("goes on in a new epoch when nobody else led between", () => {
    const fixture = withCommits();
    const waiting = fixture.commit(8);
    fixture.elect(2);
    fixture.settle();
    expect(waiting.error).toBeUndefined();
    expect(fixture.commit(9).error).toBeUndefined();
    fixture.partition.commit();
    fixture.settle();

    expect(waiting.error).toBeNull();
    expect(fixture.read()).toBe(9);
    expect(fixture.node.factsOf("coordinator-loaded")).toHaveLength(1);
  });

  it("loads anew when another broker may have led, also if it never heard of that", () => {
    const fixture = withCommits();
    const waiting = fixture.commit(8);
    // The other leader did not have it.
    fixture.partition.lead(3, false);
    fixture.elect(3);
    // Before the election is handled nothing can be written.
    fixture.settle();

    expect(waiting.error).toBe(Errors.NOT_COORDINATOR);
    expect(fixture.read()).toBe(7);
    expect(fixture.node.factsOf("coordinator-loaded")).toHaveLength(2);
  });

  it("is of no use when the leadership ends while it loads, until the next one", () => {
    const fixture = withCommits();
    fixture.coordinator.resigned(2);
    fixture.settle();
    fixture.elect(3);
    fixture.partition.isLeader = false;
    fixture.settle();
    expect(fixture.read()).toBe(`error ${Errors.NOT_COORDINATOR}`);
    fixture.partition.lead(4, true);
    fixture.elect(4);
    fixture.settle();

    expect(fixture.read()).toBe(7);
  });

  it("does not come up over a log that it cannot read", () => {
    const fixture = new Fixture();
    const { codecs } = fixture.node.ports;
    const record = { timestamp: 1, key: utf8Encode("\0\u0001x"), value: null, headers: [] };
    const body = encodeBatch([record], {
      compression: "none",
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      codecs,
    });
    fixture.partition.appendLocally(body);
    fixture.elect(1);
    fixture.settle();

    expect(fixture.read()).toBe(`error ${Errors.NOT_COORDINATOR}`);
  });

  it("does not take another leader's high watermark for its own (G03)", () => {
    const deposed = (rules: GroupRules): ErrorCode | null | undefined => {
      const fixture = withCommits(rules);
      const waiting = fixture.commit(8);
      // It follows; its record was cut and another one lies there; it does not know yet.
      fixture.partition.isLeader = false;
      fixture.coordinator.resigned(2);
      fixture.partition.commit();
      fixture.settle();
      return waiting.error;
    };
    class Gullible extends GroupRules {
      override takesHighWatermark(): boolean {
        return true;
      }
    }

    expect(deposed(makeRules().group)).toBe(Errors.NOT_COORDINATOR);
    expect(deposed(new Gullible())).toBeNull();
  });
});
