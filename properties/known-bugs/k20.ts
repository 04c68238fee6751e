import { RaftRules } from "../../core/raft/raft-rules.ts";
import type { Offset } from "../../core/ids.ts";
import type { KnownBug } from "./known-bug.ts";
import { quorumStory } from "./quorum-schedule.ts";
import { SECOND, sends } from "./schedule.ts";

class WrongRaftRules extends RaftRules {
  override needsSnapshot(
    fetchOffset: Offset,
    _lastFetchedEpoch: number,
    logStartOffset: Offset,
  ): boolean {
    return fetchOffset < logStartOffset;
  }
}

/**
 * A leader that has dropped its log up to a snapshot looks only at the offset of a fetch, and serves
 * a voter whose log differs before that. c100, cut off, writes records of epoch 1 that nobody else
 * gets, and is killed; c102 leads in epoch 2 and deletes, for snapshots, what it has at the same
 * offsets. c100 comes back, cuts its log to where that of c102 begins now, and goes on from there;
 * so do the brokers, which had those records of epoch 1 too.
 */
export const K20: KnownBug = {
  id: "K20",
  name: "raft-snapshot-epoch-check-skipped",
  origin: "KIP-630; RaftLog.java",
  rules: { raft: WrongRaftRules },
  needs: [],
  violates: ["C3"],
  visible: [],
  easy: false,
  schedule: quorumStory("K20", {
    replicas: ["b1", "b2", "b3"],
    nodeSettings: { c100: { "metadata.max.idle.interval.ms": 50 } },
    settings: {
      "metadata.log.max.record.bytes.between.snapshots": 1,
      "metadata.max.retention.bytes": 0,
      "metadata.log.segment.bytes": 100,
    },
    workload: sends("m", 4 * SECOND, 5),
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["c100", "c101"], both: true },
        at: 5 * SECOND,
        for: 2 * SECOND,
      },
      {
        id: "f2",
        kind: "block",
        target: { link: ["c100", "c102"], both: true },
        at: 5 * SECOND,
        for: 2 * SECOND,
      },
      {
        id: "f3",
        kind: "kill",
        target: { node: "c100" },
        at: 6.4 * SECOND,
        for: 4 * SECOND,
      },
    ],
  }),
};
