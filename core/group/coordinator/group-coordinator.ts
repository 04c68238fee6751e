/**
 * Groups on one broker (GroupCoordinatorService.java): knows which partitions of `__consumer_offsets`
 * this broker leads, and gives each request to the coordinator of its group.
 *
 * Each partition has a lane, "group-coordinator-<partition>", on which all is done that concerns its
 * groups; they are loaded on lane "group-metadata-manager".
 */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { GroupId, LeaderEpoch, NodeId } from "../../ids.ts";
import { OFFSETS_TOPIC } from "../../ids.ts";
import type { MetadataDelta, MetadataImage, TopicImage } from "../../metadata/image.ts";
import type { Call } from "../../network/request-server.ts";
import type { Ports, StorageError } from "../../ports.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { Rules } from "../../rules.ts";
import type { BrokerSettings } from "../../settings/broker-settings.ts";
import { partitionOfGroup } from "../partition-of-group.ts";
import { AdminRequests } from "./admin-requests.ts";
import type { LocalReplicas } from "./coordinated-partition.ts";
import { CoordinatorLoader } from "./coordinator-loader.ts";
import type { CoordinatorPartitionOptions } from "./coordinator-partition.ts";
import { CoordinatorPartition } from "./coordinator-partition.ts";
import type { Coordinators } from "./coordinators.ts";
import type { GroupShard } from "./group-shard.ts";
import { MemberRequests } from "./member-requests.ts";
import { OffsetRequests } from "./offset-requests.ts";

export interface GroupCoordinatorOptions {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  readonly nodeId: NodeId;
  /** The broker's published image. */
  readonly image: MetadataImage;
  readonly replicas: LocalReplicas;
  onStorageError(error: StorageError): void;
}

/** Those whose requests a {@link GroupCoordinator} takes. */
export type GroupApiKey =
  | typeof ApiKeys.JOIN_GROUP
  | typeof ApiKeys.SYNC_GROUP
  | typeof ApiKeys.HEARTBEAT
  | typeof ApiKeys.LEAVE_GROUP
  | typeof ApiKeys.OFFSET_COMMIT
  | typeof ApiKeys.OFFSET_FETCH
  | typeof ApiKeys.OFFSET_DELETE
  | typeof ApiKeys.LIST_GROUPS
  | typeof ApiKeys.DESCRIBE_GROUPS
  | typeof ApiKeys.DELETE_GROUPS;

export class GroupCoordinator implements Coordinators {
  readonly #options: GroupCoordinatorOptions;
  readonly #loader: CoordinatorLoader;
  /** Those that this broker has led since it started, by number. */
  readonly #partitions: Map<number, CoordinatorPartition> = new Map();
  /** Leader epoch of the last election or resignation that each was told of. */
  readonly #told: Map<number, LeaderEpoch> = new Map();
  readonly #members: MemberRequests;
  readonly #offsets: OffsetRequests;
  readonly #admin: AdminRequests;
  /** As it was when metadata was published first; 0 before. */
  #partitionCount = 0;
  #isShutDown = false;

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options;
    const { ports, settings, image } = options;
    const rules = options.rules.group;
    this.#loader = new CoordinatorLoader({
      ports,
      chunkBytes: settings["offsets.load.buffer.size"],
      onStorageError: (error) => options.onStorageError(error),
    });
    this.#members = new MemberRequests({ ports, rules, settings, coordinators: this });
    this.#offsets = new OffsetRequests({ ports, rules, image, coordinators: this });
    this.#admin = new AdminRequests(this);
  }

  /** Which partition of `__consumer_offsets` keeps a group. */
  partitionFor(group: GroupId): number {
    return partitionOfGroup(group, Math.max(1, this.#partitionCount));
  }

  /** The image has changed by `delta`, and replicas are what it says. */
  published(delta: MetadataDelta): void {
    const { image, settings } = this.#options;
    const topic = image.topicsByName.get(OFFSETS_TOPIC);
    if (this.#partitionCount === 0) {
      const known = topic?.partitions.length;
      this.#partitionCount = known ?? settings["offsets.topic.num.partitions"];
    }
    if (topic === undefined || this.#isShutDown) return;
    for (const index of delta.partitions.get(topic.id) ?? []) this.#partitionChanged(topic, index);
  }

  handle(call: Call, apiKey: GroupApiKey): void {
    switch (apiKey) {
      case ApiKeys.JOIN_GROUP:
        return this.#members.join(call);
      case ApiKeys.SYNC_GROUP:
        return this.#members.sync(call);
      case ApiKeys.HEARTBEAT:
        return this.#members.heartbeat(call);
      case ApiKeys.LEAVE_GROUP:
        return this.#members.leave(call);
      case ApiKeys.OFFSET_COMMIT:
        return this.#offsets.commit(call);
      case ApiKeys.OFFSET_FETCH:
        return this.#offsets.fetch(call);
      case ApiKeys.OFFSET_DELETE:
        return this.#offsets.delete(call);
      case ApiKeys.LIST_GROUPS:
        return this.#admin.list(call);
      case ApiKeys.DESCRIBE_GROUPS:
        return this.#admin.describe(call);
      case ApiKeys.DELETE_GROUPS:
        return this.#admin.delete(call);
    }
  }

  /** The broker stops: whoever waits is told to ask elsewhere. */
  shutDown(): void {
    this.#isShutDown = true;
    this.#loader.close();
    for (const partition of this.#partitions.values()) partition.close();
  }

  // ---- what the handlers of requests need, see Coordinators -----------------------------------------

  perform(
    index: number,
    step: (shard: GroupShard) => void,
    refuse: (error: ErrorCode) => void,
    whileLoading?: ErrorCode,
  ): void {
    const partition = this.#partitions.get(index);
    if (this.#isShutDown) refuse(Errors.COORDINATOR_NOT_AVAILABLE);
    else if (partition === undefined) refuse(Errors.NOT_COORDINATOR);
    else partition.perform(step, refuse, whileLoading);
  }

  get partitions(): readonly number[] {
    return [...this.#partitions.keys()].sort((a, b) => a - b);
  }

  #coordinating(): CoordinatorPartitionOptions {
    const { ports, rules, settings, replicas } = this.#options;
    return { ports, rules: rules.group, settings, replicas, loader: this.#loader };
  }

  #partitionChanged(topic: TopicImage, index: number): void {
    const registration = topic.partitions[index];
    if (registration === undefined) return;
    const { nodeId } = this.#options;
    const { leader, leaderEpoch, replicas } = registration;
    if ((this.#told.get(index) ?? -1) >= leaderEpoch) return;
    const known = this.#partitions.get(index);
    if (leader === nodeId) {
      const partition = known ?? new CoordinatorPartition(this.#coordinating(), index);
      this.#partitions.set(index, partition);
      this.#told.set(index, leaderEpoch);
      partition.elected(leaderEpoch);
    } else if (known !== undefined) {
      this.#told.set(index, leaderEpoch);
      known.resigned(replicas.includes(nodeId) ? leaderEpoch : null);
    }
  }
}
