import type { Generation, GroupId, InstanceId, MemberId } from "../ids.ts";

/** JoinGroup (key 11), version 9: classic groups. */
export interface JoinGroupRequest {
  readonly groupId: GroupId;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** "" at first; the coordinator answers MEMBER_ID_REQUIRED with an id to join again with (KIP-394). */
  readonly memberId: MemberId;
  /** group.instance.id of a static member (KIP-345). */
  readonly groupInstanceId: InstanceId | null;
  /** "consumer" for consumers. */
  readonly protocolType: string;
  /** The assignors that the member knows, best first, each with its subscription as bytes. */
  readonly protocols: readonly JoinGroupProtocol[];
  readonly reason: string | null;
}

export interface JoinGroupProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

export interface JoinGroupResponse {
  readonly errorCode: number;
  /** -1 with an error. */
  readonly generationId: Generation;
  readonly protocolType: string | null;
  /** The assignor that was chosen; null with an error. */
  readonly protocolName: string | null;
  readonly leader: MemberId;
  /** The leader need not assign anew: a static leader came back and nothing changed (KIP-814). */
  readonly skipAssignment: boolean;
  readonly memberId: MemberId;
  /** For the leader only. */
  readonly members: readonly {
    readonly memberId: MemberId;
    readonly groupInstanceId: InstanceId | null;
    readonly metadata: Uint8Array;
  }[];
}
