/**
 * Many runs of one scenario put together. Runs are added in the order of their numbers, whoever ran
 * them and whenever they ended, so that the result does not depend on the number of workers.
 */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { vacuity } from "../properties/invariants/harness.ts";
import type { HarnessFailure, RecordCounts, Verdict } from "../properties/verdict.ts";
import type { MustSee } from "./scenario.ts";

/** What `trial run --runs N --json` prints. */
export interface CampaignVerdict {
  readonly verdict: "pass" | "fail" | "unproven";
  readonly scenario: string;
  readonly seed: string;
  readonly runs: number;
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly Failure[];
  /** How many of each there were in all runs. */
  readonly losses: number;
  readonly duplicates: number;
  readonly skips: number;
  readonly reorders: number;
  readonly stalls: number;
  /** What a correct Kafka may miss after the heal, by reason: (run, object) pairs. */
  readonly excused: Readonly<Record<string, number>>;
  readonly timeToHeal: TimeToHeal;
  /** Over the trace hashes of the runs in their order. */
  readonly traceHash: string;
  readonly virtualMs: number;
  readonly events: number;
  readonly frames: number;
  readonly records: RecordCounts;
  readonly faults: Readonly<Record<string, number>>;
  readonly idleFaults: { readonly noOp: number; readonly refused: number };
  readonly checks: Readonly<Record<string, number>>;
  readonly situations: Readonly<Record<string, number>>;
  readonly leaderChanges: number;
  readonly truncations: number;
  readonly isrChanges: number;
  /** Faults that did something in a run, at the median. */
  readonly medianFaults: number;
  readonly runsWithLeaderChange: number;
  readonly runsWithDuplicate: number;
  readonly runsWithLoss: number;
  /** Lost records by the setting that would have kept them; "none" where no setting would have. */
  readonly lossesBySetting: Readonly<Record<string, number>>;
  /** Why the verdict is "unproven". */
  readonly unseen: readonly string[];
  readonly harness: readonly (HarnessFailure & { readonly seed: string })[];
}

/** From the heal until all had come to rest, in ms of virtual time, of the runs that got there. */
export interface TimeToHeal {
  readonly healed: number;
  readonly medianMs: number;
  /** Nine of ten runs took no longer. */
  readonly p90Ms: number;
}

export interface Failure {
  readonly seed: string;
  /** Path of the saved plan. */
  readonly plan: string;
  readonly invariant: string;
  readonly at: number;
  readonly message: string;
}

type Counts = Record<string, number>;

/** At most 2 % of the runs may be excused; fewer runs than these tell nothing about shares. */
const MOST_EXCUSED_ONE_IN = 50;

export class Campaign {
  readonly #scenario: string;
  readonly #seed: string;
  readonly #hash: Hash = createHash("sha256");
  readonly #failures: Failure[] = [];
  readonly #harness: (HarnessFailure & { readonly seed: string })[] = [];
  readonly #struckFaults: number[] = [];
  readonly #faults: Counts = {};
  readonly #checks: Counts = {};
  readonly #situations: Counts = {};
  readonly #totals: Counts = {};
  #runs = 0;
  #passed = 0;
  #failed = 0;
  #runsWithLeaderChange = 0;
  #runsWithDuplicate = 0;
  readonly #excused: Counts = {};
  readonly #timesToHeal: number[] = [];
  #runsExcused = 0;
  #runsWithLoss = 0;
  readonly #lossesBySetting: Counts = {};

  constructor(scenario: string, seed: string) {
    this.#scenario = scenario;
    this.#seed = seed;
  }

  get runs(): number {
    return this.#runs;
  }

  get failed(): number {
    return this.#failed;
  }

  /** `failure` is null for a run without a violation. */
  add(verdict: Verdict, failure: Failure | null): void {
    this.#runs += 1;
    this.#hash.update(verdict.traceHash);
    if (failure !== null) this.#failures.push(failure);
    if (verdict.verdict === "pass") this.#passed += 1;
    if (verdict.violations.length > 0) this.#failed += 1;
    for (const found of verdict.harness) this.#harness.push({ seed: verdict.seed, ...found });
    this.#struckFaults.push(addAll(this.#faults, verdict.faults));
    addAll(this.#checks, verdict.checks);
    addAll(this.#situations, verdict.situations);
    addAll(this.#totals, { ...verdict.records });
    addAll(this.#totals, { ...verdict.idleFaults });
    for (const name of numberFields) addAll(this.#totals, { [name]: verdict[name] });
    for (const name of listFields) addAll(this.#totals, { [name]: verdict[name].length });
    if (verdict.leaderChanges > 0) this.#runsWithLeaderChange += 1;
    if (verdict.duplicates.length > 0) this.#runsWithDuplicate += 1;
    if (addAll(this.#excused, verdict.excused) > 0) this.#runsExcused += 1;
    if (verdict.timeToHealMs !== null) this.#timesToHeal.push(verdict.timeToHealMs);
    if (verdict.losses.length > 0) this.#runsWithLoss += 1;
    for (const { because } of verdict.losses) {
      addAll(this.#lossesBySetting, { [because.setting ?? "none"]: 1 });
    }
  }

  /** A run in which the program itself broke. */
  crashed(seed: string, message: string): void {
    this.#runs += 1;
    this.#hash.update(`${seed} crashed`);
    this.#harness.push({ seed, check: "crash", at: 0, message });
  }

  /** `invariants`: ids of all that could have been evaluated. */
  finish(mustSee: MustSee | undefined, invariants: readonly string[]): CampaignVerdict {
    const total = (name: string): number => this.#totals[name] ?? 0;
    const unseen = this.#unseen(mustSee, invariants);
    const unproven = this.#harness.length > 0 || (this.#failed === 0 && unseen.length > 0);
    return {
      verdict: unproven ? "unproven" : this.#failed > 0 ? "fail" : "pass",
      scenario: this.#scenario,
      seed: this.#seed,
      runs: this.#runs,
      passed: this.#passed,
      failed: this.#failed,
      failures: this.#failures,
      losses: total("losses"),
      duplicates: total("duplicates"),
      skips: total("skips"),
      reorders: total("reorders"),
      stalls: total("stalls"),
      excused: sorted(this.#excused),
      timeToHeal: {
        healed: this.#timesToHeal.length,
        medianMs: quantile(this.#timesToHeal, 0.5),
        p90Ms: quantile(this.#timesToHeal, 0.9),
      },
      traceHash: this.#hash.copy().digest("hex").slice(0, 16),
      virtualMs: total("virtualMs"),
      events: total("events"),
      frames: total("frames"),
      records: {
        sent: total("sent"),
        acked: total("acked"),
        failed: total("failed"),
        unknown: total("unknown"),
        consumed: total("consumed"),
      },
      faults: sorted(this.#faults),
      idleFaults: { noOp: total("noOp"), refused: total("refused") },
      checks: sorted(this.#checks),
      situations: sorted(this.#situations),
      leaderChanges: total("leaderChanges"),
      truncations: total("truncations"),
      isrChanges: total("isrChanges"),
      medianFaults: quantile(this.#struckFaults, 0.5),
      runsWithLeaderChange: this.#runsWithLeaderChange,
      runsWithDuplicate: this.#runsWithDuplicate,
      runsWithLoss: this.#runsWithLoss,
      lossesBySetting: sorted(this.#lossesBySetting),
      unseen,
      harness: this.#harness,
    };
  }

  #unseen(mustSee: MustSee | undefined, invariants: readonly string[]): string[] {
    if (mustSee === undefined) return this.#excesses();
    const holes = vacuity({
      runs: this.#runs,
      acked: this.#totals["acked"] ?? 0,
      minAckedPerRun: 1,
      checks: this.#checks,
      situations: this.#situations,
      mandatory: mustSee.situations,
      invariants: this.#runs < mustSee.invariantsFrom ? [] : invariants,
    });
    return [...holes, ...this.#excesses()];
  }

  /** An excuse that is needed often hides more than it explains. */
  #excesses(): string[] {
    const isOften = this.#runsExcused * MOST_EXCUSED_ONE_IN > this.#runs;
    if (!isOften || this.#runs < MOST_EXCUSED_ONE_IN) return [];
    return [
      `${this.#runsExcused} of ${this.#runs} runs are excused of coming to rest after the heal`,
    ];
  }
}

const numberFields = [
  "virtualMs",
  "events",
  "frames",
  "leaderChanges",
  "truncations",
  "isrChanges",
] as const;
const listFields = ["losses", "duplicates", "skips", "reorders", "stalls"] as const;

/** Returns the sum of what was added. */
function addAll(totals: Counts, counts: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const [name, count] of Object.entries(counts)) {
    totals[name] = (totals[name] ?? 0) + count;
    sum += count;
  }
  return sum;
}

function sorted(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The least value that so many of all reach, a value that a run really had: 0.5 is the median. */
function quantile(values: readonly number[], share: number): number {
  const ordered = [...values].sort((a, b) => a - b);
  return ordered[Math.max(0, Math.ceil(ordered.length * share) - 1)] ?? 0;
}
