import type { Offset } from "../../core/ids.ts";
import { RaftRules } from "../../core/raft/raft-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { quorumStory } from "./quorum-schedule.ts";
import { SECOND, sends } from "./schedule.ts";

class WrongRaftRules extends RaftRules {
  override mayAdvance(candidate: Offset, highWatermark: Offset): boolean {
    return candidate > Math.max(0, highWatermark);
  }
}

/**
 * A leader commits what an earlier epoch wrote as soon as a majority has it. c100, cut off, writes
 * records of epoch 1 and dies; c102 is elected in epoch 2 and dies; c100 leads again, in epoch 3,
 * copies a record of epoch 1 to c101, calls it committed, and dies. c102 has the later last epoch,
 * is elected, and replaces the record. A fetch brings one batch at a time here, or the copy and the
 * first record of epoch 3 would come together.
 */
export const K01: KnownBug = {
  id: "K01",
  name: "raft-commit-old-epoch",
  origin: "Raft paper, figure 8; KIP-595",
  rules: { raft: WrongRaftRules },
  needs: [],
  violates: ["C5", "C4"],
  visible: [],
  easy: false,
  schedule: quorumStory("K01", {
    replicas: ["b1", "b2", "b3"],
    settings: { "controller.quorum.fetch.max.bytes": 1 },
    workload: sends("m", 4 * SECOND, 5),
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["c100", "c101"], both: true },
        at: 5 * SECOND,
        for: SECOND,
      },
      {
        id: "f2",
        kind: "block",
        target: { link: ["c100", "c102"], both: true },
        at: 5 * SECOND,
        for: SECOND,
      },
      { id: "f3", kind: "kill", target: { node: "c100" }, at: 5.9 * SECOND, for: 5 * SECOND },
      {
        id: "f4",
        kind: "kill",
        target: { node: "c102" },
        when: { event: "raft-state", where: { state: "leader", epoch: 2 } },
        for: 12 * SECOND,
      },
      {
        id: "f5",
        kind: "kill",
        target: { node: "c100" },
        when: {
          event: "high-watermark",
          where: { partition: "__cluster_metadata-0", as: "leader", leaderEpoch: 3 },
          nth: 2,
        },
      },
    ],
  }),
};
