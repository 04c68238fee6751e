/**
 * Tells the controller where this broker keeps its replicas, when the metadata say something else: a
 * broker that came back with another disk (AssignmentsManager.java, KIP-858). Until the controller
 * knows, those replicas may not lead.
 *
 * A partition waits for others to be told with it. So a broker that boots is unfenced before it tells:
 * a partition whose last in-sync replica it has lost stays without a leader, until a later unfencing
 * gives it one.
 *
 * Differs from Kafka: a request names all partitions that are to be told, not at most 2250 of them,
 * and a partition that joins those that wait does not make them wait longer.
 */
import { Errors } from "../errors.ts";
import type { BrokerEpoch, NodeId, TopicId, Uuid } from "../ids.ts";
import type { MetadataDelta, MetadataImage } from "../metadata/image.ts";
import { directoryOf } from "../metadata/image.ts";
import type { Outcome } from "../network/client-channel.ts";
import type { Lane, Ports, Timer } from "../ports.ts";
import type { AssignReplicasToDirsRequest } from "../protocol/assign-replicas-to-dirs.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { BrokerRules } from "./broker-rules.ts";
import type { ControllerChannel } from "./controller-channel.ts";

export interface DirectoryAssignmentsOptions {
  readonly ports: Ports;
  readonly rules: BrokerRules;
  readonly lane: Lane;
  readonly nodeId: NodeId;
  /** Of this broker's log.dir. */
  readonly directoryId: Uuid;
  /** What this broker knows. */
  readonly image: MetadataImage;
  /** Its answers arrive on `lane`. */
  readonly channel: ControllerChannel;
  brokerEpoch(): BrokerEpoch;
}

/** DISPATCH_INTERVAL_NS in AssignmentsManager.java. */
const DISPATCH_DELAY_MS = 500;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10000;

export class DirectoryAssignments {
  readonly #options: DirectoryAssignmentsOptions;
  readonly #dispatch: Timer;
  /** Partitions of which the metadata name another directory. */
  readonly #wrong: Map<TopicId, Set<number>> = new Map();
  #isAsking = false;
  #failures = 0;
  #isClosed = false;

  constructor(options: DirectoryAssignmentsOptions) {
    this.#options = options;
    this.#dispatch = options.ports.timers.timer(options.lane, "directory-assignments", () =>
      this.#send(),
    );
  }

  /** The image has changed by `delta`. */
  published(delta: MetadataDelta): void {
    for (const [topicId, partitions] of delta.partitions) {
      for (const partition of partitions) this.#look(topicId, partition);
    }
    if (this.#wrong.size > 0 && !this.#dispatch.armed && !this.#isAsking && !this.#isClosed) {
      this.#dispatch.set(DISPATCH_DELAY_MS);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#dispatch.cancel();
  }

  #look(topicId: TopicId, partition: number): void {
    const { image, nodeId, directoryId, rules } = this.#options;
    const registration = image.partition(topicId, partition);
    const isWrong =
      registration !== undefined &&
      registration.replicas.includes(nodeId) &&
      rules.mustAssignDirectory(directoryOf(registration, nodeId), directoryId);
    const ofTopic = this.#wrong.get(topicId);
    if (isWrong) {
      if (ofTopic === undefined) this.#wrong.set(topicId, new Set([partition]));
      else ofTopic.add(partition);
    } else if (ofTopic?.delete(partition) === true && ofTopic.size === 0) {
      this.#wrong.delete(topicId);
    }
  }

  #send(): void {
    if (this.#isAsking || this.#isClosed || this.#wrong.size === 0) return;
    const { channel, nodeId, directoryId, brokerEpoch } = this.#options;
    const topics = [...this.#wrong].map(([topicId, partitions]) => ({
      topicId,
      partitions: [...partitions],
    }));
    const request: AssignReplicasToDirsRequest = {
      brokerId: nodeId,
      brokerEpoch: brokerEpoch(),
      directories: [{ id: directoryId, topics }],
    };
    this.#isAsking = true;
    channel.send(ApiKeys.ASSIGN_REPLICAS_TO_DIRS, request, (outcome) => this.#answered(outcome));
  }

  /** What was taken over is gone from the list by now, or when the metadata arrive; the rest waits. */
  #answered(outcome: Outcome<typeof ApiKeys.ASSIGN_REPLICAS_TO_DIRS>): void {
    this.#isAsking = false;
    if (this.#isClosed) return;
    const isDone = outcome.kind === "response" && outcome.body.errorCode === Errors.NONE;
    this.#failures = isDone ? 0 : this.#failures + 1;
    const doubledMs = FIRST_BACKOFF_MS * (1 << Math.min(this.#failures, 20));
    const backoffMs = isDone ? 0 : Math.min(doubledMs, MAX_BACKOFF_MS);
    if (this.#wrong.size > 0) this.#dispatch.set(DISPATCH_DELAY_MS + backoffMs);
  }
}
