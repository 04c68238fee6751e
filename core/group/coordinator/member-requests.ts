/** JoinGroup, SyncGroup, Heartbeat and LeaveGroup as requests (GroupCoordinatorService.java). */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { Generation, GroupId, InstanceId, LeaderEpoch, MemberId } from "../../ids.ts";
import { NO_EPOCH, NO_GENERATION } from "../../ids.ts";
import type { Call } from "../../network/request-server.ts";
import type { Ports } from "../../ports.ts";
import type {
  HeartbeatRequest,
  LeaveGroupRequest,
  LeaveGroupResponse,
} from "../../protocol/group-membership.ts";
import type { JoinGroupRequest, JoinGroupResponse } from "../../protocol/join-group.ts";
import type { ApiKeys } from "../../protocol/message.ts";
import type { SyncGroupRequest, SyncGroupResponse } from "../../protocol/sync-group.ts";
import type { BrokerSettings } from "../../settings/broker-settings.ts";
import { joinError, syncError } from "./answers.ts";
import { appendErrorToAnswer } from "./coordinator-errors.ts";
import type { Coordinators } from "./coordinators.ts";
import { NO_EFFECT } from "./group-context.ts";
import type { GroupRules } from "./group-rules.ts";
import type { GroupShard } from "./group-shard.ts";
import { join } from "./joining.ts";
import { heartbeat, leave } from "./membership.ts";
import { sync } from "./syncing.ts";

export interface MemberRequestsOptions {
  readonly ports: Ports;
  readonly rules: GroupRules;
  readonly settings: BrokerSettings;
  readonly coordinators: Coordinators;
}

/** What a `group-answered` fact says of the member. */
interface Told {
  readonly group: GroupId;
  readonly member: MemberId;
  readonly instance: InstanceId | null;
  readonly generation: Generation;
  readonly error: number;
  readonly assignment: Uint8Array | null;
}

export class MemberRequests {
  readonly #options: MemberRequestsOptions;

  constructor(options: MemberRequestsOptions) {
    this.#options = options;
  }

  join(call: Call): void {
    const { rules, settings } = this.#options;
    const request = ownJoin(call.request.body as JoinGroupRequest);
    const { groupId, memberId, groupInstanceId, sessionTimeoutMs } = request;
    const asked = new Asked<JoinGroupResponse>((response, leaderEpoch) => {
      const { memberId: member, generationId: generation, errorCode: error } = response;
      const told = { group: groupId, member, instance: groupInstanceId, generation, error };
      this.#tell("join", call, leaderEpoch, { ...told, assignment: null });
      call.respond<typeof ApiKeys.JOIN_GROUP>(response);
    });
    const minMs = settings["group.min.session.timeout.ms"];
    const maxMs = settings["group.max.session.timeout.ms"];
    if (groupId === "") {
      asked.answer(joinError(Errors.INVALID_GROUP_ID, memberId));
    } else if (!rules.sessionTimeoutIsValid(sessionTimeoutMs, minMs, maxMs)) {
      asked.answer(joinError(Errors.INVALID_SESSION_TIMEOUT, memberId));
    } else {
      const { clientId } = call.request;
      const joining = { request, clientId, clientHost: call.peer, answer: asked.answer };
      this.#perform(groupId, asked, joinError, (shard) => join(shard, joining));
    }
  }

  sync(call: Call): void {
    const request = ownSync(call.request.body as SyncGroupRequest);
    const { groupId, memberId, groupInstanceId, generationId } = request;
    const asked = new Asked<SyncGroupResponse>((response, leaderEpoch) => {
      const { errorCode: error, assignment } = response;
      const told = { group: groupId, member: memberId, instance: groupInstanceId, error };
      this.#tell("sync", call, leaderEpoch, { ...told, generation: generationId, assignment });
      call.respond<typeof ApiKeys.SYNC_GROUP>(response);
    });
    if (groupId === "") asked.answer(syncError(Errors.INVALID_GROUP_ID));
    else this.#perform(groupId, asked, syncError, (shard) => sync(shard, request, asked.answer));
  }

  heartbeat(call: Call): void {
    const { groupId, memberId, groupInstanceId, generationId } = call.request
      .body as HeartbeatRequest;
    const asked = new Asked<ErrorCode>((error, leaderEpoch) => {
      const told = { group: groupId, member: memberId, instance: groupInstanceId, error };
      const generation = generationId;
      this.#tell("heartbeat", call, leaderEpoch, { ...told, generation, assignment: null });
      call.respond<typeof ApiKeys.HEARTBEAT>({ errorCode: error });
    });
    if (groupId === "") {
      asked.answer(Errors.INVALID_GROUP_ID);
      return;
    }
    // While its group is loaded a member is told that all is well: its session will begin anew.
    const refusal = (error: ErrorCode): ErrorCode =>
      error === Errors.COORDINATOR_LOAD_IN_PROGRESS ? Errors.NONE : error;
    this.#perform(groupId, asked, refusal, (shard) => {
      const { error, isRefused } = heartbeat(shard, call.request.body as HeartbeatRequest);
      if (isRefused) asked.answer(error);
      else asked.afterCommit = error;
      return isRefused ? null : NO_EFFECT;
    });
  }

  leave(call: Call): void {
    const { groupId } = call.request.body as LeaveGroupRequest;
    const asked = new Asked<LeaveGroupResponse>((response, leaderEpoch) => {
      for (const { memberId, groupInstanceId, errorCode } of response.members) {
        const told = { group: groupId, member: memberId, instance: groupInstanceId };
        const generation = NO_GENERATION;
        const error = errorCode;
        this.#tell("leave", call, leaderEpoch, { ...told, generation, error, assignment: null });
      }
      call.respond<typeof ApiKeys.LEAVE_GROUP>(response);
    });
    const refusal = (errorCode: ErrorCode): LeaveGroupResponse => ({ errorCode, members: [] });
    if (groupId === "") {
      asked.answer(refusal(Errors.INVALID_GROUP_ID));
      return;
    }
    this.#perform(groupId, asked, refusal, (shard) => {
      const request = call.request.body as LeaveGroupRequest;
      const left = leave(shard, request);
      if (left !== null) {
        asked.afterCommit = left.response;
        return left.effect;
      }
      const errorCode = Errors.UNKNOWN_MEMBER_ID;
      const unknown = request.members.map(({ memberId, groupInstanceId }) => {
        return { memberId, groupInstanceId, errorCode };
      });
      asked.answer({ errorCode: Errors.NONE, members: unknown });
      return null;
    });
  }

  /**
   * Lets the group's coordinator do `operation`. What it has not answered by itself is answered with
   * its `afterCommit` when all that it wrote is committed, or with the `refusal`.
   */
  #perform<T>(
    groupId: GroupId,
    asked: Asked<T>,
    refusal: (error: ErrorCode) => T,
    operation: (shard: GroupShard) => ReturnType<Parameters<GroupShard["write"]>[0]>,
  ): void {
    const { coordinators } = this.#options;
    const refuse = (error: ErrorCode): void => asked.answer(refusal(appendErrorToAnswer(error)));
    coordinators.perform(
      coordinators.partitionFor(groupId),
      (shard) => {
        asked.leaderEpoch = shard.leaderEpoch;
        shard.write(
          () => operation(shard),
          (error) => {
            if (error !== null) refuse(error);
            else if (asked.afterCommit !== null) asked.answer(asked.afterCommit);
          },
        );
      },
      refuse,
    );
  }

  #tell(
    api: "join" | "sync" | "heartbeat" | "leave",
    { request }: Call,
    leaderEpoch: LeaderEpoch,
    told: Told,
  ): void {
    const { probe } = this.#options.ports;
    if (probe === null) return;
    probe.emit({ kind: "group-answered", api, leaderEpoch, ...told, client: request.clientId });
  }
}

/** A copy of what the coordinator will keep: the message is its sender's. */
function ownJoin(request: JoinGroupRequest): JoinGroupRequest {
  const protocols = request.protocols.map(({ name, metadata }) => ({
    name,
    metadata: metadata.slice(),
  }));
  return { ...request, protocols };
}

function ownSync(request: SyncGroupRequest): SyncGroupRequest {
  const assignments = request.assignments.map(({ memberId, assignment }) => ({
    memberId,
    assignment: assignment.slice(),
  }));
  return { ...request, assignments };
}

/** A request that is answered once, by whoever comes first. */
class Asked<T> {
  leaderEpoch: LeaderEpoch = NO_EPOCH;
  /** Null: somebody else answers. */
  afterCommit: T | null = null;
  #respond: ((response: T, leaderEpoch: LeaderEpoch) => void) | null;

  constructor(respond: (response: T, leaderEpoch: LeaderEpoch) => void) {
    this.#respond = respond;
  }

  readonly answer = (response: T): void => {
    const respond = this.#respond;
    this.#respond = null;
    respond?.(response, this.leaderEpoch);
  };
}
