import { Consumer } from "../../core/client/consumer.ts";
import { resolveProducerSettings } from "../../core/client/producer-settings.ts";
import { Producer } from "../../core/client/producer.ts";
import type { Ports } from "../../core/ports.ts";
import { ByteSlab } from "../../core/record/byte-slab.ts";
import { utf8Encode } from "../../core/record/utf8.ts";
import type { Rules } from "../../core/rules.ts";
import { consumerSettings } from "../../core/settings/client-settings.ts";
import type { ConsumerSettings } from "../../core/settings/client-settings.ts";
import { resolveSettings } from "../../core/settings/definition.ts";
import type { ClientPlan, ConsumerPlan, Operation, SendOperation } from "../plan/plan.ts";
import type { SettingValues } from "../plan/plan.ts";
import type { Party } from "../plan/settings.ts";
import { AdminNode } from "./admin-node.ts";
import { MemberNode } from "./member-node.ts";
import { misdirected } from "./misdirected.ts";

/** How long one poll() of a simulated consumer waits for records. */
const POLL_TIMEOUT_MS = 1000;

/** A client process: does its operations of the plan when their time has come. */
export interface ClientNode {
  perform(operation: Operation): void;
  /** SIGTERM: it ends its work in order and then its process. Without it the process ends at once. */
  terminate?(): void;
}

export interface ClientContext {
  readonly ports: Ports;
  readonly rules: Rules;
  /** Hosts of all brokers. */
  readonly bootstrap: readonly string[];
  /** The client's own settings and those of the plan, as far as they concern what it acts as. */
  readonly settingsOf: (party: Party) => SettingValues;
  /** The topics of the plan, which are made when the run begins. */
  readonly topics: readonly string[];
  /** A member: it has been told to join, by the plan or by an operation of it. */
  readonly isOpen: boolean;
}

export function startClient(plan: ClientPlan, context: ClientContext): ClientNode {
  switch (plan.kind) {
    case "producer":
      return new ProducerNode(plan.id, context);
    case "consumer":
      return new ConsumerNode(plan, context);
    case "member":
      return new MemberNode(plan, context);
    case "admin":
      return new AdminNode(plan.id, context);
    case "app":
      throw new Error(`client ${plan.id} is started by its async code`);
  }
}

class ProducerNode implements ClientNode {
  readonly #producer: Producer;
  /** Keys and values of thousands of sends come out of a few buffers. */
  readonly #slab: ByteSlab = new ByteSlab();

  constructor(clientId: string, context: ClientContext) {
    this.#producer = new Producer(context.ports, {
      clientId,
      bootstrap: context.bootstrap,
      settings: resolveProducerSettings(context.settingsOf("producer")),
      rules: context.rules,
    });
  }

  perform(operation: Operation): void {
    if (operation.op === "send") this.#producer.send(sendArguments(operation, this.#slab), ignore);
    else if (operation.op === "flush") this.#producer.flush(ignore);
    else misdirected(operation);
  }
}

/** Outcomes are told by facts; the plan's program has nothing to do with them. */
function ignore(): void {}

function sendArguments(operation: SendOperation, slab: ByteSlab): Parameters<Producer["send"]>[0] {
  const sendId = operation.id;
  const { topic, partition, timestamp } = operation;
  const key = bytesOf(operation.key, operation.keyBase64, slab);
  const value = bytesOf(operation.value, operation.valueBase64, slab);
  if (partition === undefined) return { sendId, topic, key, value, timestamp };
  return { sendId, topic, partition, key, value, timestamp };
}

/** The bytes of a key or value that a plan gives as text or as base64. */
export function bytesOf(
  text: string | null | undefined,
  base64: string | undefined,
  slab?: ByteSlab,
): Uint8Array | null {
  if (base64 !== undefined) return new Uint8Array(Buffer.from(base64, "base64"));
  return text === null || text === undefined ? null : utf8Encode(text, slab);
}

class ConsumerNode implements ClientNode {
  readonly #consumer: Consumer;
  #wantsRecords = true;
  #isPolling = false;

  constructor(plan: ConsumerPlan, context: ClientContext) {
    this.#consumer = new Consumer(context.ports, {
      clientId: plan.id,
      bootstrap: context.bootstrap,
      settings: resolveSettings<ConsumerSettings>(consumerSettings, context.settingsOf("consumer")),
      rules: context.rules,
    });
    this.#consumer.assign(plan.assign.map(([topic, partition]) => ({ topic, partition })));
    if (plan.startAt !== undefined) {
      for (const [topic, partition] of plan.assign) this.#seek(topic, partition, plan.startAt);
    }
    this.#poll();
  }

  perform(operation: Operation): void {
    switch (operation.op) {
      case "seek":
        return this.#seek(operation.topic, operation.partition, operation.offset);
      case "pause-polling":
        this.#wantsRecords = false;
        return;
      case "resume-polling":
        this.#wantsRecords = true;
        return this.#poll();
      default:
        misdirected(operation);
    }
  }

  #poll(): void {
    if (this.#isPolling || !this.#wantsRecords) return;
    this.#isPolling = true;
    this.#consumer.poll(POLL_TIMEOUT_MS, () => {
      this.#isPolling = false;
      this.#poll();
    });
  }

  #seek(topic: string, partition: number, place: number | "beginning" | "end"): void {
    if (place === "beginning") this.#consumer.seekToBeginning([{ topic, partition }]);
    else if (place === "end") this.#consumer.seekToEnd([{ topic, partition }]);
    else this.#consumer.seek(topic, partition, place);
  }
}
