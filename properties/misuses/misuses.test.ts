import { describe, expect, it } from "vitest";
import { run } from "../run.ts";
import type { Because, Verdict } from "../verdict.ts";
import { correctedPlan } from "./corrected-plan.ts";
import type { Misuse } from "./misuse.ts";
import { misuses } from "./registry.ts";

function shown({ shows }: Misuse, verdict: Verdict): readonly { readonly because: Because }[] {
  return verdict[shows];
}

describe("a misuse, by its story", () => {
  for (const misuse of misuses) {
    const { id, name, shows, setting, story } = misuse;

    it(`${id} ${name}: passes with ${shows} because of ${setting}`, () => {
      const verdict = run(story);
      expect(verdict.violations).toEqual([]);
      expect(verdict.harness).toEqual([]);
      expect(verdict.verdict).toBe("pass");
      const settings = shown(misuse, verdict).map(({ because }) => because.setting);
      expect(settings).toContain(setting);
    });

    it(`${id} ${name}: names faults of the plan`, () => {
      const faults = shown(misuse, run(story)).flatMap(({ because }) => because.faults);
      expect(faults).not.toEqual([]);
      const known = story.faults.map((fault) => fault.id);
      expect(faults.filter((fault) => !known.includes(fault))).toEqual([]);
    });

    it(`${id} ${name}: shows nothing once the setting is corrected`, () => {
      const verdict = run(correctedPlan(story, misuse.corrected));
      expect(verdict.violations).toEqual([]);
      expect(verdict.verdict).toBe("pass");
      expect(shown(misuse, verdict)).toEqual([]);
    });
  }
});
