import { RaftRules } from "../../core/raft/raft-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { quorumStory } from "./quorum-schedule.ts";
import { consumer, PARTITION, producer, SECOND, sends } from "./schedule.ts";

class WrongRaftRules extends RaftRules {
  override mayReply(): boolean {
    return true;
  }
}

/**
 * The controller answers before its records are committed. c100, cut off from the other voters,
 * tells b1 that b3 has left the ISR; b1 acknowledges what b3 lacks, and dies; the next controller
 * never heard of it and makes b3 leader.
 */
export const K21: KnownBug = {
  id: "K21",
  name: "controller-replies-before-commit",
  origin: "KIP-631; DeferredEventQueue.java",
  rules: { raft: WrongRaftRules },
  needs: [],
  violates: ["B3", "B4", "B1"],
  visible: ["unseen"],
  easy: false,
  schedule: quorumStory("K21", {
    replicas: ["b1", "b3", "b2"],
    workload: [
      ...sends("m", 4 * SECOND),
      ...sends("x", 5.2 * SECOND),
      ...sends("y", 8.5 * SECOND, 1, "p2"),
    ],
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["b1", "b3"], both: true },
        at: 5 * SECOND,
        for: 10 * SECOND,
      },
      {
        id: "f2",
        kind: "block",
        target: { link: ["c100", "c101"], both: true },
        when: { event: "isr-proposed", where: { node: "b1" }, edge: "before" },
        for: 5 * SECOND,
      },
      {
        id: "f3",
        kind: "block",
        target: { link: ["c100", "c102"], both: true },
        when: { event: "isr-proposed", where: { node: "b1" }, edge: "before" },
        for: 5 * SECOND,
      },
      {
        id: "f4",
        kind: "kill",
        target: { node: "b1" },
        when: { event: "ack-sent", where: { partition: PARTITION }, nth: 2, edge: "after" },
      },
    ],
    clients: [producer("p1"), producer("p2"), consumer("r1")],
    readsAfterwards: true,
  }),
};
