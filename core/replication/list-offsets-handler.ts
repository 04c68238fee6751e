/**
 * ListOffsets (KafkaApis.handleListOffsetRequest, Partition.fetchOffsetForTimestamp): the earliest
 * and the latest offset, or the first one at or after a timestamp. Followers see up to the log's end,
 * clients up to the high watermark; right after an election, while that may be behind what clients
 * have seen, clients are told to ask again (KIP-207).
 *
 * Differs from Kafka: of the negative timestamps with a meaning only these two are known; others (the
 * largest timestamp, KIP-734, and those of tiered storage) get UNSUPPORTED_VERSION.
 */
import { Errors } from "../errors.ts";
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import type { Call } from "../network/request-server.ts";
import { asStorageError } from "../ports.ts";
import type { ListOffsetsRequest, ListOffsetsResponse } from "../protocol/list-offsets.ts";
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP } from "../protocol/list-offsets.ts";
import type { LeaderState } from "./leader-state.ts";
import type { Partition } from "./partition.ts";
import type { ReplicationContext } from "./replication-context.ts";
import type { Reader } from "./serving-rules.ts";

type Asked = ListOffsetsRequest["topics"][number]["partitions"][number];
type Answer = ListOffsetsResponse["topics"][number]["partitions"][number];

interface Found {
  readonly timestamp: number;
  readonly offset: Offset;
  readonly leaderEpoch: LeaderEpoch;
}

const NOTHING: Found = { timestamp: -1, offset: -1, leaderEpoch: -1 };

export class ListOffsetsHandler {
  readonly #context: ReplicationContext;

  constructor(context: ReplicationContext) {
    this.#context = context;
  }

  handle(call: Call): void {
    const request = call.request.body as ListOffsetsRequest;
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((asked) => this.#answer(name, asked, request.replicaId)),
    }));
    call.respond<2>({ topics });
  }

  #answer(topic: string, asked: Asked, replicaId: NodeId): Answer {
    const { partitionIndex, timestamp } = asked;
    if (timestamp < 0 && timestamp !== LATEST_TIMESTAMP && timestamp !== EARLIEST_TIMESTAMP) {
      return failed(partitionIndex, Errors.UNSUPPORTED_VERSION);
    }
    const topicId = this.#context.image.topicsByName.get(topic)?.id;
    if (topicId === undefined) return failed(partitionIndex, Errors.UNKNOWN_TOPIC_OR_PARTITION);
    const partition = this.#context.partition(topicId, partitionIndex);
    if (partition === undefined) {
      return failed(partitionIndex, this.#context.errorOfAbsent(topicId, partitionIndex));
    }
    const reader: Reader = replicaId >= 0 ? "follower" : "client";
    const error = partition.leaderError(asked.currentLeaderEpoch, reader);
    const { leading } = partition;
    if (error !== Errors.NONE || leading === null) return failed(partitionIndex, error);
    const found = this.#find(partition, leading, timestamp, reader);
    if (typeof found === "number") return failed(partitionIndex, found);
    this.#tell(partition, leading, timestamp, found, reader);
    return { partitionIndex, errorCode: Errors.NONE, ...found };
  }

  /** An error code instead of an answer. */
  #find(
    partition: Partition,
    leading: LeaderState,
    timestamp: number,
    reader: Reader,
  ): Found | number {
    const { serving } = this.#context.rules;
    const { log } = partition;
    const limit = serving.readLimit(reader, log.endOffset, log.highWatermark);
    const isKnown =
      reader === "follower" || serving.latestIsKnown(log.highWatermark, leading.epochStart);
    if (timestamp === LATEST_TIMESTAMP) {
      if (!isKnown) return Errors.OFFSET_NOT_AVAILABLE;
      return { timestamp: -1, offset: limit, leaderEpoch: partition.leaderEpoch };
    }
    if (timestamp === EARLIEST_TIMESTAMP) {
      const offset = log.logStartOffset;
      return { timestamp: -1, offset, leaderEpoch: log.epochAt(offset) };
    }
    try {
      const found = log.offsetForTimestamp(timestamp, limit);
      if (found !== null) return found;
    } catch (error) {
      this.#context.storageFailed(asStorageError(error));
      return Errors.KAFKA_STORAGE_ERROR;
    }
    return isKnown ? NOTHING : Errors.OFFSET_NOT_AVAILABLE;
  }

  #tell(
    partition: Partition,
    leading: LeaderState,
    timestamp: number,
    found: Found,
    reader: Reader,
  ): void {
    const { probe } = this.#context.ports;
    if (probe === null || reader === "follower") return;
    probe.emit({
      kind: "offsets-listed",
      partition: partition.name,
      leaderEpoch: partition.leaderEpoch,
      timestamp,
      offset: found.offset,
      foundTimestamp: found.timestamp,
      highWatermark: partition.log.highWatermark,
      logStartOffset: partition.log.logStartOffset,
      epochStartOffset: leading.epochStart,
    });
  }
}

function failed(partitionIndex: number, errorCode: number): Answer {
  return { partitionIndex, errorCode, ...NOTHING };
}
