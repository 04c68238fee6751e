import { ServingRules } from "../../core/replication/serving-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import type { ClientPlan } from "../plan/plan.ts";
import { consumer, PARTITION, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongServingRules extends ServingRules {
  override latestIsKnown(): boolean {
    return true;
  }
}

/**
 * A new leader tells its lagging high watermark as the latest offset. b1 tells a consumer that 1 is
 * the latest and dies before its followers know that m1 is committed; b2 leads and nothing reaches
 * it from b3, so that its high watermark stays 0; it tells the next consumer that 0 is the latest.
 */
export const R33: KnownBug = {
  id: "R33",
  name: "latest-offset-regresses",
  origin: "KIP-207",
  rules: { serving: WrongServingRules },
  needs: [],
  violates: ["B5", "F7"],
  visible: [],
  easy: false,
  schedule: schedule("R33", {
    replicas: ["b1", "b2", "b3"],
    clients: [producer("p1"), consumer("r1"), latest("r2"), latest("r3")],
    workload: sends("m", 4 * SECOND),
    faults: [
      // Both ask for the latest offset when they are back.
      { id: "f0", kind: "kill", target: { node: "r2" }, at: 2 * SECOND, for: 2.1 * SECOND },
      { id: "f1", kind: "kill", target: { node: "r3" }, at: 2 * SECOND, for: 6 * SECOND },
      {
        id: "f2",
        kind: "kill",
        target: { node: "b1" },
        when: {
          event: "offsets-listed",
          where: { node: "b1", partition: PARTITION, offset: 1 },
          nth: 1,
          edge: "after",
        },
      },
      {
        id: "f3",
        kind: "block",
        target: { link: ["b3", "b2"] },
        at: 4.5 * SECOND,
        for: 8 * SECOND,
      },
    ],
  }),
};

function latest(id: string): ClientPlan {
  return consumer(id, { "auto.offset.reset": "latest" });
}
