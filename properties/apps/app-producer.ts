import { acksOf, resolveProducerSettings } from "../../core/client/producer-settings.ts";
import type { SendResult } from "../../core/client/producer.ts";
import { Producer } from "../../core/client/producer.ts";
import type { ClientContext } from "../cluster/client-node.ts";
import type { AppProducer, ProducerSend, RecordMetadata } from "./app.ts";
import type { NewRecord } from "./app-messages.ts";
import { recordsOf } from "./app-messages.ts";
import type { AppProcess, Settle } from "./app-process.ts";
import { KafkaError } from "./kafka-error.ts";

const DISCONNECTED = "The producer is disconnected";

/** The producer of one app: core's own, with promises instead of callbacks. */
export class PromisedProducer implements AppProducer {
  readonly #process: AppProcess;
  readonly #context: ClientContext;
  /** Begins the ids of its sends: client and incarnation. Ids in plans have no "/". */
  readonly #prefix: string;
  readonly #acks: number;
  #producer: Producer | null = null;
  #wasDisconnected = false;
  #sends = 0;

  constructor(process: AppProcess, context: ClientContext, incarnation: number) {
    this.#process = process;
    this.#context = context;
    this.#prefix = `${process.client}/${incarnation}/`;
    this.#acks = acksOf(resolveProducerSettings(context.settingsOf("producer")));
  }

  connect(): Promise<void> {
    return this.#process.call("connect", "", (settle) => {
      if (this.#wasDisconnected) {
        return settle.reject(
          new KafkaError("PRODUCER_CLOSED", "The producer cannot be connected again"),
        );
      }
      const { ports, bootstrap, settingsOf, rules } = this.#context;
      this.#producer ??= new Producer(ports, {
        clientId: this.#process.client,
        bootstrap,
        settings: resolveProducerSettings(settingsOf("producer")),
        rules,
      });
      settle.resolve();
    });
  }

  async send(given: ProducerSend): Promise<RecordMetadata[]> {
    const records = recordsOf(given, this.#acks, this.#context.ports.clock.wallMs());
    return this.#process.call("send", given.topic, (settle) => {
      if (this.#producer === null || this.#wasDisconnected) {
        settle.reject(new KafkaError("PRODUCER_CLOSED", DISCONNECTED));
      } else if (records.length === 0) settle.resolve([]);
      else this.#sendAll(this.#producer, records, settle);
    });
  }

  disconnect(): Promise<void> {
    return this.#process.call("disconnect", "", (settle) => {
      this.#wasDisconnected = this.#producer !== null;
      this.#producer?.close();
      settle.resolve();
    });
  }

  #sendAll(
    producer: Producer,
    records: readonly NewRecord[],
    settle: Settle<RecordMetadata[]>,
  ): void {
    const topic = records[0]!.topic;
    const results: SendResult[] = new Array(records.length);
    let open = records.length;
    for (const [index, record] of records.entries()) {
      const sendId = `${this.#prefix}${++this.#sends}`;
      producer.send({ sendId, ...record }, (result) => {
        results[index] = result;
        open -= 1;
        if (open > 0) return;
        const failed = results.find(({ kind }) => kind === "failed");
        if (failed?.kind === "failed") settle.reject(new KafkaError(failed.error));
        else settle.resolve(this.#acks === 0 ? [] : metadataOf(topic, results));
      });
    }
  }
}

/** One entry for each partition, in the order of the messages. */
function metadataOf(topicName: string, results: readonly SendResult[]): RecordMetadata[] {
  const first = new Map<number, number>();
  for (const result of results) {
    if (result.kind !== "acked") continue;
    const { partition, offset } = result;
    first.set(partition, Math.min(offset, first.get(partition) ?? offset));
  }
  return [...first].map(([partition, offset]) => ({
    topicName,
    partition,
    errorCode: 0,
    baseOffset: String(offset),
  }));
}
