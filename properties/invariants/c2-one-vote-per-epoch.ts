import type { FactOf } from "../../core/facts.ts";
import type { Moment } from "../observation.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * C2, votes: a voter gives one vote an epoch; it remembers epoch and vote over every restart with its
 * disk; and it grants, also as a mere promise, only a candidate whose log is not behind its own, by
 * the epoch of the last record and then by length. The one it voted for may ask again. What recorded
 * damage took of a voter's memory (Ghost, votesAtRisk) it need not remember.
 *
 * Broken by: a vote that is kept in memory only.
 *   1. K2 votes for K1 in epoch 5   2. K2 restarts in epoch 4   3. it may vote for K3 in epoch 5
 */
export class OneVotePerEpoch extends Check {
  readonly id = "C2";

  override readonly before: Handlers = {
    "vote-granted": (fact, moment) => {
      if (!fact.preVote) this.#judgeSecond(fact, moment);
      this.#judgeLog(fact, moment);
    },
    "raft-state": (fact, moment) => this.#judgeMemory(fact, moment),
  };

  #judgeSecond(fact: FactOf<"vote-granted">, moment: Moment): void {
    const { vote, directoryId } = this.ghost.quorum.member(moment.nodeId);
    this.evaluations += 1;
    if (vote === null || vote.epoch !== fact.epoch || vote.directoryId !== directoryId) return;
    const isSame =
      vote.candidate === fact.candidate && vote.candidateDirectoryId === fact.candidateDirectoryId;
    if (isSame) return;
    const message = `${moment.node} voted in epoch ${fact.epoch} for ${vote.candidate} and for ${fact.candidate}`;
    this.fail(moment, message);
  }

  #judgeLog(fact: FactOf<"vote-granted">, moment: Moment): void {
    if (fact.candidate === moment.nodeId || this.#hasVotedFor(fact, moment)) return;
    // What the voter really holds, whatever it says it compared.
    const log = this.ghost.partitions.get(METADATA_PARTITION)?.replica(moment.nodeId)?.log;
    if (log === undefined || log.end === 0) return;
    const epoch = log.end > log.start ? log.lastEpoch : fact.logEpoch;
    this.evaluations += 1;
    if (fact.candidateLogEpoch > epoch) return;
    if (fact.candidateLogEpoch === epoch && fact.candidateEndOffset >= log.end) return;
    const granted = fact.preVote ? "promised its vote to" : "voted for";
    const message = `${moment.node}, whose log ends at ${log.end} in epoch ${epoch}, ${granted} ${fact.candidate}, whose log ends at ${fact.candidateEndOffset} in epoch ${fact.candidateLogEpoch}`;
    this.fail(moment, message);
  }

  #hasVotedFor(fact: FactOf<"vote-granted">, moment: Moment): boolean {
    const { vote } = this.ghost.quorum.member(moment.nodeId);
    return (
      !fact.preVote &&
      vote !== null &&
      vote.epoch === fact.epoch &&
      vote.candidate === fact.candidate
    );
  }

  #judgeMemory(fact: FactOf<"raft-state">, moment: Moment): void {
    const member = this.ghost.quorum.member(moment.nodeId);
    const { vote, highestEpoch, directoryId } = member;
    if (directoryId !== fact.directoryId || highestEpoch < 0) return;
    this.evaluations += 1;
    if (fact.epoch < highestEpoch) {
      const message = `${moment.node} went back from epoch ${highestEpoch} to ${fact.epoch}`;
      this.fail(moment, message);
      return;
    }
    if (vote === null || vote.epoch !== fact.epoch || fact.voted === vote.candidate) return;
    const message = `${moment.node} voted for ${vote.candidate} in epoch ${vote.epoch} and remembers ${fact.voted}`;
    this.fail(moment, message);
  }
}
