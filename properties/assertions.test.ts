/** Core's own assertions are a layer of checks: one that fails refutes the run, as an invariant does. */
import { expect, it } from "vitest";
import { makeRules } from "../core/rules.ts";
import { RaftRules } from "../core/raft/raft-rules.ts";
import { SeededStream } from "../sim/random.ts";
import { drawDensePlan } from "./generate/dense-plan.ts";
import { run } from "./run.ts";

/** A leader that counts more of its log than there is. */
class Boastful extends RaftRules {
  override leaderCounts(_flushedEnd: number, end: number): number {
    return end + 5;
  }
}

it("a node that finds its own state broken is a violation, not a crash of the harness", () => {
  const plan = drawDensePlan(new SeededStream("assertion/1"), "assertion/1");
  const rules = makeRules({ raft: Boastful });

  const verdict = run(plan, { rules, toEnd: true });

  expect(verdict.verdict).toBe("fail");
  expect(verdict.harness).toEqual([]);
  expect(verdict.violations.at(-1)).toMatchObject({ invariant: "assertion" });
  expect(run(plan, { rules, toEnd: true }).traceHash).toBe(verdict.traceHash);
});
