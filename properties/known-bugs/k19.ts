import { RaftRules } from "../../core/raft/raft-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { quorumStory } from "./quorum-schedule.ts";
import { SECOND, sends } from "./schedule.ts";

class WrongRaftRules extends RaftRules {
  override mustSyncSnapshot(): boolean {
    return false;
  }
}

/**
 * The prefix of the log goes for a snapshot that is not synced. c102 loses power, has neither, and
 * cannot start again.
 */
export const K19: KnownBug = {
  id: "K19",
  name: "raft-log-trim-before-snapshot-durable",
  origin: "KIP-630",
  rules: { raft: WrongRaftRules },
  needs: [],
  violates: ["A8"],
  visible: [],
  easy: false,
  schedule: quorumStory("K19", {
    replicas: ["b1", "b2", "b3"],
    settings: {
      "metadata.log.max.record.bytes.between.snapshots": 500,
      "metadata.max.retention.bytes": 300,
      "metadata.log.segment.bytes": 600,
    },
    workload: sends("m", 4 * SECOND, 5),
    faults: [
      {
        id: "f1",
        kind: "power-loss",
        target: { node: "c102" },
        keep: 0,
        when: { event: "log-prefix-deleted", where: { node: "c102" }, nth: 2 },
        for: 3 * SECOND,
      },
    ],
  }),
};
