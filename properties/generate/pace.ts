/** When things happen in a drawn plan, and how patient its nodes are. */
import type { SettingValues } from "../plan/plan.ts";
import { shortTimeouts } from "./cluster-parts.ts";
import { shortQuorumTimeouts } from "./quorum.ts";
import { SECOND } from "./time.ts";

/** Times are virtual microseconds. */
export interface Pace {
  readonly sendsFromUs: number;
  readonly sendsUntilUs: number;
  readonly faultsFromUs: number;
  readonly faultsUntilUs: number;
  /** Faults that last do so for this long at most. */
  readonly longestFaultUs: number;
  /** Least and most faults of a run that has many. */
  readonly manyFaults: readonly [number, number];
  readonly healAtUs: number;
  readonly timeouts: SettingValues;
}

const HALF_MINUTE = {
  sendsFromUs: 1 * SECOND,
  sendsUntilUs: 31 * SECOND,
  faultsFromUs: 3 * SECOND,
  faultsUntilUs: 30 * SECOND,
  longestFaultUs: 9 * SECOND,
  manyFaults: [10, 24],
  healAtUs: 31 * SECOND,
} as const;

/** Half a minute of traffic and faults, with timeouts of a tenth of Kafka's. */
export const brisk: Pace = {
  ...HALF_MINUTE,
  timeouts: { ...shortTimeouts, ...shortQuorumTimeouts },
};

/** The same with Kafka's own timeouts. */
export const patient: Pace = { ...HALF_MINUTE, timeouts: {} };

/** A few seconds in which as much goes wrong: many such runs find more than few long ones. */
export const dense: Pace = {
  sendsFromUs: 1 * SECOND,
  sendsUntilUs: 8 * SECOND,
  faultsFromUs: 1.5 * SECOND,
  faultsUntilUs: 8 * SECOND,
  longestFaultUs: 3 * SECOND,
  manyFaults: [8, 16],
  healAtUs: 8.5 * SECOND,
  timeouts: {
    ...shortTimeouts,
    "controller.quorum.election.timeout.ms": 300,
    "controller.quorum.fetch.timeout.ms": 600,
    "controller.quorum.request.timeout.ms": 600,
    "controller.quorum.election.backoff.max.ms": 300,
    "broker.session.timeout.ms": 2000,
    "broker.heartbeat.interval.ms": 400,
    "replica.lag.time.max.ms": 2000,
    "replica.socket.timeout.ms": 1000,
    "request.timeout.ms": 1000,
    "delivery.timeout.ms": 4000,
  },
};
