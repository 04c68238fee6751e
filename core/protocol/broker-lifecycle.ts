import type { BrokerEpoch, NodeId, Offset, Uuid } from "../ids.ts";

/** BrokerRegistration (key 62), version 4: broker to active controller. KIP-631, KIP-966. */
export interface BrokerRegistrationRequest {
  readonly brokerId: NodeId;
  readonly clusterId: string;
  /** Drawn at each start of the process. */
  readonly incarnationId: Uuid;
  readonly host: string;
  readonly rack: string | null;
  readonly logDirs: readonly Uuid[];
  /** From the clean-shutdown file; -1 after an unclean stop. */
  readonly previousBrokerEpoch: BrokerEpoch;
}

export interface BrokerRegistrationResponse {
  readonly errorCode: number;
  readonly brokerEpoch: BrokerEpoch;
}

/** BrokerHeartbeat (key 63), version 1. */
export interface BrokerHeartbeatRequest {
  readonly brokerId: NodeId;
  readonly brokerEpoch: BrokerEpoch;
  /** Offset of the last metadata record that the broker has applied. */
  readonly currentMetadataOffset: Offset;
  readonly wantFence: boolean;
  readonly wantShutDown: boolean;
  readonly offlineLogDirs: readonly Uuid[];
}

export interface BrokerHeartbeatResponse {
  readonly errorCode: number;
  readonly isCaughtUp: boolean;
  readonly isFenced: boolean;
  readonly shouldShutDown: boolean;
}
