import type { HealView } from "./heal-view.ts";

/**
 * Why a correct Kafka may miss something after the heal. Nothing else is excused, and a campaign with
 * more than a few excused runs proves nothing.
 */
export const excuseReasons = {
  "no-voter-majority": "the core has no majority of the voters",
  "voter-damaged": "a voter of the core halted over damaged metadata",
  "no-quorum-leader":
    "there is no functional leader of the metadata quorum, which is excused itself",
  "no-electable-replica": "no member of the ISR that runs with its directory online is in the core",
  "leader-outside-core":
    "the controller hears a leader outside the core on which faults stand: it keeps its power",
  "foreign-disk": "the node has another node's disk and refuses to start",
  "log-directory-failed": "the node's log directory failed",
  "metadata-damaged": "the node halted over damaged metadata on its own disk",
  "registration-timeout": "the broker gave up to register and nobody restarts it",
  "too-few-replicas": "fewer replicas than min.insync.replicas can join",
  "disk-full": "the leader's disk is full",
  "invalid-timestamp": "clocks are more than an hour apart",
  "rotten-range":
    "the follower needs a damaged range of the leader's log, or a server of the quorum leader's",
  "waits-to-leave": "it leaves in order, and a broker outside the core does not get to hear of it",
  "node-halted": "the node halted",
  "waits-for-an-append":
    "the high watermark waited for a replica outside the ISR, and nothing was appended since",
  "frozen-high-watermark": "replicas join at a frozen high watermark under min ISR (KAFKA-19996)",
  "flaky-links-outside-core": "faults stand on replicas outside the core, which come and go",
  "stale-metadata":
    "clients keep to brokers outside the core that faults keep from the controller, and that know no better",
} as const;
export type ExcuseReason = keyof typeof excuseReasons;

/** Something that must come true and has not. */
export interface Pending {
  /** Of what: a partition, a node, or the client of a send. */
  readonly object: string;
  /** Null when it is about no partition. */
  readonly partition: string | null;
  /** Names of the nodes it depends on, whoever waits first. */
  readonly nodes: readonly string[];
  /** What is so now, and what it waits for, in words with the values. Made only when it is told. */
  readonly waitsFor: () => string;
  /** Why a correct Kafka may miss it; null when it may not. */
  readonly excuse: () => ExcuseReason | null;
  /** Id of the fault outside the core that the excuse is about, so that it is told as a stall too. */
  readonly excusedBy?: () => string | null;
}

/** One promise of liveness. */
export abstract class LivenessCheck {
  abstract readonly id: string;
  /** Comparisons that could have failed. */
  evaluations: number = 0;

  /** What has not come true; whoever only asks whether there is something takes the first. */
  abstract pending(view: HealView): Iterable<Pending>;
}
