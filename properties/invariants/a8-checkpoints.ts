import type { Offset } from "../../core/ids.ts";
import { isWholeSnapshot } from "../ghost/disk-scan.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import type { Moment, NodeEvent } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";
import { producerDifference } from "./producer-state.ts";

/** Snapshots are named by the end of what they cover, and its epoch. */
const SNAPSHOT_PATH = /\/__cluster_metadata-0\/(\d{20})-\d{10}\.checkpoint$/;

/**
 * A8, checkpoints: once a log is open, its recovery point and its high watermark lie within it, and
 * what its producer snapshot plus replay gave is what the log says. (The checkpoint files themselves
 * may be ahead of a log that lost its tail.) And when a metadata log does not begin at 0, a whole
 * snapshot beside it covers what came before.
 *
 * Broken by: a high watermark checkpoint that is not clamped to the recovered log.
 *   1. checkpoint 9 is written   2. power loss keeps offsets 0 .. 4   3. the log opens with 9
 */
export class Checkpoints extends Check {
  readonly id = "A8";

  override nodeEvent(event: NodeEvent, moment: Moment): void {
    if (event.kind !== "booted" || event.disk !== "same" || this.ghost.files === null) return;
    const node = this.ghost.node(moment.nodeId, moment.node);
    if (node.endedBy === null || node.damaged) return;
    const start = node.scans.get(METADATA_PARTITION)?.start ?? 0;
    if (start === 0) return;
    this.evaluations += 1;
    if (this.#hasSnapshot(node.name, start)) return;
    const message = `the metadata log begins at ${start}, and no whole snapshot covers what came before`;
    this.fail(moment, message, METADATA_PARTITION, start);
  }

  override readonly after: Handlers = {
    "log-loaded": (fact, moment) => {
      const { logStartOffset, recoveryPoint, highWatermark, endOffset } = fact;
      this.evaluations += 1;
      if (
        recoveryPoint > endOffset ||
        highWatermark > endOffset ||
        highWatermark < logStartOffset
      ) {
        const message = `a log from ${logStartOffset} to ${endOffset} opened with recovery point ${recoveryPoint} and high watermark ${highWatermark}`;
        this.fail(moment, message, fact.partition, endOffset);
      }
      const replica = this.ghost.replica(fact.partition, moment);
      const { startMs, producerIdExpirationMs } = this.context;
      const nowMs = startMs + moment.at / 1000;
      this.evaluations += 1;
      const wrong = producerDifference(replica, fact.producers, nowMs, producerIdExpirationMs);
      if (wrong !== null) this.fail(moment, `after recovery, ${wrong}`, fact.partition, endOffset);
      else if (replica.forgetting !== null && fact.producers.length < replica.scan.producers().size)
        this.context.findings.situation("producers-forgotten");
    },
  };

  #hasSnapshot(node: string, start: Offset): boolean {
    const { files } = this.ghost;
    if (files === null) return true;
    return files.list(node).some((path) => {
      const match = SNAPSHOT_PATH.exec(path);
      if (match === null || Number(match[1]) < start) return false;
      const bytes = files.read(node, path);
      return bytes !== null && isWholeSnapshot(bytes);
    });
  }
}
