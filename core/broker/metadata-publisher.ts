/**
 * Turns committed metadata into what the broker knows and does (MetadataLoader.java,
 * BrokerMetadataPublisher.scala). Runs on lane "metadata".
 *
 * Until everything is replayed that was committed at that time, and this process's own registration
 * with it, the image only grows. Then the logs
 * are loaded (with the settings that the metadata gives them) and the whole image is published as
 * one delta; from there on each run of committed records is published when it arrives. What arrives
 * while the logs load waits.
 *
 * Differs from Kafka: Kafka's broker publishes as soon as it has replayed what was committed. One that
 * lost power would then lead again, for a moment and to nobody, by metadata older than its loss, and
 * write that leader epoch into its epoch cache at the wrong offset.
 */
import type { LeaderEpoch, Offset } from "../ids.ts";
import { MetadataDelta, MetadataImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import { replaceImage } from "../metadata/snapshot-records.ts";
import type { Ports } from "../ports.ts";
import type { BrokerRules } from "./broker-rules.ts";

export const METADATA_LANE = "metadata";

/** Who acts on metadata. */
export interface MetadataSubscriber {
  /** Metadata is there for the first time: loads the logs, then calls `done`. */
  load(done: () => void): void;
  /** The image has changed by `delta`. `isFirst`: since nothing was known. */
  publish(delta: MetadataDelta, isFirst: boolean): void;
}

/** A run of committed records, or a snapshot of all records so far. */
interface CommittedRun {
  readonly image: MetadataImage | null;
  readonly records: readonly CommittedRecord[];
  readonly epoch: LeaderEpoch;
  readonly lastOffset: Offset;
}

export interface CommittedRecord {
  readonly record: MetadataRecord;
  readonly offset: Offset;
}

export interface MetadataPublisherOptions {
  readonly ports: Ports;
  readonly rules: BrokerRules;
  readonly subscriber: MetadataSubscriber;
  /** High watermark of the metadata log; 0 or -1 while it is not known. */
  highWatermark(): Offset;
  /** The image has the registration of this very process. */
  knowsItself(image: MetadataImage): boolean;
}

export class MetadataPublisher {
  /** What this broker knows. Changed in place, on lane "metadata" only. */
  readonly image: MetadataImage = new MetadataImage();
  readonly #options: MetadataPublisherOptions;
  #phase: "catching-up" | "loading" | "publishing" = "catching-up";
  /** What was replayed and not published yet. */
  #delta: MetadataDelta = new MetadataDelta();
  #committedOffset: Offset = -1;
  #publishedOffset: Offset = -1;
  /** Arrived while the logs load. */
  #waiting: CommittedRun[] = [];

  constructor(options: MetadataPublisherOptions) {
    this.#options = options;
  }

  /** Everything up to here was acted on; -1 before the first time. */
  get published(): Offset {
    return this.#publishedOffset;
  }

  /** Everything up to here has arrived. */
  get committed(): Offset {
    return this.#committedOffset;
  }

  /** Records that were committed, in order; `lastOffset` covers control records too. */
  committedRun(records: readonly CommittedRecord[], epoch: LeaderEpoch, lastOffset: Offset): void {
    this.#take({ image: null, records, epoch, lastOffset });
  }

  /** All that was committed up to the image's offset: it replaces what is known. */
  snapshotLoaded(image: MetadataImage): void {
    this.#take({ image, records: [], epoch: image.epoch, lastOffset: image.offset });
  }

  /** What all that has arrived makes; null while some of it waits. */
  get replayedImage(): MetadataImage | null {
    return this.#waiting.length === 0 && this.#phase !== "loading" ? this.image : null;
  }

  #take(run: CommittedRun): void {
    const { lastOffset } = run;
    this.#committedOffset = lastOffset;
    if (this.#phase === "loading") {
      this.#waiting.push(run);
      return;
    }
    this.#replay(run);
    if (this.#phase === "publishing") {
      this.#publish(false);
      return;
    }
    const { rules, subscriber, ports, highWatermark, knowsItself } = this.#options;
    if (!rules.hasCaughtUp(lastOffset, highWatermark())) return;
    if (!rules.mayPublish(knowsItself(this.image))) return;
    this.#phase = "loading";
    subscriber.load(() => ports.work.later(METADATA_LANE, "first publish", () => this.#loaded()));
  }

  #loaded(): void {
    this.#phase = "publishing";
    this.#publish(true);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) {
      this.#replay(run);
      this.#publish(false);
    }
  }

  #replay({ image, records, epoch, lastOffset }: CommittedRun): void {
    if (image !== null) replaceImage(this.image, image, this.#delta);
    for (const { record, offset } of records) this.image.apply(record, offset, epoch, this.#delta);
    // Control records have no effect on the image but are part of what it covers.
    this.image.offset = lastOffset;
    this.image.epoch = epoch;
  }

  #publish(isFirst: boolean): void {
    const delta = this.#delta;
    this.#delta = new MetadataDelta();
    this.#options.subscriber.publish(delta, isFirst);
    this.#publishedOffset = this.image.offset;
    const { probe } = this.#options.ports;
    if (probe !== null) {
      const { offset, epoch } = this.image;
      probe.emit({ kind: "metadata-applied", offset, epoch });
    }
  }
}
