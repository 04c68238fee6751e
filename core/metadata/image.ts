import { assert, unreachable } from "../assert.ts";
import type {
  BrokerEpoch,
  LeaderEpoch,
  NodeId,
  Offset,
  PartitionEpoch,
  ProducerId,
  TopicId,
  Uuid,
} from "../ids.ts";
import { NO_NODE, UNASSIGNED_DIRECTORY } from "../ids.ts";
import type { LeaderRecoveryState } from "../protocol/alter-partition.ts";
import { BROKER_RESOURCE, TOPIC_RESOURCE } from "../protocol/configs.ts";
import type { MetadataRecord, PartitionChangeRecord } from "./records.ts";

/** One partition as the controller decided it. Immutable: a change makes a new one. */
export interface PartitionRegistration {
  readonly replicas: readonly NodeId[];
  readonly isr: readonly NodeId[];
  /** -1 for none. */
  readonly leader: NodeId;
  readonly leaderRecoveryState: LeaderRecoveryState;
  readonly leaderEpoch: LeaderEpoch;
  readonly partitionEpoch: PartitionEpoch;
  /** Log directory of each replica, in the order of the replicas; absent: not assigned. */
  readonly directories?: readonly Uuid[];
}

export interface TopicImage {
  readonly name: string;
  readonly id: TopicId;
  /** By partition id, dense. */
  readonly partitions: PartitionRegistration[];
}

/** One broker incarnation. Immutable: a change makes a new one. */
export interface BrokerRegistration {
  readonly id: NodeId;
  readonly epoch: BrokerEpoch;
  /** Of the record that registered it, or amended its registration. Its heartbeats must reach it. */
  readonly recordOffset: Offset;
  readonly incarnationId: Uuid;
  readonly host: string;
  readonly rack: string | null;
  readonly fenced: boolean;
  readonly inControlledShutdown: boolean;
  readonly logDirs: readonly Uuid[];
}

/** What a run of records changed in an image, for whoever acts on changes. */
export class MetadataDelta {
  readonly partitions: Map<TopicId, Set<number>> = new Map();
  readonly createdTopics: Set<TopicId> = new Set();
  readonly brokers: Set<NodeId> = new Set();
  /** Names of topics whose settings changed. */
  readonly topicConfigs: Set<string> = new Set();
  brokerConfigs = false;

  markPartition(topicId: TopicId, partition: number): void {
    let changed = this.partitions.get(topicId);
    if (changed === undefined) this.partitions.set(topicId, (changed = new Set()));
    changed.add(partition);
  }
}

/**
 * The cluster's metadata as far as one node has replayed the metadata log (MetadataImage.java).
 * Each node owns one and changes it in place, record by record.
 */
export class MetadataImage {
  /** Offset of the last record applied; -1 when none was. */
  offset: Offset = -1;
  /** Epoch of that record. */
  epoch: LeaderEpoch = -1;
  readonly topicsById: Map<TopicId, TopicImage> = new Map();
  readonly topicsByName: Map<string, TopicImage> = new Map();
  readonly brokers: Map<NodeId, BrokerRegistration> = new Map();
  /** Topic name -> setting -> value, as set on the topic itself. */
  readonly topicConfigs: Map<string, Map<string, string>> = new Map();
  /** Broker id as text ("" for all brokers) -> setting -> value. */
  readonly brokerConfigs: Map<string, Map<string, string>> = new Map();
  readonly features: Map<string, number> = new Map();
  nextProducerId: ProducerId = 0;

  partition(topicId: TopicId, partition: number): PartitionRegistration | undefined {
    return this.topicsById.get(topicId)?.partitions[partition];
  }

  /** Registered, unfenced and not in controlled shutdown: may lead and may join an ISR. */
  isActive(broker: NodeId): boolean {
    const registration = this.brokers.get(broker);
    return registration !== undefined && !registration.fenced && !registration.inControlledShutdown;
  }

  /** An image that goes its own way from here; what it holds is immutable and shared. */
  copy(): MetadataImage {
    const copy = new MetadataImage();
    copy.offset = this.offset;
    copy.epoch = this.epoch;
    for (const topic of this.topicsById.values()) {
      const same: TopicImage = { ...topic, partitions: [...topic.partitions] };
      copy.topicsById.set(topic.id, same);
      copy.topicsByName.set(topic.name, same);
    }
    for (const [id, broker] of this.brokers) copy.brokers.set(id, broker);
    for (const [name, configs] of this.topicConfigs) copy.topicConfigs.set(name, new Map(configs));
    for (const [name, configs] of this.brokerConfigs) {
      copy.brokerConfigs.set(name, new Map(configs));
    }
    for (const [name, level] of this.features) copy.features.set(name, level);
    copy.nextProducerId = this.nextProducerId;
    return copy;
  }

  /** Applies the record at `offset`, and notes in `delta` what it changed. */
  apply(record: MetadataRecord, offset: Offset, epoch: LeaderEpoch, delta: MetadataDelta): void {
    this.offset = offset;
    this.epoch = epoch;
    switch (record.type) {
      case "RegisterBroker":
        this.brokers.set(record.brokerId, {
          id: record.brokerId,
          epoch: record.brokerEpoch,
          recordOffset: offset,
          incarnationId: record.incarnationId,
          host: record.host,
          rack: record.rack,
          fenced: record.fenced,
          inControlledShutdown: record.inControlledShutdown,
          logDirs: record.logDirs,
        });
        delta.brokers.add(record.brokerId);
        return;
      case "BrokerRegistrationChange": {
        const known = this.brokers.get(record.brokerId);
        assert(known !== undefined, `no registration of broker ${record.brokerId} to change`);
        this.brokers.set(record.brokerId, {
          ...known,
          fenced: record.fenced ?? known.fenced,
          inControlledShutdown: record.inControlledShutdown ?? known.inControlledShutdown,
        });
        delta.brokers.add(record.brokerId);
        return;
      }
      case "Topic": {
        const topic: TopicImage = { name: record.name, id: record.topicId, partitions: [] };
        this.topicsById.set(record.topicId, topic);
        this.topicsByName.set(record.name, topic);
        delta.createdTopics.add(record.topicId);
        return;
      }
      case "Partition":
        this.#topic(record.topicId).partitions[record.partitionId] = {
          replicas: record.replicas,
          isr: record.isr,
          leader: record.leader,
          leaderRecoveryState: record.leaderRecoveryState,
          leaderEpoch: record.leaderEpoch,
          partitionEpoch: record.partitionEpoch,
          ...(record.directories === undefined ? {} : { directories: record.directories }),
        };
        delta.markPartition(record.topicId, record.partitionId);
        return;
      case "PartitionChange": {
        const partitions = this.#topic(record.topicId).partitions;
        const known = partitions[record.partitionId];
        assert(known !== undefined, `no partition ${record.partitionId} to change`);
        partitions[record.partitionId] = changedRegistration(known, record);
        delta.markPartition(record.topicId, record.partitionId);
        return;
      }
      case "Config":
        this.#applyConfig(record.resourceType, record.resourceName, record.name, record.value);
        if (record.resourceType === TOPIC_RESOURCE) delta.topicConfigs.add(record.resourceName);
        else delta.brokerConfigs = true;
        return;
      case "FeatureLevel":
        this.features.set(record.name, record.featureLevel);
        return;
      case "ProducerIds":
        this.nextProducerId = record.nextProducerId;
        return;
      case "NoOp":
        return;
      default:
        unreachable(record);
    }
  }

  #topic(id: TopicId): TopicImage {
    const topic = this.topicsById.get(id);
    assert(topic !== undefined, `no topic ${id}`);
    return topic;
  }

  #applyConfig(resourceType: number, resource: string, name: string, value: string | null): void {
    assert(
      resourceType === TOPIC_RESOURCE || resourceType === BROKER_RESOURCE,
      `config of resource type ${resourceType}`,
    );
    const all = resourceType === TOPIC_RESOURCE ? this.topicConfigs : this.brokerConfigs;
    let configs = all.get(resource);
    if (configs === undefined) all.set(resource, (configs = new Map()));
    if (value === null) configs.delete(name);
    else configs.set(name, value);
  }
}

/** PartitionRegistration.merge: what a change record makes of a registration. */
export function changedRegistration(
  known: PartitionRegistration,
  change: PartitionChangeRecord,
): PartitionRegistration {
  const directories = change.directories ?? known.directories;
  return {
    replicas: known.replicas,
    isr: change.isr ?? known.isr,
    leader: change.leader ?? known.leader,
    leaderRecoveryState: change.leaderRecoveryState ?? known.leaderRecoveryState,
    leaderEpoch: change.leader === null ? known.leaderEpoch : known.leaderEpoch + 1,
    partitionEpoch: known.partitionEpoch + 1,
    ...(directories === undefined ? {} : { directories }),
  };
}

/** The log directory that holds a broker's replica; {@link UNASSIGNED_DIRECTORY} when not known. */
export function directoryOf(registration: PartitionRegistration, broker: NodeId): Uuid {
  const at = registration.replicas.indexOf(broker);
  return registration.directories?.[at] ?? UNASSIGNED_DIRECTORY;
}

export function hasLeader(registration: PartitionRegistration): boolean {
  return registration.leader !== NO_NODE;
}
