/**
 * What a leader knows of one follower (Replica.scala). A follower whose fetch session finds nothing
 * new in a partition fetches it all the same, in Kafka's eyes; such fetches are not counted one by
 * one: while `idleSession` is set, each fetch of that session stands for a fetch at the known end.
 */
import type { BrokerEpoch, NodeId, Offset } from "../ids.ts";
import type { Rules } from "../rules.ts";

/** When a session was last used. */
export interface FetchTimes {
  readonly lastFetchMs: number;
}

export class FollowerProgress {
  readonly id: NodeId;
  /** End of its log as its last fetch showed it; -1 is unknown. */
  endOffset: Offset = -1;
  /** Of the incarnation that fetched last in this leadership; null when none did. */
  brokerEpoch: BrokerEpoch | null = null;
  /** In the ISR as the controller may have it; kept by the leader. */
  isInMaximalIsr = false;
  #leaderEndAtLastFetch: Offset = -1;
  #lastFetchMs = -Infinity;
  #lastCaughtUpMs = -Infinity;
  #idleSession: FetchTimes | null = null;

  constructor(id: NodeId) {
    this.id = id;
  }

  get lastCaughtUpMs(): number {
    const idle = this.#idleSession;
    return idle === null ? this.#lastCaughtUpMs : Math.max(this.#lastCaughtUpMs, idle.lastFetchMs);
  }

  /** A new epoch of this broker's leadership begins. */
  reset(
    rules: Rules,
    isInIsr: boolean,
    alreadyLed: boolean,
    leaderEnd: Offset,
    nowMs: number,
  ): void {
    this.#idleSession = null;
    this.endOffset = rules.isr.followerEndAtElection(this.endOffset, alreadyLed);
    this.#lastCaughtUpMs = rules.isr.caughtUpAtElection(isInIsr, nowMs);
    this.#leaderEndAtLastFetch = alreadyLed ? leaderEnd : -1;
    this.#lastFetchMs = alreadyLed && isInIsr ? nowMs : -Infinity;
    if (!alreadyLed) this.brokerEpoch = null;
  }

  /** A valid fetch, with the leader's end before the read. */
  fetched(
    rules: Rules,
    fetchOffset: Offset,
    leaderEnd: Offset,
    nowMs: number,
    brokerEpoch: BrokerEpoch,
  ): void {
    this.#lastCaughtUpMs = rules.isr.lastCaughtUp(
      fetchOffset,
      leaderEnd,
      this.#leaderEndAtLastFetch,
      nowMs,
      this.#lastFetchMs,
      this.#lastCaughtUpMs,
    );
    this.endOffset = fetchOffset;
    this.#leaderEndAtLastFetch = Math.max(leaderEnd, this.#leaderEndAtLastFetch);
    this.#lastFetchMs = nowMs;
    this.brokerEpoch = brokerEpoch;
  }

  /** From now on the fetches of `session` count, until {@link settle}. */
  idleIn(session: FetchTimes): void {
    this.#idleSession = session;
  }

  /** The fetches of an idle session counted up to `untilMs`, the last of them. */
  settle(session: FetchTimes, untilMs: number): void {
    // Another session of that follower may have taken over.
    if (this.#idleSession !== session) return;
    this.#idleSession = null;
    this.#lastCaughtUpMs = Math.max(this.#lastCaughtUpMs, untilMs);
    this.#lastFetchMs = Math.max(this.#lastFetchMs, untilMs);
  }
}
