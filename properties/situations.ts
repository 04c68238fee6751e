/**
 * Counts what was worth seeing in a run, so that a campaign can tell silence from proof. Judges
 * nothing. Situations that a scenario must show are named by it; the defaults are here.
 */
import { Errors } from "../core/errors.ts";
import type { Fact } from "../core/facts.ts";
import { METADATA_TOPIC } from "../core/ids.ts";
import type { Findings, Observer } from "./observation.ts";

export interface Situation {
  readonly name: string;
  readonly meaning: string;
  /**
   * Runs of order-events from which it must have been seen, there to be expected 20 times; null where
   * its absence proves nothing.
   */
  readonly mandatoryFrom: number | null;
}

/** All that this file and the checkers count. */
export const situations: readonly Situation[] = [
  situation("leader-change", "a partition got another leader", 50),
  situation("leaderless", "a partition lost its leader and got none"),
  situation("truncation", "a follower cut its log to match its leader's", 50),
  situation("truncation-over-epochs", "a truncation cut batches of several leader epochs"),
  situation("isr-shrunk", "a leader took a lagging replica out of the ISR", 50),
  situation("isr-expanded", "a replica caught up and entered the ISR", 50),
  situation("isr-of-one", "the ISR of a replicated partition had one member", 50),
  situation("isr-rolled-back", "the controller refused an ISR change for good"),
  situation("torn-tail-recovered", "recovery cut bytes that were no whole batch", 50),
  situation("clean-restart", "a log with records was opened after a clean stop"),
  situation("unclean-restart", "a log with records was opened after an unclean stop", 50),
  situation("duplicate-suppressed", "a leader recognised a retry", 50),
  situation("stale-epoch-refused", "a stale epoch was refused", 50),
  situation("unclean-election", "a leader was elected from outside the ISR"),
  situation("epoch-bump", "a producer had to take a new epoch"),
  situation("epoch-bump-duplicate", "a producer that took a new epoch appended a record again"),
  situation(
    "producers-forgotten",
    "a log opened without producers whose snapshots a lost sync took",
  ),
  situation("forgotten-producer-duplicate", "its leader took a retry for a new batch"),
  situation("out-of-order-refused", "a gap in a producer's sequences was refused"),
  situation("not-enough-replicas", "a write was refused for want of in-sync replicas"),
  situation("offset-reset", "a consumer lost its position and took another"),
  situation("offset-out-of-range", "a follower's log did not overlap its leader's"),
  situation("broker-fenced", "the controller fenced a broker"),
  situation("controlled-shutdown", "a broker was allowed to leave in order"),
  situation("controller-change", "a controller took office after another, or again"),
  situation("log-dir-failed", "a log directory failed"),
  situation("segment-rolled", "a log began a new segment"),
  situation("damage-without-crc", "bytes rotted that no CRC covers, and an invariant was broken"),
  situation("group-rebalanced", "a group began another generation than its first"),
  situation("member-expired", "a coordinator did not hear of a member for too long"),
  situation("member-too-slow", "a member that did not poll for too long left by itself"),
  situation(
    "member-fenced",
    "a member learned that it was none any more, or not in that generation",
  ),
  situation("member-returned", "a static member took its own place again"),
  situation("partitions-lost", "a member learned too late that others own its partitions"),
  situation("coordinator-changed", "another coordinator took over groups, or one did again"),
  situation("commit-refused", "offsets of a member were not committed"),
  situation(
    "reordered-over-growth",
    "a key's records were worked on out of order, since the topic grew",
  ),
  situation("record-too-old", "an acknowledgement did not know the offset any more"),
];

function situation(name: string, meaning: string, mandatoryFrom: number | null = null): Situation {
  return { name, meaning, mandatoryFrom };
}

/** Of order-events: situation -> runs from which it must have been seen. */
export const mandatorySituations: Readonly<Record<string, number>> = Object.fromEntries(
  situations.flatMap(({ name, mandatoryFrom }) =>
    mandatoryFrom === null ? [] : [[name, mandatoryFrom] as const],
  ),
);

const METADATA_LOG = `${METADATA_TOPIC}-0`;

export class SituationCounter implements Observer {
  readonly #findings: Findings;
  #controllers = 0;
  readonly on: NonNullable<Observer["on"]>;

  constructor(findings: Findings) {
    this.#findings = findings;
    this.on = {
      ...this.#ofLogs(),
      ...this.#ofReplicas(),
      ...this.#ofClients(),
      ...this.#ofGroups(),
    };
  }

  #saw(name: string): void {
    this.#findings.situation(name);
  }

  #ofLogs(): NonNullable<Observer["on"]> {
    return {
      "log-loaded": (fact) => {
        if (fact.cutBytes > 0) this.#saw("torn-tail-recovered");
        if (fact.endOffset === 0 || fact.partition === METADATA_LOG) return;
        this.#saw(fact.clean ? "clean-restart" : "unclean-restart");
      },
      truncated: (fact) => {
        if (fact.why === "recovery" || fact.toOffset >= fact.fromOffset) return;
        this.#saw("truncation");
        if (fact.why === "out-of-range") this.#saw("offset-out-of-range");
        if (fact.epochsCut > 1) this.#saw("truncation-over-epochs");
      },
      "segment-rolled": (fact) => {
        if (fact.partition !== METADATA_LOG) this.#saw("segment-rolled");
      },
      "log-dir-failed": () => this.#saw("log-dir-failed"),
    };
  }

  #ofReplicas(): NonNullable<Observer["on"]> {
    return {
      "partition-decided": (fact) => {
        if (fact.why === "created") return;
        if (fact.leader !== -1 && fact.leader !== fact.previousLeader) this.#saw("leader-change");
        if (fact.leader === -1 && fact.previousLeader !== -1) this.#saw("leaderless");
        if (fact.unclean) this.#saw("unclean-election");
        if (fact.isr.length === 1 && fact.previousIsr.length > 1) this.#saw("isr-of-one");
      },
      "isr-committed": (fact) => {
        if (fact.removed.length > 0) this.#saw("isr-shrunk");
        if (fact.added.length > 0) this.#saw("isr-expanded");
      },
      "isr-rolled-back": () => this.#saw("isr-rolled-back"),
      "duplicate-found": () => this.#saw("duplicate-suppressed"),
      "stale-epoch-refused": () => this.#saw("stale-epoch-refused"),
      "produce-refused": (fact) => this.#refused(fact),
      "broker-fenced": () => this.#saw("broker-fenced"),
      "controlled-shutdown-granted": () => this.#saw("controlled-shutdown"),
      "controller-activated": () => {
        this.#controllers += 1;
        if (this.#controllers > 1) this.#saw("controller-change");
      },
    };
  }

  #ofGroups(): NonNullable<Observer["on"]> {
    return {
      "generation-started": (fact) => {
        if (fact.generation > 1) this.#saw("group-rebalanced");
      },
      "group-member-removed": (fact) => {
        if (fact.why === "session-timeout") this.#saw("member-expired");
      },
      "group-member-added": (fact) => {
        if (fact.replaces !== null) this.#saw("member-returned");
      },
      "coordinator-loaded": (fact) => {
        if (fact.groups.length > 0) this.#saw("coordinator-changed");
      },
      "member-left": (fact) => {
        if (fact.why === "poll-interval") this.#saw("member-too-slow");
      },
      "member-fenced": () => this.#saw("member-fenced"),
      "partitions-revoked": (fact) => {
        if (fact.lost && fact.partitions.length > 0) this.#saw("partitions-lost");
      },
      "commit-done": (fact) => {
        if (fact.error !== Errors.NONE) this.#saw("commit-refused");
      },
    };
  }

  #refused(fact: Extract<Fact, { readonly kind: "produce-refused" }>): void {
    if (fact.error === Errors.OUT_OF_ORDER_SEQUENCE_NUMBER) this.#saw("out-of-order-refused");
    if (
      fact.error === Errors.NOT_ENOUGH_REPLICAS ||
      fact.error === Errors.NOT_ENOUGH_REPLICAS_AFTER_APPEND
    ) {
      this.#saw("not-enough-replicas");
    }
  }

  #ofClients(): NonNullable<Observer["on"]> {
    return {
      "producer-epoch-bumped": () => this.#saw("epoch-bump"),
      "send-acked": (fact) => {
        if (fact.offset < 0) this.#saw("record-too-old");
      },
      "position-set": (fact) => {
        if (fact.cause !== 0 || fact.why === "truncation") this.#saw("offset-reset");
      },
    };
  }
}
