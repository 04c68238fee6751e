import type { ProducerEntry } from "../../core/facts.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { ScannedProducer } from "../ghost/producer-scan.ts";

/** Clocks may be this far apart, so an expiry this much too early is not held against a broker. */
const CLOCK_TOLERANCE_MS = 3_600_000;

/**
 * Compares what a broker remembers of the producers of a log with what the log says: id, epoch, last
 * batch and timestamp must be equal, the remembered batches must be a suffix of the log's last five.
 * A producer may be missing once it may have expired, and where recorded damage took the snapshots of a
 * log that was closed, so that Kafka does not read it: what came before is forgotten. Returns what is wrong, or null.
 */
export function producerDifference(
  replica: ReplicaGhost,
  remembered: readonly ProducerEntry[],
  nowMs: number,
  expirationMs: number,
): string | null {
  const scanned = replica.scan.producers();
  for (const entry of remembered) {
    const truth = scanned.get(entry.producerId);
    const difference =
      truth === undefined ? "the log has no batch of it" : entryDifference(entry, truth);
    if (difference !== null) return `producer ${entry.producerId}: ${difference}`;
  }
  if (remembered.length === scanned.size) return null;
  for (const [producerId, truth] of scanned) {
    if (remembered.some((entry) => entry.producerId === producerId)) continue;
    if (nowMs - truth.lastTimestamp >= expirationMs - CLOCK_TOLERANCE_MS) continue;
    if (replica.mayHaveForgotten(truth)) continue;
    return `producer ${producerId} is forgotten, which has batches in the log`;
  }
  return null;
}

function entryDifference(entry: ProducerEntry, truth: ScannedProducer): string | null {
  if (entry.producerEpoch !== truth.producerEpoch) {
    return `epoch ${entry.producerEpoch}, the log says ${truth.producerEpoch}`;
  }
  if (entry.lastTimestamp !== truth.lastTimestamp) {
    return `last timestamp ${entry.lastTimestamp}, the log says ${truth.lastTimestamp}`;
  }
  const { batches } = entry;
  if (batches.length === 0) return "its last batch is not remembered";
  if (batches.length > truth.batches.length) {
    return `${batches.length} batches remembered, the log has ${truth.batches.length}`;
  }
  for (let back = 1; back <= batches.length; back += 1) {
    const got = batches[batches.length - back];
    const want = truth.batches[truth.batches.length - back];
    if (
      got?.firstSequence === want?.firstSequence &&
      got?.lastSequence === want?.lastSequence &&
      got?.lastOffset === want?.lastOffset
    ) {
      continue;
    }
    return `batch of sequence ${got?.firstSequence} at ${got?.lastOffset} remembered, the log has sequence ${want?.firstSequence} at ${want?.lastOffset}`;
  }
  return null;
}
