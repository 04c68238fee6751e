import type {
  AllocateProducerIdsRequest,
  AllocateProducerIdsResponse,
} from "./allocate-producer-ids.ts";
import type { AlterPartitionRequest, AlterPartitionResponse } from "./alter-partition.ts";
import type { ApiVersionsRequest, ApiVersionsResponse } from "./api-versions.ts";
import type {
  AssignReplicasToDirsRequest,
  AssignReplicasToDirsResponse,
} from "./assign-replicas-to-dirs.ts";
import type {
  BrokerHeartbeatRequest,
  BrokerHeartbeatResponse,
  BrokerRegistrationRequest,
  BrokerRegistrationResponse,
} from "./broker-lifecycle.ts";
import type {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from "./configs.ts";
import type { CreatePartitionsRequest, CreatePartitionsResponse } from "./create-partitions.ts";
import type { CreateTopicsRequest, CreateTopicsResponse } from "./create-topics.ts";
import type { ElectLeadersRequest, ElectLeadersResponse } from "./elect-leaders.ts";
import type { EnvelopeRequest, EnvelopeResponse } from "./envelope.ts";
import type { FetchSnapshotRequest, FetchSnapshotResponse } from "./fetch-snapshot.ts";
import type { FetchRequest, FetchResponse } from "./fetch.ts";
import type { FindCoordinatorRequest, FindCoordinatorResponse } from "./find-coordinator.ts";
import type {
  DeleteGroupsRequest,
  DeleteGroupsResponse,
  DescribeGroupsRequest,
  DescribeGroupsResponse,
  ListGroupsRequest,
  ListGroupsResponse,
} from "./group-admin.ts";
import type {
  HeartbeatRequest,
  HeartbeatResponse,
  LeaveGroupRequest,
  LeaveGroupResponse,
} from "./group-membership.ts";
import type {
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  OffsetDeleteResponse,
  OffsetFetchRequest,
  OffsetFetchResponse,
} from "./group-offsets.ts";
import type { InitProducerIdRequest, InitProducerIdResponse } from "./init-producer-id.ts";
import type { JoinGroupRequest, JoinGroupResponse } from "./join-group.ts";
import type { ListOffsetsRequest, ListOffsetsResponse } from "./list-offsets.ts";
import type { MetadataRequest, MetadataResponse } from "./metadata.ts";
import type {
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
} from "./offset-for-leader-epoch.ts";
import type { ProduceRequest, ProduceResponse } from "./produce.ts";
import type {
  BeginQuorumEpochRequest,
  EndQuorumEpochRequest,
  QuorumEpochResponse,
} from "./quorum-epoch.ts";
import type { SyncGroupRequest, SyncGroupResponse } from "./sync-group.ts";
import type { VoteRequest, VoteResponse } from "./vote.ts";

/** Kafka's numbers of the requests (ApiKeys.java). */
export const ApiKeys = {
  PRODUCE: 0,
  FETCH: 1,
  LIST_OFFSETS: 2,
  METADATA: 3,
  OFFSET_COMMIT: 8,
  OFFSET_FETCH: 9,
  FIND_COORDINATOR: 10,
  JOIN_GROUP: 11,
  HEARTBEAT: 12,
  LEAVE_GROUP: 13,
  SYNC_GROUP: 14,
  DESCRIBE_GROUPS: 15,
  LIST_GROUPS: 16,
  API_VERSIONS: 18,
  CREATE_TOPICS: 19,
  INIT_PRODUCER_ID: 22,
  OFFSET_FOR_LEADER_EPOCH: 23,
  DESCRIBE_CONFIGS: 32,
  CREATE_PARTITIONS: 37,
  DELETE_GROUPS: 42,
  ELECT_LEADERS: 43,
  INCREMENTAL_ALTER_CONFIGS: 44,
  OFFSET_DELETE: 47,
  VOTE: 52,
  BEGIN_QUORUM_EPOCH: 53,
  END_QUORUM_EPOCH: 54,
  ALTER_PARTITION: 56,
  ENVELOPE: 58,
  FETCH_SNAPSHOT: 59,
  BROKER_REGISTRATION: 62,
  BROKER_HEARTBEAT: 63,
  ALLOCATE_PRODUCER_IDS: 67,
  ASSIGN_REPLICAS_TO_DIRS: 73,
} as const;

export type ApiKey = (typeof ApiKeys)[keyof typeof ApiKeys];

/** The bodies of each request and its response, by key. */
export interface Bodies {
  0: { readonly request: ProduceRequest; readonly response: ProduceResponse };
  1: { readonly request: FetchRequest; readonly response: FetchResponse };
  2: { readonly request: ListOffsetsRequest; readonly response: ListOffsetsResponse };
  3: { readonly request: MetadataRequest; readonly response: MetadataResponse };
  8: { readonly request: OffsetCommitRequest; readonly response: OffsetCommitResponse };
  9: { readonly request: OffsetFetchRequest; readonly response: OffsetFetchResponse };
  10: { readonly request: FindCoordinatorRequest; readonly response: FindCoordinatorResponse };
  11: { readonly request: JoinGroupRequest; readonly response: JoinGroupResponse };
  12: { readonly request: HeartbeatRequest; readonly response: HeartbeatResponse };
  13: { readonly request: LeaveGroupRequest; readonly response: LeaveGroupResponse };
  14: { readonly request: SyncGroupRequest; readonly response: SyncGroupResponse };
  15: { readonly request: DescribeGroupsRequest; readonly response: DescribeGroupsResponse };
  16: { readonly request: ListGroupsRequest; readonly response: ListGroupsResponse };
  18: { readonly request: ApiVersionsRequest; readonly response: ApiVersionsResponse };
  19: { readonly request: CreateTopicsRequest; readonly response: CreateTopicsResponse };
  22: { readonly request: InitProducerIdRequest; readonly response: InitProducerIdResponse };
  23: {
    readonly request: OffsetForLeaderEpochRequest;
    readonly response: OffsetForLeaderEpochResponse;
  };
  32: { readonly request: DescribeConfigsRequest; readonly response: DescribeConfigsResponse };
  37: { readonly request: CreatePartitionsRequest; readonly response: CreatePartitionsResponse };
  42: { readonly request: DeleteGroupsRequest; readonly response: DeleteGroupsResponse };
  43: { readonly request: ElectLeadersRequest; readonly response: ElectLeadersResponse };
  44: {
    readonly request: IncrementalAlterConfigsRequest;
    readonly response: IncrementalAlterConfigsResponse;
  };
  47: { readonly request: OffsetDeleteRequest; readonly response: OffsetDeleteResponse };
  52: { readonly request: VoteRequest; readonly response: VoteResponse };
  53: { readonly request: BeginQuorumEpochRequest; readonly response: QuorumEpochResponse };
  54: { readonly request: EndQuorumEpochRequest; readonly response: QuorumEpochResponse };
  56: { readonly request: AlterPartitionRequest; readonly response: AlterPartitionResponse };
  58: { readonly request: EnvelopeRequest; readonly response: EnvelopeResponse };
  59: { readonly request: FetchSnapshotRequest; readonly response: FetchSnapshotResponse };
  62: {
    readonly request: BrokerRegistrationRequest;
    readonly response: BrokerRegistrationResponse;
  };
  63: { readonly request: BrokerHeartbeatRequest; readonly response: BrokerHeartbeatResponse };
  67: {
    readonly request: AllocateProducerIdsRequest;
    readonly response: AllocateProducerIdsResponse;
  };
  73: {
    readonly request: AssignReplicasToDirsRequest;
    readonly response: AssignReplicasToDirsResponse;
  };
}

export type RequestBody<K extends ApiKey> = Bodies[K]["request"];
export type ResponseBody<K extends ApiKey> = Bodies[K]["response"];

/** A request as it travels; a union on `apiKey`. */
export type Request = { [K in ApiKey]: RequestOf<K> }[ApiKey];

export interface RequestOf<K extends ApiKey> {
  readonly apiKey: K;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string;
  readonly body: RequestBody<K>;
}

export interface Response {
  readonly correlationId: number;
  /** Of the request that it answers; the receiver checks it against what it asked. */
  readonly apiKey: ApiKey;
  readonly body: Bodies[ApiKey]["response"];
}

/** The versions that what is built speaks: the meaning of the newest one. */
export const supportedVersions: readonly {
  readonly apiKey: ApiKey;
  readonly minVersion: number;
  readonly maxVersion: number;
}[] = [
  { apiKey: ApiKeys.PRODUCE, minVersion: 13, maxVersion: 13 },
  { apiKey: ApiKeys.FETCH, minVersion: 17, maxVersion: 17 },
  { apiKey: ApiKeys.LIST_OFFSETS, minVersion: 10, maxVersion: 10 },
  { apiKey: ApiKeys.METADATA, minVersion: 13, maxVersion: 13 },
  { apiKey: ApiKeys.OFFSET_COMMIT, minVersion: 9, maxVersion: 9 },
  { apiKey: ApiKeys.OFFSET_FETCH, minVersion: 9, maxVersion: 9 },
  { apiKey: ApiKeys.FIND_COORDINATOR, minVersion: 6, maxVersion: 6 },
  { apiKey: ApiKeys.JOIN_GROUP, minVersion: 9, maxVersion: 9 },
  { apiKey: ApiKeys.HEARTBEAT, minVersion: 4, maxVersion: 4 },
  { apiKey: ApiKeys.LEAVE_GROUP, minVersion: 5, maxVersion: 5 },
  { apiKey: ApiKeys.SYNC_GROUP, minVersion: 5, maxVersion: 5 },
  { apiKey: ApiKeys.DESCRIBE_GROUPS, minVersion: 6, maxVersion: 6 },
  { apiKey: ApiKeys.LIST_GROUPS, minVersion: 5, maxVersion: 5 },
  { apiKey: ApiKeys.API_VERSIONS, minVersion: 0, maxVersion: 4 },
  { apiKey: ApiKeys.CREATE_TOPICS, minVersion: 7, maxVersion: 7 },
  { apiKey: ApiKeys.INIT_PRODUCER_ID, minVersion: 5, maxVersion: 5 },
  { apiKey: ApiKeys.OFFSET_FOR_LEADER_EPOCH, minVersion: 4, maxVersion: 4 },
  { apiKey: ApiKeys.DESCRIBE_CONFIGS, minVersion: 4, maxVersion: 4 },
  { apiKey: ApiKeys.CREATE_PARTITIONS, minVersion: 3, maxVersion: 3 },
  { apiKey: ApiKeys.DELETE_GROUPS, minVersion: 2, maxVersion: 2 },
  { apiKey: ApiKeys.ELECT_LEADERS, minVersion: 2, maxVersion: 2 },
  { apiKey: ApiKeys.INCREMENTAL_ALTER_CONFIGS, minVersion: 1, maxVersion: 1 },
  { apiKey: ApiKeys.OFFSET_DELETE, minVersion: 0, maxVersion: 0 },
  { apiKey: ApiKeys.VOTE, minVersion: 2, maxVersion: 2 },
  { apiKey: ApiKeys.BEGIN_QUORUM_EPOCH, minVersion: 1, maxVersion: 1 },
  { apiKey: ApiKeys.END_QUORUM_EPOCH, minVersion: 1, maxVersion: 1 },
  { apiKey: ApiKeys.ALTER_PARTITION, minVersion: 3, maxVersion: 3 },
  { apiKey: ApiKeys.ENVELOPE, minVersion: 0, maxVersion: 0 },
  { apiKey: ApiKeys.FETCH_SNAPSHOT, minVersion: 1, maxVersion: 1 },
  { apiKey: ApiKeys.BROKER_REGISTRATION, minVersion: 4, maxVersion: 4 },
  { apiKey: ApiKeys.BROKER_HEARTBEAT, minVersion: 1, maxVersion: 1 },
  { apiKey: ApiKeys.ALLOCATE_PRODUCER_IDS, minVersion: 0, maxVersion: 0 },
  { apiKey: ApiKeys.ASSIGN_REPLICAS_TO_DIRS, minVersion: 0, maxVersion: 0 },
];
