/**
 * How long the cluster may take after the heal, from what the timeouts of the plan allow. One *round* is
 * the longest way of one change through the cluster: the voters notice that their leader is gone and
 * elect another; a broker notices that its controller is; its old session expires, it registers or is
 * heard again; a follower notices that its leader is gone, and catches up or is dropped for its lag.
 * Three rounds, since one may begin when another is nearly over and be the cause of a third.
 */
import type { ClientPlan, NodePlan, Plan } from "../plan/plan.ts";
import { effectiveSetting, ownSettings } from "../plan/settings.ts";

/** What of a plan decides how long it may take. */
export type Timed = Pick<Plan, "settings" | "clients"> & {
  readonly topology: { readonly nodes: readonly NodePlan[] };
};

export interface HealDeadlines {
  /** Until everything is at rest without new traffic, in microseconds after the heal. */
  readonly restUs: number;
  /** Until every send is resolved and what was acknowledged is read, after that. */
  readonly readUs: number;
  /** Until the probes are acknowledged and everything is at rest again, after they were sent. */
  readonly probeUs: number;
}

const ROUNDS = 3;
/** socket.connection.setup.timeout.ms, which is no setting here, and TCP's own patience. */
const CONNECTION_MS = 10_000;
/** What is read by then had days to be read in: records come by the hundred in each fetch. */
const READ_MS = 30_000;

export function healDeadlines(plan: Timed): HealDeadlines {
  const roundMs = electionMs(plan) + brokerMs(plan);
  const deliveryMs = Math.max(0, ...clientMs(plan, "producer", "delivery.timeout.ms"));
  const blockMs = Math.max(0, ...clientMs(plan, "producer", "max.block.ms"));
  const requestMs = Math.max(0, ...clientMs(plan, "consumer", "request.timeout.ms"));
  // A deposed leader that knows nothing of it refuses no reader: the reader has to ask by itself.
  const metadataMs = Math.max(0, ...clientMs(plan, "consumer", "metadata.max.age.ms"));
  const uncleanMs = isUnclean(plan) ? broker(plan, "unclean.leader.election.interval.ms") : 0;
  const restMs = ROUNDS * roundMs + CONNECTION_MS + uncleanMs;
  const readMs = READ_MS + CONNECTION_MS + 2 * requestMs + metadataMs;
  return {
    // What is sent still may be under way, and every append makes followers lag again.
    restUs: 1000 * (restMs + deliveryMs),
    readUs: 1000 * (readMs + blockMs + deliveryMs),
    // What fails a probe may be over by its next attempt, so that two are due.
    probeUs: 1000 * (roundMs + CONNECTION_MS + 2 * probeDeliveryMs(plan)),
  };
}

/** All of it: a plan whose `heal.deadline` is shorter may be cut off before it is judged. */
export function healDeadlineUs(plan: Timed): number {
  const { restUs, readUs, probeUs } = healDeadlines(plan);
  return restUs + readUs + probeUs + readUs;
}

/** delivery.timeout.ms of the probes; their max.block.ms is the same. */
export function probeDeliveryMs(plan: Pick<Plan, "settings">): number {
  return Number(effectiveSetting(plan, "producer", {}, "delivery.timeout.ms"));
}

/** A voter waits for its leader, asks for votes up to twice the timeout, and once more if none wins. */
function electionMs(plan: Timed): number {
  const voters = plan.topology.nodes.filter(({ roles }) => roles.includes("controller"));
  const commitMs = broker(plan, "metadata.max.idle.interval.ms");
  if (voters.length === 1) return commitMs;
  return (
    commitMs +
    broker(plan, "controller.quorum.fetch.timeout.ms") +
    4 * broker(plan, "controller.quorum.election.timeout.ms") +
    broker(plan, "controller.quorum.election.backoff.max.ms") +
    broker(plan, "controller.quorum.request.timeout.ms")
  );
}

function brokerMs(plan: Timed): number {
  return (
    broker(plan, "request.timeout.ms") +
    broker(plan, "broker.session.timeout.ms") +
    2 * broker(plan, "broker.heartbeat.interval.ms") +
    // A leader looks for laggards twice in that time.
    1.5 * broker(plan, "replica.lag.time.max.ms") +
    broker(plan, "replica.socket.timeout.ms") +
    broker(plan, "replica.fetch.backoff.ms") +
    broker(plan, "replica.fetch.wait.max.ms")
  );
}

function isUnclean(plan: Timed): boolean {
  return effectiveSetting(plan, "topic", {}, "unclean.leader.election.enable") === true;
}

/** The longest that any server has. */
function broker(plan: Timed, name: string): number {
  const values = plan.topology.nodes.map(({ settings }) =>
    Number(effectiveSetting(plan, "broker", settings, name)),
  );
  return Math.max(...values);
}

function clientMs(plan: Timed, kind: "producer" | "consumer", name: string): number[] {
  return plan.clients
    .filter((client: ClientPlan) => client.kind === kind || client.kind === "app")
    .map((client) => Number(effectiveSetting(plan, kind, ownSettings(client, kind), name)));
}
