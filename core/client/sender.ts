/**
 * Sends a producer's batches to the leaders and deals with the answers (Sender.java): which brokers
 * have something due, one batch per partition and request, retries in order, expiry.
 *
 * It runs in passes: when a batch is due or full, after each answer, when a connection gets ready and
 * when metadata changed. A pass visits only partitions that have batches.
 */
import type { NodeId, TopicId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { assert } from "../assert.ts";
import { Errors, errorName } from "../errors.ts";
import type { ClientChannel, Outcome } from "../network/client-channel.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { ProducePartitionData, ProduceRequest } from "../protocol/produce.ts";
import type { BatchBody } from "../record/batch.ts";
import { ByteSlab } from "../record/byte-slab.ts";
import type { ProducerSettings } from "../settings/client-settings.ts";
import type { Accumulator } from "./accumulator.ts";
import { ExponentialBackoff } from "./backoff.ts";
import type { ClientMetadata } from "./client-metadata.ts";
import { CLIENT_LANE } from "./client-network.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import type { Idempotence } from "./idempotence.ts";
import type { PartitionQueue } from "./partition-queue.ts";
import { provesNotAppended } from "./produce-outcome.ts";
import type { ProducerBatch, SendResult } from "./producer-batch.ts";
import type { ProducerRules } from "./producer-rules.ts";
import { acksOf } from "./producer-settings.ts";

export interface SenderOptions {
  readonly clientId: string;
  readonly settings: ProducerSettings;
  readonly rules: ProducerRules;
  readonly metadata: ClientMetadata;
  readonly accumulator: Accumulator;
  /** Null without enable.idempotence. */
  readonly idempotence: Idempotence | null;
  /** Everything is due at once: a flush, or sends that wait for memory. */
  readonly isHurried: () => boolean;
  /** The sends of a batch have their results. */
  readonly onDone: (batch: ProducerBatch, resultOf: (index: number) => SendResult) => void;
  /** A batch was replaced by smaller ones. */
  readonly onSplit: (batch: ProducerBatch, parts: readonly ProducerBatch[]) => void;
  /** An input was handled: results may be delivered now. */
  readonly onIdle: () => void;
}

/** A broker with batches waiting, during a pass. */
interface Destination {
  readonly node: NodeId;
  readonly queues: PartitionQueue[];
  isDue: boolean;
  /** Ordinal of the partition that was looked at last: the next drain begins there. */
  drainFrom: number;
}

type ProduceOutcome = Outcome<typeof ApiKeys.PRODUCE>;

export class Sender {
  readonly #ports: Ports;
  readonly #options: SenderOptions;
  readonly #timer: DeadlineTimer;
  readonly #backoff: ExponentialBackoff;
  readonly #acks: number;
  readonly #maxInFlight: number;
  readonly #slab: ByteSlab = new ByteSlab();
  readonly #destinations: Map<NodeId, Destination> = new Map();
  #isWoken = false;
  #isClosed = false;

  constructor(ports: Ports, options: SenderOptions) {
    this.#ports = ports;
    this.#options = options;
    const { settings } = options;
    this.#acks = acksOf(settings);
    this.#maxInFlight = settings["max.in.flight.requests.per.connection"];
    this.#backoff = new ExponentialBackoff(
      ports.random,
      "produce backoff",
      settings["retry.backoff.ms"],
      settings["retry.backoff.max.ms"],
    );
    this.#timer = new DeadlineTimer(
      ports.timers.timer(CLIENT_LANE, `sender ${options.clientId}`, () => {
        this.#timer.fired();
        this.run();
      }),
    );
  }

  /** Something is due now: a pass follows as an input of its own. */
  wake(): void {
    if (this.#isWoken || this.#isClosed) return;
    this.#isWoken = true;
    this.#ports.work.later(CLIENT_LANE, "sender", () => {
      this.#isWoken = false;
      this.run();
    });
  }

  /** Something will be due at that time. */
  wakeAt(deadlineMs: number, nowMs: number): void {
    this.#timer.armNoLaterThan(deadlineMs, nowMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
  }

  /** One pass, as the last thing in the handling of an input. */
  run(): void {
    if (this.#isClosed) return;
    const { idempotence, accumulator } = this.#options;
    const nowMs = this.#ports.clock.monotonicMs();
    idempotence?.prepare(nowMs, accumulator.active.size > 0);
    let dueMs = Infinity;
    for (;;) {
      dueMs = this.#collect(nowMs);
      if (!this.#serve(nowMs)) break;
    }
    this.#expire(nowMs);
    const fatal = idempotence?.fatalError ?? null;
    if (fatal !== null) this.#failAll(fatal);
    if (idempotence !== null && accumulator.active.size > 0 && !idempotence.hasProducerId) {
      if (idempotence.retryAtMs > nowMs) dueMs = Math.min(dueMs, idempotence.retryAtMs);
    }
    this.#timer.arm(Math.min(dueMs, this.#nextExpiryMs()), nowMs);
    this.#options.onIdle();
  }

  /** Sorts what waits by broker; the time at which something more will be due. */
  #collect(nowMs: number): number {
    const { accumulator, rules, settings, metadata } = this.#options;
    const isHurried = this.#options.isHurried();
    const lingerMs = settings["linger.ms"];
    let dueMs = Infinity;
    let isLeaderUnknown = false;
    for (const destination of this.#destinations.values()) {
      destination.queues.length = 0;
      destination.isDue = false;
    }
    for (const queue of accumulator.active) {
      if (queue.metadata.leader < 0) isLeaderUnknown = true;
      if (queue.isMuted || queue.metadata.leader < 0) continue;
      const destination = this.#destination(queue.metadata.leader);
      destination.queues.push(queue);
      const first = queue.batches[0] as ProducerBatch;
      if (this.#mustBackOff(first, nowMs)) {
        dueMs = Math.min(dueMs, first.retryAtMs);
        continue;
      }
      const isFull = queue.batches.length > 1 || first.isFull;
      const waitedMs = nowMs - first.waitingSinceMs;
      if (rules.isSendable(isFull, waitedMs, lingerMs, isHurried)) destination.isDue = true;
      else dueMs = Math.min(dueMs, first.waitingSinceMs + lingerMs);
    }
    if (isLeaderUnknown) metadata.requestUpdate();
    return dueMs;
  }

  /** Sends to the brokers that have something due; whether anything more could be sent at once. */
  #serve(nowMs: number): boolean {
    const { metadata, accumulator } = this.#options;
    let isMore = false;
    for (const destination of this.#destinations.values()) {
      if (!destination.isDue) continue;
      const channel = metadata.readyBroker(destination.node);
      const canSend = channel !== null && channel.inFlightCount < this.#maxInFlight;
      accumulator.availability.note(destination.node, nowMs, canSend);
      if (!canSend) continue;
      const batches = this.#drain(destination, nowMs);
      if (batches.length === 0) continue;
      this.#send(channel as ClientChannel, batches);
      isMore ||= destination.queues.some((queue) => queue.batches.length > 0);
    }
    return isMore;
  }

  /** At most one batch of each partition; a partition that has to wait ends it. */
  #drain(destination: Destination, nowMs: number): ProducerBatch[] {
    const { rules, settings, idempotence, accumulator } = this.#options;
    const maxBytes = settings["max.request.size"];
    const batches: ProducerBatch[] = [];
    let bytes = 0;
    for (const queue of inTurn(destination)) {
      destination.drainFrom = queue.ordinal;
      const first = queue.batches[0] as ProducerBatch;
      if (this.#mustBackOff(first, nowMs)) continue;
      if (batches.length > 0 && bytes + first.sizeBytes > maxBytes) break;
      if (idempotence !== null && !idempotence.mayDrain(first)) break;
      accumulator.take(queue);
      idempotence?.assign(first);
      bytes += this.#encode(first).sizeBytes;
      if (rules.mutesWhileInFlight(this.#maxInFlight)) queue.isMuted = true;
      batches.push(first);
    }
    return batches;
  }

  #encode(batch: ProducerBatch): BatchBody {
    return batch.encode(this.#ports.codecs, this.#slab);
  }

  #mustBackOff(batch: ProducerBatch, nowMs: number): boolean {
    if (batch.attempts === 0) return false;
    const { rules } = this.#options;
    batch.noteLeaderEpoch(batch.queue.metadata.leaderEpoch);
    const { attempts, attemptsAtLeaderChange, retryAtMs } = batch;
    const changed = rules.leaderChangedSinceAttempt(attempts, attemptsAtLeaderChange);
    return rules.mustBackOff(nowMs, retryAtMs, changed);
  }

  #send(channel: ClientChannel, batches: readonly ProducerBatch[]): void {
    const { settings } = this.#options;
    for (const batch of batches) {
      batch.isInFlight = true;
      batch.noteLeaderEpoch(batch.queue.metadata.leaderEpoch);
      this.#tellSent(batch);
    }
    const request: ProduceRequest = {
      transactionalId: null,
      acks: this.#acks,
      timeoutMs: settings["request.timeout.ms"],
      topicData: groupByTopic(batches, (batch) => this.#encode(batch)),
    };
    if (this.#acks !== 0) {
      channel.send(ApiKeys.PRODUCE, request, (outcome) => {
        this.#answered(batches, outcome);
        this.#options.onIdle();
        this.run();
      });
      return;
    }
    // No answer will come: to have handed it to the connection is all there is to know.
    channel.send(ApiKeys.PRODUCE, request, null);
    for (const batch of batches) this.#settle(batch, Errors.NONE, -1, -1);
  }

  #answered(batches: readonly ProducerBatch[], outcome: ProduceOutcome): void {
    if (outcome.kind !== "response") {
      const isUnsupported = outcome.kind === "unsupported";
      const error = isUnsupported ? Errors.UNSUPPORTED_VERSION : Errors.NETWORK_EXCEPTION;
      for (const batch of batches) this.#settle(batch, error, -1, -1);
      return;
    }
    const { metadata } = this.#options;
    let answered = 0;
    for (const topic of outcome.body.responses) {
      for (const partition of topic.partitionResponses) {
        const batch = findBatch(batches, answered, topic.topicId, partition.index);
        answered += 1;
        this.#settle(batch, partition.errorCode, partition.baseOffset, partition.logStartOffset);
        metadata.applyHint(batch.queue.metadata, partition.currentLeader);
      }
    }
    assert(answered === batches.length, `${answered} answers to ${batches.length} batches`);
  }

  /** The end of one attempt. An answer to a batch that expired meanwhile changes no result. */
  #settle(batch: ProducerBatch, error: number, baseOffset: number, logStart: number): void {
    const { rules, idempotence, metadata } = this.#options;
    const { queue } = batch;
    batch.isInFlight = false;
    if (rules.mutesWhileInFlight(this.#maxInFlight)) queue.isMuted = false;
    if (error !== Errors.NONE && !provesNotAppended(error)) batch.maybeAppended = true;
    if (!batch.isDone && rules.splits(error, batch.records.length)) {
      this.#split(batch);
    } else if (error === Errors.NONE) {
      idempotence?.completed(batch);
      this.#succeed(batch, baseOffset);
    } else if (this.#mayRetry(batch, error, logStart)) {
      this.#retry(batch);
    } else if (rules.isSuccess(error)) {
      idempotence?.completed(batch);
      this.#succeed(batch, -1);
    } else if (!batch.isDone) {
      idempotence?.failed(batch, error, false);
      this.#fail(batch, errorName(error));
    }
    if (rules.refreshesMetadata(error)) metadata.requestUpdate();
  }

  #mayRetry(batch: ProducerBatch, error: number, logStartOffset: number): boolean {
    const { rules, settings, idempotence } = this.#options;
    if (batch.isDone) return false;
    const nowMs = this.#ports.clock.monotonicMs();
    const expired = rules.hasExpired(nowMs, batch.createdMs, settings["delivery.timeout.ms"]);
    if (!rules.mayRetry(batch.attempts, settings.retries, expired)) return false;
    if (idempotence !== null) return idempotence.mayRetry(batch, error, logStartOffset);
    return rules.isRetriable(error);
  }

  #retry(batch: ProducerBatch): void {
    const nowMs = this.#ports.clock.monotonicMs();
    batch.attempts += 1;
    batch.waitingSinceMs = nowMs;
    batch.retryAtMs = nowMs + this.#backoff.delayMs(batch.attempts);
    this.#options.accumulator.requeue(batch);
  }

  #split(batch: ProducerBatch): void {
    const parts = this.#options.accumulator.split(batch);
    batch.isDone = true;
    this.#options.onSplit(batch, parts);
  }

  #succeed(batch: ProducerBatch, baseOffset: number): void {
    const partition = batch.queue.metadata.index;
    this.#finish(batch, (index) => {
      return { kind: "acked", partition, offset: baseOffset < 0 ? -1 : baseOffset + index };
    });
  }

  #fail(batch: ProducerBatch, error: string): void {
    const result: SendResult = { kind: "failed", error, maybeAppended: batch.maybeAppended };
    this.#finish(batch, () => result);
  }

  #finish(batch: ProducerBatch, resultOf: (index: number) => SendResult): void {
    if (batch.isDone) return;
    batch.isDone = true;
    this.#options.accumulator.complete(batch);
    this.#options.onDone(batch, resultOf);
  }

  /** Gives up the batches that are older than delivery.timeout.ms, waiting or under way. */
  #expire(nowMs: number): void {
    const { accumulator, rules, settings } = this.#options;
    const timeoutMs = settings["delivery.timeout.ms"];
    for (const batch of accumulator.incomplete) {
      if (!rules.hasExpired(nowMs, batch.createdMs, timeoutMs)) break;
      this.#abandon(batch, "DELIVERY_TIMED_OUT");
    }
  }

  #failAll(error: string): void {
    for (const batch of this.#options.accumulator.incomplete) this.#abandon(batch, error);
  }

  #abandon(batch: ProducerBatch, error: string): void {
    const { accumulator, idempotence } = this.#options;
    accumulator.withdraw(batch);
    if (batch.isInFlight) batch.maybeAppended = true;
    idempotence?.failed(batch, Errors.REQUEST_TIMED_OUT, true);
    this.#fail(batch, error);
  }

  #nextExpiryMs(): number {
    const { accumulator, settings } = this.#options;
    for (const oldest of accumulator.incomplete) {
      return oldest.createdMs + settings["delivery.timeout.ms"];
    }
    return Infinity;
  }

  #destination(node: NodeId): Destination {
    let destination = this.#destinations.get(node);
    if (destination === undefined) {
      destination = { node, queues: [], isDue: false, drainFrom: 0 };
      this.#destinations.set(node, destination);
    }
    return destination;
  }

  #tellSent(batch: ProducerBatch): void {
    const { probe } = this.#ports;
    if (probe === null) return;
    probe.emit({
      kind: "batch-sent",
      partition: batch.queue.metadata.name,
      attempt: batch.attempts + 1,
      body: this.#encode(batch),
      sendIds: batch.sendIds,
    });
  }
}

/** Its partitions in order of first use, beginning with the one that the last drain ended at. */
function inTurn(destination: Destination): readonly PartitionQueue[] {
  const { queues, drainFrom } = destination;
  if (queues.length === 1) return queues;
  queues.sort((a, b) => a.ordinal - b.ordinal);
  const start = queues.findIndex((queue) => queue.ordinal >= drainFrom);
  return start <= 0 ? queues : [...queues.slice(start), ...queues.slice(0, start)];
}

function groupByTopic(
  batches: readonly ProducerBatch[],
  encode: (batch: ProducerBatch) => BatchBody,
): ProduceRequest["topicData"] {
  const topics: { readonly topicId: TopicId; readonly partitionData: ProducePartitionData[] }[] =
    [];
  for (const batch of batches) {
    const { topic, index } = batch.queue.metadata;
    assert(topic.id !== null, `topic ${topic.name} has a leader and no id`);
    batch.sentTopicId = topic.id;
    let group = topics.find((candidate) => candidate.topicId === topic.id);
    if (group === undefined) topics.push((group = { topicId: topic.id, partitionData: [] }));
    group.partitionData.push({ index, records: [encode(batch)] });
  }
  return topics;
}

/** The batch that an answer is for: mostly the one at the same place. */
function findBatch(
  batches: readonly ProducerBatch[],
  place: number,
  topicId: TopicId,
  index: number,
): ProducerBatch {
  const isIt = (batch: ProducerBatch | undefined): boolean =>
    batch !== undefined && batch.queue.metadata.index === index && batch.sentTopicId === topicId;
  const batch = isIt(batches[place]) ? batches[place] : batches.find(isIt);
  assert(batch !== undefined, `an answer for partition ${index} of ${topicId}, which was not sent`);
  return batch;
}
