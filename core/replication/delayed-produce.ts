/**
 * Produce requests with acks=all that wait until the high watermark has passed what they appended
 * (DelayedProduce.java). A request ends when each of its partitions is decided, or at its timeout.
 */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { LeaderEpoch, Offset, TopicId } from "../ids.ts";
import type { Call } from "../network/request-server.ts";
import type { ProducePartitionResponse, ProduceResponse } from "../protocol/produce.ts";
import type { BatchBody } from "../record/batch.ts";
import type { ActionQueue, DelayedOperation } from "./action-queue.ts";
import type { DeadlineQueue, Expiring } from "./deadline-queue.ts";
import type { Partition } from "./partition.ts";
import type { ReplicationContext } from "./replication-context.ts";

/** What became of one partition of a produce request. */
export interface ProduceStatus {
  readonly index: number;
  /** Null when it was refused before a replica was found. */
  readonly partition: Partition | null;
  readonly body: BatchBody | null;
  error: number;
  readonly baseOffset: Offset;
  readonly lastOffset: Offset;
  readonly isDuplicate: boolean;
  /** Epoch of the append, or of when the duplicate was found. */
  readonly appendEpoch: LeaderEpoch;
  /** As they were when the request was handled. */
  readonly isrSize: number;
  readonly minIsr: number;
  isDecided: boolean;
  /** As they were when it was decided. */
  decidedEpoch: LeaderEpoch;
  decidedHighWatermark: Offset;
  operation: ProduceOperation | null;
}

/** The statuses of a request, grouped as the request is. */
export interface ProduceTopicStatus {
  readonly topicId: TopicId;
  readonly partitions: readonly ProduceStatus[];
}

/** One produce request, from its appends to its answer. */
export class ProduceOperation implements DelayedOperation, Expiring {
  isQueued = false;
  deadlineMs = 0;
  heapIndex = -1;
  heapSequence = 0;
  undecided = 0;
  readonly #context: ReplicationContext;
  readonly #deadlines: DeadlineQueue;
  readonly #call: Call;
  readonly #acks: number;
  readonly #topics: readonly ProduceTopicStatus[];

  constructor(
    context: ReplicationContext,
    deadlines: DeadlineQueue,
    call: Call,
    acks: number,
    topics: readonly ProduceTopicStatus[],
  ) {
    this.#context = context;
    this.#deadlines = deadlines;
    this.#call = call;
    this.#acks = acks;
    this.#topics = topics;
  }

  /** Answers when all is decided. */
  attempt(): void {
    if (this.undecided > 0) return;
    this.#deadlines.remove(this);
    this.answer();
  }

  /** What is not decided by now has timed out; it stays in the log. */
  expire(): void {
    for (const topic of this.#topics) {
      for (const status of topic.partitions) {
        if (status.isDecided) continue;
        decide(status, Errors.REQUEST_TIMED_OUT);
        status.partition?.waiting.dropDecided();
      }
    }
    this.answer();
  }

  answer(): void {
    const call = this.#call;
    if (!call.isOpen) {
      call.finish();
      return;
    }
    const responses: ProduceResponse["responses"][number][] = [];
    for (const topic of this.#topics) {
      const partitionResponses: ProducePartitionResponse[] = [];
      for (const status of topic.partitions) {
        if (status.error === Errors.NONE) this.#tellAck(status);
        partitionResponses.push(this.#response(topic.topicId, status));
      }
      responses.push({ topicId: topic.topicId, partitionResponses });
    }
    call.respond<0>({ responses });
  }

  #response(topicId: TopicId, status: ProduceStatus): ProducePartitionResponse {
    const { index, error, baseOffset } = status;
    if (error === Errors.NONE) {
      const logStartOffset = status.partition?.log.logStartOffset ?? -1;
      return { index, errorCode: error, baseOffset, logStartOffset, currentLeader: null };
    }
    const isElsewhere =
      error === Errors.NOT_LEADER_OR_FOLLOWER || error === Errors.FENCED_LEADER_EPOCH;
    const currentLeader = isElsewhere ? this.#context.leaderHint(topicId, index) : null;
    return { index, errorCode: error, baseOffset: -1, logStartOffset: -1, currentLeader };
  }

  #tellAck(status: ProduceStatus): void {
    const { probe } = this.#context.ports;
    const { partition, body } = status;
    if (probe === null || partition === null || body === null) return;
    const isSame = partition.isLeader && partition.leaderEpoch === status.decidedEpoch;
    probe.emit({
      kind: "ack-sent",
      partition: partition.name,
      leaderEpoch: status.decidedEpoch,
      appendEpoch: status.appendEpoch,
      acks: this.#acks,
      baseOffset: status.baseOffset,
      lastOffset: status.lastOffset,
      body,
      duplicate: status.isDuplicate,
      highWatermark: status.decidedHighWatermark,
      isrSize: status.isrSize,
      minIsr: status.minIsr,
      client: this.#call.request.clientId,
      ...(isSame ? {} : { leadershipChanged: true as const }),
    });
  }
}

/** Those of one partition, in the order of the offsets that they wait for. */
export class WaitingProduces {
  readonly #context: ReplicationContext;
  readonly #partition: Partition;
  #statuses: ProduceStatus[] = [];
  /** Those before it were taken out. */
  #head = 0;

  constructor(context: ReplicationContext, partition: Partition) {
    this.#context = context;
    this.#partition = partition;
  }

  get size(): number {
    return this.#statuses.length - this.#head;
  }

  add(status: ProduceStatus): void {
    // Only the answer to a duplicate may wait for less than the one before it.
    let at = this.#statuses.length;
    while (
      at > this.#head &&
      (this.#statuses[at - 1] as ProduceStatus).lastOffset > status.lastOffset
    ) {
      at -= 1;
    }
    if (at === this.#statuses.length) this.#statuses.push(status);
    else this.#statuses.splice(at, 0, status);
  }

  /** The high watermark moved: decides those that it has passed. */
  release(): void {
    const { rules, actions } = this.#context;
    const { highWatermark } = this.#partition.log;
    while (this.#head < this.#statuses.length) {
      const status = this.#statuses[this.#head] as ProduceStatus;
      if (!status.isDecided) {
        if (!rules.serving.isReplicated(status.lastOffset + 1, highWatermark)) break;
        decide(status, ackError(this.#context, this.#partition));
        noteDecided(status, actions);
      }
      this.#head += 1;
    }
    this.#forgetTaken();
  }

  failAll(error: ErrorCode): void {
    for (let at = this.#head; at < this.#statuses.length; at++) {
      const status = this.#statuses[at] as ProduceStatus;
      if (status.isDecided) continue;
      decide(status, error);
      noteDecided(status, this.#context.actions);
    }
    this.#statuses = [];
    this.#head = 0;
  }

  /** Those at the head that timed out are of no use any more. */
  dropDecided(): void {
    while (this.#head < this.#statuses.length && this.#statuses[this.#head]?.isDecided === true) {
      this.#head += 1;
    }
    this.#forgetTaken();
  }

  #forgetTaken(): void {
    if (this.#head === this.#statuses.length) {
      this.#statuses.length = 0;
      this.#head = 0;
    } else if (this.#head > 64 && this.#head * 2 > this.#statuses.length) {
      this.#statuses = this.#statuses.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** The high watermark has passed a batch of a request with acks=all: may it be acknowledged? */
export function ackError(context: ReplicationContext, partition: Partition): ErrorCode {
  const leading = partition.leading;
  if (leading === null) return Errors.NOT_LEADER_OR_FOLLOWER;
  return context.rules.serving.hasEnoughReplicas(leading.maximalIsr.length, leading.minIsr)
    ? Errors.NONE
    : Errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND;
}

export function decide(status: ProduceStatus, error: ErrorCode): void {
  status.isDecided = true;
  status.error = error;
  const { partition } = status;
  if (partition === null) return;
  status.decidedEpoch = partition.leaderEpoch;
  status.decidedHighWatermark = partition.log.highWatermark;
}

function noteDecided(status: ProduceStatus, actions: ActionQueue): void {
  const operation = status.operation;
  if (operation === null) return;
  operation.undecided -= 1;
  if (operation.undecided === 0) actions.push(operation);
}
