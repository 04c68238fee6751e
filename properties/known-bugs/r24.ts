import { BrokerRules } from "../../core/broker/broker-rules.ts";
import type { AlterPartitionRequest } from "../../core/protocol/alter-partition.ts";
import type { KnownBug } from "./known-bug.ts";
import { schedule, SECOND, sends } from "./schedule.ts";

class WrongBrokerRules extends BrokerRules {
  override askedAgain<B extends object>(body: B): B {
    if (!("topics" in body) || !("brokerEpoch" in body)) return body;
    const request = body as unknown as AlterPartitionRequest;
    const topics = request.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((one) => ({ ...one, newIsrWithEpochs: [] })),
    }));
    return { ...body, topics };
  }
}

/**
 * Sending an ISR proposal uses it up: when it has to be sent again, no member is left in it. b3 hears
 * nothing from its leader b1, which proposes to drop it; the request gets lost. What b1 sends again the
 * controller refuses, for the leader is not in that ISR, and b1 waits for news that never come.
 */
export const R24: KnownBug = {
  id: "R24",
  name: "alterpartition-retry-empty-isr",
  origin: "KAFKA-15353",
  rules: { broker: WrongBrokerRules },
  needs: [],
  violates: ["L6"],
  visible: [],
  easy: false,
  schedule: schedule("R24", {
    replicas: ["b1", "b2", "b3"],
    core: ["c100", "b1", "b2"],
    workload: sends("m", 5.5 * SECOND),
    faults: [
      {
        id: "f1",
        kind: "block",
        target: { link: ["b1", "b3"], both: true },
        at: 5 * SECOND,
      },
      {
        id: "f2",
        kind: "lose-request",
        target: { link: ["b1", "c100"] },
        channel: "alter-partition",
        when: { event: "isr-proposed", where: { node: "b1" }, edge: "before" },
      },
    ],
    healAt: 12 * SECOND,
  }),
};
