/** `kafka-trial/vitest`: scenarios as tests of vitest, which is the only module that knows it. */
import { test } from "vitest";
import { quoted } from "../properties/plan/saved-plan.ts";
import type { Scenario } from "./scenario.ts";
import type { ShortScenario } from "./short-scenario.ts";
import type { TrialTestOptions } from "./trial-test.ts";
import { checkTestOptions, DEFAULT_RUNS, runTest, scenarioOfTest } from "./trial-test.ts";

export type { ShortScenario } from "./short-scenario.ts";
export type { TrialTestOptions } from "./trial-test.ts";

/** Names a saved plan: tests of its scenario run that plan instead of their seeds. */
const REPLAY = "TRIAL_REPLAY";

export const trial = {
  /** A test that holds when no run of the scenario breaks a promise. */
  test(title: string, given: Scenario | ShortScenario, options: TrialTestOptions = {}): void {
    checkTestOptions(options);
    const scenario = scenarioOfTest(title, given);
    const timeout = options.timeout ?? 60_000 + (options.runs ?? DEFAULT_RUNS) * 10_000;
    test(title, { timeout }, async ({ task }) => {
      const words = ["npx", "vitest", "run", quoted(task.file.name), "-t", quoted(escaped(title))];
      await runTest(scenario, options, {
        title,
        replay: process.env[REPLAY] || null,
        replayCommand: (plan) => `${REPLAY}=${quoted(plan)} ${words.join(" ")}`,
      });
    });
  },
};

/** vitest reads what follows -t as a regular expression. */
function escaped(title: string): string {
  return title.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
