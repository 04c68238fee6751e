import type { Fault } from "../../sim/faults/fault.ts";
import { consumer, producer, schedule, SECOND, sends } from "../known-bugs/schedule.ts";
import type { Misuse } from "./misuse.ts";

const clients = [producer("p1"), consumer("r1")];

/** b2 and b3 are away: the ISR of b1 is itself. */
const alone = [
  { id: "f1", kind: "kill", target: { node: "b2" }, at: 5 * SECOND, for: 9 * SECOND },
  { id: "f2", kind: "kill", target: { node: "b3" }, at: 5 * SECOND, for: 9 * SECOND },
] as const;

/**
 * min.insync.replicas=1: acks=all waits for all members of the ISR, be it one. b1 acknowledges x alone,
 * loses power before anything is synced, comes back as the last member of the ISR, and leads.
 */
export const M03: Misuse = {
  id: "M03",
  name: "min-isr-1",
  origin: "KIP-966",
  shows: "losses",
  setting: "min.insync.replicas",
  corrected: { "min.insync.replicas": 2 },
  story: schedule("M03", {
    replicas: ["b1", "b2", "b3"],
    profile: "chaos",
    settings: { "min.insync.replicas": 1 },
    clients,
    workload: sends("x", 10 * SECOND),
    faults: [...alone, powerLoss("f3", "b1", 10.5 * SECOND)],
  }),
};

/**
 * unclean.leader.election.enable=true: b1, the whole ISR, dies; b2, which was away when x was
 * acknowledged, leads, although b1 has it and will be back.
 */
export const M04: Misuse = {
  id: "M04",
  name: "unclean-election-on",
  origin: "KIP-106",
  shows: "losses",
  setting: "unclean.leader.election.enable",
  corrected: { "unclean.leader.election.enable": false },
  story: schedule("M04", {
    replicas: ["b1", "b2", "b3"],
    profile: "chaos",
    settings: { "min.insync.replicas": 1, "unclean.leader.election.enable": true },
    clients,
    workload: sends("x", 10 * SECOND),
    faults: [
      ...alone,
      { id: "f3", kind: "kill", target: { node: "b1" }, at: 10.5 * SECOND, for: 12 * SECOND },
    ],
  }),
};

/**
 * flush.messages as it is by default: Kafka acknowledges what is replicated, not what is synced. All
 * replicas have x, and all lose power at once.
 */
export const M19: Misuse = {
  id: "M19",
  name: "flush-disabled-correlated-crash",
  origin: "KIP-966",
  shows: "losses",
  setting: "flush.messages",
  corrected: { "flush.messages": 1 },
  story: schedule("M19", {
    replicas: ["b1", "b2", "b3"],
    profile: "chaos",
    clients,
    workload: sends("x", 6 * SECOND),
    faults: ["b1", "b2", "b3"].map((node, index) => powerLoss(`f${index + 1}`, node, 6.5 * SECOND)),
  }),
};

/** Nothing is kept that was not synced. */
function powerLoss(id: string, node: string, at: number): Fault {
  return { id, kind: "power-loss", target: { node }, keep: 0, at, for: SECOND };
}
