/**
 * The active controller: decides about brokers, topics and partitions, and writes what it decides to
 * the metadata log (QuorumController.java, KIP-631). Runs on lane "controller".
 *
 * Differs from Kafka: a no-op record is written only when nothing else was written for
 * metadata.max.idle.interval.ms. Sessions are checked when the first one can have ended, not
 * periodically. A controller that becomes active tells the probe all records that it knows to be
 * committed, also those that another one told before.
 */
import { unreachable } from "../assert.ts";
import { Errors } from "../errors.ts";
import type { NodeId, Offset } from "../ids.ts";
import type { MetadataImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { Call } from "../network/request-server.ts";
import type { Ports, Timer } from "../ports.ts";
import type { ResponseBody } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { CommittedRecord, LeaderAndEpoch } from "../raft/committed-reader.ts";
import type { MetadataLog } from "../raft/metadata-log.ts";
import type { Answer, Decision } from "../replicated-state/replicated-state-machine.ts";
import { ReplicatedStateMachine } from "../replicated-state/replicated-state-machine.ts";
import type { Rules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import { alterPartition } from "./alter-partition.ts";
import { assignReplicasToDirs } from "./assign-replicas-to-dirs.ts";
import { fenceStalest, handleHeartbeat, registerBroker } from "./broker-lifecycle.ts";
import { Changes } from "./changes.ts";
import { incrementalAlterConfigs } from "./configs.ts";
import type { ControllerContext } from "./context.ts";
import { decide } from "./context.ts";
import { ControllerState } from "./controller-state.ts";
import { createPartitions } from "./create-partitions.ts";
import { createTopics } from "./create-topics.ts";
import { electLeaders } from "./elect-leaders.ts";
import { balanceLeaders, electUncleanLeaders } from "./isr-updates.ts";
import { allocateProducerIds } from "./producer-ids.ts";
import type { ControllerKey, ControllerRequest } from "./refusals.ts";
import { refusalOf } from "./refusals.ts";
import { Sessions } from "./sessions.ts";

const CONTROLLER_LANE = "controller";
/** metadata.version 4.1-IV1 (MetadataVersion.java). */
const METADATA_VERSION = 27;

export interface ControllerOptions {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  readonly nodeId: NodeId;
  readonly clusterId: string;
  /** Not started yet: the controller registers itself with it. */
  readonly log: MetadataLog;
}

export class Controller {
  readonly #ports: Ports;
  readonly #options: ControllerOptions;
  readonly #machine: ReplicatedStateMachine<MetadataRecord, ControllerState>;
  readonly #sessionExpiry: Timer;
  readonly #idle: Timer;
  readonly #balance: Timer;
  readonly #unclean: Timer;
  #context: ControllerContext;
  #lastWriteMs = 0;

  constructor(options: ControllerOptions) {
    const { ports, rules, log } = options;
    this.#ports = ports;
    this.#options = options;
    this.#context = this.#newContext();
    this.#machine = new ReplicatedStateMachine({
      log,
      initial: new ControllerState(),
      rules: rules.raft,
      notOwner: Errors.NOT_CONTROLLER,
    });
    const timer = (name: string, fire: () => void): Timer =>
      ports.timers.timer(CONTROLLER_LANE, name, fire);
    this.#sessionExpiry = timer("session-expiry", () => this.#expireSessions());
    this.#idle = timer("no-op-record", () => this.#writeWhenIdle());
    this.#balance = timer("leader-imbalance-check", () => this.#balanceLeaders());
    this.#unclean = timer("unclean-election-check", () => this.#electUncleanLeaders());
    log.register(
      {
        committed: (records, epoch, lastOffset) => this.#committed(records, epoch, lastOffset),
        leaderChanged: (leader) => this.#leaderChanged(leader),
        snapshotLoaded: (image) => this.#snapshotLoaded(image),
        image: () => this.#machine.committedState.image,
      },
      CONTROLLER_LANE,
    );
  }

  /** This node is the active controller and has replayed all that its predecessors committed. */
  get isActive(): boolean {
    return this.#machine.isOwner;
  }

  /** What is committed, as far as this node knows. */
  get image(): MetadataImage {
    return this.#machine.committedState.image;
  }

  /** Takes a request over, if it is one for the controller; the answer comes once it is committed. */
  handle(call: Call): boolean {
    if (!isForController(call.request.apiKey)) return false;
    this.#ports.work.later(CONTROLLER_LANE, "controller request", () => this.#process(call));
    return true;
  }

  // ---- requests ---------------------------------------------------------------------------------

  #process(call: Call): void {
    const request = call.request as ControllerRequest;
    this.#run<ResponseBody<ControllerKey>>(
      ({ image }, nextOffset) => this.#decide(request, image, nextOffset),
      (answer) => {
        if (answer.kind === "done") call.respond(answer.response);
        else call.respond(refusalOf(request, answer.error));
      },
    );
    this.#armSessionExpiry();
  }

  #decide(
    request: ControllerRequest,
    image: MetadataImage,
    nextOffset: Offset,
  ): Decision<MetadataRecord, ResponseBody<ControllerKey>> {
    const context = this.#context;
    switch (request.apiKey) {
      case ApiKeys.CREATE_TOPICS:
        return createTopics(context, image, request.body);
      case ApiKeys.CREATE_PARTITIONS:
        return createPartitions(context, image, request.body);
      case ApiKeys.ELECT_LEADERS:
        return electLeaders(context, image, request.body);
      case ApiKeys.INCREMENTAL_ALTER_CONFIGS:
        return incrementalAlterConfigs(context, image, request.body);
      case ApiKeys.ALTER_PARTITION:
        return alterPartition(context, image, request.body);
      case ApiKeys.BROKER_REGISTRATION:
        return registerBroker(context, image, request.body, nextOffset);
      case ApiKeys.BROKER_HEARTBEAT:
        return handleHeartbeat(context, image, request.body);
      case ApiKeys.ALLOCATE_PRODUCER_IDS:
        return allocateProducerIds(context, image, request.body);
      case ApiKeys.ASSIGN_REPLICAS_TO_DIRS:
        return assignReplicasToDirs(context, image, request.body);
      default:
        return unreachable(request);
    }
  }

  #run<T>(
    handle: (state: ControllerState, nextOffset: Offset) => Decision<MetadataRecord, T>,
    answer: (answer: Answer<T>) => void,
  ): void {
    const wasActive = this.isActive;
    const { epoch } = this.#machine;
    this.#machine.run<T>((state, nextOffset) => {
      const decision = handle(state, nextOffset);
      if (decision.records.length > 0) this.#lastWriteMs = this.#ports.clock.monotonicMs();
      return decision;
    }, answer);
    // An append that is refused deposes the machine.
    if (wasActive && !this.isActive) this.#resigned(epoch);
  }

  /** Something that nobody asked for and nobody waits for. */
  #runOwn(handle: (image: MetadataImage, changes: Changes) => void): void {
    this.#run<void>(
      ({ image }) => {
        const changes = new Changes(this.#ports.probe);
        handle(image, changes);
        return decide(changes, undefined);
      },
      () => undefined,
    );
  }

  // ---- the log ----------------------------------------------------------------------------------

  #committed(records: readonly CommittedRecord[], epoch: number, lastOffset: Offset): void {
    for (const { record, offset } of records) this.#machine.applyCommitted(record, offset, epoch);
    this.#machine.advance(lastOffset + 1);
  }

  #snapshotLoaded(image: MetadataImage): void {
    this.#machine.replaceCommitted(new ControllerState(image));
    this.#machine.advance(image.offset + 1);
  }

  #leaderChanged({ id, epoch }: LeaderAndEpoch): void {
    if (this.isActive) {
      const led = this.#machine.epoch;
      this.#machine.deactivate();
      this.#resigned(led);
    }
    if (id === this.#options.nodeId) this.#activate(epoch);
  }

  #activate(epoch: number): void {
    this.#machine.activate(epoch);
    const { probe } = this.#ports;
    if (probe !== null) probe.emit({ kind: "controller-activated", epoch });
    this.#context = this.#newContext();
    this.#beginSessions();
    if (this.#machine.state.image.features.size === 0) this.#bootstrap();
    this.#armTimers();
  }

  /** Nobody knows when each broker was heard of last: all get a whole session from now on. */
  #beginSessions(): void {
    const { sessions } = this.#context;
    const nowMs = this.#ports.clock.monotonicMs();
    for (const { id, epoch, fenced } of this.#machine.state.image.brokers.values()) {
      sessions.register(id, fenced);
      if (!fenced) sessions.contact(id, epoch, nowMs);
    }
  }

  /** The first records of a new cluster (BootstrapMetadata.java). */
  #bootstrap(): void {
    this.#runOwn((_image, changes) =>
      changes.add({
        type: "FeatureLevel",
        name: "metadata.version",
        featureLevel: METADATA_VERSION,
      }),
    );
  }

  #resigned(epoch: number): void {
    for (const timer of [this.#sessionExpiry, this.#idle, this.#balance, this.#unclean]) {
      timer.cancel();
    }
    const { probe } = this.#ports;
    if (probe !== null) probe.emit({ kind: "controller-resigned", epoch });
  }

  #newContext(): ControllerContext {
    const { ports, rules, settings, clusterId } = this.#options;
    const sessions = new Sessions(rules.lifecycle, settings["broker.session.timeout.ms"]);
    return { ports, rules, settings, clusterId, sessions };
  }

  // ---- what happens by itself -------------------------------------------------------------------

  #armTimers(): void {
    const { settings } = this.#options;
    this.#lastWriteMs = this.#ports.clock.monotonicMs();
    if (settings["metadata.max.idle.interval.ms"] > 0) {
      this.#idle.set(settings["metadata.max.idle.interval.ms"]);
    }
    if (settings["auto.leader.rebalance.enable"]) this.#balance.set(this.#balanceIntervalMs());
    this.#unclean.set(settings["unclean.leader.election.interval.ms"]);
    this.#armSessionExpiry();
  }

  #balanceIntervalMs(): number {
    return this.#options.settings["leader.imbalance.check.interval.seconds"] * 1000;
  }

  /** Heartbeats only push the end of a session back, so an armed timer fires early enough. */
  #armSessionExpiry(): void {
    if (!this.isActive || this.#sessionExpiry.armed) return;
    const atMs = this.#context.sessions.nextExpiryMs();
    if (atMs === Infinity) return;
    this.#sessionExpiry.set(Math.max(0, atMs - this.#ports.clock.monotonicMs()));
  }

  #expireSessions(): void {
    for (let isDone = false; !isDone && this.isActive;) {
      this.#run<void>(
        ({ image }) => {
          const fenced = fenceStalest(this.#context, image);
          isDone = fenced === null;
          return fenced ?? decide(new Changes(this.#ports.probe), undefined);
        },
        () => undefined,
      );
    }
    this.#armSessionExpiry();
  }

  #writeWhenIdle(): void {
    const intervalMs = this.#options.settings["metadata.max.idle.interval.ms"];
    const idleMs = this.#ports.clock.monotonicMs() - this.#lastWriteMs;
    if (idleMs < intervalMs) {
      this.#idle.set(intervalMs - idleMs);
      return;
    }
    this.#runOwn((_image, changes) => changes.add({ type: "NoOp" }));
    if (this.isActive) this.#idle.set(intervalMs);
  }

  #balanceLeaders(): void {
    this.#runOwn((image, changes) => balanceLeaders(this.#context, image, changes));
    if (this.isActive) this.#balance.set(this.#balanceIntervalMs());
  }

  #electUncleanLeaders(): void {
    this.#runOwn((image, changes) => electUncleanLeaders(this.#context, image, changes));
    const { settings } = this.#options;
    if (this.isActive) this.#unclean.set(settings["unclean.leader.election.interval.ms"]);
  }
}

const CONTROLLER_KEYS: Readonly<Record<ControllerKey, true>> = {
  [ApiKeys.CREATE_TOPICS]: true,
  [ApiKeys.CREATE_PARTITIONS]: true,
  [ApiKeys.ELECT_LEADERS]: true,
  [ApiKeys.INCREMENTAL_ALTER_CONFIGS]: true,
  [ApiKeys.ALTER_PARTITION]: true,
  [ApiKeys.BROKER_REGISTRATION]: true,
  [ApiKeys.BROKER_HEARTBEAT]: true,
  [ApiKeys.ALLOCATE_PRODUCER_IDS]: true,
  [ApiKeys.ASSIGN_REPLICAS_TO_DIRS]: true,
};

function isForController(apiKey: number): boolean {
  return Object.hasOwn(CONTROLLER_KEYS, apiKey);
}
