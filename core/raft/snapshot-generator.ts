/**
 * Makes snapshots of what one listener has been handed over, by bytes and by time (SnapshotGenerator.java,
 * KIP-630, KIP-876). Runs on the listener's lane; a snapshot is written in a step of lane "snapshot".
 */
import type { Offset } from "../ids.ts";
import type { MetadataImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import { recordsOf } from "../metadata/snapshot-records.ts";
import type { Ports } from "../ports.ts";
import type { SnapshotId } from "../protocol/fetch-snapshot.ts";
import type { Batch } from "../record/batch.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { MetadataStore } from "./metadata-store.ts";
import type { RaftRules } from "./raft-rules.ts";

const SNAPSHOT_LANE = "snapshot";

export interface GeneratorOwner {
  readonly store: MetadataStore;
  guarded<T>(step: () => T): T | undefined;
  snapshotWritten(): void;
}

export class SnapshotGenerator {
  readonly #ports: Ports;
  readonly #rules: RaftRules;
  readonly #settings: BrokerSettings;
  readonly #owner: GeneratorOwner;
  /** Since the last snapshot, or the start. */
  #bytes = 0;
  #sinceMs: number;
  #isWriting = false;

  constructor(ports: Ports, rules: RaftRules, settings: BrokerSettings, owner: GeneratorOwner) {
    this.#ports = ports;
    this.#rules = rules;
    this.#settings = settings;
    this.#owner = owner;
    this.#sinceMs = ports.clock.monotonicMs();
  }

  /** A snapshot was loaded: the next one is counted from here. */
  startFrom(): void {
    this.#bytes = 0;
    this.#sinceMs = this.#ports.clock.monotonicMs();
  }

  /** The listener got batches, up to `last`. */
  handedOver(
    batches: readonly Batch[],
    last: Batch,
    listener: { image?(): MetadataImage | null },
  ): void {
    for (const { sizeBytes } of batches) this.#bytes += sizeBytes;
    const elapsedMs = this.#ports.clock.monotonicMs() - this.#sinceMs;
    const maxBytes = this.#settings["metadata.log.max.record.bytes.between.snapshots"];
    const maxMs = this.#settings["metadata.log.max.snapshot.interval.ms"];
    if (this.#isWriting) return;
    if (!this.#rules.mustSnapshot(this.#bytes, maxBytes, elapsedMs, maxMs)) return;
    const image = listener.image?.() ?? null;
    if (image === null) return;
    this.startFrom();
    this.#isWriting = true;
    const id = { endOffset: last.nextOffset, epoch: last.leaderEpoch };
    // The listener changes its image in place, so it is read now.
    const records = recordsOf(image);
    const timestampMs = last.body.maxTimestamp;
    this.#ports.work.later(SNAPSHOT_LANE, "write snapshot", () => {
      this.#isWriting = false;
      this.#owner.guarded(() => this.#write(id, records, timestampMs));
    });
  }

  #write(id: SnapshotId, records: readonly MetadataRecord[], timestampMs: number): void {
    const { store } = this.#owner;
    const { endOffset, epoch } = id;
    // One that was fetched meanwhile may go further.
    if (isCovered(endOffset, store.snapshots.latest?.id.endOffset ?? -1)) return;
    const voters = store.voters.at(endOffset - 1);
    const written = store.snapshots.write(id, { voters, records, timestampMs });
    if (written === null) return;
    const { sizeBytes, hash } = written;
    const { probe } = this.#ports;
    if (probe !== null) {
      probe.emit({ kind: "snapshot-generated", endOffset, epoch, sizeBytes, hash });
    }
    this.#owner.snapshotWritten();
  }
}

function isCovered(endOffset: Offset, latestEnd: Offset): boolean {
  return endOffset <= latestEnd;
}
