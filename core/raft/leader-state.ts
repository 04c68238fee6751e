/** What the leader of the metadata log knows in its epoch (LeaderState.java, BatchAccumulator.java). */
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { RaftRules } from "./raft-rules.ts";

/** Records of one atomic batch, with the offset they were promised. */
export interface PendingBatch {
  readonly records: readonly MetadataRecord[];
  readonly baseOffset: Offset;
}

export class LeaderState {
  readonly epoch: LeaderEpoch;
  /** End of the log when this node was elected. */
  readonly epochStartOffset: Offset;
  /** Offset of the next record, those that are not written yet included. */
  nextOffset: Offset;
  /** -1 until a record of this epoch is committed. */
  highWatermark: Offset = -1;
  #pending: PendingBatch[] = [];
  /** Durable log ends of the voters, as far as known. */
  readonly #ends: Map<NodeId, Offset> = new Map();
  readonly #rules: RaftRules;

  constructor(
    rules: RaftRules,
    epoch: LeaderEpoch,
    epochStartOffset: Offset,
    voters: readonly NodeId[],
  ) {
    this.#rules = rules;
    this.epoch = epoch;
    this.epochStartOffset = epochStartOffset;
    this.nextOffset = epochStartOffset;
    for (const voter of voters) this.#ends.set(voter, -1);
  }

  get voters(): readonly NodeId[] {
    return [...this.#ends.keys()];
  }

  /** Promises offsets to records that are written with the next drain. */
  enqueue(records: readonly MetadataRecord[]): Offset {
    const baseOffset = this.nextOffset;
    this.#pending.push({ records, baseOffset });
    this.nextOffset += records.length;
    return baseOffset;
  }

  /** All that waits to be written, in order; nothing waits afterwards. */
  takePending(): readonly PendingBatch[] {
    const pending = this.#pending;
    this.#pending = [];
    return pending;
  }

  /** A voter's log is durable below `end`. True when the high watermark moved. */
  noteEnd(voter: NodeId, end: Offset): boolean {
    if (!this.#ends.has(voter)) return false;
    this.#ends.set(voter, end);
    const ends = [...this.#ends.values()].sort((a, b) => b - a);
    const candidate = ends[this.#rules.committedIndex(ends.length)] ?? -1;
    if (!this.#rules.mayAdvance(candidate, this.highWatermark, this.epochStartOffset)) return false;
    this.highWatermark = candidate;
    return true;
  }
}
