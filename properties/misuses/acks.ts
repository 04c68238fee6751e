import { consumer, PARTITION, producer, schedule, SECOND, sends } from "../known-bugs/schedule.ts";
import type { Misuse } from "./misuse.ts";

/**
 * acks=1: the leader alone has acknowledged. Nothing gets from b1 to its followers; it acknowledges x
 * and dies, b2 leads without it.
 */
export const M01: Misuse = {
  id: "M01",
  name: "acks-1",
  origin: "Kafka's documentation of acks",
  shows: "losses",
  setting: "acks",
  corrected: { acks: "all" },
  story: schedule("M01", {
    replicas: ["b1", "b2", "b3"],
    profile: "chaos",
    clients: [producer("p1", { acks: "1", "enable.idempotence": false }), consumer("r1")],
    workload: [...sends("m", 4 * SECOND, 3), ...sends("x", 6 * SECOND)],
    faults: [
      { id: "f1", kind: "block", target: { link: ["b1", "b2"] }, at: 5 * SECOND, for: 6 * SECOND },
      { id: "f2", kind: "block", target: { link: ["b1", "b3"] }, at: 5 * SECOND, for: 6 * SECOND },
      { id: "f3", kind: "kill", target: { node: "b1" }, at: 6.2 * SECOND },
    ],
  }),
};

/** acks=0: nobody has acknowledged. The request with x is lost on its way, and p1 never learns it. */
export const M02: Misuse = {
  id: "M02",
  name: "acks-0",
  origin: "Kafka's documentation of acks",
  shows: "losses",
  setting: "acks",
  corrected: { acks: "all" },
  story: schedule("M02", {
    replicas: ["b1", "b2", "b3"],
    profile: "chaos",
    clients: [producer("p1", { acks: "0", "enable.idempotence": false }), consumer("r1")],
    workload: [...sends("m", 4 * SECOND, 3), ...sends("x", 6 * SECOND)],
    faults: [{ id: "f1", kind: "lose-request", target: { link: ["p1", "b1"] }, at: 5.9 * SECOND }],
  }),
};

/**
 * Without idempotence a leader cannot tell a retry from a new record. The answer to m1 is lost, and p1
 * sends it again.
 */
export const M06: Misuse = {
  id: "M06",
  name: "retries-no-idempotence",
  origin: "KIP-98",
  shows: "duplicates",
  setting: "enable.idempotence",
  corrected: { "enable.idempotence": true },
  story: schedule("M06", {
    replicas: ["b1", "b2", "b3"],
    profile: "chaos",
    clients: [producer("p1", { "enable.idempotence": false }), consumer("r1")],
    workload: sends("m", 4 * SECOND),
    faults: [
      {
        id: "f1",
        kind: "lose-response",
        target: { link: ["b1", "p1"] },
        when: { event: "ack-sent", where: { partition: PARTITION }, nth: 1, edge: "before" },
      },
    ],
  }),
};

/**
 * Several requests in flight without idempotence: a batch that is sent again passes behind younger ones.
 * b1, alone in the ISR, refuses records. Its answers take a second; before p1 has the refusal of one, a
 * younger one arrives when b2 is back in the ISR, and is appended.
 */
export const M05: Misuse = {
  id: "M05",
  name: "retries-inflight-no-idempotence",
  origin: "Kafka's documentation of max.in.flight.requests.per.connection",
  shows: "reorders",
  setting: "max.in.flight.requests.per.connection",
  corrected: { "max.in.flight.requests.per.connection": 1 },
  story: schedule("M05", {
    replicas: ["b1", "b2", "b3"],
    profile: "chaos",
    clients: [
      producer("p1", {
        "enable.idempotence": false,
        "max.in.flight.requests.per.connection": 5,
      }),
      consumer("r1"),
    ],
    // The first one brings p1 to know its leader.
    workload: [...sends("w", 4 * SECOND), ...sends("m", 13 * SECOND, 30, "p1", 100_000)],
    faults: [
      { id: "f1", kind: "kill", target: { node: "b2" }, at: 5 * SECOND, for: 9 * SECOND },
      { id: "f2", kind: "kill", target: { node: "b3" }, at: 5 * SECOND, for: 9 * SECOND },
      {
        id: "f3",
        kind: "delay",
        target: { link: ["b1", "p1"] },
        at: 12 * SECOND,
        for: 6 * SECOND,
        us: SECOND,
      },
    ],
  }),
};
