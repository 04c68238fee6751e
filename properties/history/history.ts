/**
 * What the clients did and saw, from their own facts alone: each send with invoke and outcome, each
 * poll with its records. The black-box check reads nothing else.
 */
import type { FactOf } from "../../core/facts.ts";
import type { Offset, PartitionName, ProducerEpoch, ProducerId } from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";
import type { LostBatch } from "../ghost/canon.ts";
import { isCanonical } from "../ghost/canon.ts";
import type { Moment, Observer } from "../observation.ts";
import type { Anomaly, Duplicate } from "../verdict.ts";
import { contentHash } from "./content-hash.ts";
import { PartitionHistory } from "./partition-history.ts";
import { SendEntry, SentBatch } from "./send.ts";

/** A client took a new producer epoch on its own. */
export interface EpochBump {
  readonly client: string;
  readonly at: number;
  readonly producerEpoch: ProducerEpoch;
  readonly cause: string;
  readonly partitions: readonly PartitionName[];
}

/** Where one consumer stands in one partition. */
interface Reader {
  incarnation: number;
  /** Offset of the last record of this run of polls, or one less than where the run began. */
  last: Offset;
}

export class History implements Observer {
  /** In the order of their invocation. */
  readonly sends: SendEntry[] = [];
  readonly partitions: Map<PartitionName, PartitionHistory> = new Map();
  readonly bumps: Map<ProducerId, EpochBump[]> = new Map();
  /** Records that are in a log twice, legally. Filled by the checkers. */
  duplicates: Duplicate[] = [];
  /** Records that lie before ones that were sent earlier, legally. Likewise. */
  reorders: Anomaly[] = [];
  /** Acknowledged records that are there and that readers passed by, legally. Likewise. */
  readonly skips: Anomaly[] = [];
  acked: number = 0;
  failed: number = 0;
  unknown: number = 0;
  /** Distinct records that some poll returned. */
  consumed: number = 0;
  readonly #byClient: Map<string, Map<string, SendEntry>> = new Map();
  readonly #readers: Map<string, Map<PartitionName, Reader>> = new Map();
  #lastPartition: PartitionHistory | null = null;

  /** Sends whose outcome no client learned (yet). */
  get open(): number {
    return this.sends.length - this.acked - this.failed - this.unknown;
  }

  partition(name: PartitionName): PartitionHistory {
    const last = this.#lastPartition;
    if (last !== null && last.name === name) return last;
    let partition = this.partitions.get(name);
    if (partition === undefined) {
      partition = new PartitionHistory(name);
      this.partitions.set(name, partition);
    }
    this.#lastPartition = partition;
    return partition;
  }

  send(client: string, sendId: string): SendEntry | undefined {
    return this.#byClient.get(client)?.get(sendId);
  }

  /** The one thing that no client knows: a batch became committed. Told before the checks. */
  committed(partition: PartitionName, batch: Batch): void {
    const sent = this.partition(partition).sentBatch(batch.body);
    if (sent === null) return;
    for (let index = 0; index < sent.entries.length; index += 1) {
      const entry = sent.entries[index] as SendEntry;
      entry.commits += 1;
      if (entry.commits > 1) continue;
      entry.committedAt = batch.baseOffset + index;
      entry.committedIn = sent;
    }
  }

  /** Nor this: everything that was committed from that offset on is lost. Told before the checks. */
  lost(partition: PartitionName, lost: readonly LostBatch[], offset: Offset): void {
    const history = this.partition(partition);
    history.lostFrom = Math.min(history.lostFrom, offset);
    history.lastLoss = lost[lost.length - 1]?.loss ?? history.lastLoss;
    for (const one of lost) {
      const sent = history.sentBatch(one.batch.body);
      for (const entry of sent?.entries ?? []) {
        entry.lost = one;
        entry.timesLost += 1;
        if (!one.wasCommitted) continue;
        entry.commits -= 1;
        if (entry.commits > 0) continue;
        entry.committedIn = null;
        entry.committedAt = -1;
      }
    }
    // What only a deposed leader wrote was never among these.
    if (!isCanonical(lost)) return;
    const stands = (one: Duplicate | Anomaly): boolean =>
      `${one.topic}-${one.partition}` !== partition || one.offset < offset;
    this.duplicates = this.duplicates.filter(stands);
    this.reorders = this.reorders.filter(stands);
  }

  readonly on: NonNullable<Observer["on"]> = {
    "send-started": (fact, moment) => {
      const content = contentHash(fact.key, fact.value);
      const order = this.sends.length;
      const entry = new SendEntry(fact.sendId, moment.node, order, fact.topic, content, moment.at);
      this.sends.push(entry);
      let sends = this.#byClient.get(moment.node);
      if (sends === undefined) this.#byClient.set(moment.node, (sends = new Map()));
      sends.set(fact.sendId, entry);
    },
    "send-batched": (fact, moment) => {
      const entry = this.send(moment.node, fact.sendId);
      if (entry !== undefined) entry.partition = fact.partition;
    },
    "batch-sent": (fact, moment) => this.#batchSent(fact, moment),
    "send-acked": (fact, moment) => {
      const entry = this.send(moment.node, fact.sendId);
      if (entry === undefined || entry.status !== "open") return;
      entry.status = "ok";
      entry.partition = fact.partition;
      entry.offset = fact.offset;
      entry.ackedAt = moment.at;
      this.acked += 1;
    },
    "send-failed": (fact, moment) => {
      const entry = this.send(moment.node, fact.sendId);
      if (entry === undefined || entry.status !== "open") return;
      entry.status = fact.maybeAppended ? "unknown" : "fail";
      if (fact.maybeAppended) this.unknown += 1;
      else this.failed += 1;
    },
    "producer-epoch-bumped": (fact, moment) => {
      let bumps = this.bumps.get(fact.producerId);
      if (bumps === undefined) this.bumps.set(fact.producerId, (bumps = []));
      const { producerEpoch, cause, partitions } = fact;
      bumps.push({ client: moment.node, at: moment.at, producerEpoch, cause, partitions });
    },
    polled: (fact, moment) => this.#polled(fact, moment),
    "position-set": (fact, moment) => {
      const reader = this.#reader(moment, fact.partition);
      reader.incarnation = moment.incarnation;
      reader.last = fact.offset - 1;
    },
  };

  #batchSent(fact: FactOf<"batch-sent">, moment: Moment): void {
    const partition = this.partition(fact.partition);
    let batch = partition.sentBatch(fact.body);
    if (batch === null) {
      const sends = this.#byClient.get(moment.node);
      const entries: SendEntry[] = [];
      for (const sendId of fact.sendIds) {
        const entry = sends?.get(sendId);
        if (entry !== undefined) entries.push(entry);
      }
      const { crc } = fact.body;
      batch = new SentBatch(fact.body, moment.node, entries, partition.firstWithCrc(crc));
      partition.remember(crc, batch);
      for (const entry of entries) this.#carried(entry, batch);
    }
    batch.attempts += 1;
    for (const entry of batch.entries) entry.attempts += 1;
  }

  #carried(entry: SendEntry, batch: SentBatch): void {
    const before = entry.batch;
    if (
      before === null ||
      before.producerId !== batch.producerId ||
      before.producerEpoch !== batch.producerEpoch
    ) {
      entry.sessions += 1;
    }
    entry.batch = batch;
  }

  #polled(fact: FactOf<"polled">, moment: Moment): void {
    const { records } = fact;
    if (records.length === 0) return;
    const partition = this.partition(fact.partition);
    const reader = this.#reader(moment, fact.partition);
    if (reader.incarnation !== moment.incarnation) {
      reader.incarnation = moment.incarnation;
      reader.last = (records[0] as { offset: Offset }).offset - 1;
    }
    const client = moment.node;
    for (const { offset, key, value } of records) {
      if (offset <= reader.last) {
        const { last: before } = reader;
        partition.regressions.push({ client, at: moment.at, offset, before, content: 0 });
      } else if (offset > reader.last + 1) {
        partition.gaps.push({ client, at: moment.at, from: reader.last + 1, to: offset });
      }
      reader.last = offset;
      const content = contentHash(key, value);
      const before = partition.read[offset];
      if (before === undefined) {
        partition.read[offset] = content;
        this.consumed += 1;
      } else if (before !== content) {
        partition.conflicts.push({ client, at: moment.at, offset, before, content });
      }
    }
  }

  #reader(moment: Moment, partition: PartitionName): Reader {
    let readers = this.#readers.get(moment.node);
    if (readers === undefined) this.#readers.set(moment.node, (readers = new Map()));
    let reader = readers.get(partition);
    if (reader === undefined) {
      reader = { incarnation: -1, last: -1 };
      readers.set(partition, reader);
    }
    return reader;
  }
}
