/**
 * Answers ApiVersions: what a node of some roles takes on its listener (ApiVersionManager.scala).
 */
import { Errors } from "../errors.ts";
import type { ApiVersionsResponse } from "../protocol/api-versions.ts";
import type { ApiKey } from "../protocol/message.ts";
import { ApiKeys, supportedVersions } from "../protocol/message.ts";

export type Role = "broker" | "controller";

/** From clients and from other brokers. */
const BROKER_APIS: readonly ApiKey[] = [
  ApiKeys.PRODUCE,
  ApiKeys.FETCH,
  ApiKeys.LIST_OFFSETS,
  ApiKeys.METADATA,
  ApiKeys.OFFSET_COMMIT,
  ApiKeys.OFFSET_FETCH,
  ApiKeys.FIND_COORDINATOR,
  ApiKeys.JOIN_GROUP,
  ApiKeys.HEARTBEAT,
  ApiKeys.LEAVE_GROUP,
  ApiKeys.SYNC_GROUP,
  ApiKeys.DESCRIBE_GROUPS,
  ApiKeys.LIST_GROUPS,
  ApiKeys.API_VERSIONS,
  ApiKeys.CREATE_TOPICS,
  ApiKeys.INIT_PRODUCER_ID,
  ApiKeys.OFFSET_FOR_LEADER_EPOCH,
  ApiKeys.DESCRIBE_CONFIGS,
  ApiKeys.CREATE_PARTITIONS,
  ApiKeys.DELETE_GROUPS,
  ApiKeys.ELECT_LEADERS,
  ApiKeys.INCREMENTAL_ALTER_CONFIGS,
  ApiKeys.OFFSET_DELETE,
];

/** From other controllers, from brokers, and from admin clients that ask a controller directly (KIP-919). */
const CONTROLLER_APIS: readonly ApiKey[] = [
  ApiKeys.FETCH,
  ApiKeys.VOTE,
  ApiKeys.BEGIN_QUORUM_EPOCH,
  ApiKeys.END_QUORUM_EPOCH,
  ApiKeys.FETCH_SNAPSHOT,
  ApiKeys.API_VERSIONS,
  ApiKeys.CREATE_TOPICS,
  ApiKeys.CREATE_PARTITIONS,
  ApiKeys.ELECT_LEADERS,
  ApiKeys.INCREMENTAL_ALTER_CONFIGS,
  ApiKeys.ALTER_PARTITION,
  ApiKeys.ENVELOPE,
  ApiKeys.BROKER_REGISTRATION,
  ApiKeys.BROKER_HEARTBEAT,
  ApiKeys.ALLOCATE_PRODUCER_IDS,
  ApiKeys.ASSIGN_REPLICAS_TO_DIRS,
];

/** The same answer for every client: make it once. */
export function apiVersionsOf(roles: readonly Role[]): ApiVersionsResponse {
  const isTaken = (apiKey: ApiKey): boolean =>
    (roles.includes("broker") && BROKER_APIS.includes(apiKey)) ||
    (roles.includes("controller") && CONTROLLER_APIS.includes(apiKey));
  return {
    errorCode: Errors.NONE,
    apiKeys: supportedVersions.filter(({ apiKey }) => isTaken(apiKey)),
  };
}
