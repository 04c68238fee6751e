import type { FactKind } from "../../core/facts.ts";

/**
 * The fields of each fact that plans may match (`when.where`) and that the trace hash takes: plain
 * numbers, texts and flags, and lists of node ids. A list matches a number that it contains.
 */
export interface FactShape {
  readonly numbers: readonly string[];
  /** Strings and booleans: matched, and hashed where they are names of partitions. */
  readonly texts: readonly string[];
  readonly lists: readonly string[];
}

function shape(numbers: string, texts: string, lists: string = ""): FactShape {
  const words = (text: string): string[] => text.split(" ").filter((word) => word !== "");
  return { numbers: words(numbers), texts: words(texts), lists: words(lists) };
}

/** Of every kind of fact; the compiler sees to it that none is missing. */
export const factShapes: Readonly<Record<FactKind, FactShape>> = {
  "log-loaded": shape(
    "logStartOffset recoveryPoint highWatermark endOffset cutBytes",
    "partition clean",
  ),
  appended: shape("leaderEpoch", "partition as"),
  truncated: shape("leaderEpoch fromOffset toOffset highWatermark epochsCut", "partition why"),
  "epoch-assigned": shape("epoch startOffset", "partition"),
  "segment-rolled": shape("baseOffset", "partition"),
  "log-flushed": shape("upTo", "partition"),
  "became-leader": shape(
    "leaderEpoch partitionEpoch endOffset highWatermark",
    "partition alreadyLed",
    "isr replicas",
  ),
  "became-follower": shape("leaderEpoch leader endOffset", "partition"),
  "high-watermark": shape("leaderEpoch highWatermark endOffset told", "partition as", "counted"),
  "follower-fetched": shape("leaderEpoch follower brokerEpoch fetchOffset", "partition"),
  "isr-proposed": shape(
    "leaderEpoch partitionEpoch highWatermark endOffset",
    "partition change",
    "committedIsr proposedIsr",
  ),
  "isr-committed": shape("leaderEpoch partitionEpoch", "partition", "isr added removed"),
  "isr-rolled-back": shape("leaderEpoch", "partition", "isr"),
  "fetcher-added": shape("leaderEpoch leader", "partition"),
  "fetcher-removed": shape("", "partition why"),
  "follower-error": shape("leaderEpoch error", "partition"),
  "ack-sent": shape(
    "leaderEpoch appendEpoch acks baseOffset lastOffset highWatermark isrSize minIsr",
    "partition duplicate client",
  ),
  "produce-refused": shape(
    "leaderEpoch error producerId producerEpoch baseSequence",
    "partition client",
  ),
  "duplicate-found": shape(
    "leaderEpoch producerId producerEpoch baseSequence baseOffset",
    "partition",
  ),
  "fetch-served": shape("leaderEpoch fetchOffset highWatermark", "partition client"),
  "offsets-listed": shape(
    "leaderEpoch timestamp offset foundTimestamp highWatermark logStartOffset epochStartOffset",
    "partition",
  ),
  "stale-epoch-refused": shape("error given current", "partition"),
  "vote-granted": shape(
    "epoch candidate candidateLogEpoch candidateEndOffset logEpoch endOffset",
    "preVote",
  ),
  "raft-state": shape("epoch leader voted logEpoch endOffset", "state isVoter", "voters"),
  "voter-fetched": shape("epoch voter fetchOffset", ""),
  "snapshot-generated": shape("endOffset epoch sizeBytes hash", ""),
  "snapshot-installed": shape("endOffset epoch sizeBytes hash fromOffset highWatermark", ""),
  "snapshot-loaded": shape("endOffset epoch hash", ""),
  "log-prefix-deleted": shape("logStartOffset", "partition"),
  "controller-activated": shape("epoch", ""),
  "controller-resigned": shape("epoch", ""),
  "metadata-committed": shape("offset epoch", "endsBatch"),
  "partition-decided": shape(
    "offset leader leaderEpoch partitionEpoch previousLeader",
    "partition why unclean uncleanAllowed",
    "isr replicas previousIsr",
  ),
  "alter-partition-handled": shape(
    "from error requestLeaderEpoch requestPartitionEpoch currentLeader currentLeaderEpoch currentPartitionEpoch",
    "partition",
  ),
  "broker-registered": shape("broker brokerEpoch", "incarnationId cleanly"),
  "broker-fenced": shape("broker brokerEpoch", ""),
  "broker-unfenced": shape("broker brokerEpoch", ""),
  "controlled-shutdown-granted": shape("broker brokerEpoch", ""),
  "producer-ids-allocated": shape("broker first count", ""),
  "broker-state": shape("broker", "state"),
  "metadata-applied": shape("offset epoch", ""),
  "producer-id-given": shape("producerId", "client"),
  "log-dir-failed": shape("", "code"),
  "coordinator-loaded": shape("leaderEpoch endOffset", "partition"),
  "coordinator-unloaded": shape("leaderEpoch", "partition"),
  "group-state": shape("leaderEpoch generation", "group partition from to reason"),
  "group-member-added": shape("leaderEpoch", "group member instance replaces client"),
  "group-member-removed": shape("leaderEpoch", "group member instance why"),
  "generation-started": shape("leaderEpoch generation", "group protocol leader"),
  "group-answered": shape("leaderEpoch generation error", "api group member instance client"),
  "offsets-committed": shape(
    "leaderEpoch generation baseOffset",
    "group partition member instance client",
  ),
  "offsets-fetched": shape("leaderEpoch readUpTo", "group partition client"),
  "offsets-removed": shape("leaderEpoch", "group partition why state"),
  "member-joined": shape("generation", "group member instance protocol isLeader"),
  "assignment-made": shape("generation", "group member assignor"),
  "partitions-assigned": shape("generation", "group member instance"),
  "partitions-revoked": shape("generation", "group member instance lost"),
  "member-fenced": shape("generation error", "group member instance"),
  "member-left": shape("generation", "group member instance why told"),
  "commit-sent": shape("generation commit", "group member mode"),
  "commit-done": shape("generation commit error", "group member"),
  "send-started": shape("", "sendId topic"),
  "sticky-partition-chosen": shape("", "topic partition"),
  "send-batched": shape("", "sendId partition"),
  "batch-sent": shape("attempt", "partition"),
  "send-acked": shape("offset", "sendId partition"),
  "send-failed": shape("", "sendId partition error maybeAppended"),
  "producer-epoch-bumped": shape("producerId producerEpoch", "cause"),
  polled: shape("position nextPosition", "partition"),
  "position-set": shape("offset cause", "partition why"),
  "client-metadata": shape("leader leaderEpoch", "client partition"),
  "effect-put": shape("offset", "group partition"),
  "consumer-closed": shape("", "group"),
  "client-error": shape("", "where error"),
};
