import type { Generation, GroupId, InstanceId, MemberId } from "../ids.ts";

/** Heartbeat (key 12), version 4. */
export interface HeartbeatRequest {
  readonly groupId: GroupId;
  readonly generationId: Generation;
  readonly memberId: MemberId;
  readonly groupInstanceId: InstanceId | null;
}

export interface HeartbeatResponse {
  readonly errorCode: number;
}

/** LeaveGroup (key 13), version 5. */
export interface LeaveGroupRequest {
  readonly groupId: GroupId;
  readonly members: readonly {
    readonly memberId: MemberId;
    readonly groupInstanceId: InstanceId | null;
    readonly reason: string | null;
  }[];
}

export interface LeaveGroupResponse {
  readonly errorCode: number;
  readonly members: readonly {
    readonly memberId: MemberId;
    readonly groupInstanceId: InstanceId | null;
    readonly errorCode: number;
  }[];
}
