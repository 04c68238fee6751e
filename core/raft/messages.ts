/** The messages between voters, as Kafka nests them: one topic, one partition, the metadata log's. */
import type { ErrorCode } from "../errors.ts";
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import { METADATA_TOPIC } from "../ids.ts";
import type { SnapshotId } from "../protocol/fetch-snapshot.ts";
import type {
  FetchSnapshotPartitionResponse,
  FetchSnapshotRequest,
  FetchSnapshotResponse,
} from "../protocol/fetch-snapshot.ts";
import type {
  BeginQuorumEpochRequest,
  EndQuorumEpochRequest,
  QuorumEpochResponse,
} from "../protocol/quorum-epoch.ts";
import type { VoteRequest, VoteResponse } from "../protocol/vote.ts";
import type { LeaderAndEpoch } from "./committed-reader.ts";
import type { Voter } from "./control-records.ts";
import type { ReplicaKey } from "./quorum.ts";

const PARTITION = 0;

/** The partition of a message that is about the metadata log and nothing else; null otherwise. */
export function onlyPartition<P>(
  topics: readonly {
    readonly topicName?: string;
    readonly name?: string;
    readonly partitions: readonly P[];
  }[],
): P | null {
  const [topic, ...others] = topics;
  if (topic === undefined || others.length > 0) return null;
  if ((topic.topicName ?? topic.name) !== METADATA_TOPIC) return null;
  const [partition, ...more] = topic.partitions;
  return partition === undefined || more.length > 0 ? null : partition;
}

export function voteRequest(
  clusterId: string,
  to: Voter,
  from: ReplicaKey,
  epoch: LeaderEpoch,
  preVote: boolean,
  log: { readonly lastEpoch: LeaderEpoch; readonly endOffset: Offset },
): VoteRequest {
  const partition = {
    partitionIndex: PARTITION,
    replicaEpoch: epoch,
    replicaId: from.id,
    replicaDirectoryId: from.directoryId,
    voterDirectoryId: to.directoryId ?? "",
    lastOffsetEpoch: log.lastEpoch,
    lastOffset: log.endOffset,
    preVote,
  };
  const topics = [{ topicName: METADATA_TOPIC, partitions: [partition] }];
  return { clusterId, voterId: to.id, topics };
}

export function voteResponse(
  errorCode: ErrorCode,
  { id, epoch }: LeaderAndEpoch,
  voteGranted: boolean,
): VoteResponse {
  const partition = {
    partitionIndex: PARTITION,
    errorCode,
    leaderId: id,
    leaderEpoch: epoch,
    voteGranted,
  };
  return { errorCode: 0, topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }] };
}

export function beginQuorumEpochRequest(
  clusterId: string,
  to: Voter,
  leaderId: NodeId,
  leaderEpoch: LeaderEpoch,
): BeginQuorumEpochRequest {
  const partition = {
    partitionIndex: PARTITION,
    voterDirectoryId: to.directoryId ?? "",
    leaderId,
    leaderEpoch,
  };
  const topics = [{ topicName: METADATA_TOPIC, partitions: [partition] }];
  return { clusterId, voterId: to.id, topics };
}

export function endQuorumEpochRequest(
  clusterId: string,
  leaderId: NodeId,
  leaderEpoch: LeaderEpoch,
  successors: readonly Voter[],
): EndQuorumEpochRequest {
  const preferredCandidates = successors.map(({ id, directoryId }) => ({
    candidateId: id,
    candidateDirectoryId: directoryId ?? "",
  }));
  const partition = { partitionIndex: PARTITION, leaderId, leaderEpoch, preferredCandidates };
  return { clusterId, topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }] };
}

export function quorumEpochResponse(
  errorCode: ErrorCode,
  { id, epoch }: LeaderAndEpoch,
): QuorumEpochResponse {
  const partition = {
    partitionIndex: PARTITION,
    errorCode,
    leaderId: id,
    leaderEpoch: epoch,
  };
  return { errorCode: 0, topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }] };
}

export function fetchSnapshotRequest(
  clusterId: string,
  from: ReplicaKey,
  currentLeaderEpoch: LeaderEpoch,
  snapshotId: SnapshotId,
  position: number,
  maxBytes: number,
): FetchSnapshotRequest {
  const partition = {
    partition: PARTITION,
    currentLeaderEpoch,
    snapshotId,
    position,
    replicaDirectoryId: from.directoryId,
  };
  const topics = [{ name: METADATA_TOPIC, partitions: [partition] }];
  return { clusterId, replicaId: from.id, maxBytes, topics };
}

export function fetchSnapshotResponse(
  partition: Omit<FetchSnapshotPartitionResponse, "index">,
): FetchSnapshotResponse {
  const partitions = [{ index: PARTITION, ...partition }];
  return { errorCode: 0, topics: [{ name: METADATA_TOPIC, partitions }] };
}
