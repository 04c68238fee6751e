import { describe, expect, it } from "vitest";
import { makeRules } from "../../core/rules.ts";
import type { RuleClasses } from "../../core/rules.ts";
import type { Plan } from "../plan/plan.ts";
import { run } from "../run.ts";
import type { Verdict } from "../verdict.ts";
import { withPartners } from "./infect.ts";
import { knownBugs } from "./registry.ts";

/** Runs a schedule to its end, with the given bugs built in. */
function told(schedule: Plan, bugs: readonly string[]): Verdict {
  return run({ ...schedule, bugs }, { toEnd: true });
}

function invariantsOf({ violations }: Verdict): Set<string> {
  return new Set(violations.map(({ invariant }) => invariant));
}

describe("a known bug, by its schedule", () => {
  for (const { id, name, schedule, rules, needs, violates, visible } of knownBugs) {
    if (schedule === null) continue;
    const bugs = withPartners([id]);

    it(`${id} ${name}: is found, first by one of ${violates.join(", ")}`, () => {
      const verdict = told(schedule, bugs);
      expect(verdict.harness).toEqual([]);
      expect(verdict.verdict).toBe("fail");
      expect(violates).toContain(verdict.violations[0]?.invariant);
    });

    for (const anomaly of visible) {
      it(`${id} ${name}: clients see ${anomaly}`, () => {
        expect(invariantsOf(told(schedule, bugs))).toContain(anomaly);
      });
    }

    it(`${id} ${name}: without the bug the same plan passes`, () => {
      const verdict = told(schedule, []);
      expect(verdict.violations).toEqual([]);
      expect(verdict.verdict).toBe("pass");
    });

    for (const half of needs.length === 0 ? [] : bugs) {
      it(`${id} ${name}: ${half} alone has no effect`, () => {
        expect(told(schedule, [half]).violations).toEqual([]);
      });
    }

    const components = Object.keys(rules) as (keyof RuleClasses)[];
    for (const component of components.length === 1 ? [] : components) {
      it(`${id} ${name}: its ${component} rules alone have no effect`, () => {
        const half = makeRules({ [component]: rules[component] });
        expect(run(schedule, { toEnd: true, rules: half }).violations).toEqual([]);
      });
    }
  }
});
