import type { Generation, GroupId, InstanceId, MemberId } from "../ids.ts";

/** SyncGroup (key 14), version 5. */
export interface SyncGroupRequest {
  readonly groupId: GroupId;
  readonly generationId: Generation;
  readonly memberId: MemberId;
  readonly groupInstanceId: InstanceId | null;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** From the leader only. */
  readonly assignments: readonly {
    readonly memberId: MemberId;
    readonly assignment: Uint8Array;
  }[];
}

export interface SyncGroupResponse {
  readonly errorCode: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** Empty (0 bytes) with an error, and for a member that the leader gave nothing. */
  readonly assignment: Uint8Array;
}
