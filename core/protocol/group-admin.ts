import type { GroupId, InstanceId, MemberId } from "../ids.ts";

/** ListGroups (key 16), version 5: the groups that this broker coordinates. */
export interface ListGroupsRequest {
  /** Empty for all; compared without case. */
  readonly statesFilter: readonly string[];
  readonly typesFilter: readonly string[];
}

export interface ListGroupsResponse {
  readonly errorCode: number;
  readonly groups: readonly {
    readonly groupId: GroupId;
    readonly protocolType: string;
    readonly groupState: string;
    readonly groupType: string;
  }[];
}

/** DescribeGroups (key 15), version 6: classic groups. */
export interface DescribeGroupsRequest {
  readonly groups: readonly GroupId[];
}

export interface DescribeGroupsResponse {
  readonly groups: readonly {
    readonly errorCode: number;
    readonly errorMessage: string | null;
    readonly groupId: GroupId;
    /** "Empty", "PreparingRebalance", "CompletingRebalance", "Stable" or "Dead". */
    readonly groupState: string;
    readonly protocolType: string;
    /** The assignor that was chosen; "" unless the group is stable. */
    readonly protocolData: string;
    readonly members: readonly {
      readonly memberId: MemberId;
      readonly groupInstanceId: InstanceId | null;
      readonly clientId: string;
      readonly clientHost: string;
      readonly memberMetadata: Uint8Array;
      readonly memberAssignment: Uint8Array;
    }[];
  }[];
}

/** DeleteGroups (key 42), version 2. */
export interface DeleteGroupsRequest {
  readonly groupsNames: readonly GroupId[];
}

export interface DeleteGroupsResponse {
  readonly results: readonly { readonly groupId: GroupId; readonly errorCode: number }[];
}
