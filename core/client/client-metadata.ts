/**
 * What a client knows of the cluster: brokers, and the leaders of the topics it uses (Metadata.java
 * and NetworkClient.DefaultMetadataUpdater). Refreshed when something proves it wrong and when it is
 * metadata.max.age.ms old, never faster than retry.backoff.ms; any known broker is asked, and the
 * bootstrap servers too, so that a client whose brokers have all moved finds its way back.
 *
 * Differs from Kafka: bootstrap servers are candidates at any time, not only after rebootstrapping;
 * an epoch seen in a ListOffsets answer does not make the cached leader stale; a topic that one answer
 * does not know keeps what was known of it.
 */
import type { LeaderEpoch, NodeId, PartitionName, TopicId } from "../ids.ts";
import { NO_EPOCH, NO_NODE, partitionName } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { Errors } from "../errors.ts";
import type { ClientChannel, Outcome } from "../network/client-channel.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { MetadataResponse, MetadataTopic } from "../protocol/metadata.ts";
import type { LeaderHint } from "../protocol/produce.ts";
import type { CommonClientSettings } from "../settings/client-settings.ts";
import type { ClientRules } from "./client-rules.ts";
import { ExponentialBackoff } from "./backoff.ts";
import { CLIENT_LANE, ClientNetwork } from "./client-network.ts";
import { DeadlineTimer } from "./deadline-timer.ts";

export interface TopicMetadata {
  readonly name: string;
  /** Null until a broker told it. */
  readonly id: TopicId | null;
  /** Of the last answer; UNKNOWN_TOPIC_OR_PARTITION before the first. */
  readonly error: number;
  /** 0 while the topic is not known to exist. */
  readonly partitionCount: number;
  /** Those that have a leader, in the order of their numbers. */
  readonly available: readonly PartitionMetadata[];
}

/** One object for the whole life of the client: what changes are its fields. */
export interface PartitionMetadata {
  readonly topic: TopicMetadata;
  readonly index: number;
  readonly name: PartitionName;
  /** -1 when there is none or it is not known. */
  readonly leader: NodeId;
  readonly leaderEpoch: LeaderEpoch;
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };
interface TopicEntry extends Writable<TopicMetadata> {
  readonly slots: Writable<PartitionMetadata>[];
  lastUsedMs: number;
  /** Not used for maxIdleMs: not asked for any more, until it is used again. */
  isDormant: boolean;
}

export interface ClientMetadataOptions {
  readonly clientId: string;
  readonly bootstrap: readonly string[];
  readonly settings: CommonClientSettings;
  readonly rules: ClientRules;
  readonly allowAutoTopicCreation: boolean;
  /** A topic that was not used for so long is not looked up any more; Infinity for never. */
  readonly maxIdleMs: number;
  /** After an answer: the partitions whose leader or epoch changed. */
  readonly onUpdate: (changed: readonly PartitionMetadata[]) => void;
  /** A request may be sent to some broker that was not ready before. */
  readonly onReady: () => void;
}

export class ClientMetadata {
  readonly network: ClientNetwork;
  readonly #ports: Ports;
  readonly #clientId: string;
  readonly #options: ClientMetadataOptions;
  readonly #timer: DeadlineTimer;
  readonly #backoff: ExponentialBackoff;
  readonly #topics: Map<string, TopicEntry> = new Map();
  /** Every answer is to list all topics that there are. */
  #followsAll = false;
  #listed: readonly string[] = [];
  #hosts: Map<NodeId, string> = new Map();
  /** Hosts of all known brokers and bootstrap servers. */
  #candidates: readonly string[];
  #isAsking = false;
  /** Counts what made a refresh necessary; an answer satisfies those before its request. */
  #wanted = 0;
  #satisfied = 0;
  #lastAttemptMs = -Infinity;
  #lastSuccessMs = -Infinity;
  /** Drawn once per attempt: the earliest time of the next one. */
  #allowedMs = -Infinity;
  #failures = 0;
  /** Answers in a row that told nothing new (KIP-580: they back off too). */
  #sameAnswers = 0;

  constructor(ports: Ports, options: ClientMetadataOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#candidates = [...new Set(options.bootstrap)];
    const { settings, clientId } = options;
    this.#clientId = clientId;
    this.#backoff = new ExponentialBackoff(
      ports.random,
      "metadata backoff",
      settings["retry.backoff.ms"],
      settings["retry.backoff.max.ms"],
    );
    this.#timer = new DeadlineTimer(
      ports.timers.timer(CLIENT_LANE, `metadata ${clientId}`, () => {
        this.#timer.fired();
        this.#refresh();
      }),
    );
    this.network = new ClientNetwork(ports, {
      clientId,
      settings,
      onReady: () => {
        this.#refresh();
        options.onReady();
      },
      onDisconnect: () => this.requestUpdate(),
    });
  }

  /** The topic, looked up from now on. */
  topic(name: string): TopicMetadata {
    return this.#use(name);
  }

  /** A partition by name and number; without a leader while nothing is known of it. */
  partition(topic: string, index: number): PartitionMetadata {
    const entry = this.#use(topic);
    return slotOf(entry, index);
  }

  /** What is known says something wrong or too little. */
  requestUpdate(): void {
    this.#wanted += 1;
    this.#refresh();
  }

  /** The topic is not looked up any more. */
  forget(name: string): void {
    const topic = this.#topics.get(name);
    if (topic !== undefined) makeDormant(topic);
  }

  /** Whether the names of all topics of the cluster are wanted, as by a subscription to a pattern. */
  followAll(isWanted: boolean): void {
    if (this.#followsAll === isWanted) return;
    this.#followsAll = isWanted;
    if (isWanted) this.requestUpdate();
    else this.#listed = [];
  }

  /** Names of all topics but internal ones, by the last answer; only with followAll. */
  get listed(): readonly string[] {
    return this.#listed;
  }

  /** Stands for everything that was wanted up to now. */
  get mark(): number {
    return this.#wanted;
  }

  /** Whether an answer was asked for since that mark, and has come. */
  hasAnswered(mark: number): boolean {
    return this.#satisfied >= mark;
  }

  /** The next refresh may be asked for at once. */
  get mayRefresh(): boolean {
    return !this.#isAsking && this.#allowedMs <= this.#ports.clock.monotonicMs();
  }

  /**
   * Somebody else saw that epoch of a partition, in a commit: a leader of an older one is of no use
   * (updateLastSeenEpochIfNewer; where no epoch is known, Kafka does not take it either).
   */
  sawEpoch(partition: PartitionMetadata, epoch: LeaderEpoch): void {
    if (partition.leaderEpoch < 0 || epoch <= partition.leaderEpoch) return;
    const entry = this.#use(partition.topic.name);
    this.#setLeader(slotOf(entry, partition.index), NO_NODE, epoch);
    entry.available = availableOf(entry);
    this.requestUpdate();
  }

  /** Takes a leader named in an error answer (KIP-951); false when it is not news. */
  applyHint(partition: PartitionMetadata, hint: LeaderHint | null): boolean {
    if (hint === null || hint.leaderId < 0) return false;
    // Whoever gave the client its metadata may not know that broker yet, or any more.
    const host = hint.leaderHost ?? this.#hosts.get(hint.leaderId);
    if (host === undefined) return false;
    const { rules } = this.#options;
    if (!rules.acceptsHint(partition.leaderEpoch, hint.leaderEpoch)) return false;
    this.#hosts.set(hint.leaderId, host);
    this.#candidates = [...new Set([...this.#candidates, host])];
    const entry = this.#use(partition.topic.name);
    this.#setLeader(slotOf(entry, partition.index), hint.leaderId, hint.leaderEpoch);
    entry.available = availableOf(entry);
    return true;
  }

  /** The channel to a broker if a request given now leaves at once, else null. */
  readyBroker(id: NodeId): ClientChannel | null {
    const host = this.#hosts.get(id);
    if (host !== undefined) return this.network.readyChannel(host);
    this.requestUpdate();
    return null;
  }

  /** A ready channel to any broker, else null. */
  anyBroker(): ClientChannel | null {
    return this.network.leastLoaded(this.#candidates);
  }

  close(): void {
    this.#timer.cancel();
    this.network.close();
  }

  #use(name: string): TopicEntry {
    const entry = this.#entry(name);
    entry.lastUsedMs = this.#ports.clock.monotonicMs();
    if (entry.isDormant) {
      entry.isDormant = false;
      this.requestUpdate();
    }
    return entry;
  }

  #entry(name: string): TopicEntry {
    let entry = this.#topics.get(name);
    if (entry === undefined) {
      const error = Errors.UNKNOWN_TOPIC_OR_PARTITION;
      const nothing = { name, id: null, error, partitionCount: 0, available: [], slots: [] };
      entry = { ...nothing, lastUsedMs: -Infinity, isDormant: true };
      this.#topics.set(name, entry);
    }
    return entry;
  }

  /** Asks, if it is due; otherwise arms the timer for when it will be. */
  #refresh(): void {
    if (this.#isAsking || (this.#topics.size === 0 && !this.#followsAll)) return;
    const nowMs = this.#ports.clock.monotonicMs();
    const expiresMs = this.#lastSuccessMs + this.#options.settings["metadata.max.age.ms"];
    const dueMs = this.#wanted > this.#satisfied ? this.#allowedMs : expiresMs;
    if (dueMs > nowMs) {
      this.#timer.arm(dueMs, nowMs);
      return;
    }
    const channel = this.anyBroker();
    // Without a ready broker: onReady comes back here.
    if (channel !== null) this.#ask(channel, nowMs);
  }

  #ask(channel: ClientChannel, nowMs: number): void {
    const topics: { topicId: null; name: string }[] = [];
    for (const topic of this.#topics.values()) {
      if (!topic.isDormant && nowMs - topic.lastUsedMs > this.#options.maxIdleMs) {
        makeDormant(topic);
      }
      if (!topic.isDormant) topics.push({ topicId: null, name: topic.name });
    }
    if (topics.length === 0 && !this.#followsAll) return;
    const wanted = this.#wanted;
    const { allowAutoTopicCreation } = this.#options;
    this.#isAsking = true;
    this.#lastAttemptMs = nowMs;
    const isForAll = this.#followsAll;
    const asked = { topics: isForAll ? null : topics, allowAutoTopicCreation };
    channel.send(ApiKeys.METADATA, asked, (outcome) => {
      this.#isAsking = false;
      if (isForAll && outcome.kind === "response") this.#list(outcome.body.topics);
      this.#answered(outcome, wanted);
    });
  }

  #answered(outcome: Outcome<typeof ApiKeys.METADATA>, wanted: number): void {
    if (outcome.kind !== "response") {
      this.#failures += 1;
      this.#wanted += 1;
      this.#backOff(this.#failures);
      this.#refresh();
      return;
    }
    this.#failures = 0;
    this.#satisfied = Math.max(this.#satisfied, wanted);
    this.#lastSuccessMs = this.#ports.clock.monotonicMs();
    const changed = this.#apply(outcome.body);
    this.#sameAnswers = changed.length > 0 ? 0 : this.#sameAnswers + 1;
    this.#backOff(this.#sameAnswers);
    this.#options.onUpdate(changed);
    this.#refresh();
  }

  #backOff(count: number): void {
    this.#allowedMs = this.#lastAttemptMs + this.#backoff.delayMs(count);
  }

  #apply(body: MetadataResponse): PartitionMetadata[] {
    this.#hosts = new Map(body.brokers.map((broker) => [broker.nodeId, broker.host]));
    this.#candidates = [...new Set([...this.#hosts.values(), ...this.#options.bootstrap])];
    const changed: PartitionMetadata[] = [];
    for (const topic of body.topics) {
      const entry = this.#topics.get(topic.name);
      if (entry !== undefined) this.#applyTopic(entry, topic, changed);
    }
    return changed;
  }

  /** What is not in a list of all topics is not there any more. */
  #list(topics: readonly MetadataTopic[]): void {
    if (!this.#followsAll) return;
    const good = topics.filter((topic) => topic.errorCode === Errors.NONE && !topic.isInternal);
    this.#listed = good.map((topic) => topic.name);
    for (const name of this.#listed) this.#entry(name);
    const names = new Set(topics.map((topic) => topic.name));
    for (const topic of this.#topics.values()) {
      if (!names.has(topic.name)) topic.error = Errors.UNKNOWN_TOPIC_OR_PARTITION;
    }
  }

  #applyTopic(entry: TopicEntry, topic: MetadataTopic, changed: PartitionMetadata[]): void {
    entry.error = topic.errorCode;
    if (topic.errorCode !== Errors.NONE) {
      if (topic.errorCode !== Errors.INVALID_TOPIC_EXCEPTION) this.#wanted += 1;
      return;
    }
    const sameId = entry.id === null || entry.id === topic.topicId;
    entry.id = topic.topicId;
    entry.partitionCount = topic.partitions.length;
    for (const partition of topic.partitions) {
      const slot = slotOf(entry, partition.partitionIndex);
      const { leaderId, leaderEpoch } = partition;
      // Also when the leader is no news: what is known is wrong, or will be soon.
      if (partition.errorCode !== Errors.NONE) this.#wanted += 1;
      if (!this.#options.rules.acceptsLeader(sameId, slot.leaderEpoch, leaderEpoch)) continue;
      if (slot.leader === leaderId && slot.leaderEpoch === leaderEpoch) continue;
      this.#setLeader(slot, leaderId, leaderEpoch);
      changed.push(slot);
    }
    entry.available = availableOf(entry);
  }

  #setLeader(slot: Writable<PartitionMetadata>, leader: NodeId, leaderEpoch: LeaderEpoch): void {
    slot.leader = leader;
    slot.leaderEpoch = leaderEpoch;
    const { probe } = this.#ports;
    if (probe !== null) {
      const [client, partition] = [this.#clientId, slot.name];
      probe.emit({ kind: "client-metadata", client, partition, leader, leaderEpoch });
    }
  }
}

function makeDormant(topic: TopicEntry): void {
  topic.isDormant = true;
  topic.partitionCount = 0;
  topic.available = [];
}

function slotOf(entry: TopicEntry, index: number): Writable<PartitionMetadata> {
  for (let next = entry.slots.length; next <= index; next++) {
    const name = partitionName(entry.name, next);
    const nobody = { leader: NO_NODE, leaderEpoch: NO_EPOCH };
    entry.slots.push({ topic: entry, index: next, name, ...nobody });
  }
  return entry.slots[index] as Writable<PartitionMetadata>;
}

function availableOf(entry: TopicEntry): PartitionMetadata[] {
  return entry.slots.filter((slot) => slot.index < entry.partitionCount && slot.leader >= 0);
}
