/**
 * Gives out producer ids from blocks that the controller allocates (RPCProducerIdManager.java,
 * KIP-730) and so answers InitProducerId. A block lives in memory only: what is left of it when the
 * broker stops is never given out.
 *
 * Differs from Kafka: a request that finds no id waits for the next block, up to
 * request.timeout.ms, where Kafka answers COORDINATOR_LOAD_IN_PROGRESS and lets the client ask
 * again. There are no transactional ids yet; a request with one is refused with INVALID_REQUEST.
 */
import { Errors } from "../errors.ts";
import type { BrokerEpoch, NodeId, ProducerId } from "../ids.ts";
import { NO_PRODUCER_ID } from "../ids.ts";
import type { Call } from "../network/request-server.ts";
import type { Lane, Ports, Timer } from "../ports.ts";
import type { AllocateProducerIdsResponse } from "../protocol/allocate-producer-ids.ts";
import type { InitProducerIdRequest } from "../protocol/init-producer-id.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { BrokerRules } from "./broker-rules.ts";
import type { ControllerChannel } from "./controller-channel.ts";

export interface ProducerIdManagerOptions {
  readonly ports: Ports;
  readonly rules: BrokerRules;
  readonly settings: BrokerSettings;
  /** The lane on which requests are handled. */
  readonly lane: Lane;
  readonly nodeId: NodeId;
  readonly channel: ControllerChannel;
  brokerEpoch(): BrokerEpoch;
}

interface Block {
  readonly start: ProducerId;
  readonly length: number;
  givenOut: number;
}

const RETRY_BACKOFF_MS = 50;

export class ProducerIdManager {
  readonly #options: ProducerIdManagerOptions;
  readonly #retry: Timer;
  readonly #deadline: Timer;
  #block: Block = { start: 0, length: 0, givenOut: 0 };
  /** Fetched before it was needed. */
  #nextBlock: Block | null = null;
  #lastGiven: ProducerId = NO_PRODUCER_ID;
  #isAsking = false;
  /** Calls that found no id, oldest first. */
  #waiting: { readonly call: Call; readonly deadlineMs: number }[] = [];

  constructor(options: ProducerIdManagerOptions) {
    this.#options = options;
    const { ports, lane } = options;
    this.#retry = ports.timers.timer(lane, "producer-id-retry", () => this.#requestBlock());
    this.#deadline = ports.timers.timer(lane, "producer-id-deadline", () => this.#expire());
  }

  /** InitProducerId. Without a transactional id, every request gets a new producer id. */
  handle(call: Call): void {
    const { transactionalId } = call.request.body as InitProducerIdRequest;
    if (transactionalId !== null) {
      refuse(call, Errors.INVALID_REQUEST);
      return;
    }
    const id = this.#waiting.length === 0 ? this.#claim() : null;
    if (id !== null) {
      this.#give(call, id);
      return;
    }
    const { ports, settings } = this.#options;
    const deadlineMs = ports.clock.monotonicMs() + settings["request.timeout.ms"];
    this.#waiting.push({ call, deadlineMs });
    if (!this.#deadline.armed) this.#deadline.set(settings["request.timeout.ms"]);
    this.#requestBlock();
  }

  #give(call: Call, producerId: ProducerId): void {
    const { probe } = this.#options.ports;
    if (probe !== null) {
      probe.emit({ kind: "producer-id-given", producerId, client: call.request.clientId });
    }
    call.respond<typeof ApiKeys.INIT_PRODUCER_ID>({
      errorCode: Errors.NONE,
      producerId,
      producerEpoch: 0,
    });
  }

  /** The next id, or null when there is none left. */
  #claim(): ProducerId | null {
    if (this.#block.givenOut >= this.#block.length) {
      if (this.#nextBlock === null) return null;
      this.#block = this.#nextBlock;
      this.#nextBlock = null;
    }
    const block = this.#block;
    if (block.givenOut >= block.length) return null;
    this.#lastGiven = block.start + block.givenOut;
    block.givenOut += 1;
    if (this.#options.rules.prefetchesProducerIds(block.givenOut, block.length)) {
      this.#requestBlock();
    }
    return this.#lastGiven;
  }

  #requestBlock(): void {
    if (this.#isAsking || this.#nextBlock !== null || this.#retry.armed) return;
    this.#isAsking = true;
    const { channel, nodeId } = this.#options;
    const request = { brokerId: nodeId, brokerEpoch: this.#options.brokerEpoch() };
    channel.send(ApiKeys.ALLOCATE_PRODUCER_IDS, request, (outcome) => {
      this.#isAsking = false;
      if (outcome.kind === "response" && this.#accept(outcome.body)) this.#serveWaiting();
      else this.#retry.set(RETRY_BACKOFF_MS);
    });
  }

  #accept(answer: AllocateProducerIdsResponse): boolean {
    if (answer.errorCode !== Errors.NONE) return false;
    const { producerIdStart: start, producerIdLen: length } = answer;
    if (!this.#options.rules.mayUseProducerIds(start, this.#lastGiven)) return false;
    this.#nextBlock = { start, length, givenOut: 0 };
    return true;
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0) {
      const id = this.#claim();
      if (id === null) {
        this.#requestBlock();
        return;
      }
      const { call } = this.#waiting.shift() as { readonly call: Call };
      this.#give(call, id);
    }
    this.#deadline.cancel();
  }

  #expire(): void {
    const nowMs = this.#options.ports.clock.monotonicMs();
    while (this.#waiting[0] !== undefined && this.#waiting[0].deadlineMs <= nowMs) {
      const { call } = this.#waiting.shift() as { readonly call: Call };
      refuse(call, Errors.REQUEST_TIMED_OUT);
    }
    const oldest = this.#waiting[0];
    if (oldest !== undefined) this.#deadline.set(oldest.deadlineMs - nowMs);
  }
}

function refuse(call: Call, errorCode: number): void {
  call.respond<typeof ApiKeys.INIT_PRODUCER_ID>({
    errorCode,
    producerId: NO_PRODUCER_ID,
    producerEpoch: -1,
  });
}
