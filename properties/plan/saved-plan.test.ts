import { describe, expect, it } from "vitest";
import { drawPlan } from "../generate/plan-arbitrary.ts";
import { parsePlan } from "./parse-plan.ts";
import { formatPlan, planHash, planPath, replayCommand } from "./saved-plan.ts";

describe("a saved plan", () => {
  const plan = drawPlan("saved");

  it("reads back as the plan that was saved", () => {
    const read = parsePlan(formatPlan(plan), "saved", { bugs: [] });

    expect(read).toEqual(plan);
    expect(planHash(read)).toBe(planHash(plan));
  });

  it("has a line for each operation and each fault", () => {
    const lines = formatPlan(plan).split("\n");

    expect(lines.length).toBeGreaterThan(plan.workload.length + plan.faults.length);
  });

  it("is named by scenario and 12 digits of what decides the run, not of what was seen", () => {
    const seen = { ...plan, expect: { verdict: "fail", invariant: "B1", at: 5 } } as const;

    expect(planPath(plan)).toMatch(/^\.trial[/\\]property-[0-9a-f]{12}\.json$/);
    expect(planHash(seen)).toBe(planHash(plan));
    expect(planHash({ ...plan, horizon: plan.horizon + 1 })).not.toBe(planHash(plan));
  });

  it("comes with one line that replays it, quoted for a shell", () => {
    expect(replayCommand(".trial/a-0123.json", null)).toBe("npx trial replay .trial/a-0123.json");
    expect(replayCommand(".trial/a.json", "./my mod.js")).toBe(
      "npx trial replay .trial/a.json --import './my mod.js'",
    );
  });
});
