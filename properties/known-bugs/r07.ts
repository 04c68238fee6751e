import type { Offset } from "../../core/ids.ts";
import { IsrRules } from "../../core/replication/isr-rules.ts";
import type { KnownBug } from "./known-bug.ts";
import { consumer, PARTITION, producer, schedule, SECOND, sends } from "./schedule.ts";

class WrongIsrRules extends IsrRules {
  override mayJoin(followerEnd: Offset, highWatermark: Offset): boolean {
    return followerEnd >= highWatermark;
  }
}

/**
 * A follower joins the ISR when it has reached the high watermark, although the new leader has
 * committed records of an older epoch above its own lagging high watermark. b3 is out and
 * behind; b1 commits five more with b2 and dies; b2, whose high watermark lags, lets b3 in; b2
 * dies.
 */
export const R07: KnownBug = {
  id: "R07",
  name: "isr-expand-without-epoch-start",
  origin: "KAFKA-7128; KIP-497",
  rules: { isr: WrongIsrRules },
  needs: [],
  violates: ["B11", "B2", "B1"],
  visible: ["unseen"],
  easy: false,
  schedule: schedule("R07", {
    replicas: ["b1", "b2", "b3"],
    readsAfterwards: true,
    settings: { "replica.fetch.max.bytes": 1 },
    clients: [...["p1", "p2", "p3", "p4", "p5"].map((id) => producer(id)), consumer("r1")],
    workload: [
      ...sends("m", 4 * SECOND, 5),
      ...["p1", "p2", "p3", "p4", "p5"].flatMap((id) => sends(`${id}-`, 12 * SECOND, 1, id)),
    ],
    faults: [
      { id: "f1", kind: "kill", target: { node: "b3" }, at: 5 * SECOND },
      {
        id: "f2",
        kind: "kill",
        target: { node: "b1" },
        when: {
          event: "ack-sent",
          where: { partition: PARTITION, client: "p5" },
          nth: 1,
          edge: "after",
        },
      },
      { id: "f3", kind: "restart", disk: "same", target: { node: "b3" }, at: 17 * SECOND },
      {
        id: "f4",
        kind: "delay",
        us: 200_000,
        target: { link: ["b2", "b3"] },
        at: 16.9 * SECOND,
        for: 5 * SECOND,
      },
      {
        id: "f5",
        kind: "kill",
        target: { node: "b2" },
        when: {
          event: "isr-committed",
          where: { node: "b2", added: 3 },
          nth: 1,
          edge: "after",
        },
      },
    ],
    healAt: 35 * SECOND,
  }),
};
