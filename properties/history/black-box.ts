/**
 * Judges a run by what its clients saw and by nothing else, after the fact: the anomalies of Jepsen's
 * Kafka test, with records told apart by content. Where several sends carry the same content, counts
 * decide. Linear in the number of sends and records.
 *
 * What the guarantee oracle lists as lost is not missed here; and from where records were lost on,
 * offsets were given out a second time, so that they may have been read with either content.
 */
import type { Findings, Moment } from "../observation.ts";
import type { History } from "./history.ts";
import type { PartitionHistory } from "./partition-history.ts";
import type { SendEntry } from "./send.ts";
import { isLost, placeOf } from "./send.ts";

export type BlackBoxAnomaly =
  | "inconsistent-offsets"
  | "duplicate"
  | "lost-write"
  | "unseen"
  | "nonmonotonic-send"
  | "nonmonotonic-poll"
  | "poll-skip";

export const blackBoxAnomalies: readonly BlackBoxAnomaly[] = [
  "inconsistent-offsets",
  "duplicate",
  "lost-write",
  "unseen",
  "nonmonotonic-send",
  "nonmonotonic-poll",
  "poll-skip",
];

/** What a producer's settings promise. */
export interface ProducerPromise {
  /** 0, 1, or -1 for all. */
  readonly acks: number;
  readonly idempotent: boolean;
  readonly maxInFlight: number;
}

export interface BlackBoxOptions {
  readonly history: History;
  readonly findings: Findings;
  /** By client; a client that is missing promises nothing. */
  readonly producers: ReadonlyMap<string, ProducerPromise>;
  /** Partitions that some consumer reads from the beginning to the end. */
  readonly readBack: ReadonlySet<string>;
  /** Whether records of that partition may be unread for good; absent: never. */
  readonly mayStall?: (partition: string) => boolean;
}

/** Runs every check. The run must be over: sends resolved, consumers at the end. */
export function checkHistory(options: BlackBoxOptions, moment: Moment): void {
  const judge = new BlackBox(options, moment);
  judge.offsets();
  judge.duplicates();
  judge.losses();
  judge.sendOrder();
  judge.polls();
}

class BlackBox {
  readonly #options: BlackBoxOptions;
  readonly #moment: Moment;
  readonly #places: Map<PartitionHistory, readonly number[]> = new Map();

  constructor(options: BlackBoxOptions, moment: Moment) {
    this.#options = options;
    this.#moment = moment;
  }

  /** inconsistent-offsets: an offset shows two values, among polls and acknowledgements. */
  offsets(): void {
    let compared = 0;
    for (const partition of this.#options.history.partitions.values()) {
      for (const { offset, client, at } of partition.conflicts) {
        if (offset >= partition.lostFrom) continue;
        this.#report("inconsistent-offsets", partition, offset, client, at, [
          `offset ${offset} of ${partition.name} was read with two different contents`,
        ]);
      }
      compared += this.#placesOf(partition).length;
    }
    for (const send of this.#options.history.sends) {
      const partition = this.#partitionOf(send);
      if (partition === null || send.status !== "ok" || send.offset < 0) continue;
      const read = partition.read[placeOf(send)];
      if (read === undefined) continue;
      compared += 1;
      // With acks 0 or 1 the place may legally go to another record after a failover.
      if (!this.#mustSurvive(send) || partition.wasRead(placeOf(send), send.content)) continue;
      // An old reader may have seen there what was lost before this record came.
      if (placeOf(send) >= partition.lostFrom) continue;
      this.#report("inconsistent-offsets", partition, send.offset, send.client, this.#moment.at, [
        `${send.sendId} was acknowledged at offset ${send.offset} of ${partition.name},`,
        "which consumers read with another content",
      ]);
    }
    this.#options.findings.checked("inconsistent-offsets", compared);
  }

  /** duplicate: a content is at more offsets than sends, and legal second appends, account for. */
  duplicates(): void {
    const allowed = new Map<string, Map<number, number>>();
    for (const send of this.#options.history.sends) {
      if (send.partition === null) continue;
      const counts = countsOf(allowed, send.partition);
      counts.set(send.content, (counts.get(send.content) ?? 0) + this.#appendsOf(send));
    }
    let compared = 0;
    for (const partition of this.#options.history.partitions.values()) {
      const counts = countsOf(allowed, partition.name);
      for (const offset of this.#placesOf(partition)) {
        const content = partition.read[offset];
        if (content === undefined) continue;
        compared += 1;
        const left = counts.get(content);
        if (left === undefined) continue;
        counts.set(content, left - 1);
        if (left > 0) continue;
        this.#report("duplicate", partition, offset, this.#moment.node, this.#moment.at, [
          `the record at offset ${offset} of ${partition.name} is in the log more often`,
          "than it was sent",
        ]);
      }
    }
    this.#options.findings.checked("duplicate", compared);
  }

  /** lost-write: acknowledged, passed by a reader, and not there. unseen: never read by the end. */
  losses(): void {
    let compared = 0;
    for (const send of this.#options.history.sends) {
      const partition = this.#partitionOf(send);
      if (partition === null || !this.#mustSurvive(send) || send.offset < 0) continue;
      if (!this.#options.readBack.has(partition.name)) continue;
      compared += 1;
      const place = placeOf(send);
      const read = partition.read[place];
      if (partition.wasRead(place, send.content)) continue;
      const passed = read !== undefined || partition.gaps.some((gap) => within(place, gap));
      if (read !== undefined && place >= partition.lostFrom) {
        this.#skipped(partition, send, place);
        continue;
      }
      if (!passed && this.#options.mayStall?.(partition.name) === true) continue;
      const anomaly = passed ? "lost-write" : "unseen";
      this.#report(anomaly, partition, send.offset, send.client, this.#moment.at, [
        `${send.sendId} was acknowledged at offset ${send.offset} of ${partition.name}`,
        passed ? "and consumers read past it without finding it" : "and nobody ever read it",
      ]);
    }
    this.#options.findings.checked("lost-write", compared);
    this.#options.findings.checked("unseen", compared);
  }

  /**
   * Readers saw there what was lost, and were not sent back so far: a reader learns only where the
   * epoch that it read last ends in the new leader's log (KIP-320).
   */
  #skipped({ name, lastLoss }: PartitionHistory, send: SendEntry, place: number): void {
    const at = name.lastIndexOf("-");
    const isUnclean = lastLoss?.how === "unclean election";
    this.#options.history.skips.push({
      topic: name.slice(0, at),
      partition: Number(name.slice(at + 1)),
      offset: place,
      client: send.client,
      message: `${send.sendId} took the place ${place} in ${name} of a lost record, which readers had read`,
      because: {
        setting: isUnclean ? "unclean.leader.election.enable" : null,
        value: isUnclean ? true : null,
        faults: [...new Set(lastLoss?.copies.flatMap(({ faults }) => faults))],
      },
    });
  }

  /** nonmonotonic-send: in one session, a later send lies at or below an earlier one. */
  sendOrder(): void {
    let compared = 0;
    const last = new Map<string, SendEntry>();
    for (const send of this.#options.history.sends) {
      const partition = this.#partitionOf(send);
      if (partition === null || send.status !== "ok" || send.offset < 0) continue;
      const promise = this.#options.producers.get(send.client);
      // What is in no log has no place; of acks=0 and 1 it may not even have got there.
      if (isLost(send) || (promise?.acks !== -1 && send.commits === 0)) continue;
      if (promise === undefined || (!promise.idempotent && promise.maxInFlight > 1)) continue;
      const { batch } = send;
      const session = `${send.client} ${partition.name} ${batch?.producerId} ${batch?.producerEpoch}`;
      const before = last.get(session);
      last.set(session, send);
      if (before === undefined) continue;
      compared += 1;
      // With acks 0 or 1 the place that was acknowledged may be lost, and another attempt committed.
      const [place, earlier] =
        promise.acks === -1
          ? [placeOf(send), placeOf(before)]
          : [send.committedAt, before.committedAt];
      if (place > earlier) continue;
      this.#report("nonmonotonic-send", partition, send.offset, send.client, this.#moment.at, [
        `${send.sendId} was sent after ${before.sendId} and lies at offset ${place}`,
        `of ${partition.name}, not after ${earlier}`,
      ]);
    }
    this.#options.findings.checked("nonmonotonic-send", compared);
  }

  /** nonmonotonic-poll: a reader went back on its own. poll-skip: it left out a known record. */
  polls(): void {
    const { history, findings } = this.#options;
    const acknowledged = new Map<string, Set<number>>();
    for (const send of history.sends) {
      if (send.partition === null || send.offset < 0 || !this.#mustSurvive(send)) continue;
      let offsets = acknowledged.get(send.partition);
      if (offsets === undefined) acknowledged.set(send.partition, (offsets = new Set()));
      offsets.add(send.offset);
    }
    for (const partition of history.partitions.values()) {
      const places = this.#placesOf(partition);
      findings.checked("nonmonotonic-poll", places.length);
      findings.checked("poll-skip", places.length);
      for (const { client, at, offset, before } of partition.regressions) {
        this.#report("nonmonotonic-poll", partition, offset, client, at, [
          `${client} read offset ${offset} of ${partition.name} after ${before}`,
        ]);
      }
      if (partition.gaps.length === 0) continue;
      const known = acknowledged.get(partition.name) ?? [];
      const records = [...places, ...known].sort((a, b) => a - b);
      for (const gap of partition.gaps) {
        const offset = firstFrom(records, gap.from);
        if (offset >= Math.min(gap.to, partition.lostFrom)) continue;
        this.#report("poll-skip", partition, offset, gap.client, gap.at, [
          `${gap.client} passed offset ${offset} of ${partition.name}, where a record is`,
        ]);
      }
    }
  }

  /**
   * Offsets at which something was read, in their order. There may be few of them up to a high one: no
   * CRC covers a batch's base offset, so that one that rots is believed.
   */
  #placesOf(partition: PartitionHistory): readonly number[] {
    let places = this.#places.get(partition);
    if (places === undefined) {
      places = Object.keys(partition.read).map(Number);
      this.#places.set(partition, places);
    }
    return places;
  }

  #partitionOf(send: SendEntry): PartitionHistory | null {
    return send.partition === null ? null : this.#options.history.partition(send.partition);
  }

  /** Acknowledged with acks=all, and not lost as the settings allow. */
  #mustSurvive(send: SendEntry): boolean {
    if (isLost(send)) return false;
    return send.status === "ok" && this.#options.producers.get(send.client)?.acks === -1;
  }

  /** How often this send may be in the log: once per session, or per attempt without sessions. */
  #appendsOf(send: SendEntry): number {
    const idempotent = this.#options.producers.get(send.client)?.idempotent ?? false;
    // What was lost may have been read before, and again where the client appended it anew. A leader that
    // faults made forget a session's batches could not know a retry.
    const { sessions, attempts, timesLost, repeats } = send;
    return Math.max(1, idempotent ? sessions : attempts) + timesLost + repeats;
  }

  #report(
    anomaly: BlackBoxAnomaly,
    partition: PartitionHistory,
    offset: number,
    node: string,
    at: number,
    sentence: readonly string[],
  ): void {
    this.#options.findings.violation({
      invariant: anomaly,
      at,
      node,
      message: sentence.join(" "),
      partition: partition.name,
      offset,
    });
  }
}

/** The least that is not below `from`, of ascending ones; Infinity when there is none. */
function firstFrom(ascending: readonly number[], from: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return ascending[low] ?? Infinity;
}

function within(offset: number, gap: { readonly from: number; readonly to: number }): boolean {
  return offset >= gap.from && offset < gap.to;
}

function countsOf(
  counts: Map<string, Map<number, number>>,
  partition: string,
): Map<number, number> {
  let found = counts.get(partition);
  if (found === undefined) counts.set(partition, (found = new Map()));
  return found;
}
