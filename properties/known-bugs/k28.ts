import { LifecycleRules } from "../../core/controller/lifecycle-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { quorumStory } from "./quorum-schedule.ts";
import { SECOND, sends } from "./schedule.ts";

class WrongLifecycleRules extends LifecycleRules {
  override isCaughtUp(): boolean {
    return true;
  }
}

/**
 * A broker is unfenced before it has applied its own registration. b2 is restarted; its
 * registration takes a second, so that it has begun with older metadata by then; from there on
 * metadata is slow to come to it, and the record of its registration with it.
 * It is masked by the broker itself, which acts on no metadata before that, so that it needs K31 too.
 */
export const K28: KnownBug = {
  id: "K28",
  name: "unfence-before-metadata-caught-up",
  origin: "KIP-631; BrokerHeartbeatManager.java",
  rules: { lifecycle: WrongLifecycleRules },
  needs: ["K31"],
  violates: ["C9"],
  visible: [],
  easy: false,
  schedule: quorumStory("K28", {
    replicas: ["b1", "b2", "b3"],
    workload: sends("m", 4 * SECOND, 5),
    faults: [
      { id: "f1", kind: "kill", target: { node: "b2" }, at: 6 * SECOND, for: 5 * SECOND },
      {
        id: "f2",
        kind: "delay",
        target: { link: ["b2", "c100"] },
        channel: "heartbeat",
        us: SECOND,
        at: 11 * SECOND,
        for: 0.5 * SECOND,
      },
      {
        id: "f3",
        kind: "delay",
        target: { link: ["c100", "b2"] },
        channel: "raft",
        us: 3 * SECOND,
        when: { event: "broker-registered", where: { broker: 2 }, nth: 2, edge: "before" },
        for: 5 * SECOND,
      },
    ],
  }),
};
