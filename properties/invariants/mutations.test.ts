/**
 * An invariant is broken by some wrong rule: replaced, and the run followed to its end, it has the
 * invariant among its violations. A rule is named by component and method; `wrong` makes its result
 * of the right one and the arguments. No single rule is known that breaks A1, A3, B8, D7, D8, H1, H2
 * or H3: what they watch is not decided by a rule, or is guarded twice; falsified facts test them.
 */
import { describe, expect, it } from "vitest";
import type { RuleClasses, Rules } from "../../core/rules.ts";
import { correctRules, makeRules } from "../../core/rules.ts";
import { SeededStream } from "../../sim/random.ts";
import { drawDensePlan } from "../generate/dense-plan.ts";
import { drawPlan } from "../generate/plan-arbitrary.ts";
import { knownBugs } from "../known-bugs/registry.ts";
import {
  consumer,
  PARTITION,
  producer,
  schedule,
  SECOND,
  sends,
  TOPIC,
} from "../known-bugs/schedule.ts";
import type { Operation, Plan } from "../plan/plan.ts";
import { run } from "../run.ts";

type Method = (...args: readonly unknown[]) => unknown;

interface Mutation {
  readonly rule: string;
  readonly wrong: (right: unknown, args: readonly unknown[]) => unknown;
  readonly breaks: readonly string[];
  /** Absent: drawn plans, until one shows it. */
  readonly plan?: Plan;
  /** Drawn plans that are short and dense, most of them with a quorum that elects. */
  readonly dense?: true;
}

const always =
  (value: unknown): Mutation["wrong"] =>
  () =>
    value;
const plus =
  (n: number): Mutation["wrong"] =>
  (right) =>
    (right as number) + n;

/** A broken leader may say that the log ends where only its high watermark is (KIP-207). */
const laggingLatest: Plan = schedule("lagging latest", {
  replicas: ["b1", "b2", "b3"],
  settings: { "replica.fetch.max.bytes": 1 },
  clients: [
    ...["p1", "p2", "p3"].map((id) => producer(id)),
    consumer("r1"),
    consumer("r2", { "auto.offset.reset": "latest" }),
  ],
  workload: [
    ...["p1", "p2"].flatMap((id) => sends(`${id}-`, 4 * SECOND, 1, id)),
    ...sends("p3-", 4.3 * SECOND, 1, "p3"),
    ...Array.from({ length: 40 }, (_, n): Operation => ({
      id: `seek${n}`,
      // The first ones ask the old leader.
      at: (n < 2 ? 4.31 : 6.4) * SECOND + n * 50_000,
      client: "r2",
      op: "seek",
      topic: TOPIC,
      partition: 0,
      offset: "end",
    })),
  ],
  faults: [
    {
      id: "f1",
      kind: "kill",
      target: { node: "b1" },
      when: {
        event: "offsets-listed",
        where: { partition: PARTITION, offset: 3 },
        nth: 1,
        edge: "after",
      },
    },
    {
      id: "f2",
      kind: "delay",
      us: 900_000,
      channel: "fetcher-2",
      target: { link: ["b3", "b2"] },
      at: 5 * SECOND,
      for: 10 * SECOND,
    },
  ],
});

const mutations: readonly Mutation[] = [
  { rule: "log.stampedEpoch", wrong: plus(1), breaks: ["A2"] },
  { rule: "log.logStartAtStart", wrong: plus(1), breaks: ["A8", "B16"] },
  { rule: "replica.startOffset", wrong: plus(-1), breaks: ["A4"] },
  { rule: "log.keepsVerified", wrong: always(false), breaks: ["A5", "B2"] },
  { rule: "log.recoveryPointAtStart", wrong: plus(1), breaks: ["A8"] },
  { rule: "log.highWatermarkAtStart", wrong: plus(1), breaks: ["B16", "F2"] },
  { rule: "dedup.restoresState", wrong: always(false), breaks: ["A8"] },
  { rule: "isr.mayAdvance", wrong: always(true), breaks: ["B4"] },
  { rule: "replica.takesHighWatermark", wrong: always(true), breaks: ["B6"] },
  { rule: "election.bumpsLeaderEpoch", wrong: always(false), breaks: ["B10", "B7", "F4", "F6"] },
  { rule: "replica.stopsFetching", wrong: always(true), breaks: ["B15"] },
  { rule: "serving.latestIsKnown", wrong: always(true), breaks: ["B5", "F7"], plan: laggingLatest },
  {
    rule: "dedup.isDuplicate",
    wrong: always(true),
    breaks: ["D1", "B12", "lost-write", "inconsistent-offsets", "nonmonotonic-send"],
  },
  { rule: "dedup.follows", wrong: always(false), breaks: ["D4"] },
  { rule: "dedup.rememberedBatches", wrong: plus(1), breaks: ["D6"] },
  {
    rule: "lifecycle.nextProducerId",
    wrong: (_right, [first]) => first,
    breaks: ["D5", "D3", "D2"],
  },
  { rule: "consumer.nextPosition", wrong: plus(1), breaks: ["F1", "poll-skip"] },
  { rule: "consumer.nextPosition", wrong: plus(-1), breaks: ["F1", "nonmonotonic-poll"] },
  { rule: "raft.isElected", wrong: always(true), breaks: ["C1", "C3", "C10"], dense: true },
  { rule: "raft.mustPersistVote", wrong: always(false), breaks: ["C2"], dense: true },
  { rule: "raft.flushesBeforeFetch", wrong: always(false), breaks: ["C4"], dense: true },
  {
    rule: "raft.mayAdvance",
    wrong: (_right, [candidate, known]) => (candidate as number) > (known as number),
    breaks: ["C5"],
    dense: true,
  },
  { rule: "raft.stateAtStart", wrong: always("follower"), breaks: ["C6"], dense: true },
  {
    rule: "raft.observerHighWatermark",
    wrong: (_right, [, end]) => end,
    breaks: ["C8", "B3"],
    dense: true,
  },
  { rule: "raft.asksBeforeStanding", wrong: always(false), breaks: ["C11"], dense: true },
  { rule: "lifecycle.keepsBrokerEpoch", wrong: always(true), breaks: ["C9"], dense: true },
];

/** What the schedules of the known bugs show, beside what the bugs declare. */
const bugsBreak: Readonly<Record<string, readonly string[]>> = {
  R07: ["B11"],
  R09: ["B3", "A11"],
  R11: ["B9"],
  R18: ["F2", "B7"],
  R20: ["B13"],
  S01: ["A6", "A11", "B6"],
  K07: ["C3", "C4", "C8"],
  P01: ["D2", "duplicate"],
  R16: ["B12", "B1", "unseen"],
};

/** Runs that may be needed until a drawn plan shows a mutation. */
const DRAWN_PLANS = 24;

function mutant({ rule, wrong }: Mutation): Rules {
  const [component, method] = rule.split(".") as [keyof RuleClasses, string];
  const base = correctRules[component] as new () => object;
  const right = (base.prototype as Record<string, Method>)[method];
  if (right === undefined) throw new Error(`no rule ${rule}`);
  const mutated = class extends base {};
  Object.defineProperty(mutated.prototype, method, {
    value(this: object, ...args: readonly unknown[]): unknown {
      return wrong(right.apply(this, [...args]), args);
    },
  });
  return makeRules({ [component]: mutated } as Partial<RuleClasses>);
}

/** Ids that break in a run to the end. A mutant may also break core's own assertions. */
function broken(plan: Plan, rules: Rules | null): Set<string> {
  try {
    const { violations } = run(plan, { toEnd: true, ...(rules === null ? {} : { rules }) });
    return new Set(violations.map(({ invariant }) => invariant));
  } catch (error) {
    if (error instanceof Error && error.name === "AssertionError") return new Set();
    throw error;
  }
}

describe("an invariant is broken by a wrong rule", () => {
  for (const mutation of mutations) {
    const { rule, breaks, plan } = mutation;
    const drawn = (n: number): Plan => {
      const seed = `mutation/${n}`;
      return mutation.dense ? drawDensePlan(new SeededStream(seed), seed) : drawPlan(seed);
    };
    it(`${rule}, replaced: ${breaks.join(", ")}`, () => {
      const missing = new Set(breaks);
      for (let n = 1; n <= (plan === undefined ? DRAWN_PLANS : 1) && missing.size > 0; n += 1) {
        for (const id of broken(plan ?? drawn(n), mutant(mutation))) {
          missing.delete(id);
        }
      }
      expect([...missing]).toEqual([]);
    });
    if (plan === undefined) continue;
    it(`${rule}, as it is: the same plan breaks nothing`, () => {
      expect([...broken(plan, null)]).toEqual([]);
    });
  }

  for (const { id, schedule: story, needs } of knownBugs) {
    const also = bugsBreak[id];
    if (story === null || also === undefined) continue;
    it(`known bug ${id}: ${also.join(", ")}`, () => {
      const seen = broken({ ...story, bugs: [...needs, id] }, null);
      expect(also.filter((invariant) => !seen.has(invariant))).toEqual([]);
    });
  }
});
