/**
 * Owns the state of a broker: registers it with the controller, sends heartbeats, and takes it
 * through a controlled shutdown (BrokerLifecycleManager.scala, KIP-631). Runs on lane "lifecycle".
 *
 *   STARTING --the controller says that we are caught up--> RECOVERY --unfenced--> RUNNING
 *   RUNNING --asked to stop--> PENDING_CONTROLLED_SHUTDOWN --permission--> SHUTTING_DOWN
 *
 * A heartbeat that is refused (STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED) is only retried, as in
 * Kafka: a broker whose id another process has taken stays fenced until somebody restarts it.
 */
import { assert } from "../assert.ts";
import { Errors } from "../errors.ts";
import type { BrokerState } from "../facts.ts";
import type { BrokerEpoch, NodeId, Offset, Uuid } from "../ids.ts";
import { NO_EPOCH } from "../ids.ts";
import type { Outcome } from "../network/client-channel.ts";
import type { Ports, Timer } from "../ports.ts";
import type { BrokerHeartbeatResponse } from "../protocol/broker-lifecycle.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { BrokerRules } from "./broker-rules.ts";
import type { ControllerChannel } from "./controller-channel.ts";

export const LIFECYCLE_LANE = "lifecycle";

/** What the broker does when its state changes. */
export interface LifecycleListener {
  /** Unfenced for the first time: requests may be served. */
  running(): void;
  /** Nothing more is sent; the logs can be closed. `why` becomes the process's reason to end. */
  shuttingDown(why: string): void;
}

export interface LifecycleOptions {
  readonly ports: Ports;
  readonly rules: BrokerRules;
  readonly settings: BrokerSettings;
  readonly nodeId: NodeId;
  readonly clusterId: string;
  readonly host: string;
  readonly rack: string | null;
  readonly incarnationId: Uuid;
  readonly directoryId: Uuid;
  /** From the clean-shutdown file; -1 without. */
  readonly previousBrokerEpoch: BrokerEpoch;
  readonly channel: ControllerChannel;
  /** Up to where this broker has acted on metadata, and up to where it has received it. */
  readonly metadataOffsets: { readonly published: Offset; readonly committed: Offset };
  readonly listener: LifecycleListener;
}

const FIRST_BACKOFF_MS = 100;
/** While there is no recovery to do, starting up should be quick. */
const CATCH_UP_INTERVAL_MS = 10;
/** After the first answer to a controlled shutdown, which is often granted at once. */
const FIRST_SHUTDOWN_INTERVAL_MS = 50;
/** How long a controlled shutdown may take (KafkaBroker.shutdown). */
const CONTROLLED_SHUTDOWN_TIMEOUT_MS = 300000;

export class LifecycleManager {
  readonly #options: LifecycleOptions;
  readonly #communication: Timer;
  readonly #registrationTimeout: Timer;
  readonly #shutdownTimeout: Timer;
  #state: BrokerState = "STARTING";
  #brokerEpoch: BrokerEpoch = NO_EPOCH;
  #failedAttempts = 0;
  #isCommunicating = false;
  /** The next heartbeat is to follow the one under way at once. */
  #isNextImmediate = false;
  #wasToldCaughtUp = false;
  #hasPublished = false;
  #gotShutdownAnswer = false;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    const { timers } = options.ports;
    this.#communication = timers.timer(LIFECYCLE_LANE, "broker-heartbeat", () =>
      this.#communicate(),
    );
    this.#registrationTimeout = timers.timer(LIFECYCLE_LANE, "broker-registration-timeout", () =>
      this.#enterShutdown("not registered within initial.broker.registration.timeout.ms"),
    );
    this.#shutdownTimeout = timers.timer(LIFECYCLE_LANE, "controlled-shutdown-timeout", () =>
      this.#enterShutdown("shut down without the controller's permission"),
    );
  }

  get state(): BrokerState {
    return this.#state;
  }

  /** -1 until the broker is registered. */
  get brokerEpoch(): BrokerEpoch {
    return this.#brokerEpoch;
  }

  /** Begins to register. */
  start(): void {
    this.#tellState();
    this.#registrationTimeout.set(this.#options.settings["initial.broker.registration.timeout.ms"]);
    this.#communicate();
  }

  /** The logs are loaded and the metadata known at that time was acted on. */
  firstPublished(): void {
    this.#hasPublished = true;
    this.#communicateNow();
  }

  /** Asks the controller for permission to stop; stops at once when there is nothing to ask for. */
  beginShutdown(): void {
    const { rules, settings } = this.#options;
    const isRunning = this.#state === "RUNNING";
    if (this.#state === "PENDING_CONTROLLED_SHUTDOWN" || this.#state === "SHUTTING_DOWN") return;
    if (!rules.waitsForPermission(settings["controlled.shutdown.enable"], isRunning)) {
      this.#enterShutdown("shut down");
      return;
    }
    this.#enter("PENDING_CONTROLLED_SHUTDOWN");
    this.#shutdownTimeout.set(CONTROLLED_SHUTDOWN_TIMEOUT_MS);
    this.#communicateNow();
  }

  #communicate(): void {
    if (this.#state === "SHUTTING_DOWN" || this.#isCommunicating) return;
    this.#isCommunicating = true;
    if (this.#brokerEpoch === NO_EPOCH) this.#register();
    else this.#sendHeartbeat();
  }

  #register(): void {
    const { nodeId, clusterId, incarnationId, host, rack, directoryId, previousBrokerEpoch } =
      this.#options;
    const request = {
      brokerId: nodeId,
      clusterId,
      incarnationId,
      host,
      rack,
      logDirs: [directoryId],
      previousBrokerEpoch,
    };
    this.#options.channel.send(ApiKeys.BROKER_REGISTRATION, request, (outcome) => {
      if (!this.#receives()) return;
      // Also DUPLICATE_BROKER_REGISTRATION: until the session of the process before us has ended.
      if (outcome.kind !== "response" || outcome.body.errorCode !== Errors.NONE) {
        this.#communicateAfterFailure();
        return;
      }
      assert(outcome.body.brokerEpoch >= 0, "a registered broker has an epoch");
      this.#failedAttempts = 0;
      this.#brokerEpoch = outcome.body.brokerEpoch;
      this.#registrationTimeout.cancel();
      this.#communicateNow();
    });
  }

  #sendHeartbeat(): void {
    const { rules, nodeId, metadataOffsets, channel } = this.#options;
    const request = {
      brokerId: nodeId,
      brokerEpoch: this.#brokerEpoch,
      currentMetadataOffset: rules.reportedOffset(
        metadataOffsets.published,
        metadataOffsets.committed,
      ),
      wantFence: rules.wantsFence(this.#wasToldCaughtUp, this.#hasPublished),
      wantShutDown: this.#state === "PENDING_CONTROLLED_SHUTDOWN",
      offlineLogDirs: [],
    };
    channel.send(ApiKeys.BROKER_HEARTBEAT, request, (outcome) => this.#heartbeatEnded(outcome));
  }

  #heartbeatEnded(outcome: Outcome<typeof ApiKeys.BROKER_HEARTBEAT>): void {
    if (!this.#receives()) return;
    if (outcome.kind !== "response" || outcome.body.errorCode !== Errors.NONE) {
      this.#communicateAfterFailure();
      return;
    }
    this.#failedAttempts = 0;
    const answer = outcome.body;
    switch (this.#state) {
      case "STARTING":
        this.#answeredWhileStarting(answer);
        return;
      case "RECOVERY":
        if (this.#options.rules.isUnfenced(answer.isFenced, answer.isCaughtUp)) {
          this.#enter("RUNNING");
          this.#options.listener.running();
        }
        this.#communicateAfterInterval();
        return;
      case "PENDING_CONTROLLED_SHUTDOWN":
        this.#answeredWhileStopping(answer);
        return;
      default:
        this.#communicateAfterInterval();
    }
  }

  #answeredWhileStarting(answer: BrokerHeartbeatResponse): void {
    if (answer.isCaughtUp) {
      this.#wasToldCaughtUp = true;
      this.#enter("RECOVERY");
    }
    this.#communicateIn(CATCH_UP_INTERVAL_MS);
  }

  #answeredWhileStopping(answer: BrokerHeartbeatResponse): void {
    if (this.#options.rules.mayStop(answer.shouldShutDown)) {
      this.#enterShutdown("shut down");
    } else if (this.#gotShutdownAnswer) {
      this.#communicateAfterInterval();
    } else {
      this.#gotShutdownAnswer = true;
      this.#communicateIn(FIRST_SHUTDOWN_INTERVAL_MS);
    }
  }

  /** False when an answer comes too late to matter. */
  #receives(): boolean {
    this.#isCommunicating = false;
    return this.#state !== "SHUTTING_DOWN";
  }

  #communicateNow(): void {
    if (this.#isCommunicating) this.#isNextImmediate = true;
    else this.#communicateIn(0);
  }

  #communicateAfterInterval(): void {
    this.#communicateIn(this.#options.settings["broker.heartbeat.interval.ms"]);
  }

  /** Doubles from 100 ms up to the session timeout, with a jitter of 2 %. */
  #communicateAfterFailure(): void {
    const { settings, ports } = this.#options;
    const limitMs = settings["broker.session.timeout.ms"];
    const doubledMs = FIRST_BACKOFF_MS * (1 << Math.min(this.#failedAttempts, 20));
    this.#failedAttempts += 1;
    const delayMs = Math.min(doubledMs, limitMs);
    const spreadMs = Math.floor(delayMs / 50);
    const jitterMs =
      spreadMs > 0 ? ports.random.below("heartbeat-backoff", 2 * spreadMs + 1) - spreadMs : 0;
    this.#communicateIn(delayMs + jitterMs);
  }

  #communicateIn(delayMs: number): void {
    this.#communication.set(this.#isNextImmediate ? 0 : delayMs);
    this.#isNextImmediate = false;
  }

  #enterShutdown(why: string): void {
    if (this.#state === "SHUTTING_DOWN") return;
    this.#enter("SHUTTING_DOWN");
    this.#communication.cancel();
    this.#registrationTimeout.cancel();
    this.#shutdownTimeout.cancel();
    this.#options.listener.shuttingDown(why);
  }

  #enter(state: BrokerState): void {
    this.#state = state;
    this.#tellState();
  }

  #tellState(): void {
    const { ports, nodeId } = this.#options;
    if (ports.probe !== null) {
      ports.probe.emit({ kind: "broker-state", broker: nodeId, state: this.#state });
    }
  }
}
