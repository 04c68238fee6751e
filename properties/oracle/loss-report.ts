/**
 * At the end of a run: every record that was acknowledged and that nobody has any more, with the
 * setting that would have kept it and the faults that took its copies.
 */
import type { SettingValue } from "../../core/settings/definition.ts";
import type { CommittedLoss, LostBatch } from "../ghost/canon.ts";
import type { FaultRecord } from "../ghost/fault-record.ts";
import type { Ghost } from "../ghost/ghost.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { ProducerPromise } from "../history/black-box.ts";
import type { History } from "../history/history.ts";
import { isLost } from "../history/send.ts";
import type { SendEntry } from "../history/send.ts";
import type { Plan } from "../plan/plan.ts";
import { effectiveSetting } from "../plan/settings.ts";
import type { Because, Loss } from "../verdict.ts";

export interface LossReportOptions {
  readonly plan: Plan;
  readonly ghost: Ghost;
  readonly history: History;
  readonly faults: FaultRecord;
  readonly producers: ReadonlyMap<string, ProducerPromise>;
}

export function reportLosses(options: LossReportOptions): Loss[] {
  const report = new LossReport(options);
  const losses: Loss[] = [];
  for (const send of options.history.sends) {
    if (send.status !== "ok" || send.commits > 0 || send.partition === null) continue;
    const partition = options.ghost.partition(send.partition);
    const loss = report.lossOf(send, partition);
    if (loss !== null) losses.push(loss);
  }
  return losses;
}

/** A request that is counted as sent, and a record that is not replicated yet, may be lost so much later. */
const AFTERWARDS_US = 5_000_000;

/** The setting, and its value in this run. */
type Setting = Omit<Because, "faults">;

const NO_SETTING: Setting = { setting: null, value: null };

class LossReport {
  readonly #options: LossReportOptions;

  constructor(options: LossReportOptions) {
    this.#options = options;
  }

  lossOf(send: SendEntry, partition: PartitionGhost): Loss | null {
    if (isHeld(send, partition)) return null;
    const place = { topic: partition.topic, partition: partition.index, offset: send.offset };
    const { sendId } = send;
    if (isLost(send) && send.lost !== null) {
      const { lost } = send;
      const setting = this.#settingFor(lost, partition);
      const because = { ...setting, faults: faultsOf(lost.loss) };
      const explained = this.#explainCommitted(send, partition, lost, setting);
      return { ...place, sendId, because, explained };
    }
    const acks = this.#options.producers.get(send.client)?.acks ?? -1;
    // Of acks=all D2 says that it was never committed.
    if (acks === -1) return null;
    const faults = this.#faultsAfter(send, partition);
    const because: Because = { setting: "acks", value: acks, faults };
    return { ...place, sendId, because, explained: this.#explainAcks(send, partition, because) };
  }

  #settingFor({ loss, isrSize }: LostBatch, partition: PartitionGhost): Setting {
    if (loss.how === "unclean election") {
      return { setting: "unclean.leader.election.enable", value: true };
    }
    const replicas = partition.registration?.replicas.length ?? 1;
    if (isrSize === 1 && replicas > 1) {
      const value = this.#topicSetting(partition, "min.insync.replicas");
      return { setting: "min.insync.replicas", value };
    }
    // A sync would have kept it, had it been asked for and done.
    const flush = this.#topicSetting(partition, "flush.messages");
    if (loss.how === "power loss" && flush !== 1)
      return { setting: "flush.messages", value: flush };
    return NO_SETTING;
  }

  #topicSetting(partition: PartitionGhost, name: string): SettingValue {
    const { plan } = this.#options;
    const topic = plan.topics.find((one) => one.name === partition.topic);
    return effectiveSetting(plan, "topic", topic?.settings ?? {}, name);
  }

  /** What befell the leader, or the client, between the record's sending and the next leader. */
  #faultsAfter(send: SendEntry, partition: PartitionGhost): string[] {
    const led = partition.leaders.findLast(({ at }) => at <= send.ackedAt);
    const next = partition.leaders.find(({ at }) => at > send.ackedAt);
    const leader = this.#options.ghost.nodes.find(({ nodeId }) => nodeId === led?.node);
    const nodes = leader === undefined ? [send.client] : [send.client, leader.name];
    return this.#options.faults.culprits(
      nodes,
      send.startedAt,
      next?.at ?? send.ackedAt + AFTERWARDS_US,
    );
  }

  #explainAcks(send: SendEntry, { name }: PartitionGhost, { value, faults }: Because): string {
    const told =
      send.offset < 0
        ? `counted as sent to ${name}`
        : `acknowledged at offset ${send.offset} of ${name}`;
    return (
      `${send.client}'s record ${send.sendId} was ${told} with acks=${value}, before it was committed, ` +
      `and nobody has it (${this.#told(faults)}): acks=all would not have acknowledged it`
    );
  }

  #explainCommitted(
    send: SendEntry,
    { name }: PartitionGhost,
    { loss }: LostBatch,
    { setting, value }: Setting,
  ): string {
    const fates = loss.copies.map(
      ({ node, fate, faults }) => `${node} ${inWords[fate]}: ${this.#told(faults)}`,
    );
    const moral =
      setting === null
        ? "No setting would have kept it"
        : `${setting}=${inNumbers(value)} allowed it, ${better[setting]} would not have`;
    const how =
      loss.how === "unclean election" ? `by ${loss.how}` : `with its own copy gone by ${loss.how}`;
    return (
      `${send.client}'s record ${send.sendId} was acknowledged at offset ${send.offset} of ${name} and is ` +
      `lost, since ${loss.leader} took office in epoch ${loss.leaderEpoch} without it ${how}. ` +
      `${fates.join("; ")}. ${moral}`
    );
  }

  #told(faults: readonly string[]): string {
    if (faults.length === 0) return "no fault of the plan";
    return faults.map((id) => this.#options.faults.describe(id)).join(", ");
  }
}

const inWords = {
  destroyed: "lost its copy",
  "not eligible": "has it and could not be elected",
  "never had it": "does not have it",
} as const;

/** Kafka's "never" is the largest number that it can say. */
function inNumbers(value: SettingValue | null): string {
  return value === Number.MAX_SAFE_INTEGER ? "(never)" : String(value);
}

/** The value that would have kept a record, by setting. */
const better: Readonly<Record<string, string>> = {
  "min.insync.replicas": "2",
  "unclean.leader.election.enable": "false",
  "flush.messages": "1",
};

function faultsOf({ copies }: CommittedLoss): string[] {
  return [...new Set(copies.flatMap(({ faults }) => faults))];
}

/** Some replica that leads, or may lead, has it: it is only not committed (yet). */
function isHeld({ batch }: SendEntry, partition: PartitionGhost): boolean {
  const { registration } = partition;
  if (batch === null || registration === null) return false;
  const holders = registration.leader === -1 ? registration.isr : [registration.leader];
  return holders.some((node) => {
    const log = partition.replica(node)?.log;
    if (log === undefined) return false;
    // What is committed is counted by its commits; only the end of the log can hold it otherwise.
    const uncommitted = log.batches.slice(log.countBelow(partition.committed.end));
    return uncommitted.some(({ body }) => body === batch.body || body.crc === batch.body.crc);
  });
}
