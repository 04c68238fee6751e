import type { ErrorCode } from "../../core/errors.ts";
import { Errors } from "../../core/errors.ts";
import type { LeaderEpoch } from "../../core/ids.ts";
import type { Reader } from "../../core/replication/serving-rules.ts";
import { ServingRules } from "../../core/replication/serving-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, PARTITION, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongServingRules extends ServingRules {
  override leaderEpochError(
    requested: LeaderEpoch,
    current: LeaderEpoch,
    reader: Reader,
  ): ErrorCode {
    if (reader === "follower") return Errors.NONE;
    return super.leaderEpochError(requested, current, reader);
  }
}

/**
 * A leader takes fetches of followers that are in an older leader epoch. b1 has x; b2 gets it, and
 * the fetch that says so is held up. b3, without x, is elected, and b2 follows it and drops x. b3
 * dies and b1 leads again: now the old fetch arrives, b1 takes b2 for one that has x, acknowledges
 * it and dies.
 */
export const R03: KnownBug = {
  id: "R03",
  name: "fetch-without-leader-epoch-fencing",
  origin: "KIP-320, KAFKA-6880; as a first attempt, comparing the last record alone (R04)",
  rules: { serving: WrongServingRules },
  needs: [],
  violates: ["B9", "B2", "B1"],
  visible: ["unseen"],
  easy: true,
  schedule: schedule("R03", {
    replicas: ["b3", "b1", "b2"],
    readsAfterwards: true,
    clients: [producer("p1"), consumer("r1"), { id: "a1", kind: "admin", settings: {} }],
    workload: [
      ...sends("m", 4 * SECOND, 3),
      ...sends("n", 15 * SECOND, 2),
      ...sends("x", 18 * SECOND),
      {
        id: "election",
        at: 18.3 * SECOND,
        client: "a1",
        op: "elect-leaders",
        electionType: "preferred",
        topic: "story",
        partitions: [0],
      },
    ],
    faults: [
      // b1 leads from here on, until the election.
      { id: "f0", kind: "kill", target: { node: "b3" }, at: 5 * SECOND, for: 5 * SECOND },
      { id: "f1", kind: "block", target: { link: ["p1", "b3"], both: true }, at: 17 * SECOND },
      { id: "f2", kind: "block", target: { link: ["b1", "b3"], both: true }, at: 17.5 * SECOND },
      {
        id: "f3",
        kind: "delay",
        us: 4_500_000,
        target: { link: ["b2", "b1"] },
        when: {
          event: "appended",
          where: { node: "b2", partition: PARTITION, as: "follower", leaderEpoch: 1 },
          nth: 3,
          edge: "before",
        },
        for: 0.1 * SECOND,
      },
      // Nothing from b1 reaches b2 any more.
      { id: "f4", kind: "block", target: { link: ["b1", "b2"] }, at: 18.2 * SECOND },
      {
        id: "f5",
        kind: "kill",
        target: { node: "b3" },
        when: {
          event: "truncated",
          where: { node: "b2", partition: PARTITION },
          nth: 1,
          edge: "after",
        },
      },
      {
        id: "f6",
        kind: "kill",
        target: { node: "b1" },
        when: {
          event: "ack-sent",
          where: { node: "b1", partition: PARTITION, leaderEpoch: 3 },
          nth: 1,
          edge: "after",
        },
      },
    ],
    healAt: 40 * SECOND,
  }),
};
