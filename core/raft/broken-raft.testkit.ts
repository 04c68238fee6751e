/** Rules of the quorum, each with one decision wrong: tests show what breaks then. */
import type { LeaderEpoch, NodeId, Offset, Uuid } from "../ids.ts";
import { RaftRules } from "./raft-rules.ts";

/** K01: the leader commits what an earlier epoch wrote, by counting copies. */
export class OldEpochCommits extends RaftRules {
  override mayAdvance(candidate: Offset, highWatermark: Offset, _epochStart: Offset): boolean {
    return candidate > highWatermark;
  }
}

/** K02: epoch and vote are kept in memory. */
export class ForgetfulVotes extends RaftRules {
  override mustPersistVote(): boolean {
    return false;
  }
}

/** K03: votes go to logs that are behind. */
export class BlindVotes extends RaftRules {
  override isUpToDate(
    _candidateEpoch: LeaderEpoch,
    _candidateEnd: Offset,
    _epoch: LeaderEpoch,
    _end: Offset,
  ): boolean {
    return true;
  }
}

/** K05: followers acknowledge what they did not flush. */
export class HastyFollowers extends RaftRules {
  override flushesBeforeFetch(_mayVote: boolean): boolean {
    return false;
  }
}

/** K07: the leader counts logs that differ from its own. */
export class BlindCounting extends RaftRules {
  override diverges(
    _fetchOffset: Offset,
    _lastFetchedEpoch: LeaderEpoch,
    _foundEpoch: LeaderEpoch,
    _foundEnd: Offset,
  ): boolean {
    return false;
  }
}

/** K09: a leader that nobody fetches from goes on. */
export class NoCheckQuorum extends RaftRules {
  override hasLostQuorum(_sinceMs: number, _fetchTimeoutMs: number, _voters: number): boolean {
    return false;
  }
}

/** K10: a voter that hears nothing raises the epoch at once. */
export class NoPreVote extends RaftRules {
  override asksBeforeStanding(): boolean {
    return false;
  }
}

/** K17: a voter is known by its id alone. */
export class AnyDisk extends RaftRules {
  override isSameVoter(id: NodeId, _disk: Uuid, voterId: NodeId, _voterDisk: Uuid): boolean {
    return id === voterId;
  }
}

/** K19: the log goes for a snapshot that may not survive. */
export class UnsyncedSnapshots extends RaftRules {
  override mustSyncSnapshot(): boolean {
    return false;
  }
}

/** K20: a fetch at the start of the log is served, whatever came before it. */
export class TrustsLogStart extends RaftRules {
  override needsSnapshot(
    fetchOffset: Offset,
    _lastFetchedEpoch: LeaderEpoch,
    logStartOffset: Offset,
    _snapshotEnd: Offset,
    _snapshotEpoch: LeaderEpoch,
  ): boolean {
    return fetchOffset < logStartOffset;
  }
}
