import { describe, expect, it } from "vitest";
import type { Verdict } from "../properties/verdict.ts";
import { Campaign } from "./campaign.ts";

function verdict(seed: string, changes: Partial<Verdict> = {}): Verdict {
  return {
    verdict: "pass",
    scenario: "tale",
    seed,
    violations: [],
    losses: [],
    duplicates: [],
    skips: [],
    reorders: [],
    stalls: [],
    excused: {},
    core: ["b1"],
    timeToHealMs: 900,
    traceHash: `00000000000000${seed.padStart(2, "0")}`,
    virtualMs: 1000,
    events: 10,
    frames: 4,
    records: { sent: 5, acked: 4, failed: 1, unknown: 0, consumed: 4 },
    faults: { kill: 1 },
    idleFaults: { noOp: 1, refused: 0 },
    checks: { B1: 3 },
    situations: { truncation: 1 },
    leaderChanges: 1,
    truncations: 1,
    isrChanges: 2,
    harness: [],
    ...changes,
  };
}

const violation = { invariant: "B1", at: 9, node: "b1", message: "gone" };
const failed = verdict("2", { verdict: "fail", violations: [violation] });
const failure = { seed: "2", plan: "p.json", invariant: "B1", at: 9, message: "gone" };

describe("a campaign", () => {
  it("sums the counters of its runs and keeps what failed", () => {
    const campaign = new Campaign("tale", "s");
    campaign.add(verdict("1", { faults: { kill: 3, block: 4 } }), null);
    campaign.add(failed, failure);
    campaign.add(verdict("3", { leaderChanges: 0, faults: {} }), null);

    const result = campaign.finish(undefined, []);

    expect(result).toMatchObject({
      verdict: "fail",
      runs: 3,
      passed: 2,
      failed: 1,
      failures: [failure],
      events: 30,
      records: { sent: 15, acked: 12, failed: 3, unknown: 0, consumed: 12 },
      faults: { block: 4, kill: 4 },
      checks: { B1: 9 },
      leaderChanges: 2,
      medianFaults: 1,
      runsWithLeaderChange: 2,
    });
  });

  it("has a trace hash of its runs in their order", () => {
    const hashOf = (...seeds: string[]): string => {
      const campaign = new Campaign("tale", "s");
      for (const seed of seeds) campaign.add(verdict(seed), null);
      return campaign.finish(undefined, []).traceHash;
    };

    expect(hashOf("1", "2")).toMatch(/^[0-9a-f]{16}$/);
    expect(hashOf("1", "2")).toBe(hashOf("1", "2"));
    expect(hashOf("1", "2")).not.toBe(hashOf("2", "1"));
  });

  it("is unproven when enough runs never saw a situation or never evaluated an invariant", () => {
    const mustSee = { situations: { truncation: 1, "torn-tail": 2 }, invariantsFrom: 2 };
    const campaign = new Campaign("tale", "s");
    campaign.add(verdict("1"), null);
    expect(campaign.finish(mustSee, ["B1", "B2"]).verdict).toBe("pass");
    campaign.add(verdict("2"), null);

    const result = campaign.finish(mustSee, ["B1", "B2"]);

    expect(result.verdict).toBe("unproven");
    expect(result.unseen).toEqual([
      "situation torn-tail did not occur in 2 runs",
      "invariant B2 was never evaluated",
    ]);
  });

  it("is failed rather than unproven when something was violated", () => {
    const campaign = new Campaign("tale", "s");
    campaign.add(failed, failure);

    const result = campaign.finish({ situations: { unseen: 1 }, invariantsFrom: 1 }, ["B2"]);

    expect(result.verdict).toBe("fail");
  });

  it("is unproven when the harness failed itself, whatever else was found", () => {
    const campaign = new Campaign("tale", "s");
    campaign.add(failed, failure);
    campaign.crashed("3", "TypeError: no");

    const result = campaign.finish(undefined, []);

    expect(result.verdict).toBe("unproven");
    expect(result.harness).toEqual([
      { seed: "3", check: "crash", at: 0, message: "TypeError: no" },
    ]);
    expect(result.passed).toBe(0);
  });
});
