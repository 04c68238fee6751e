/**
 * One group and its coordinator for the unit tests of its members: a fake cluster answers what concerns
 * the group from here. It is as simple as members allow: it keeps no log and no sessions, and what it
 * answers wrongly on purpose is scripted by `refuse` and `answer`.
 */
import { Errors } from "../../errors.ts";
import type { HeartbeatRequest, LeaveGroupRequest } from "../../protocol/group-membership.ts";
import type { JoinGroupRequest } from "../../protocol/join-group.ts";
import type { OffsetCommitRequest, OffsetFetchRequest } from "../../protocol/group-offsets.ts";
import type { ApiKey, RequestOf, ResponseBody } from "../../protocol/message.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { SyncGroupRequest } from "../../protocol/sync-group.ts";
import type { FakeCluster, Intercept } from "../fake-cluster.testkit.ts";

type Body = ResponseBody<ApiKey>;
type Respond = (body: Body) => void;
type Answer = ReturnType<Intercept>;

interface FakeMember {
  readonly id: string;
  readonly instanceId: string | null;
  request: JoinGroupRequest;
  joining: Respond | null;
  syncing: Respond | null;
}

export interface FakeCommit {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string | null;
}

const EMPTY = new Uint8Array();

export class FakeGroup {
  readonly cluster: FakeCluster;
  /** Broker that coordinates; FindCoordinator names it. */
  coordinator = 1;
  generation = 0;
  phase: "empty" | "preparing" | "completing" | "stable" = "empty";
  readonly members: Map<string, FakeMember> = new Map();
  /** By "topic-0". */
  readonly offsets: Map<string, FakeCommit> = new Map();
  /** How long the others are waited for. */
  rebalanceMs = 2000;
  readonly #refusals: Map<ApiKey, number[]> = new Map();
  readonly #answers: Map<ApiKey, Answer[]> = new Map();
  #assignments: ReadonlyMap<string, Uint8Array> = new Map();
  #leader = "";
  #nextMember = 1;

  constructor(cluster: FakeCluster) {
    this.cluster = cluster;
    cluster.intercept = (broker, request) => this.#handle(broker, request);
  }

  /** The next requests of that kind are answered by these errors, one each. */
  refuse(apiKey: ApiKey, ...errors: number[]): void {
    this.#refusals.set(apiKey, [...(this.#refusals.get(apiKey) ?? []), ...errors]);
  }

  /** The next request of that kind is answered so. */
  answer(apiKey: ApiKey, answer: Answer): void {
    this.#answers.set(apiKey, [...(this.#answers.get(apiKey) ?? []), answer]);
  }

  /** What was scripted for that kind of request is forgotten. */
  forgive(apiKey: ApiKey): void {
    this.#refusals.delete(apiKey);
    this.#answers.delete(apiKey);
  }

  /** Members have to join again; they learn it by their next heartbeat. */
  rebalance(): void {
    this.phase = "preparing";
    const { generation } = this;
    const node = this.cluster.world.node(`b${this.coordinator}`);
    this.cluster.world.later(node, this.rebalanceMs, () => {
      if (this.generation === generation && this.phase === "preparing") this.#complete();
    });
  }

  /** Takes a member out, as the end of its session would. */
  expel(id: string): void {
    this.members.delete(id);
    if (this.members.size > 0) this.rebalance();
    else this.phase = "empty";
  }

  #handle(broker: number, request: RequestOf<ApiKey>): Answer {
    const scripted = this.#answers.get(request.apiKey)?.shift();
    if (scripted !== undefined) return scripted;
    const error = this.#refusals.get(request.apiKey)?.shift();
    if (error !== undefined) return refusalOf(request, error);
    if (broker !== this.coordinator && request.apiKey !== ApiKeys.FIND_COORDINATOR) {
      return isOfGroup(request.apiKey) ? refusalOf(request, Errors.NOT_COORDINATOR) : undefined;
    }
    switch (request.apiKey) {
      case ApiKeys.FIND_COORDINATOR:
        return found(request.body, this.coordinator);
      case ApiKeys.JOIN_GROUP:
        return this.#join(request.body as JoinGroupRequest, request.clientId ?? "");
      case ApiKeys.SYNC_GROUP:
        return this.#sync(request.body as SyncGroupRequest);
      case ApiKeys.HEARTBEAT:
        return this.#heartbeat(request.body as HeartbeatRequest);
      case ApiKeys.LEAVE_GROUP:
        return this.#leave(request.body as LeaveGroupRequest);
      case ApiKeys.OFFSET_COMMIT:
        return this.#commit(request.body as OffsetCommitRequest);
      case ApiKeys.OFFSET_FETCH:
        return this.#fetch(request.body as OffsetFetchRequest);
      default:
        return undefined;
    }
  }

  // ---- join and sync --------------------------------------------------------------------------

  #join(request: JoinGroupRequest, client: string): Answer {
    const { memberId, groupInstanceId: instanceId } = request;
    if (memberId === "" && instanceId === null) {
      const id = `${client}-m${this.#nextMember++}`;
      this.members.set(id, { id, instanceId, request, joining: null, syncing: null });
      return joinRefusal(Errors.MEMBER_ID_REQUIRED, id);
    }
    if (memberId === "") {
      const id = `${client}-m${this.#nextMember++}`;
      for (const other of [...this.members.values()]) {
        if (other.instanceId === instanceId) this.members.delete(other.id);
      }
      this.members.set(id, { id, instanceId, request, joining: null, syncing: null });
      return (respond) => this.#admit(id, request, respond);
    }
    if (!this.members.has(memberId)) {
      const isFenced = instanceId !== null;
      return joinRefusal(isFenced ? Errors.FENCED_INSTANCE_ID : Errors.UNKNOWN_MEMBER_ID, memberId);
    }
    return (respond) => this.#admit(memberId, request, respond);
  }

  #admit(id: string, request: JoinGroupRequest, respond: Respond): void {
    const member = this.members.get(id) as FakeMember;
    member.request = request;
    member.joining = respond;
    if (this.phase !== "preparing") this.rebalance();
    if ([...this.members.values()].every((one) => one.joining !== null)) {
      // A little later, so that members which start together are one generation.
      const node = this.cluster.world.node(`b${this.coordinator}`);
      this.cluster.world.later(node, 10, () => {
        const isReady = [...this.members.values()].every((one) => one.joining !== null);
        if (this.phase === "preparing" && isReady) this.#complete();
      });
    }
  }

  #complete(): void {
    for (const member of [...this.members.values()]) {
      if (member.joining === null) this.members.delete(member.id);
    }
    const members = [...this.members.values()];
    const first = members[0];
    if (first === undefined) {
      this.phase = "empty";
      return;
    }
    this.phase = "completing";
    this.generation += 1;
    if (!this.members.has(this.#leader)) this.#leader = first.id;
    const protocolName =
      first.request.protocols.find(({ name }) =>
        members.every((one) => one.request.protocols.some((protocol) => protocol.name === name)),
      )?.name ?? "";
    for (const member of members) {
      const respond = member.joining;
      member.joining = null;
      respond?.({
        errorCode: 0,
        generationId: this.generation,
        protocolType: "consumer",
        protocolName,
        leader: this.#leader,
        skipAssignment: false,
        memberId: member.id,
        members:
          member.id !== this.#leader
            ? []
            : members.map((one) => ({
                memberId: one.id,
                groupInstanceId: one.instanceId,
                metadata:
                  one.request.protocols.find(({ name }) => name === protocolName)?.metadata ??
                  EMPTY,
              })),
      });
    }
  }

  #sync(request: SyncGroupRequest): Answer {
    const error = this.#errorFor(request.memberId, request.generationId);
    if (error !== 0) return syncAnswer(error);
    if (this.phase === "preparing") return syncAnswer(Errors.REBALANCE_IN_PROGRESS);
    const member = this.members.get(request.memberId) as FakeMember;
    return (respond) => {
      member.syncing = respond;
      if (request.memberId === this.#leader) {
        this.#assignments = new Map(
          request.assignments.map(({ memberId, assignment }) => [memberId, assignment]),
        );
        this.phase = "stable";
      }
      if (this.phase !== "stable") return;
      for (const one of this.members.values()) {
        const waiting = one.syncing;
        one.syncing = null;
        waiting?.(syncAnswer(0, this.#assignments.get(one.id)));
      }
    };
  }

  #heartbeat(request: HeartbeatRequest): Answer {
    const error = this.#errorFor(request.memberId, request.generationId);
    if (error !== 0) return { errorCode: error };
    return { errorCode: this.phase === "preparing" ? Errors.REBALANCE_IN_PROGRESS : 0 };
  }

  #leave(request: LeaveGroupRequest): Answer {
    for (const { memberId } of request.members) this.expel(memberId);
    const members = request.members.map(({ memberId }) => {
      return { memberId, groupInstanceId: null, errorCode: 0 };
    });
    return { errorCode: 0, members };
  }

  #errorFor(memberId: string, generation: number): number {
    if (!this.members.has(memberId)) return Errors.UNKNOWN_MEMBER_ID;
    return generation === this.generation ? 0 : Errors.ILLEGAL_GENERATION;
  }

  // ---- offsets --------------------------------------------------------------------------------

  #commit(request: OffsetCommitRequest): Answer {
    const { generationIdOrMemberEpoch: generation, memberId } = request;
    const isSimple = generation < 0 && this.members.size === 0;
    let error = isSimple ? 0 : this.#errorFor(memberId, generation);
    if (error === 0 && this.phase === "completing") error = Errors.REBALANCE_IN_PROGRESS;
    if (error !== 0) return commitAnswer(request, error);
    for (const { name, partitions } of request.topics) {
      for (const one of partitions) {
        this.offsets.set(`${name}-${one.partitionIndex}`, {
          offset: one.committedOffset,
          leaderEpoch: one.committedLeaderEpoch,
          metadata: one.committedMetadata,
        });
      }
    }
    return commitAnswer(request, 0);
  }

  #fetch(request: OffsetFetchRequest): Answer {
    return fetchAnswer(request, 0, (name) => this.offsets.get(name));
  }
}

function isOfGroup(apiKey: ApiKey): boolean {
  return (
    [
      ApiKeys.JOIN_GROUP,
      ApiKeys.SYNC_GROUP,
      ApiKeys.HEARTBEAT,
      ApiKeys.LEAVE_GROUP,
      ApiKeys.OFFSET_COMMIT,
      ApiKeys.OFFSET_FETCH,
    ] as ApiKey[]
  ).includes(apiKey);
}

function found(body: unknown, nodeId: number, errorCode: number = 0): Body {
  const [key = ""] = (body as { coordinatorKeys: string[] }).coordinatorKeys;
  const host = errorCode === 0 ? `b${nodeId}` : "";
  return { coordinators: [{ key, nodeId, host, errorCode, errorMessage: null }] };
}

/** The answer with that error to any request of a group. */
export function refusalOf(request: RequestOf<ApiKey>, error: number): Body {
  switch (request.apiKey) {
    case ApiKeys.FIND_COORDINATOR:
      return found(request.body, -1, error);
    case ApiKeys.JOIN_GROUP:
      return joinRefusal(error, (request.body as JoinGroupRequest).memberId);
    case ApiKeys.SYNC_GROUP:
      return syncAnswer(error);
    case ApiKeys.OFFSET_COMMIT:
      return commitAnswer(request.body as OffsetCommitRequest, error);
    case ApiKeys.OFFSET_FETCH:
      return fetchAnswer(request.body as OffsetFetchRequest, error, () => undefined);
    case ApiKeys.LEAVE_GROUP:
      return { errorCode: error, members: [] };
    default:
      return { errorCode: error } as Body;
  }
}

function joinRefusal(errorCode: number, memberId: string): Body {
  return {
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: "",
    skipAssignment: false,
    memberId,
    members: [],
  };
}

function syncAnswer(errorCode: number, assignment: Uint8Array = EMPTY): Body {
  return { errorCode, protocolType: null, protocolName: null, assignment };
}

function commitAnswer(request: OffsetCommitRequest, errorCode: number): Body {
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  };
}

function fetchAnswer(
  request: OffsetFetchRequest,
  errorCode: number,
  committed: (name: string) => FakeCommit | undefined,
): Body {
  return {
    groups: request.groups.map(({ groupId, topics }) => ({
      groupId,
      errorCode,
      topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => {
          const commit = committed(`${name}-${partitionIndex}`);
          return {
            partitionIndex,
            committedOffset: commit?.offset ?? -1,
            committedLeaderEpoch: commit?.leaderEpoch ?? -1,
            metadata: commit?.metadata ?? null,
            errorCode: 0,
          };
        }),
      })),
    })),
  };
}
