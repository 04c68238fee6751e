/** What a wrong rule does: each decision stands alone, and nothing else makes up for it. */
import { describe, expect, it } from "vitest";
import { Errors } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";
import { utf8Encode } from "../../record/utf8.ts";
import { makeRules } from "../../rules.ts";
import type { HarnessOptions } from "../testkit/group-harness.ts";
import { GROUP, GroupHarness } from "../testkit/group-harness.ts";
import { GroupRules } from "./group-rules.ts";

function infected(
  rules: typeof GroupRules,
  settings: NonNullable<HarnessOptions["settings"]> = {},
): GroupHarness {
  return new GroupHarness({ rules: makeRules({ group: rules }), settings });
}

const MINUTE_MS = 60000;
const quickExpiry = {
  "offsets.retention.minutes": 2,
  "offsets.retention.check.interval.ms": MINUTE_MS / 2,
};

describe("a coordinator that", () => {
  it("takes commits of any generation lets who was thrown out overwrite its successor's (G01)", () => {
    const group = infected(
      class extends GroupRules {
        override commitError(): ErrorCode {
          return Errors.NONE;
        }
      },
    );
    const [one = "", two = ""] = group.stable(2);
    group.commit(two, 1, 100);
    group.leave(one);
    group.pass(2);
    const zombie = group.commit(one, 0, 40);
    group.pass(2);

    expect(zombie.answer?.topics[0]?.partitions[0]?.errorCode).toBe(Errors.NONE);
    expect(group.offsets()).toEqual({ 0: 40 });
  });

  it("answers after its own append loses what it acknowledged (G02)", () => {
    const group = infected(
      class extends GroupRules {
        override mayReply(): boolean {
          return true;
        }
      },
    );
    const [one = ""] = group.stable(1);
    group.commits = false;
    expect(group.commit(one, 1, 7).answer?.topics[0]?.partitions[0]?.errorCode).toBe(Errors.NONE);
    group.failOver(false);

    expect(group.offsets()).toEqual({});
  });

  it("expires offsets of a live group makes its members start over (G07)", () => {
    const group = infected(
      class extends GroupRules {
        override retentionStart(...given: Parameters<GroupRules["retentionStart"]>): number {
          return given[5];
        }
      },
      quickExpiry,
    );
    const [one = ""] = group.stable(1, { sessionTimeoutMs: 1000000 });
    group.commit(one, 1, 7);
    group.pass(3 * MINUTE_MS);

    expect(group.state).toBe("Stable");
    expect(group.offsets()).toEqual({});
  });

  it("believes the subscriptions of a group that rebalances expires what is needed (G08)", () => {
    const settings = { ...quickExpiry, "group.initial.rebalance.delay.ms": 50000 };
    const group = infected(
      class extends GroupRules {
        override retentionStart(...given: Parameters<GroupRules["retentionStart"]>): number | null {
          const [state, isSimple, knows, isSubscribed, sinceMs, committedMs] = given;
          const taken = state === "PreparingRebalance" ? "Stable" : state;
          return super.retentionStart(taken, isSimple, knows, isSubscribed, sinceMs, committedMs);
        }
      },
      settings,
    );
    const timeouts = { sessionTimeoutMs: 1000000 };
    const [one = ""] = group.stable(1, timeouts);
    group.commit(one, 1, 7);
    group.pass(3 * MINUTE_MS);
    group.leave(one);
    group.pass(1000);
    group.join(group.newId(timeouts), timeouts);
    group.pass(40000);

    expect(group.state).toBe("PreparingRebalance");
    expect(group.offsets()).toEqual({});
  });

  it("does not write the new id of a static member fences it at the next coordinator (G13)", () => {
    const group = infected(
      class extends GroupRules {
        override persistsReplacement(): boolean {
          return false;
        }
      },
    );
    const instance = { groupInstanceId: "s" };
    const first = group.join("", instance);
    group.pass(3010);
    group.sync(first.answer?.memberId ?? "", 1, {}, instance);
    group.pass(2);
    const again = group.join("", instance);
    expect(again.answer).toMatchObject({ errorCode: 0, generationId: 1 });
    group.failOver();

    const id = again.answer?.memberId ?? "";
    expect(group.heartbeat(id, 1, "s").answer?.errorCode).toBe(Errors.FENCED_INSTANCE_ID);
  });

  it("takes an instance for its present member lets a zombie commit (G15)", () => {
    const group = infected(
      class extends GroupRules {
        override instanceError(): ErrorCode {
          return Errors.NONE;
        }
      },
    );
    const instance = { groupInstanceId: "s" };
    const first = group.join("", instance);
    group.pass(3010);
    const zombie = first.answer?.memberId ?? "";
    group.sync(zombie, 1, {}, instance);
    group.pass(2);
    group.join("", instance);
    group.pass(2);
    const commit = group.commit(zombie, 1, 40, instance);
    group.pass(2);

    expect(commit.answer?.topics[0]?.partitions[0]?.errorCode).toBe(Errors.NONE);
  });

  it("applies the assignment of a generation that is over gives it to the next one (G16)", () => {
    const group = infected(
      class extends GroupRules {
        override appliesAssignment(state: string): boolean {
          return state === "CompletingRebalance";
        }
      },
    );
    const [one = "", two = ""] = group.stable(2);
    group.join(one);
    group.join(two);
    group.commits = false;
    group.sync(one, 2, { [one]: "old", [two]: "old" });
    group.leave(two);
    expect(group.join(one).answer?.generationId).toBe(3);
    const sync = group.sync(one, 3, { [one]: "new" });
    group.partition.commit(group.partition.log.highWatermark + 1);

    expect(sync.answer?.assignment).toEqual(utf8Encode("old"));
  });

  it("keeps members that do not join makes a generation of ghosts (G17)", () => {
    const group = infected(
      class extends GroupRules {
        override keepsMember(): boolean {
          return true;
        }
      },
    );
    const timeouts = { sessionTimeoutMs: 1000000, rebalanceTimeoutMs: 10000 };
    const [one = "", two = ""] = group.stable(2, timeouts);
    const rejoin = group.join(one, timeouts);
    group.pass(10001);

    expect(rejoin.answer?.members.map(({ memberId }) => memberId)).toContain(two);
    expect(group.shard.state.groups.get(GROUP)?.members.size).toBe(2);
  });
});
