import type { Offset } from "../../core/ids.ts";
import type { Reader } from "../../core/replication/serving-rules.ts";
import { ServingRules } from "../../core/replication/serving-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongServingRules extends ServingRules {
  override readLimit(_reader: Reader, endOffset: Offset): Offset {
    return endOffset;
  }
}

/**
 * Consumers may read up to the end of the log instead of the high watermark. b1 alone has x, a
 * consumer reads it, b1 dies.
 */
export const R18: KnownBug = {
  id: "R18",
  name: "consumer-reads-to-log-end",
  origin: "textbook; cousin of KAFKA-9835",
  rules: { serving: WrongServingRules },
  needs: [],
  violates: ["F2", "B7"],
  visible: [],
  easy: true,
  schedule: schedule("R18", {
    replicas: ["b1", "b2", "b3"],
    clients: [producer("p1", { acks: "1", "enable.idempotence": false }), consumer("r1")],
    workload: sends("x", 4.2 * SECOND),
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["b1", "b2"] },
        at: 4 * SECOND,
        for: 20 * SECOND,
      },
      {
        id: "f2",
        kind: "block",
        target: { link: ["b1", "b3"] },
        at: 4 * SECOND,
        for: 20 * SECOND,
      },
      { id: "f3", kind: "kill", target: { node: "b1" }, at: 6 * SECOND },
    ],
  }),
};
