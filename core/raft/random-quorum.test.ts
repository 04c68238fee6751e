/** Random cuts, kills and losses of power: what a quorum promises holds, unless a rule is broken. */
import { describe, expect, it } from "vitest";
import fc from "fast-check";
import type { RuleClasses } from "../rules.ts";
import { makeRules } from "../rules.ts";
import { QuorumCluster } from "./quorum.testkit.ts";
import {
  BlindCounting,
  BlindVotes,
  ForgetfulVotes,
  HastyFollowers,
} from "./broken-raft.testkit.ts";

type Step =
  | {
      readonly kind: "append" | "cut" | "mend" | "kill" | "power" | "start";
      readonly a: number;
      readonly b: number;
    }
  | { readonly kind: "run"; readonly ms: number };

const places = { a: fc.nat(6), b: fc.nat(6) };
const step = (kind: Exclude<Step["kind"], "run">): fc.Arbitrary<Step> =>
  fc.record({ kind: fc.constant(kind), ...places });
const run: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("run" as const),
  ms: fc.integer({ min: 1, max: 900 }),
});

/** Small snapshots and short retention, so that logs are replaced too. */
const TIGHT = {
  "metadata.log.max.record.bytes.between.snapshots": 600,
  "metadata.max.retention.bytes": 500,
  "metadata.log.segment.bytes": 700,
  "controller.quorum.fetch.max.bytes": 256,
};

const schedule: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: run },
    { weight: 5, arbitrary: step("append") },
    { weight: 2, arbitrary: step("cut") },
    { weight: 1, arbitrary: step("mend") },
    { weight: 1, arbitrary: step("kill") },
    { weight: 2, arbitrary: step("power") },
    { weight: 3, arbitrary: step("start") },
  ),
  { minLength: 10, maxLength: 60 },
);

function perform(cluster: QuorumCluster, steps: readonly Step[]): void {
  cluster.world.run(700);
  for (const one of steps) {
    if (one.kind === "run") {
      cluster.world.run(one.ms);
      continue;
    }
    const { ids } = cluster;
    const [a, b] = [ids[one.a % ids.length] as number, ids[one.b % ids.length] as number];
    switch (one.kind) {
      case "append":
        for (const leader of cluster.leaders()) cluster.append(leader);
        break;
      case "cut":
        if (a !== b) cluster.cut(a, b);
        break;
      case "mend":
        if (a !== b) cluster.mend(a, b);
        break;
      case "kill":
        cluster.node(a).kill();
        break;
      case "power":
        cluster.node(a).losePower();
        break;
      case "start":
        if (!cluster.isAlive(a)) cluster.start(a);
        break;
    }
  }
  cluster.recover();
  const [leader] = cluster.leaders();
  if (leader !== undefined) cluster.append(leader);
  cluster.world.run(1000);
}

function verdict(voters: number, given: object, steps: readonly Step[], rules = {}): string | null {
  const replaced: Partial<RuleClasses> = rules;
  const cluster = new QuorumCluster(voters, {
    given: given as Record<string, number>,
    rules: makeRules(replaced),
    observers: 1,
  });
  perform(cluster, steps);
  return cluster.broken() ?? cluster.disagreement();
}

describe("a quorum under random faults", () => {
  it.each([3, 5])("of %i voters keeps its promises", (voters) => {
    fc.assert(
      fc.property(schedule, (steps) => {
        expect(verdict(voters, {}, steps)).toBeNull();
      }),
      { seed: 7, numRuns: 60 },
    );
  });

  it.each([3, 5])("of %i voters keeps its promises with snapshots", (voters) => {
    fc.assert(
      fc.property(schedule, (steps) => {
        expect(verdict(voters, TIGHT, steps)).toBeNull();
      }),
      { seed: 8, numRuns: 60 },
    );
  });
});

/** What breaks within some schedules; the budget is several times what it takes. */
describe("random faults find that", () => {
  it.each([
    ["votes are kept in memory (K02)", ForgetfulVotes, 3, 200],
    ["votes go to logs that are behind (K03)", BlindVotes, 3, 100],
    ["followers acknowledge what they did not flush (K05)", HastyFollowers, 3, 100],
    ["the leader counts logs that differ from its own (K07)", BlindCounting, 3, 150],
  ] as const)("%s", (_name, raft, voters, numRuns) => {
    const found = fc.check(
      fc.property(schedule, (steps) => verdict(voters, {}, steps, { raft }) === null),
      { seed: 9, numRuns, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });
});
