/** What the leader of the metadata log knows in its epoch (LeaderState.java, BatchAccumulator.java). */
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { Voter } from "./control-records.ts";
import type { ReplicaKey } from "./quorum.ts";
import type { RaftRules } from "./raft-rules.ts";

/** Records of one atomic batch, with the offset they were promised. */
export interface PendingBatch {
  readonly records: readonly MetadataRecord[];
  readonly baseOffset: Offset;
}

interface VoterProgress {
  voter: Voter;
  /** Its log is durable below; -1 while not known. */
  endOffset: Offset;
  /** When it fetched last; -1 for never. */
  lastFetchMs: number;
}

export class LeaderState {
  readonly epoch: LeaderEpoch;
  /** End of the log when this node was elected. */
  readonly epochStartOffset: Offset;
  /** Offset of the next record, those that are not written yet included. */
  nextOffset: Offset;
  /** -1 until a record of this epoch is committed. */
  highWatermark: Offset = -1;
  /** Voters whose disks became known and are not in the log yet. */
  newVoters: readonly Voter[] | null = null;
  #pending: PendingBatch[] = [];
  readonly #self: ReplicaKey;
  readonly #progress: Map<NodeId, VoterProgress> = new Map();
  readonly #rules: RaftRules;
  /** Other voters that fetched since a majority was last complete. */
  #fetched: Set<NodeId> = new Set();
  #majorityMs: number;

  constructor(
    rules: RaftRules,
    self: ReplicaKey,
    epoch: LeaderEpoch,
    epochStartOffset: Offset,
    voters: readonly Voter[],
    nowMs: number,
  ) {
    this.#rules = rules;
    this.#self = self;
    this.epoch = epoch;
    this.epochStartOffset = epochStartOffset;
    this.nextOffset = epochStartOffset;
    this.#majorityMs = nowMs;
    for (const voter of voters) {
      this.#progress.set(voter.id, { voter, endOffset: -1, lastFetchMs: -1 });
    }
  }

  get voters(): readonly NodeId[] {
    return [...this.#progress.keys()];
  }

  /** When a majority, with this node, had last fetched. */
  get majorityMs(): number {
    return this.#majorityMs;
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

  /** A replica's log is durable below `end`. True when the high watermark moved. */
  noteEnd(replica: ReplicaKey, end: Offset): boolean {
    const progress = this.#progressOf(replica);
    if (progress === undefined) return false;
    progress.endOffset = end;
    const ends: Offset[] = [];
    for (const { endOffset } of this.#progress.values()) ends.push(endOffset);
    ends.sort((a, b) => b - a);
    const candidate = ends[this.#rules.committedIndex(ends.length)] ?? -1;
    if (!this.#rules.mayAdvance(candidate, this.highWatermark, this.epochStartOffset)) return false;
    this.highWatermark = candidate;
    return true;
  }

  /** A replica has fetched, of the log or of a snapshot. False when it is no other voter. */
  noteFetch(replica: ReplicaKey, nowMs: number): boolean {
    const progress = this.#progressOf(replica);
    if (progress === undefined || replica.id === this.#self.id) return false;
    progress.lastFetchMs = nowMs;
    this.#learnDirectory(progress, replica);
    this.#fetched.add(replica.id);
    if (this.#rules.hasMajorityFetched(this.#fetched.size, this.#progress.size)) {
      this.#fetched = new Set();
      this.#majorityMs = nowMs;
    }
    return true;
  }

  /** Other voters that have not fetched for so long that they may not know of this leader. */
  silentVoters(nowMs: number, fetchTimeoutMs: number): readonly Voter[] {
    const silent: Voter[] = [];
    for (const { voter, lastFetchMs } of this.#progress.values()) {
      if (voter.id === this.#self.id) continue;
      const sinceMs = lastFetchMs < 0 ? Infinity : nowMs - lastFetchMs;
      if (this.#rules.needsBeginQuorumEpoch(sinceMs, fetchTimeoutMs)) silent.push(voter);
    }
    return silent;
  }

  /** The other voters; those whose logs go furthest come first. */
  successors(): readonly Voter[] {
    return [...this.#progress.values()]
      .filter(({ voter }) => voter.id !== this.#self.id)
      .sort((a, b) => b.endOffset - a.endOffset || a.voter.id - b.voter.id)
      .map(({ voter }) => voter);
  }

  /**
   * A voter that comes from the settings has no disk yet: it is the one that it fetches with first
   * (UpdateVoterHandler.java).
   */
  #learnDirectory(progress: VoterProgress, { directoryId }: ReplicaKey): void {
    if (progress.voter.directoryId !== null || directoryId === "") return;
    progress.voter = { ...progress.voter, directoryId };
    this.newVoters = [...this.#progress.values()].map(({ voter }) => voter);
  }

  #progressOf(replica: ReplicaKey): VoterProgress | undefined {
    const progress = this.#progress.get(replica.id);
    if (progress === undefined) return undefined;
    const { id, directoryId } = progress.voter;
    const isSame = this.#rules.isSameVoter(replica.id, replica.directoryId, id, directoryId ?? "");
    return isSame ? progress : undefined;
  }
}
