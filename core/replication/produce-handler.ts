/**
 * Produce (KafkaApis.handleProduceRequest, ReplicaManager.appendRecords): appends to each partition
 * that this broker leads, and answers as `acks` asks: 0 never, 1 after the append, -1 (all) when the
 * high watermark has passed it.
 */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { ProducerEpoch, ProducerId, TopicId } from "../ids.ts";
import { isInternalTopic } from "../ids.ts";
import type { Call } from "../network/request-server.ts";
import { asStorageError } from "../ports.ts";
import type { ProducePartitionData, ProduceRequest } from "../protocol/produce.ts";
import type { BatchBody } from "../record/batch.ts";
import type { DeadlineQueue } from "./deadline-queue.ts";
import type { ProduceStatus, ProduceTopicStatus } from "./delayed-produce.ts";
import { ackError, decide, ProduceOperation } from "./delayed-produce.ts";
import type { Partition } from "./partition.ts";
import type { ReplicationContext } from "./replication-context.ts";

export class ProduceHandler {
  readonly #context: ReplicationContext;
  readonly #deadlines: DeadlineQueue;

  constructor(context: ReplicationContext, deadlines: DeadlineQueue) {
    this.#context = context;
    this.#deadlines = deadlines;
  }

  handle(call: Call): void {
    const request = call.request.body as ProduceRequest;
    const { acks } = request;
    const isValid = this.#context.rules.serving.acksAreValid(acks);
    const topics: ProduceTopicStatus[] = [];
    let hasFailed = false;
    for (const { topicId, partitionData } of request.topicData) {
      const partitions: ProduceStatus[] = [];
      for (const data of partitionData) {
        const status = isValid
          ? this.#append(call, topicId, data, acks)
          : refused(data, null, Errors.INVALID_REQUIRED_ACKS);
        if (status.error !== Errors.NONE) hasFailed = true;
        partitions.push(status);
      }
      topics.push({ topicId, partitions });
    }
    if (acks === 0) {
      // There is no answer that could tell of an error.
      if (hasFailed) call.disconnect();
      else call.finish();
      return;
    }
    const operation = new ProduceOperation(this.#context, this.#deadlines, call, acks, topics);
    for (const topic of topics) {
      for (const status of topic.partitions) this.#settle(operation, status, acks);
    }
    if (operation.undecided === 0) operation.answer();
    else this.#deadlines.add(operation, Math.max(0, request.timeoutMs));
  }

  /** Decides what can be decided now; the rest waits for the high watermark. */
  #settle(operation: ProduceOperation, status: ProduceStatus, acks: number): void {
    if (status.isDecided) return;
    const { partition } = status;
    const { rules } = this.#context;
    if (acks !== -1 || partition === null) {
      decide(status, Errors.NONE);
    } else if (rules.serving.isReplicated(status.lastOffset + 1, partition.log.highWatermark)) {
      decide(status, ackError(this.#context, partition));
    } else {
      status.operation = operation;
      operation.undecided += 1;
      partition.waiting.add(status);
    }
  }

  #append(call: Call, topicId: TopicId, data: ProducePartitionData, acks: number): ProduceStatus {
    const partition = this.#context.partition(topicId, data.index);
    if (partition === undefined) {
      return refused(data, null, this.#context.errorOfAbsent(topicId, data.index) as ErrorCode);
    }
    const { rules } = this.#context;
    const { clientId } = call.request;
    const { leading } = partition;
    const body = data.records[0];
    let error: ErrorCode = Errors.NONE;
    if (body === undefined || data.records.length !== 1) error = Errors.INVALID_RECORD;
    else if (!rules.serving.mayProduceTo(isInternalTopic(partition.topic), clientId)) {
      error = Errors.INVALID_TOPIC_EXCEPTION;
    } else if (leading === null) error = Errors.NOT_LEADER_OR_FOLLOWER;
    else if (acks === -1 && !this.#hasEnoughReplicas(partition)) error = Errors.NOT_ENOUGH_REPLICAS;
    if (leading === null || body === undefined || error !== Errors.NONE) {
      this.#tellRefusal(call, partition, body, error);
      return refused(data, partition, error);
    }
    const isrSize = leading.committedIsr.length;
    const { minIsr } = leading;
    const appended = this.#appendToLog(partition, body);
    if (appended.kind === "refused") {
      this.#tellRefusal(call, partition, body, appended.error);
      return refused(data, partition, appended.error);
    }
    const isDuplicate = appended.kind === "duplicate";
    const { baseOffset, lastOffset } = isDuplicate ? appended : appended.batch;
    if (isDuplicate) this.#tellDuplicate(partition, body, baseOffset);
    const status: ProduceStatus = {
      index: data.index,
      partition,
      // What is in the log, which the topic's settings may have made of what was sent.
      body: isDuplicate ? body : appended.batch.body,
      error: Errors.NONE,
      baseOffset,
      lastOffset,
      isDuplicate,
      appendEpoch: partition.leaderEpoch,
      isrSize,
      minIsr,
      isDecided: false,
      decidedEpoch: -1,
      decidedHighWatermark: -1,
      operation: null,
    };
    if (!isDuplicate) partition.appended();
    return status;
  }

  #hasEnoughReplicas({ leading }: Partition): boolean {
    if (leading === null) return false;
    const { serving } = this.#context.rules;
    return serving.hasEnoughReplicas(leading.committedIsr.length, leading.minIsr);
  }

  #appendToLog(
    partition: Partition,
    body: BatchBody,
  ): ReturnType<Partition["log"]["appendAsLeader"]> {
    try {
      return partition.log.appendAsLeader(body, partition.leaderEpoch, "client");
    } catch (error) {
      this.#context.storageFailed(asStorageError(error));
      return { kind: "refused", error: Errors.KAFKA_STORAGE_ERROR };
    }
  }

  #tellDuplicate(partition: Partition, body: BatchBody, baseOffset: number): void {
    const { probe } = this.#context.ports;
    if (probe === null) return;
    probe.emit({
      kind: "duplicate-found",
      partition: partition.name,
      leaderEpoch: partition.leaderEpoch,
      producerId: body.producerId,
      producerEpoch: body.producerEpoch,
      baseSequence: body.baseSequence,
      baseOffset,
    });
  }

  #tellRefusal(
    call: Call,
    partition: Partition,
    body: BatchBody | undefined,
    error: ErrorCode,
  ): void {
    const { probe } = this.#context.ports;
    if (probe === null) return;
    const producerId = body?.producerId ?? -1;
    const producerEpoch = body?.producerEpoch ?? -1;
    probe.emit({
      kind: "produce-refused",
      partition: partition.name,
      leaderEpoch: partition.leaderEpoch,
      error,
      producerId,
      producerEpoch,
      baseSequence: body?.baseSequence ?? -1,
      client: call.request.clientId,
    });
    if (error !== Errors.INVALID_PRODUCER_EPOCH) return;
    const current = currentEpoch(partition, producerId) ?? -1;
    const name = partition.name;
    probe.emit({
      kind: "stale-epoch-refused",
      partition: name,
      error,
      given: producerEpoch,
      current,
    });
  }
}

function currentEpoch(partition: Partition, producerId: ProducerId): ProducerEpoch | undefined {
  const known = partition.log.producers().find((entry) => entry.producerId === producerId);
  return known?.producerEpoch;
}

function refused(
  data: ProducePartitionData,
  partition: Partition | null,
  error: ErrorCode,
): ProduceStatus {
  return {
    index: data.index,
    partition,
    body: null,
    error,
    baseOffset: -1,
    lastOffset: -1,
    isDuplicate: false,
    appendEpoch: -1,
    isrSize: 0,
    minIsr: 0,
    isDecided: true,
    decidedEpoch: -1,
    decidedHighWatermark: -1,
    operation: null,
  };
}
