import { AlterPartitionRules } from "../../core/controller/alter-partition-rules.ts";
import type { ErrorCode } from "../../core/errors.ts";
import { Errors } from "../../core/errors.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import type { KnownBug } from "./known-bug.ts";
import { quorumStory } from "./quorum-schedule.ts";
import { SECOND, sends } from "./schedule.ts";

class WrongAlterPartitionRules extends AlterPartitionRules {
  override aheadError(
    givenLeaderEpoch: number,
    leaderEpoch: number,
    givenPartitionEpoch: number,
    partitionEpoch: number,
  ): ErrorCode {
    const isAhead = givenLeaderEpoch > leaderEpoch || givenPartitionEpoch > partitionEpoch;
    return isAhead ? Errors.FENCED_LEADER_EPOCH : Errors.NONE;
  }
}

/** Nobody hears c100 from 6 s on; it hears the leader of the partition again at 12 s. */
function cutOff(id: string, other: string): Fault {
  const seconds = other === "b1" ? 6 : 16;
  const target = { link: ["c100", other], both: true } as const;
  return { id, kind: "block", target, at: 6 * SECOND, for: seconds * SECOND };
}

/**
 * A controller that was deposed and does not know it calls a leader fenced that knows more than itself.
 * c100 is cut off, c102 is elected, and takes b3, which dies and comes back, out of the ISR. When b3 has
 * everything again b1 proposes it: to c100, which it found first and has had no reason to leave. "Fenced"
 * makes b1 wait for metadata that never comes (L6); NOT_CONTROLLER would have sent it to c102. c100 must have
 * nothing to commit, else its answer waits until it knows: it is patient, and writes no no-ops.
 */
export const K25: KnownBug = {
  id: "K25",
  name: "alterpartition-stale-controller-fences-leader",
  origin: "KAFKA-14154",
  rules: { alterPartition: WrongAlterPartitionRules },
  needs: [],
  violates: ["B9"],
  visible: [],
  easy: false,
  schedule: quorumStory("K25", {
    replicas: ["b1", "b2", "b3"],
    settings: { "broker.session.timeout.ms": 6000 },
    nodeSettings: {
      c100: {
        "controller.quorum.fetch.timeout.ms": 20_000,
        "broker.session.timeout.ms": 60_000,
        "metadata.max.idle.interval.ms": 0,
      },
    },
    workload: sends("m", 5 * SECOND, 2),
    faults: [
      ...["c101", "c102", "b1", "b2", "b3"].map((other, at) => cutOff(`f${at + 1}`, other)),
      { id: "f6", kind: "kill", target: { node: "b3" }, at: 9 * SECOND, for: 4 * SECOND },
    ],
    healAt: 22 * SECOND,
  }),
};
