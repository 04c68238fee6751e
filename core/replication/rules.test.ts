import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { IsrRules } from "./isr-rules.ts";
import { ReplicaRules } from "./replica-rules.ts";
import { ServingRules } from "./serving-rules.ts";

const isr = new IsrRules();
const replica = new ReplicaRules();
const serving = new ServingRules();

describe("rules of the ISR", () => {
  it("admit who has all below the high watermark and all from before the epoch", () => {
    expect(isr.mayJoin(10, 10, 10)).toBe(true);
    expect(isr.mayJoin(9, 10, 5)).toBe(false);
    expect(isr.mayJoin(5, 5, 10)).toBe(false);
  });

  it("admit only the live incarnation that the controller knows", () => {
    expect(isr.isEligible(false, false, 7, 7)).toBe(true);
    expect(isr.isEligible(false, false, -1, 7)).toBe(true);
    expect(isr.isEligible(false, false, 6, 7)).toBe(false);
    expect(isr.isEligible(false, false, null, 7)).toBe(false);
    expect(isr.isEligible(true, false, 7, 7)).toBe(false);
    expect(isr.isEligible(false, true, 7, 7)).toBe(false);
  });

  it("count a follower as caught up by what it has, not by how often it asks", () => {
    // At the leader's end: now. Behind it, but where the end was at the last fetch: as of then.
    expect(isr.lastCaughtUp(10, 10, 8, 500, 300, 100)).toBe(500);
    expect(isr.lastCaughtUp(8, 10, 8, 500, 300, 100)).toBe(300);
    expect(isr.lastCaughtUp(7, 10, 8, 500, 300, 100)).toBe(100);
    expect(isr.isCaughtUp(10, 10, 99999, -Infinity, 1000)).toBe(true);
    expect(isr.isCaughtUp(9, 10, 2000, 1000, 1000)).toBe(true);
    expect(isr.isCaughtUp(9, 10, 2001, 1000, 1000)).toBe(false);
  });

  it("let the high watermark reach the least end of all that count", () => {
    expect(isr.highWatermark([10, 7, 9])).toBe(7);
    expect(isr.highWatermark([10])).toBe(10);
    expect(isr.highWatermark([10, -1])).toBe(-1);
    expect(isr.mayAdvance(1, 2)).toBe(false);
    expect(isr.effectiveMinIsr(3, 2)).toBe(2);
  });

  it("give members of the ISR, and nobody else, the benefit of the doubt at an election", () => {
    expect(isr.caughtUpAtElection(true, 7)).toBe(7);
    expect(isr.caughtUpAtElection(false, 7)).toBe(-Infinity);
    expect(isr.followerEndAtElection(5, true)).toBe(5);
    expect(isr.followerEndAtElection(5, false)).toBe(-1);
  });

  it("keep the larger ISR until a proposal is answered", () => {
    expect(isr.maximalIsr([0, 1, 2], [0, 1])).toEqual([0, 1, 2]);
    expect(isr.maximalIsr([0, 1], [0, 1, 2])).toEqual([0, 1, 2]);
  });

  it("take an answer of this leadership that is not older than what is known", () => {
    expect(isr.acceptsAnswer(3, 7, 3, 8)).toBe(true);
    expect(isr.acceptsAnswer(3, 7, 3, 7)).toBe(true);
    expect(isr.acceptsAnswer(3, 7, 3, 6)).toBe(false);
    expect(isr.acceptsAnswer(3, 7, 2, 8)).toBe(false);
  });

  it("roll back, wait, or ask again after a refusal", () => {
    expect(isr.afterRefusal(Errors.INELIGIBLE_REPLICA)).toBe("roll-back");
    expect(isr.afterRefusal(Errors.INVALID_UPDATE_VERSION)).toBe("wait");
    expect(isr.afterRefusal(Errors.NOT_CONTROLLER)).toBe("retry");
    expect(isr.afterRefusal(Errors.UNKNOWN_SERVER_ERROR)).toBe("retry");
  });
});

describe("rules of followers", () => {
  it("cut a diverging log where both knew the same epoch, or below what they do not know", () => {
    // Leader: epoch 3 ends at 8. We end epoch 3 at 6, at 10; know no epoch at all; know only epoch 2.
    expect(replica.truncationOffset(3, 8, 3, 6, 12)).toBe(6);
    expect(replica.truncationOffset(3, 8, 3, 10, 12)).toBe(8);
    expect(replica.truncationOffset(3, 8, -1, -1, 12)).toBe(8);
    expect(replica.truncationOffset(3, 8, 2, 5, 12)).toBe(5);
    expect(replica.truncationOffset(3, 8, 3, 20, 7)).toBe(7);
  });

  it("look at the leader's range when out of it, leave when fenced, else try again", () => {
    expect(replica.afterFetchError(Errors.OFFSET_OUT_OF_RANGE)).toBe("out-of-range");
    expect(replica.afterFetchError(Errors.FENCED_LEADER_EPOCH)).toBe("fenced");
    expect(replica.afterFetchError(Errors.UNKNOWN_LEADER_EPOCH)).toBe("back-off");
    expect(replica.afterFetchError(Errors.CORRUPT_MESSAGE)).toBe("back-off");
    expect(replica.leavesFetcherWhenFenced(3, 3)).toBe(true);
    expect(replica.leavesFetcherWhenFenced(2, 3)).toBe(false);
    expect(replica.truncatesToLeaderEnd(4, 5)).toBe(true);
    expect(replica.truncatesToLeaderEnd(5, 5)).toBe(false);
    expect(replica.startsOver(6, 5)).toBe(true);
    expect(replica.startsOver(5, 5)).toBe(false);
  });

  it("try again after damage, and give up on what makes no sense", () => {
    expect(replica.afterAppendError(Errors.CORRUPT_MESSAGE)).toBe("back-off");
    expect(replica.afterAppendError(Errors.UNKNOWN_SERVER_ERROR)).toBe("failed");
    expect(replica.afterAppendError(Errors.RECORD_LIST_TOO_LARGE)).toBe("failed");
  });

  it("bound the high watermark by the follower's own log", () => {
    expect(replica.highWatermark(9, 0, 5)).toBe(5);
    expect(replica.highWatermark(3, 4, 5)).toBe(4);
    expect(replica.highWatermark(4, 0, 5)).toBe(4);
  });

  it("begin at the end of the log, or at the high watermark of one without epochs", () => {
    expect(replica.startOffset(9, 4, 2)).toBe(9);
    expect(replica.startOffset(9, 4, -1)).toBe(4);
  });

  it("take no registration older than what is known", () => {
    expect(replica.acceptsRegistration(4, 3)).toBe(false);
    expect(replica.acceptsRegistration(4, 4)).toBe(true);
  });
});

describe("rules of serving", () => {
  it("refuse older and newer leader epochs by different names, and let an absent one pass", () => {
    expect(serving.leaderEpochError(2, 3, "client")).toBe(Errors.FENCED_LEADER_EPOCH);
    expect(serving.leaderEpochError(4, 3, "client")).toBe(Errors.UNKNOWN_LEADER_EPOCH);
    expect(serving.leaderEpochError(3, 3, "follower")).toBe(Errors.NONE);
    expect(serving.leaderEpochError(-1, 3, "client")).toBe(Errors.NONE);
  });

  it("find a divergence when the epoch is unknown or ended earlier", () => {
    expect(serving.diverges(3, 8, 2, 5)).toBe(true);
    expect(serving.diverges(3, 8, 3, 7)).toBe(true);
    expect(serving.diverges(3, 8, 3, 8)).toBe(false);
  });

  it("hold back the latest offset until it covers what older leaders may have told", () => {
    expect(serving.latestIsKnown(9, 10)).toBe(false);
    expect(serving.latestIsKnown(10, 10)).toBe(true);
  });
});

describe("each rule", () => {
  it("names its source", () => {
    for (const rules of [IsrRules, ReplicaRules, ServingRules]) {
      const methods = Object.getOwnPropertyNames(rules.prototype).filter(
        (n) => n !== "constructor",
      );
      expect(Object.keys(rules.sources).toSorted()).toEqual(methods.toSorted());
    }
  });
});
