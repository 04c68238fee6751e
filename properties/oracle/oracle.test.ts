/**
 * The oracle excuses what Kafka's rules allow to be lost, and nothing else: every known bug is found in
 * chaos as in strict, and the same loss is a violation where nothing is excused.
 */
import { describe, expect, it } from "vitest";
import { drawChaosPlan } from "../generate/chaos-plan.ts";
import { drawOrderEvents } from "../generate/order-input.ts";
import { withPartners } from "../known-bugs/infect.ts";
import { knownBugs } from "../known-bugs/registry.ts";
import { M03, M19 } from "../misuses/durability.ts";
import { SeededStream } from "../../sim/random.ts";
import { run } from "../run.ts";

describe("in chaos", () => {
  for (const { id, name, schedule } of knownBugs) {
    if (schedule === null) continue;
    it(`${id} ${name} is no legal loss`, () => {
      const verdict = run({ ...schedule, profile: "chaos", bugs: withPartners([id]) });
      expect(verdict.verdict).toBe("fail");
    });
  }

  it("each loss is explained in a sentence, and blames faults of the plan", () => {
    const losses = [];
    for (let seed = 1; losses.length < 20 && seed <= 20; seed += 1) {
      const draw = new SeededStream(`explained/${seed}`);
      const plan = drawChaosPlan(draw, String(seed), drawOrderEvents(draw.fork("events"), 100));
      const ids = new Set(plan.faults.map(({ id }) => id));
      const verdict = run(plan);
      expect(verdict.violations).toEqual([]);
      for (const loss of verdict.losses) {
        expect(loss.explained).toContain(loss.sendId);
        expect(loss.explained).toMatch(/would(n't| not)? have/);
        expect(loss.because.faults.filter((fault) => !ids.has(fault))).toEqual([]);
        losses.push(loss);
      }
    }
    expect(losses.length).toBeGreaterThanOrEqual(20);
  });
});

describe("in strict", () => {
  it("a fault that would take the last copy is refused, and nothing is lost", () => {
    for (const { story } of [M03, M19]) {
      const verdict = run({ ...story, profile: "strict" });
      expect(verdict.violations).toEqual([]);
      expect(verdict.losses).toEqual([]);
      expect(verdict.idleFaults.refused).toBeGreaterThan(0);
    }
  });
});
