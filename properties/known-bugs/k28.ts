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
 * A broker is unfenced before it has applied its own registration. b2 is restarted, and the metadata
 * is slow to come to it.
 */
export const K28: KnownBug = {
  id: "K28",
  name: "unfence-before-metadata-caught-up",
  origin: "KIP-631; BrokerHeartbeatManager.java",
  rules: { lifecycle: WrongLifecycleRules },
  needs: [],
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
        target: { link: ["c100", "b2"] },
        channel: "raft",
        us: 2 * SECOND,
        at: 11 * SECOND,
        for: 5 * SECOND,
      },
    ],
  }),
};
