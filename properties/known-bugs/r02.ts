import type { LeaderEpoch } from "../../core/ids.ts";
import { EpochRules } from "../../core/log/epoch-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, PARTITION, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongEpochRules extends EpochRules {
  override answeredEpoch(requested: LeaderEpoch): LeaderEpoch {
    return requested;
  }
}

/**
 * Whoever is asked where an epoch ended tells the start of the next one that it knows, and not
 * whether it knows the epoch at all. All replicas are cut off from each other; b1 has x, b2 is
 * elected and has y in the same place, and dies; b1 leads again and goes on behind x. b2 asks about
 * its own epoch, hears where b1's last one began, and keeps y. Then b1 and b3 die.
 */
export const R02: KnownBug = {
  id: "R02",
  name: "truncation-by-offset-only",
  origin: "KAFKA-6361, fixed by KIP-279",
  rules: { epochs: WrongEpochRules },
  needs: [],
  violates: ["B6", "B2", "B1"],
  visible: ["lost-write", "inconsistent-offsets"],
  easy: false,
  schedule: schedule("R02", {
    replicas: ["b2", "b1", "b3"],
    readsAfterwards: true,
    clients: [
      producer("p1"),
      producer("p2"),
      consumer("r1"),
      { id: "a1", kind: "admin", settings: {} },
    ],
    workload: [
      ...sends("m", 4 * SECOND, 3),
      ...sends("n", 15 * SECOND, 2),
      ...sends("x", 18.1 * SECOND),
      {
        id: "election",
        at: 18.4 * SECOND,
        client: "a1",
        op: "elect-leaders",
        electionType: "preferred",
        topic: "story",
        partitions: [0],
      },
      ...sends("y", 18.6 * SECOND, 1, "p2"),
      ...sends("z", 24 * SECOND, 3),
    ],
    faults: [
      // b1 leads from here on, until the election.
      { id: "f0", kind: "kill", target: { node: "b2" }, at: 5 * SECOND, for: 5 * SECOND },
      { id: "f1", kind: "block", target: { link: ["p1", "b2"], both: true }, at: 17 * SECOND },
      ...(
        [
          ["b1", "b2"],
          ["b1", "b3"],
          ["b2", "b3"],
        ] as const
      ).map(
        (link, index) =>
          ({
            id: `f${index + 2}`,
            kind: "block",
            target: { link, both: true },
            at: 18 * SECOND,
            for: 4 * SECOND,
          }) as const,
      ),
      {
        id: "f5",
        kind: "kill",
        target: { node: "b2" },
        when: {
          event: "appended",
          where: { node: "b2", partition: PARTITION, as: "leader", leaderEpoch: 2 },
          nth: 1,
          edge: "after",
        },
        for: 8 * SECOND,
      },
      { id: "f6", kind: "kill", target: { node: "b1" }, at: 31 * SECOND },
      { id: "f7", kind: "kill", target: { node: "b3" }, at: 31 * SECOND },
    ],
    healAt: 40 * SECOND,
  }),
};
