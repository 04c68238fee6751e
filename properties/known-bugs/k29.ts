import type { PartitionEpoch } from "../../core/ids.ts";
import { IsrRules } from "../../core/replication/isr-rules.ts";
import { ReplicaRules } from "../../core/replication/replica-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, PARTITION, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongReplicaRules extends ReplicaRules {
  override acceptsRegistration(): boolean {
    return true;
  }
}

class WrongIsrRules extends IsrRules {
  override metadataReplacesPending(known: PartitionEpoch, given: PartitionEpoch): boolean {
    return given !== known;
  }
}

/**
 * A leader takes a partition's state from its metadata although it knows a later one from an answer
 * of the controller: two rules refuse it, so both are wrong. Metadata gets to b1 late. b3 leaves
 * the ISR and comes back, of which the answers tell b1; then b1 reads that b3 left. It commits x
 * without b3, which is in the ISR, and dies; b3 leads.
 */
export const K29: KnownBug = {
  id: "K29",
  name: "partition-epoch-regression-accepted",
  origin: "KIP-497; Partition.scala makeLeader",
  rules: { replica: WrongReplicaRules, isr: WrongIsrRules },
  needs: [],
  violates: ["B9", "B3", "B2", "B1"],
  visible: ["unseen"],
  easy: false,
  schedule: schedule("K29", {
    replicas: ["b1", "b3", "b2"],
    readsAfterwards: true,
    settings: {
      "controller.quorum.request.timeout.ms": 10_000,
      "controller.quorum.fetch.timeout.ms": 10_000,
    },
    clients: [producer("p1"), producer("p2"), consumer("r1")],
    workload: [
      ...sends("m", 4 * SECOND),
      ...sends("n", 5.1 * SECOND),
      ...sends("x", 13 * SECOND, 1, "p2"),
    ],
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["b1", "b3"] },
        at: 5 * SECOND,
        for: 4 * SECOND,
      },
      {
        id: "f2",
        kind: "delay",
        us: 3_000_000,
        channel: "raft",
        target: { link: ["c100", "b1"] },
        when: {
          event: "isr-proposed",
          where: { node: "b1", change: "shrink" },
          nth: 1,
          edge: "before",
        },
        for: 10 * SECOND,
      },
      {
        id: "f3",
        kind: "block",
        target: { link: ["b1", "b3"], both: true },
        when: { event: "isr-committed", where: { node: "b1", added: 3 }, nth: 1, edge: "after" },
        for: 20 * SECOND,
      },
      {
        id: "f4",
        kind: "kill",
        target: { node: "b1" },
        when: {
          event: "ack-sent",
          where: { partition: PARTITION, client: "p2" },
          nth: 1,
          edge: "after",
        },
      },
    ],
    healAt: 40 * SECOND,
  }),
};
