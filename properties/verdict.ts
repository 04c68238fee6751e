import type { Violation } from "./observation.ts";

/** What one run showed. It holds plain JSON: `trial run --json` prints it as it is. */
export interface Verdict {
  /** "unproven": the harness itself failed, so nothing is said about Kafka. */
  readonly verdict: "pass" | "fail" | "unproven";
  readonly scenario: string;
  readonly seed: string;
  readonly violations: readonly Violation[];
  /**
   * Acknowledged records that are gone, each with what excuses it. In strict nothing that was committed
   * can be among them, only what a producer with acks=0 or 1 did not wait for.
   */
  readonly losses: readonly Loss[];
  /** Records that are in a log twice although the client did all it could. */
  readonly duplicates: readonly Duplicate[];
  /** Acknowledged records that readers passed by, having read there what was lost. */
  readonly skips: readonly Anomaly[];
  /** Records that lie before ones that their producer had sent earlier, as its settings allow. */
  readonly reorders: readonly Anomaly[];
  /** What hung because of a fault that the plan leaves standing. */
  readonly stalls: readonly Stall[];
  /** Why things did not come true after the heal that a correct Kafka may miss, and of how many. */
  readonly excused: Readonly<Record<string, number>>;
  /** Servers that were well after the heal; empty before it. */
  readonly core: readonly string[];
  /** From the heal until everything had come to rest; null when it did not, or not all of it. */
  readonly timeToHealMs: number | null;
  /** 16 hexadecimal digits. */
  readonly traceHash: string;
  readonly virtualMs: number;
  readonly events: number;
  readonly frames: number;
  readonly records: RecordCounts;
  /** Faults that did something, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Faults that found nothing to do, and faults that the profile refused. */
  readonly idleFaults: IdleFaults;
  /** Comparisons that were made, by invariant. */
  readonly checks: Readonly<Record<string, number>>;
  readonly situations: Readonly<Record<string, number>>;
  readonly leaderChanges: number;
  readonly truncations: number;
  readonly isrChanges: number;
  /** Why the verdict is "unproven": what the harness found wrong with itself. */
  readonly harness: readonly HarnessFailure[];
}

export interface RecordCounts {
  readonly sent: number;
  readonly acked: number;
  readonly failed: number;
  /** Neither acknowledged nor surely absent. */
  readonly unknown: number;
  /** Distinct records that a consumer's poll returned. */
  readonly consumed: number;
}

export interface IdleFaults {
  readonly noOp: number;
  readonly refused: number;
}

/** Why a record may be missing or there twice: the setting at fault, and what struck. */
export interface Because {
  /** Null when no setting would have saved it. */
  readonly setting: string | null;
  readonly value: string | number | boolean | null;
  /** Ids of faults of the plan. */
  readonly faults: readonly string[];
}

export interface Loss {
  readonly topic: string;
  readonly partition: number;
  /** Where the client was told that it is; -1 with acks=0, which tells nothing. */
  readonly offset: number;
  readonly sendId: string;
  readonly because: Because;
  /** The same in a sentence, for people. */
  readonly explained: string;
}

export interface Duplicate {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Where the record is for the first time. */
  readonly firstOffset: number;
  readonly sendId: string;
  /**
   * "retry": without idempotence a leader cannot tell a retry from a new record. "epoch-bump": the producer had to take a new epoch and could not know that it was there.
   * "forgotten-producer": faults took the snapshots of producers of the leader that took the retry.
   */
  readonly cause: string;
  readonly because: Because;
}

export interface Anomaly {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly client: string;
  readonly message: string;
  readonly because: Because;
}

export interface Stall {
  readonly invariant: string;
  /** A partition, a node or a client. */
  readonly object: string;
  /** What was so at the deadline, and what it waited for. */
  readonly waitsFor: string;
  /** Id of the fault that was left standing. */
  readonly fault: string;
}

export interface HarnessFailure {
  /** Id of the self-check (X1 .. X7). */
  readonly check: string;
  readonly at: number;
  readonly message: string;
}
