import type { GroupFact } from "./group/group-facts.ts";
import type {
  BrokerEpoch,
  GroupId,
  LeaderEpoch,
  NodeId,
  Offset,
  PartitionEpoch,
  PartitionName,
  ProducerEpoch,
  ProducerId,
  Sequence,
  Uuid,
} from "./ids.ts";
import type { MetadataRecord } from "./metadata/records.ts";
import type { RaftFact } from "./raft/raft-facts.ts";
import type { Batch, BatchBody } from "./record/batch.ts";

/**
 * What happened, told where the state changed and after it changed. Observers hash facts, check
 * invariants, count situations and trigger faults by them; they never change what a node does.
 * A fact holds values and immutable batches, never a node's own objects. Who tells it is known to
 * the listener. `partition` is "topic-3", also "__cluster_metadata-0".
 */
export type Fact =
  | LogFact
  | RaftFact
  | ReplicationFact
  | ServingFact
  | ControllerFact
  | BrokerFact
  | GroupFact
  | ClientFact;
export type FactKind = Fact["kind"];
export type FactOf<K extends FactKind> = Extract<Fact, { readonly kind: K }>;

// ---- logs -------------------------------------------------------------------------------------

export type LogFact =
  | {
      /** A log was opened at start: recovered, checkpoints applied, producer state rebuilt. */
      readonly kind: "log-loaded";
      readonly partition: PartitionName;
      /** A clean-shutdown file was found: the tail was not verified. */
      readonly clean: boolean;
      readonly logStartOffset: Offset;
      readonly recoveryPoint: Offset;
      readonly highWatermark: Offset;
      readonly endOffset: Offset;
      /** Bytes that recovery cut from the end. */
      readonly cutBytes: number;
      /**
       * The last batch. Its append was never told if the process died in that very call; all others
       * were told. Null when the log is empty, or the batch is damaged.
       */
      readonly lastBatch?: Batch | null;
      readonly epochs: readonly EpochEntry[];
      readonly producers: readonly ProducerEntry[];
    }
  | {
      readonly kind: "appended";
      readonly partition: PartitionName;
      readonly as: "leader" | "follower";
      /** The leader epoch that this replica is in. */
      readonly leaderEpoch: LeaderEpoch;
      readonly batch: Batch;
    }
  | {
      readonly kind: "truncated";
      readonly partition: PartitionName;
      readonly why: "diverging" | "out-of-range" | "recovery" | "rule";
      readonly leaderEpoch: LeaderEpoch;
      readonly fromOffset: Offset;
      readonly toOffset: Offset;
      /** Before the truncation. */
      readonly highWatermark: Offset;
      /** Distinct leader epochs among the cut batches. */
      readonly epochsCut: number;
    }
  | {
      readonly kind: "epoch-assigned";
      readonly partition: PartitionName;
      readonly epoch: LeaderEpoch;
      readonly startOffset: Offset;
    }
  | {
      readonly kind: "segment-rolled";
      readonly partition: PartitionName;
      readonly baseOffset: Offset;
    }
  | {
      /** All batches below this offset survive a loss of power. */
      readonly kind: "log-flushed";
      readonly partition: PartitionName;
      readonly upTo: Offset;
    };

export interface EpochEntry {
  readonly epoch: LeaderEpoch;
  readonly startOffset: Offset;
}

/** What a log knows of one producer. */
export interface ProducerEntry {
  readonly producerId: ProducerId;
  readonly producerEpoch: ProducerEpoch;
  readonly lastTimestamp: number;
  /** Up to five, oldest first. */
  readonly batches: readonly {
    readonly firstSequence: Sequence;
    readonly lastSequence: Sequence;
    readonly lastOffset: Offset;
  }[];
}

// ---- replicas ---------------------------------------------------------------------------------

export type ReplicationFact =
  | {
      /** This broker acts as leader from here on, in this epoch. */
      readonly kind: "became-leader";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly partitionEpoch: PartitionEpoch;
      /** It led before this change too, without following in between. */
      readonly alreadyLed: boolean;
      readonly endOffset: Offset;
      readonly highWatermark: Offset;
      readonly isr: readonly NodeId[];
      readonly replicas: readonly NodeId[];
      readonly producers: readonly ProducerEntry[];
    }
  | {
      readonly kind: "became-follower";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      /** -1 when there is none. */
      readonly leader: NodeId;
      readonly endOffset: Offset;
    }
  | {
      readonly kind: "high-watermark";
      readonly partition: PartitionName;
      readonly as: "leader" | "follower";
      readonly leaderEpoch: LeaderEpoch;
      readonly highWatermark: Offset;
      readonly endOffset: Offset;
      /** Leader: the replicas that it counted (the maximal ISR). Follower: empty. */
      readonly counted: readonly NodeId[];
      /** Follower: what the leader's answer said. Leader: the same as `highWatermark`. */
      readonly told: Offset;
    }
  | {
      /** The leader took note of a follower's valid fetch. */
      readonly kind: "follower-fetched";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly follower: NodeId;
      readonly brokerEpoch: BrokerEpoch;
      readonly fetchOffset: Offset;
      /** Leader epoch that the request named; -1 for none. */
      readonly requestLeaderEpoch: LeaderEpoch;
    }
  | {
      readonly kind: "isr-proposed";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly partitionEpoch: PartitionEpoch;
      readonly committedIsr: readonly NodeId[];
      readonly proposedIsr: readonly NodeId[];
      readonly change: "shrink" | "expand";
      readonly highWatermark: Offset;
      readonly endOffset: Offset;
    }
  | {
      /** The leader learned, by answer or by metadata, which ISR the controller has. */
      readonly kind: "isr-committed";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly partitionEpoch: PartitionEpoch;
      readonly isr: readonly NodeId[];
      /** Empty when nothing was added; likewise removed. */
      readonly added: readonly NodeId[];
      readonly removed: readonly NodeId[];
    }
  | {
      readonly kind: "isr-rolled-back";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly isr: readonly NodeId[];
    }
  | {
      readonly kind: "fetcher-added";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly leader: NodeId;
    }
  | {
      readonly kind: "fetcher-removed";
      readonly partition: PartitionName;
      readonly why: "became-leader" | "new-leader" | "no-leader" | "failed" | "fenced" | "stopped";
    }
  | {
      readonly kind: "follower-error";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly error: number;
    };

// ---- requests served --------------------------------------------------------------------------

export type ServingFact =
  | {
      /** Emitted just before the answer is sent, for each partition of it that succeeded. */
      readonly kind: "ack-sent";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      /** Epoch in which the batch was appended (or found to be a duplicate). */
      readonly appendEpoch: LeaderEpoch;
      readonly acks: number;
      readonly baseOffset: Offset;
      readonly lastOffset: Offset;
      readonly body: BatchBody;
      readonly duplicate: boolean;
      readonly highWatermark: Offset;
      /** Size of the committed ISR and the effective min ISR when the request was handled. */
      readonly isrSize: number;
      readonly minIsr: number;
      readonly client: string;
      /**
       * This partition was decided while other partitions of the request were not, and since then its
       * leadership changed: `leaderEpoch` and `highWatermark` are those of when it was decided.
       */
      readonly leadershipChanged?: true;
    }
  | {
      readonly kind: "produce-refused";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly error: number;
      readonly producerId: ProducerId;
      readonly producerEpoch: ProducerEpoch;
      readonly baseSequence: Sequence;
      readonly client: string;
    }
  | {
      readonly kind: "duplicate-found";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly producerId: ProducerId;
      readonly producerEpoch: ProducerEpoch;
      readonly baseSequence: Sequence;
      readonly baseOffset: Offset;
    }
  | {
      /** Records were put into an answer for a client. */
      readonly kind: "fetch-served";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      /** Leader epoch that the request named; -1 for none. */
      readonly requestLeaderEpoch: LeaderEpoch;
      readonly fetchOffset: Offset;
      readonly highWatermark: Offset;
      readonly batches: readonly Batch[];
      readonly client: string;
    }
  | {
      readonly kind: "offsets-listed";
      readonly partition: PartitionName;
      readonly leaderEpoch: LeaderEpoch;
      readonly timestamp: number;
      readonly offset: Offset;
      readonly foundTimestamp: number;
      readonly highWatermark: Offset;
      readonly logStartOffset: Offset;
      readonly epochStartOffset: Offset;
    }
  | {
      /** A stale leader, partition, broker or producer epoch was refused. */
      readonly kind: "stale-epoch-refused";
      readonly partition: PartitionName | null;
      readonly error: number;
      readonly given: number;
      readonly current: number;
    };

// ---- controller -------------------------------------------------------------------------------

export type ControllerFact =
  | {
      readonly kind: "controller-activated";
      readonly epoch: LeaderEpoch;
    }
  | {
      readonly kind: "controller-resigned";
      readonly epoch: LeaderEpoch;
    }
  | {
      /**
       * A record below the high watermark of the metadata log, told by the active controller. One that
       * becomes active tells all that it replayed, also what another told before: same offset, same record.
       */
      readonly kind: "metadata-committed";
      readonly offset: Offset;
      readonly epoch: LeaderEpoch;
      readonly record: MetadataRecord;
      /** Last of the records that were written as one atomic batch. */
      readonly endsBatch: boolean;
    }
  | {
      /** The controller decided about a partition; told when the record is written. */
      readonly kind: "partition-decided";
      readonly partition: PartitionName;
      readonly offset: Offset;
      readonly leader: NodeId;
      readonly leaderEpoch: LeaderEpoch;
      readonly partitionEpoch: PartitionEpoch;
      readonly isr: readonly NodeId[];
      readonly replicas: readonly NodeId[];
      readonly previousIsr: readonly NodeId[];
      readonly previousLeader: NodeId;
      readonly why:
        | "created"
        | "alter-partition"
        | "fenced"
        | "unfenced"
        | "registered"
        | "controlled-shutdown"
        | "elect-leaders"
        | "periodic"
        | "directory-assigned";
      readonly unclean: boolean;
      /** unclean.leader.election.enable of the topic at that moment. */
      readonly uncleanAllowed: boolean;
    }
  | {
      readonly kind: "alter-partition-handled";
      readonly partition: PartitionName;
      readonly from: NodeId;
      readonly error: number;
      readonly requestLeaderEpoch: LeaderEpoch;
      readonly requestPartitionEpoch: PartitionEpoch;
      readonly currentLeader: NodeId;
      readonly currentLeaderEpoch: LeaderEpoch;
      readonly currentPartitionEpoch: PartitionEpoch;
    }
  | {
      readonly kind: "broker-registered";
      readonly broker: NodeId;
      readonly brokerEpoch: BrokerEpoch;
      readonly incarnationId: Uuid;
      /** The clean-shutdown file named the previous broker epoch. */
      readonly cleanly: boolean;
    }
  | { readonly kind: "broker-fenced"; readonly broker: NodeId; readonly brokerEpoch: BrokerEpoch }
  | { readonly kind: "broker-unfenced"; readonly broker: NodeId; readonly brokerEpoch: BrokerEpoch }
  | {
      readonly kind: "controlled-shutdown-granted";
      readonly broker: NodeId;
      readonly brokerEpoch: BrokerEpoch;
    }
  | {
      readonly kind: "producer-ids-allocated";
      readonly broker: NodeId;
      readonly first: ProducerId;
      readonly count: number;
    };

// ---- brokers ----------------------------------------------------------------------------------

export type BrokerState =
  "STARTING" | "RECOVERY" | "RUNNING" | "PENDING_CONTROLLED_SHUTDOWN" | "SHUTTING_DOWN";

export type BrokerFact =
  | { readonly kind: "broker-state"; readonly broker: NodeId; readonly state: BrokerState }
  | {
      /** Metadata up to this offset is applied on this node. */
      readonly kind: "metadata-applied";
      readonly offset: Offset;
      readonly epoch: LeaderEpoch;
    }
  | { readonly kind: "producer-id-given"; readonly producerId: ProducerId; readonly client: string }
  | { readonly kind: "log-dir-failed"; readonly code: string };

// ---- clients ----------------------------------------------------------------------------------

export type ClientFact =
  | {
      /** A record was handed to send(). `sendId` is the caller's. */
      readonly kind: "send-started";
      readonly sendId: string;
      readonly topic: string;
      readonly key: Uint8Array | null;
      readonly value: Uint8Array | null;
    }
  | {
      /** Records of a topic without key and partition all go there, until it is told again. */
      readonly kind: "sticky-partition-chosen";
      readonly topic: string;
      readonly partition: PartitionName;
    }
  | {
      /** A record got its place: its partition and its batch are fixed. */
      readonly kind: "send-batched";
      readonly sendId: string;
      readonly partition: PartitionName;
    }
  | {
      /** A batch went out (again), under this producer epoch and sequence. */
      readonly kind: "batch-sent";
      readonly partition: PartitionName;
      readonly attempt: number;
      readonly body: BatchBody;
      readonly sendIds: readonly string[];
    }
  | {
      readonly kind: "send-acked";
      readonly sendId: string;
      readonly partition: PartitionName;
      /** -1 with acks=0, and for an old duplicate. */
      readonly offset: Offset;
    }
  | {
      readonly kind: "send-failed";
      readonly sendId: string;
      readonly partition: PartitionName | null;
      readonly error: string;
      /** The record may still be in the log or get there. */
      readonly maybeAppended: boolean;
    }
  | {
      readonly kind: "producer-epoch-bumped";
      readonly producerId: ProducerId;
      readonly producerEpoch: ProducerEpoch;
      readonly cause: string;
      readonly partitions: readonly PartitionName[];
    }
  | {
      /** One poll() returned these, of one partition, in this order. */
      readonly kind: "polled";
      readonly partition: PartitionName;
      /** Position before the poll. */
      readonly position: Offset;
      readonly nextPosition: Offset;
      readonly records: readonly PolledRecord[];
    }
  | {
      readonly kind: "position-set";
      readonly partition: PartitionName;
      readonly offset: Offset;
      readonly why:
        "assigned" | "committed" | "seek" | "reset-earliest" | "reset-latest" | "truncation";
      /** What led to a reset: an error code, 0, or -2 when a validation found no common epoch. */
      readonly cause: number;
    }
  | {
      /** What one client of a process knows; a process may have several. */
      readonly kind: "client-metadata";
      readonly client: string;
      readonly partition: PartitionName;
      readonly leader: NodeId;
      readonly leaderEpoch: LeaderEpoch;
    }
  | {
      /**
       * A program is done with a record that its consumer gave it: the effect is in a store outside, which
       * survives everything. Told by programs around a consumer, not by core.
       */
      readonly kind: "effect-put";
      readonly group: GroupId;
      readonly partition: PartitionName;
      readonly offset: Offset;
    }
  | {
      /** A program has closed its consumer: the next one begins anew. Told by programs as well. */
      readonly kind: "consumer-closed";
      readonly group: GroupId;
    }
  | { readonly kind: "client-error"; readonly where: string; readonly error: string };

export interface PolledRecord {
  readonly offset: Offset;
  readonly leaderEpoch: LeaderEpoch;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}
