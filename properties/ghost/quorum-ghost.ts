/**
 * What the metadata quorum really did, gathered from the facts: who was elected when, what each node
 * last said of itself, and whose disks are still those that the quorum began with.
 */
import type { FactOf } from "../../core/facts.ts";
import type { LeaderEpoch, NodeId, Offset, Uuid } from "../../core/ids.ts";
import type { RaftStateName } from "../../core/raft/raft-facts.ts";
import type { Moment } from "../observation.ts";

/** A vote that binds, as given by one node. */
export interface Vote {
  readonly epoch: LeaderEpoch;
  readonly candidate: NodeId;
  readonly candidateDirectoryId: Uuid;
  /** The voter's own disk. */
  readonly directoryId: Uuid;
}

/** What one node last said of itself. */
export class MemberGhost {
  readonly nodeId: NodeId;
  /** Null between a start of the process and its first word. */
  state: RaftStateName | null = null;
  epoch: LeaderEpoch = -1;
  /** Whom it takes for the leader of its epoch; -1 for nobody. */
  leader: NodeId = -1;
  isVoter: boolean = false;
  /** Voters as its own log has them. */
  voters: readonly NodeId[] = [];
  directoryId: Uuid = "";
  /** The disk with which it first appeared. */
  originalDirectoryId: Uuid = "";
  /** A majority knows its disk; until then any disk will do. */
  hasJoined: boolean = false;
  /** End of the log of the present leader when that counted it first; null before. */
  countedAt: Offset | null = null;
  /** The last vote that binds it; survives restarts, as it does on its disk. */
  vote: Vote | null = null;
  /** Highest epoch that it ever named with its present disk: it must never name a lower one. */
  highestEpoch: LeaderEpoch = -1;
  /** It has taken records or news of commits from the leader of its epoch. */
  heardLeader: boolean = false;
  /** As prospective: who promised it a vote since, itself included. */
  readonly promises: Set<NodeId> = new Set();

  constructor(nodeId: NodeId) {
    this.nodeId = nodeId;
  }

  get hasOriginalDisk(): boolean {
    return this.directoryId === this.originalDirectoryId;
  }
}

export class QuorumGhost {
  readonly members: MemberGhost[] = [];
  /** Who first led, by epoch. */
  readonly leaderIn: (NodeId | undefined)[] = [];
  readonly #byNode: (MemberGhost | undefined)[] = [];
  /** Of the highest epoch that has one; may be deposed, or dead. */
  #leader: MemberGhost | null = null;

  member(node: NodeId): MemberGhost {
    let member = this.#byNode[node];
    if (member === undefined) {
      member = new MemberGhost(node);
      this.#byNode[node] = member;
      this.members.push(member);
    }
    return member;
  }

  /** The node that leads in the highest epoch, by its own word; null when nobody does. */
  get leader(): MemberGhost | null {
    return this.#leader?.state === "leader" ? this.#leader : null;
  }

  /** The highest epoch in which somebody was elected; -1 before the first. */
  get latestEpoch(): LeaderEpoch {
    return this.leaderIn.length - 1;
  }

  /** Ids of the voters, as the latest leader's log has them. */
  get voters(): readonly NodeId[] {
    return this.#leader?.voters ?? [];
  }

  state(fact: FactOf<"raft-state">, moment: Moment): void {
    const member = this.member(moment.nodeId);
    const { state, epoch, leader, isVoter, voters, directoryId } = fact;
    if (member.directoryId !== directoryId) {
      member.directoryId = directoryId;
      if (member.originalDirectoryId === "") member.originalDirectoryId = directoryId;
      member.highestEpoch = -1;
      member.vote = null;
    }
    if (member.epoch !== epoch || state !== "follower" || member.leader !== leader) {
      member.heardLeader = false;
    }
    if (state === "prospective" && member.state !== "prospective") {
      member.promises.clear();
      member.promises.add(moment.nodeId);
    }
    member.state = state;
    member.epoch = epoch;
    member.leader = leader;
    member.isVoter = isVoter;
    member.voters = voters;
    if (epoch > member.highestEpoch) member.highestEpoch = epoch;
    if (state !== "leader") return;
    this.leaderIn[epoch] ??= moment.nodeId;
    if (this.#leader === null || epoch >= this.#leader.epoch) this.#leader = member;
    // Its own log says which disks are known.
    for (const one of this.members) one.countedAt = null;
  }

  /** A follower got something from the leader of its epoch. */
  heard(node: NodeId): void {
    const member = this.#byNode[node];
    if (member?.state === "follower") member.heardLeader = true;
  }

  vote(fact: FactOf<"vote-granted">, moment: Moment): void {
    const { epoch, candidate, candidateDirectoryId } = fact;
    if (fact.preVote) {
      this.member(candidate).promises.add(moment.nodeId);
      return;
    }
    const member = this.member(moment.nodeId);
    const { directoryId } = member;
    member.vote = { epoch, candidate, candidateDirectoryId, directoryId };
  }

  /** The leader has counted a fetch of that voter: which disk it has comes next in its log. */
  counted(voter: NodeId, leaderEnd: Offset): void {
    const member = this.member(voter);
    if (!member.hasJoined) member.countedAt ??= leaderEnd;
  }

  /** A majority has what the leader has written below that, of its own disk and of those that it counted. */
  committed(leader: NodeId, highWatermark: Offset): void {
    this.member(leader).hasJoined = true;
    for (const member of this.members) {
      if (member.countedAt === null || member.countedAt >= highWatermark) continue;
      member.hasJoined = true;
      member.countedAt = null;
    }
  }

  /** Its disk was damaged where it keeps them: epoch and vote may be gone, and are told anew. */
  forgot(node: NodeId): void {
    const member = this.#byNode[node];
    if (member === undefined) return;
    member.vote = null;
    member.highestEpoch = -1;
  }

  /** A process starts: what it believed is gone; its votes are on its disk, unless that is another. */
  booted(node: NodeId, isReplaced: boolean): void {
    const member = this.#byNode[node];
    if (member === undefined) return;
    // Until it names its disk it has none.
    if (isReplaced) member.directoryId = "";
    if (isReplaced && !member.hasJoined) member.originalDirectoryId = "";
    if (isReplaced) member.countedAt = null;
    member.state = null;
    member.heardLeader = false;
    member.promises.clear();
  }
}
