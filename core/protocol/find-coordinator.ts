import type { NodeId } from "../ids.ts";

/** FindCoordinator (key 10), version 6: which broker coordinates these groups? */
export interface FindCoordinatorRequest {
  /** 0 for groups. */
  readonly keyType: number;
  readonly coordinatorKeys: readonly string[];
}

export const GROUP_COORDINATOR_KEY = 0;

export interface FindCoordinatorResponse {
  readonly coordinators: readonly {
    readonly key: string;
    /** -1 with an error. */
    readonly nodeId: NodeId;
    readonly host: string;
    readonly errorCode: number;
    readonly errorMessage: string | null;
  }[];
}
