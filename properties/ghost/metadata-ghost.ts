/**
 * What the controllers decided for good: the committed records of the metadata log, applied in order.
 * Records that are told again, by a controller that was restarted, are passed over.
 */
import type { FactOf } from "../../core/facts.ts";
import type { BrokerEpoch, NodeId, Offset, ProducerId, TopicId, Uuid } from "../../core/ids.ts";
import { partitionName } from "../../core/ids.ts";
import type {
  BrokerRegistrationChangeRecord,
  ConfigRecord,
  PartitionChangeRecord,
  PartitionRecord,
  RegisterBrokerRecord,
} from "../../core/metadata/records.ts";
import type { PartitionGhost, Registration } from "./partition-ghost.ts";

const TOPIC_RESOURCE = 2;

export interface BrokerGhost {
  readonly epoch: BrokerEpoch;
  readonly fenced: boolean;
  readonly inControlledShutdown: boolean;
  /** That it registered with; empty: it names none, and has all of them. */
  readonly logDirs: readonly Uuid[];
}

export class MetadataGhost {
  readonly brokers: Map<NodeId, BrokerGhost> = new Map();
  /** The record of the current fact was not seen before. */
  fresh: boolean = false;
  /** Partitions and brokers that the current atomic batch of records touched so far. */
  readonly touchedPartitions: PartitionGhost[] = [];
  readonly touchedBrokers: NodeId[] = [];
  /** Replicas that the current atomic batch took out of an ISR. */
  readonly leftIsr: { readonly partition: PartitionGhost; readonly replica: NodeId }[] = [];
  /** Brokers that the current atomic batch registered. */
  readonly registeredBrokers: NodeId[] = [];
  /** End of the producer ids that were given out for good. */
  producerIdsEnd: ProducerId = 0;
  leaderChanges: number = 0;
  isrChanges: number = 0;
  readonly #partition: (name: string) => PartitionGhost;
  readonly #topics: Map<TopicId, { readonly name: string; readonly partitions: PartitionGhost[] }> =
    new Map();
  /** Lowest min.insync.replicas that a topic ever had, where it was set. */
  readonly #minIsr: Map<string, number> = new Map();
  #offset: Offset = -1;
  #batchEnded = true;

  constructor(partition: (name: string) => PartitionGhost) {
    this.#partition = partition;
  }

  /** Of the last committed record that was told; -1 before the first. */
  get offset(): Offset {
    return this.#offset;
  }

  minInsyncReplicas(topic: string): number | undefined {
    return this.#minIsr.get(topic);
  }

  committed(fact: FactOf<"metadata-committed">): void {
    this.fresh = fact.offset > this.#offset;
    if (!this.fresh) return;
    this.#offset = fact.offset;
    if (this.#batchEnded) {
      this.touchedPartitions.length = 0;
      this.touchedBrokers.length = 0;
      this.leftIsr.length = 0;
      this.registeredBrokers.length = 0;
    }
    this.#batchEnded = fact.endsBatch;
    const { record } = fact;
    switch (record.type) {
      case "Topic":
        this.#topics.set(record.topicId, { name: record.name, partitions: [] });
        return;
      case "Partition":
        return this.#created(record);
      case "PartitionChange":
        return this.#changed(record);
      case "RegisterBroker":
        return this.#registered(record);
      case "BrokerRegistrationChange":
        return this.#brokerChanged(record);
      case "Config":
        return this.#configured(record);
      case "ProducerIds":
        this.producerIdsEnd = record.nextProducerId;
        return;
      case "FeatureLevel":
      case "NoOp":
        return;
    }
  }

  #created(record: PartitionRecord): void {
    const topic = this.#topics.get(record.topicId);
    if (topic === undefined) return;
    const partition = this.#partition(partitionName(topic.name, record.partitionId));
    topic.partitions[record.partitionId] = partition;
    partition.directories = record.directories ?? [];
    const { leader, leaderEpoch, partitionEpoch, isr, replicas } = record;
    this.#apply(partition, { leader, leaderEpoch, partitionEpoch, isr, replicas });
  }

  #changed(record: PartitionChangeRecord): void {
    const partition = this.#topics.get(record.topicId)?.partitions[record.partitionId];
    const before = partition?.registration;
    if (partition === undefined || before === null || before === undefined) return;
    partition.directories = record.directories ?? partition.directories;
    const leader = record.leader ?? before.leader;
    if (leader !== before.leader && leader !== -1) this.leaderChanges += 1;
    if (record.isr !== null) {
      this.isrChanges += 1;
      this.#isrChanged(partition, before.isr, record.isr, leader);
    }
    this.#apply(partition, {
      leader,
      leaderEpoch: record.leader === null ? before.leaderEpoch : before.leaderEpoch + 1,
      partitionEpoch: before.partitionEpoch + 1,
      isr: record.isr ?? before.isr,
      replicas: before.replicas,
    });
  }

  #isrChanged(
    partition: PartitionGhost,
    before: readonly NodeId[],
    isr: readonly NodeId[],
    leader: NodeId,
  ): void {
    for (const replica of before) {
      if (!isr.includes(replica)) this.leftIsr.push({ partition, replica });
    }
    for (const member of isr) {
      // Who joins has proved that it has everything again; an unclean leader has proved nothing.
      if (before.includes(member) || member === leader) continue;
      const joined = partition.replica(member);
      if (joined !== undefined) joined.destroyed.length = 0;
    }
  }

  #apply(partition: PartitionGhost, registration: Registration): void {
    partition.registration = registration;
    partition.electedIn[registration.leaderEpoch] = registration.leader;
    this.touchedPartitions.push(partition);
  }

  #registered(record: RegisterBrokerRecord): void {
    this.brokers.set(record.brokerId, {
      epoch: record.brokerEpoch,
      fenced: record.fenced,
      inControlledShutdown: record.inControlledShutdown,
      logDirs: record.logDirs,
    });
    this.touchedBrokers.push(record.brokerId);
    this.registeredBrokers.push(record.brokerId);
  }

  #brokerChanged(record: BrokerRegistrationChangeRecord): void {
    const before = this.brokers.get(record.brokerId);
    if (before === undefined) return;
    this.brokers.set(record.brokerId, {
      epoch: before.epoch,
      logDirs: before.logDirs,
      fenced: record.fenced ?? before.fenced,
      inControlledShutdown: record.inControlledShutdown ?? before.inControlledShutdown,
    });
    this.touchedBrokers.push(record.brokerId);
  }

  #configured(record: ConfigRecord): void {
    if (record.resourceType !== TOPIC_RESOURCE || record.name !== "min.insync.replicas") return;
    const value = Number(record.value ?? 1);
    const before = this.#minIsr.get(record.resourceName);
    if (before === undefined || value < before) this.#minIsr.set(record.resourceName, value);
  }
}
