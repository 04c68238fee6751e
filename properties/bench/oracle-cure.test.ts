import { describe, expect, test } from "vitest";
import { drawPatient, successes, treat } from "./oracle-cure.ts";
import type { Treatment } from "./oracle-cure.ts";

/** A few; `oracle-campaign.ts` treats hundreds. */
const PLANS = 5;

describe("the guarantee oracle", () => {
  test(
    "names settings that, corrected, keep the records of the same plan",
    { timeout: 120_000 },
    () => {
      const treatments: Treatment[] = [];
      for (let seed = 1; treatments.length < PLANS && seed <= 8 * PLANS; seed += 1) {
        const treatment = treat(drawPatient(`test/${seed}`));
        if (treatment !== null) treatments.push(treatment);
      }
      expect(treatments.length).toBe(PLANS);
      const [all] = successes(treatments);
      expect(all!.cured).toBeGreaterThanOrEqual(PLANS - 1);
      const acked = (of: "ackedBefore" | "ackedAfter"): number =>
        treatments.reduce((sum, treatment) => sum + treatment[of], 0);
      expect(acked("ackedAfter") * 2).toBeGreaterThanOrEqual(acked("ackedBefore"));
    },
  );
});
