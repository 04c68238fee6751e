import type { Offset } from "../../core/ids.ts";
import { IsrRules } from "../../core/replication/isr-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongIsrRules extends IsrRules {
  override lastCaughtUp(
    _fetchOffset: Offset,
    _leaderEnd: Offset,
    _leaderEndAtLastFetch: Offset,
    nowMs: number,
  ): number {
    return nowMs;
  }
}

/**
 * A follower counts as caught up whenever it fetches. b3 is outside the core: the leader's answers reach
 * it late, one batch each. It fetches again and again, stays in the ISR, and the high watermark crawls
 * behind it; whoever asks for acks=all waits for longer than the timeouts allow.
 */
export const R35: KnownBug = {
  id: "R35",
  name: "isr-lag-uses-last-fetch-time",
  origin: "KAFKA-4485; KIP-16",
  rules: { isr: WrongIsrRules },
  needs: [],
  violates: ["L12", "L4"],
  visible: [],
  easy: false,
  schedule: schedule("R35", {
    replicas: ["b1", "b2", "b3"],
    core: ["c100", "b1", "b2"],
    settings: { "replica.fetch.max.bytes": 1 },
    clients: [producer("p1", { acks: "1", "enable.idempotence": false }), consumer("r1")],
    workload: sends("m", 5 * SECOND, 300),
    faults: [
      {
        id: "f1",
        kind: "delay",
        target: { link: ["b1", "b3"] },
        at: 4 * SECOND,
        us: 1.2 * SECOND,
      },
    ],
    healAt: 10 * SECOND,
  }),
};
