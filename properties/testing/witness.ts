/**
 * An onlooker that judges nothing while the run goes on. It notes what the clients asked for and were
 * told, and keeps a copy of every log from the facts alone, with code of its own: what it says at the
 * end owes nothing to the ghost, the history and the invariants.
 */
import type { Fact, FactOf } from "../../core/facts.ts";
import type { Offset, PartitionName } from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";
import { decodeRecords } from "../../core/record/decode.ts";
import { utf8Decode } from "../../core/record/utf8.ts";
import { codecs } from "../cluster/codecs.ts";
import type { Moment } from "../observation.ts";

/** One record handed to send(). */
export interface WitnessedSend {
  readonly client: string;
  /** Which send() of its client it was. */
  readonly turn: number;
  readonly content: string;
  /** Where its acknowledgement said that it is, -1 when it did not; null without one. */
  ackedIn: { readonly partition: PartitionName; readonly offset: Offset } | null;
}

/** A record in a log or in a poll. */
export interface WitnessedRecord {
  readonly offset: Offset;
  readonly content: string;
  /** Producer id and epoch under which it was appended; empty without idempotence, and in polls. */
  readonly session: string;
}

/** The records that one consumer process got of one partition without being moved in between. */
export type PollRun = WitnessedRecord[];

export class Witness {
  /** By content: every record that a drawn plan sends is different. */
  readonly sends: Map<string, WitnessedSend> = new Map();
  readonly pollRuns: Map<PartitionName, PollRun[]> = new Map();
  readonly #turns: Map<string, number> = new Map();
  readonly #bySendId: Map<string, WitnessedSend> = new Map();
  readonly #logs: Map<string, Batch[]> = new Map();
  /** Who led last, and the highest high watermark that a leader told. */
  readonly #leaders: Map<PartitionName, string> = new Map();
  readonly #committed: Map<PartitionName, Offset> = new Map();
  /** Consumer process and partition: the run of polls that goes on. */
  readonly #openRuns: Map<string, PollRun> = new Map();

  readonly onFact = (fact: Fact, moment: Moment): void => {
    switch (fact.kind) {
      case "send-started":
        return this.#sent(fact, moment);
      case "send-acked": {
        const send = this.#bySendId.get(`${moment.node} ${fact.sendId}`);
        if (send !== undefined) send.ackedIn = { partition: fact.partition, offset: fact.offset };
        return;
      }
      case "appended":
        this.#cut(moment, fact.partition, fact.batch.baseOffset).push(fact.batch);
        return;
      case "truncated":
        this.#cut(moment, fact.partition, fact.toOffset);
        return;
      case "log-loaded": {
        // An append whose process died within it was never told.
        const { lastBatch } = fact;
        const log = this.#cut(moment, fact.partition, lastBatch?.baseOffset ?? fact.endOffset);
        if (lastBatch) log.push(lastBatch);
        return;
      }
      case "became-leader":
        this.#leaders.set(fact.partition, moment.node);
        return;
      case "high-watermark": {
        const before = this.#committed.get(fact.partition) ?? 0;
        if (fact.as !== "leader" || fact.highWatermark <= before) return;
        this.#committed.set(fact.partition, fact.highWatermark);
        return;
      }
      case "position-set":
        this.#openRuns.delete(processAndPartition(fact.partition, moment));
        return;
      case "polled":
        return this.#polled(fact, moment);
      default:
        return;
    }
  };

  /** What is committed in the end: the last leader's log, up to the high watermark. */
  *committedLogs(): Iterable<readonly [PartitionName, readonly WitnessedRecord[]]> {
    for (const [partition, leader] of this.#leaders) {
      const end = this.#committed.get(partition) ?? 0;
      yield [partition, this.logOf(leader, partition).filter(({ offset }) => offset < end)];
    }
  }

  /** What a node's log holds now. */
  logOf(node: string, partition: PartitionName): WitnessedRecord[] {
    const records: WitnessedRecord[] = [];
    for (const batch of this.#logs.get(`${node} ${partition}`) ?? []) {
      const { producerId, producerEpoch } = batch.body;
      const session = producerId < 0 ? "" : `${producerId} in epoch ${producerEpoch}`;
      for (const { offset, key, value } of decodeRecords(batch, codecs)) {
        records.push({ offset, content: contentOf(key, value), session });
      }
    }
    return records;
  }

  #sent(fact: FactOf<"send-started">, moment: Moment): void {
    const turn = (this.#turns.get(moment.node) ?? 0) + 1;
    this.#turns.set(moment.node, turn);
    const content = contentOf(fact.key, fact.value);
    const send: WitnessedSend = { client: moment.node, turn, content, ackedIn: null };
    this.sends.set(content, send);
    this.#bySendId.set(`${moment.node} ${fact.sendId}`, send);
  }

  #polled(fact: FactOf<"polled">, moment: Moment): void {
    const place = processAndPartition(fact.partition, moment);
    let run = this.#openRuns.get(place);
    if (run === undefined) {
      this.#openRuns.set(place, (run = []));
      let runs = this.pollRuns.get(fact.partition);
      if (runs === undefined) this.pollRuns.set(fact.partition, (runs = []));
      runs.push(run);
    }
    for (const { offset, key, value } of fact.records) {
      run.push({ offset, content: contentOf(key, value), session: "" });
    }
  }

  /** This node's log without what lies at or above an offset. */
  #cut(moment: Moment, partition: PartitionName, offset: Offset): Batch[] {
    const name = `${moment.node} ${partition}`;
    let log = this.#logs.get(name);
    if (log === undefined) this.#logs.set(name, (log = []));
    while (log.length > 0 && log.at(-1)!.lastOffset >= offset) log.pop();
    return log;
  }
}

function processAndPartition(partition: PartitionName, moment: Moment): string {
  return `${moment.node} ${moment.incarnation} ${partition}`;
}

function contentOf(key: Uint8Array | null, value: Uint8Array | null): string {
  return JSON.stringify([key, value].map((bytes) => (bytes === null ? null : utf8Decode(bytes))));
}
