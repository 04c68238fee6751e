import { ProducerRules } from "../../core/client/producer-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongProducerRules extends ProducerRules {
  override retryPosition(queued: readonly number[]): number {
    return queued.length;
  }
}

/**
 * A batch to be sent again goes behind those that wait. With idempotence the broker's check of
 * sequences would put them in order again; this producer relies on one request at a time. m1 is
 * lost on the way and comes after m2.
 */
export const P10: KnownBug = {
  id: "P10",
  name: "retry-out-of-order-requeue",
  origin: "RecordAccumulator.java reenqueue",
  rules: { producer: WrongProducerRules },
  needs: [],
  violates: ["D3", "nonmonotonic-send"],
  visible: ["nonmonotonic-send"],
  easy: true,
  schedule: schedule("P10", {
    replicas: ["b1", "b2", "b3"],
    clients: [
      producer("p1", { "enable.idempotence": false, "max.in.flight.requests.per.connection": 1 }),
      consumer("r1"),
    ],
    workload: [...sends("a", 3 * SECOND), ...sends("m", 4 * SECOND, 3, "p1", 100)],
    faults: [
      {
        id: "f1",
        kind: "lose-request",
        target: { link: ["p1", "b1"] },
        when: { event: "batch-sent", nth: 2, edge: "before" },
      },
    ],
  }),
};
