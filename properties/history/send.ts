import type { Offset, PartitionName, ProducerEpoch, ProducerId } from "../../core/ids.ts";
import type { BatchBody } from "../../core/record/batch.ts";
import type { LostBatch } from "../ghost/canon.ts";

/**
 * How a send stands for its client: invoked and open, "ok", "fail" (surely not appended), or "unknown"
 * (failed, but the record may be in a log).
 */
export type SendStatus = "open" | "ok" | "fail" | "unknown";

/** One record handed to send(), and what became of it. */
export class SendEntry {
  readonly sendId: string;
  readonly client: string;
  /** Counts the sends of the run. */
  readonly order: number;
  readonly topic: string;
  readonly content: number;
  partition: PartitionName | null = null;
  status: SendStatus = "open";
  /** Where the acknowledgement said that it is; -1 when it did not. */
  offset: Offset = -1;
  /** The batch that carried it last. */
  batch: SentBatch | null = null;
  /** Batches that carried it, under different producer epochs. */
  sessions: number = 0;
  /** Attempts of all its batches. */
  attempts: number = 0;
  /** How often it was committed; where and in which batch for the first time. */
  commits: number = 0;
  committedAt: Offset = -1;
  committedIn: SentBatch | null = null;
  /** How often it was committed again in one session, by a leader that could not know. */
  repeats: number = 0;
  /** How often a batch with it was lost although it was committed, and the last one. */
  timesLost: number = 0;
  lost: LostBatch | null = null;
  /** When it was handed to send(), and when the acknowledgement came, in microseconds. */
  readonly startedAt: number;
  ackedAt: number = -1;

  constructor(
    sendId: string,
    client: string,
    order: number,
    topic: string,
    content: number,
    startedAt: number,
  ) {
    this.sendId = sendId;
    this.client = client;
    this.order = order;
    this.topic = topic;
    this.content = content;
    this.startedAt = startedAt;
  }
}

/** It was acknowledged, and no leader will ever have it (again). */
export function isLost({ lost, commits, status }: SendEntry): boolean {
  return status === "ok" && lost !== null && commits === 0;
}

/**
 * Where an acknowledged record must be: where the acknowledgement said, unless that was lost and the
 * record is in the log elsewhere, by another attempt, or that was a repetition.
 */
export function placeOf({ timesLost, repeats, commits, committedAt, offset }: SendEntry): number {
  return timesLost + repeats > 0 && commits > 0 ? committedAt : offset;
}

/** A batch as it left a client for the first time; retries are the same one. */
export class SentBatch {
  readonly body: BatchBody;
  readonly client: string;
  readonly entries: readonly SendEntry[];
  attempts: number = 0;
  /** Another batch of this partition with the same CRC. */
  next: SentBatch | null;

  constructor(
    body: BatchBody,
    client: string,
    entries: readonly SendEntry[],
    next: SentBatch | null,
  ) {
    this.body = body;
    this.client = client;
    this.entries = entries;
    this.next = next;
  }

  get producerId(): ProducerId {
    return this.body.producerId;
  }

  get producerEpoch(): ProducerEpoch {
    return this.body.producerEpoch;
  }
}
