import type { NodeId, Uuid } from "../../core/ids.ts";
import { RaftRules } from "../../core/raft/raft-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { quorumStory } from "./quorum-schedule.ts";
import { SECOND, sends } from "./schedule.ts";

class WrongRaftRules extends RaftRules {
  override isSameVoter(id: NodeId, _directoryId: Uuid, voterId: NodeId): boolean {
    return id === voterId;
  }
}

/**
 * A voter is known by its id alone, whatever disk it has. c101 leads and is killed for a moment,
 * while c100 and c102 cannot see each other. It votes for c100 in epoch 2 and gets an empty disk,
 * on which nobody has voted yet; then it votes for c102 in epoch 2.
 */
export const K17: KnownBug = {
  id: "K17",
  name: "raft-ignore-directory-id",
  origin: "KIP-853",
  rules: { raft: WrongRaftRules },
  needs: [],
  violates: ["C1"],
  visible: [],
  easy: false,
  schedule: quorumStory("K17", {
    replicas: ["b1", "b2", "b3"],
    nodeSettings: {
      c100: { "controller.quorum.election.timeout.ms": 400 },
      c101: { "controller.quorum.election.timeout.ms": 100 },
    },
    workload: sends("m", 4 * SECOND, 5),
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["c100", "c102"], both: true },
        at: 5 * SECOND,
        for: 8 * SECOND,
      },
      { id: "f2", kind: "kill", target: { node: "c101" }, at: 5 * SECOND, for: 0.6 * SECOND },
      {
        id: "f3",
        kind: "restart",
        target: { node: "c101" },
        disk: "empty",
        when: {
          event: "vote-granted",
          where: { node: "c101", candidate: 100, preVote: false, epoch: 2 },
        },
        for: 0.2 * SECOND,
      },
      {
        id: "f4",
        kind: "block",
        target: { link: ["c100", "c101"], both: true },
        when: { event: "raft-state", where: { node: "c100", state: "leader", epoch: 2 } },
        for: 6 * SECOND,
      },
    ],
  }),
};
