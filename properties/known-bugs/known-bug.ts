import type { RuleClasses } from "../../core/rules.ts";
import type { Plan } from "../plan/plan.ts";

/** A defect that Kafka had, or nearly had: one rule replaced, and the story that exposes it. */
export interface KnownBug {
  readonly id: string;
  /** What went wrong, in a few words, e.g. "ack-on-leader-append". */
  readonly name: string;
  /** Ticket, KIP or model that tells of it. */
  readonly origin: string;
  /**
   * The wrong rules: each overrides one method of the class that it extends. More than one class only
   * where two rules refuse the same thing, so that neither alone is a defect.
   */
  readonly rules: Partial<RuleClasses>;
  /** Other bugs without which this one shows no effect, since their rules mask it. */
  readonly needs: readonly string[];
  /** Invariants of which the first violation is one. */
  readonly violates: readonly string[];
  /** Anomalies that the clients' own history shows at the end. */
  readonly visible: readonly string[];
  /** Random runs of order-events find it within 2,000. */
  readonly easy: boolean;
  /** Null for a bug that only serves as a partner. */
  readonly schedule: Plan | null;
}
