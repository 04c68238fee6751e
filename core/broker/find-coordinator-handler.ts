/**
 * FindCoordinator (KafkaApis.handleFindCoordinatorRequest): the coordinator of a group is the leader
 * of its partition of `__consumer_offsets`. Who asks first has that topic made.
 */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { GroupId } from "../ids.ts";
import { NO_NODE, OFFSETS_TOPIC } from "../ids.ts";
import type { BrokerRegistration, MetadataImage } from "../metadata/image.ts";
import type { Call } from "../network/request-server.ts";
import type { FindCoordinatorRequest } from "../protocol/find-coordinator.ts";
import { GROUP_COORDINATOR_KEY } from "../protocol/find-coordinator.ts";
import type { ApiKeys } from "../protocol/message.ts";
import type { AutoTopicCreation } from "./auto-topic-creation.ts";
import type { BrokerRules } from "./broker-rules.ts";

export interface FindCoordinatorHandlerOptions {
  readonly rules: BrokerRules;
  readonly image: MetadataImage;
  readonly autoCreation: AutoTopicCreation;
  /** Which partition keeps a group. */
  partitionFor(group: GroupId): number;
}

export class FindCoordinatorHandler {
  readonly #options: FindCoordinatorHandlerOptions;

  constructor(options: FindCoordinatorHandlerOptions) {
    this.#options = options;
  }

  handle(call: Call): void {
    const { keyType, coordinatorKeys } = call.request.body as FindCoordinatorRequest;
    call.respond<typeof ApiKeys.FIND_COORDINATOR>({
      coordinators: coordinatorKeys.map((key) => {
        const found = this.#find(keyType, key);
        return typeof found === "number"
          ? { key, nodeId: NO_NODE, host: "", errorCode: found, errorMessage: null }
          : { key, nodeId: found.id, host: found.host, errorCode: Errors.NONE, errorMessage: null };
      }),
    });
  }

  #find(keyType: number, key: GroupId): BrokerRegistration | ErrorCode {
    if (keyType !== GROUP_COORDINATOR_KEY) return Errors.INVALID_REQUEST;
    const { rules, image, autoCreation, partitionFor } = this.#options;
    const topic = image.topicsByName.get(OFFSETS_TOPIC);
    if (topic === undefined) {
      autoCreation.create(OFFSETS_TOPIC);
      return Errors.COORDINATOR_NOT_AVAILABLE;
    }
    const leader = image.brokers.get(topic.partitions[partitionFor(key)]?.leader ?? NO_NODE);
    return leader !== undefined && rules.listsBroker(leader.fenced)
      ? leader
      : Errors.COORDINATOR_NOT_AVAILABLE;
  }
}
