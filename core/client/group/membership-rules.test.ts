import { describe, expect, it } from "vitest";
import { Errors } from "../../errors.ts";
import type { Offset } from "../../ids.ts";
import { makeRules } from "../../rules.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { ConsumerPartition } from "../consumer-partition.ts";
import { batchOf, groupBench } from "./member-bench.testkit.ts";
import { MembershipRules } from "./membership-rules.ts";
import type { Surrender } from "./membership-rules.ts";

describe("rules of members", () => {
  const rules = new MembershipRules();

  it("name their sources", () => {
    const methods = Object.getOwnPropertyNames(MembershipRules.prototype).filter(
      (name) => name !== "constructor",
    );
    expect(Object.keys(MembershipRules.sources).toSorted()).toEqual(methods.toSorted());
  });

  it("keep the member id only after ILLEGAL_GENERATION", () => {
    expect(rules.resetOn(Errors.ILLEGAL_GENERATION)).toBe("generation");
    expect(rules.resetOn(Errors.UNKNOWN_MEMBER_ID)).toBe("generation-and-member-id");
    expect(rules.resetOn(Errors.FENCED_INSTANCE_ID)).toBe("generation-and-member-id");
    expect(rules.resetOn(Errors.REBALANCE_IN_PROGRESS)).toBe("nothing");
  });

  it("surrender all that is owned in an eager rebalance, and in any when the place is lost", () => {
    expect(rules.surrender(false, false)).toBe("revoke-all");
    expect(rules.surrender(true, false)).toBe("revoke-unsubscribed");
    expect(rules.surrender(true, true)).toBe("lose-all");
    expect(rules.surrender(false, true)).toBe("lose-all");
  });
});

/** What becomes of records a, b, c of t-0 with one rule replaced. */
describe("a known bug of members replaces one rule", () => {
  it("G24: a fenced member keeps its partitions and returns more of them", () => {
    class KeepsAfterFence extends MembershipRules {
      override surrender(isCooperative: boolean, isLost: boolean): Surrender {
        return isLost ? "revoke-unsubscribed" : super.surrender(isCooperative, isLost);
      }
    }
    for (const [membership, expected] of [
      [MembershipRules, ["a"]],
      [KeepsAfterFence, ["a", "b"]],
    ] as const) {
      const { cluster, group, member } = groupBench({ t: 1 });
      const rules = makeRules({ membership });
      const one = member("c1", { "enable.auto.commit": false }, { rules }).subscribe("t").loop();
      cluster.append("t", 0, batchOf("a"));
      cluster.world.run(300);
      group.answer(ApiKeys.JOIN_GROUP, "silent");
      group.refuse(ApiKeys.HEARTBEAT, Errors.UNKNOWN_MEMBER_ID);
      cluster.world.run(200);
      cluster.append("t", 0, batchOf("b"));
      cluster.world.run(200);
      expect(one.values).toEqual(expected);
      expect(one.events.includes("lost t-0")).toBe(membership === MembershipRules);
    }
  });

  it("G25: commits what was fetched and not returned", () => {
    class CommitsFetched extends MembershipRules {
      override positionToCommit(_delivered: Offset, fetched: Offset): Offset {
        return fetched;
      }
    }
    for (const [membership, expected] of [
      [MembershipRules, 1],
      [CommitsFetched, 3],
    ] as const) {
      const { cluster, group, member } = groupBench({ t: 1 });
      cluster.append("t", 0, batchOf("a", "b", "c"));
      const one = member("c1", { "max.poll.records": 1 }, { rules: makeRules({ membership }) });
      one.subscribe("t").consumer.poll(1000, () => undefined);
      cluster.world.run(1100);
      one.consumer.poll(0, () => undefined);
      cluster.world.run(100);
      expect(group.offsets.get("t-0")?.offset).toBe(expected);
    }
  });

  it("G26: commits what the same poll returns", () => {
    class CommitsCurrent extends MembershipRules {
      override commitsBeforeRecords(): boolean {
        return false;
      }
    }
    for (const [membership, expected] of [
      [MembershipRules, 1],
      [CommitsCurrent, 2],
    ] as const) {
      const { cluster, group, member } = groupBench({ t: 1 });
      cluster.append("t", 0, batchOf("a", "b", "c"));
      const one = member("c1", { "max.poll.records": 1 }, { rules: makeRules({ membership }) });
      one.subscribe("t").consumer.poll(1000, () => undefined);
      cluster.world.run(1100);
      one.consumer.poll(0, () => undefined);
      cluster.world.run(100);
      expect(group.offsets.get("t-0")?.offset).toBe(expected);
    }
  });

  it("G27: gives partitions up without a commit", () => {
    class CommitsNotBefore extends MembershipRules {
      override commitsBeforeJoin(): boolean {
        return false;
      }
    }
    for (const [membership, expected] of [
      [MembershipRules, ["a", "b", "c"]],
      [CommitsNotBefore, ["a", "b", "c", "a", "b", "c"]],
    ] as const) {
      const { cluster, member } = groupBench({ t: 1 });
      cluster.append("t", 0, batchOf("a", "b", "c"));
      const late = { "auto.commit.interval.ms": 100000 };
      const one = member("c1", late, { rules: makeRules({ membership }) })
        .subscribe("t")
        .loop();
      cluster.world.run(300);
      one.consumer.enforceRebalance();
      cluster.world.run(500);
      expect(one.values).toEqual(expected);
    }
  });

  it("G29: goes on where it was before, whatever others have committed", () => {
    class KeepsPosition extends MembershipRules {
      override beginOwnership(partition: ConsumerPartition): void {
        if (!partition.hasPosition) partition.forget();
      }
    }
    for (const [membership, expected] of [
      [MembershipRules, ["a", "b", "c", "c"]],
      [KeepsPosition, ["a", "b", "c"]],
    ] as const) {
      const { cluster, group, member } = groupBench({ t: 1 });
      cluster.append("t", 0, batchOf("a", "b", "c"));
      const rules = makeRules({ membership });
      const one = member("c1", { "enable.auto.commit": false }, { rules }).subscribe("t").loop();
      cluster.world.run(300);
      group.offsets.set("t-0", { offset: 2, leaderEpoch: 0, metadata: null });
      one.consumer.enforceRebalance();
      cluster.world.run(500);
      expect(one.values).toEqual(expected);
    }
  });
});
