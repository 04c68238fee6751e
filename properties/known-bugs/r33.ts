import { ServingRules } from "../../core/replication/serving-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, PARTITION, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongServingRules extends ServingRules {
  override latestIsKnown(): boolean {
    return true;
  }
}

/**
 * A new leader tells its lagging high watermark as the latest offset. b1 acknowledges m1 and dies
 * before its followers know that m1 is committed; b2 leads and nothing reaches it from b3, so
 * that its high watermark stays 0; a consumer that starts then begins at 0 instead of 1.
 */
export const R33: KnownBug = {
  id: "R33",
  name: "latest-offset-regresses",
  origin: "KIP-207",
  rules: { serving: WrongServingRules },
  needs: [],
  violates: ["F7"],
  visible: [],
  easy: true,
  schedule: schedule("R33", {
    replicas: ["b1", "b2", "b3"],
    clients: [producer("p1"), consumer("r1"), consumer("r2", { "auto.offset.reset": "latest" })],
    workload: sends("m", 4 * SECOND),
    faults: [
      { id: "late", kind: "kill", target: { node: "r2" }, at: 2 * SECOND, for: 6 * SECOND },
      {
        id: "f1",
        kind: "kill",
        target: { node: "b1" },
        when: { event: "ack-sent", where: { partition: PARTITION }, nth: 1, edge: "after" },
      },
      {
        id: "f2",
        kind: "block",
        target: { link: ["b3", "b2"] },
        at: 4.5 * SECOND,
        for: 8 * SECOND,
      },
    ],
  }),
};
