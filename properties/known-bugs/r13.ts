import { AlterPartitionRules } from "../../core/controller/alter-partition-rules.ts";
import type { BrokerEpoch } from "../../core/ids.ts";
import { IsrRules } from "../../core/replication/isr-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongIsrRules extends IsrRules {
  override isEligible(
    _isFenced: boolean,
    _isShuttingDown: boolean,
    fetchedAs: BrokerEpoch | null,
    registeredAs: BrokerEpoch,
  ): boolean {
    return super.isEligible(false, false, fetchedAs, registeredAs);
  }
}

class WrongAlterPartitionRules extends AlterPartitionRules {
  override isLiveMember(): boolean {
    return true;
  }
}

/**
 * Neither the leader nor the controller minds that a follower is fenced or shutting down: either
 * check alone would do, so both are wrong. b3 stops, the controller drops it from the ISR and
 * fences it; b3 learns so late, goes on fetching, and is taken in again.
 */
export const R13: KnownBug = {
  id: "R13",
  name: "isr-join-fenced-replica",
  origin: "KIP-841, KAFKA-13916",
  rules: { isr: WrongIsrRules, alterPartition: WrongAlterPartitionRules },
  needs: [],
  violates: ["B10"],
  visible: [],
  easy: true,
  schedule: schedule("R13", {
    replicas: ["b1", "b2", "b3"],
    workload: sends("m", 4 * SECOND, 20, "p1", 200_000),
    faults: [
      {
        id: "f1",
        kind: "delay",
        us: 1_000_000,
        target: { link: ["c100", "b3"] },
        at: 5 * SECOND,
        for: 4 * SECOND,
      },
      { id: "f2", kind: "stop", target: { node: "b3" }, at: 5.1 * SECOND },
    ],
  }),
};
