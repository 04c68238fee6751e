/**
 * OffsetForLeaderEpoch (KafkaApis.handleOffsetForLeaderEpochRequest): where the largest epoch at or
 * below the one asked for ended in this leader's log. Consumers find truncations by it (KIP-320).
 */
import { Errors } from "../errors.ts";
import type { NodeId } from "../ids.ts";
import type { Call } from "../network/request-server.ts";
import type {
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
} from "../protocol/offset-for-leader-epoch.ts";
import type { ReplicationContext } from "./replication-context.ts";

type Asked = OffsetForLeaderEpochRequest["topics"][number]["partitions"][number];
type Answer = OffsetForLeaderEpochResponse["topics"][number]["partitions"][number];

export class OffsetForLeaderEpochHandler {
  readonly #context: ReplicationContext;

  constructor(context: ReplicationContext) {
    this.#context = context;
  }

  handle(call: Call): void {
    const request = call.request.body as OffsetForLeaderEpochRequest;
    const topics = request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((asked) => this.#answer(topic, asked, request.replicaId)),
    }));
    call.respond<23>({ topics });
  }

  #answer(topic: string, asked: Asked, replicaId: NodeId): Answer {
    const topicId = this.#context.image.topicsByName.get(topic)?.id;
    if (topicId === undefined) return failed(asked, Errors.UNKNOWN_TOPIC_OR_PARTITION);
    const partition = this.#context.partition(topicId, asked.partition);
    if (partition === undefined) {
      return failed(asked, this.#context.errorOfAbsent(topicId, asked.partition));
    }
    const reader = replicaId >= 0 ? "follower" : "client";
    const error = partition.leaderError(asked.currentLeaderEpoch, reader);
    if (error !== Errors.NONE) return failed(asked, error);
    const found = partition.log.endOffsetFor(asked.leaderEpoch);
    if (found === null) return failed(asked, Errors.NONE);
    const { epoch, endOffset } = found;
    return { partition: asked.partition, errorCode: Errors.NONE, leaderEpoch: epoch, endOffset };
  }
}

function failed({ partition }: Asked, errorCode: number): Answer {
  return { partition, errorCode, leaderEpoch: -1, endOffset: -1 };
}
