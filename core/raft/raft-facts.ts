/** What the metadata quorum tells: the part of facts.ts that is about Raft and its snapshots. */
import type { LeaderEpoch, NodeId, Offset, PartitionName, Uuid } from "../ids.ts";

/** What a node is in the metadata quorum (KIP-595, KIP-996). Observers: only the first two. */
export type RaftStateName =
  "unattached" | "follower" | "prospective" | "candidate" | "leader" | "resigned";

export type RaftFact =
  | {
      /** A voter voted, for itself or another; what must be on disk for it is on disk. */
      readonly kind: "vote-granted";
      readonly epoch: LeaderEpoch;
      readonly candidate: NodeId;
      readonly candidateDirectoryId: Uuid;
      /** Only a promise, which binds nobody. */
      readonly preVote: boolean;
      /** Epoch of the candidate's last record, and the end of its log. */
      readonly candidateLogEpoch: LeaderEpoch;
      readonly candidateEndOffset: Offset;
      /** The same of the one who votes. */
      readonly logEpoch: LeaderEpoch;
      readonly endOffset: Offset;
    }
  | {
      /** Told at start, and whenever one of these changes, or whether it is a voter. */
      readonly kind: "raft-state";
      readonly state: RaftStateName;
      readonly epoch: LeaderEpoch;
      /** -1 when not known. A resigned leader names itself. */
      readonly leader: NodeId;
      /** Whom it voted for in this epoch; -1 for nobody. */
      readonly voted: NodeId;
      readonly isVoter: boolean;
      readonly directoryId: Uuid;
      /** Voters as the node's own log has them. */
      readonly voters: readonly NodeId[];
      readonly logEpoch: LeaderEpoch;
      readonly endOffset: Offset;
    }
  | {
      /** The leader took note of a valid fetch of a voter: its log is durable below `fetchOffset`. */
      readonly kind: "voter-fetched";
      readonly epoch: LeaderEpoch;
      readonly voter: NodeId;
      readonly fetchOffset: Offset;
    }
  | {
      /** A snapshot of the image as of `endOffset` is on disk. */
      readonly kind: "snapshot-generated";
      readonly endOffset: Offset;
      readonly epoch: LeaderEpoch;
      readonly sizeBytes: number;
      /** Of its content: equal snapshots have equal hashes, on whatever node they were made. */
      readonly hash: number;
    }
  | {
      /** A fetched snapshot has replaced the whole log. */
      readonly kind: "snapshot-installed";
      readonly endOffset: Offset;
      readonly epoch: LeaderEpoch;
      readonly sizeBytes: number;
      readonly hash: number;
      /** End of the log before, and the high watermark that the node knew; -1 for none. */
      readonly fromOffset: Offset;
      readonly highWatermark: Offset;
    }
  | {
      /** A state machine of this node was loaded from a snapshot. */
      readonly kind: "snapshot-loaded";
      readonly endOffset: Offset;
      readonly epoch: LeaderEpoch;
      readonly hash: number;
    }
  | {
      /** The log's prefix was deleted for a snapshot that covers it. */
      readonly kind: "log-prefix-deleted";
      readonly partition: PartitionName;
      readonly logStartOffset: Offset;
    };
