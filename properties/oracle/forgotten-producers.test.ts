/**
 * A broker that lost its snapshots of producers takes a retry for a new batch: that is legal by the
 * faults that took them, and only by those.
 */
import { describe, expect, it } from "vitest";
import { DedupRules } from "../../core/log/dedup-rules.ts";
import { makeRules } from "../../core/rules.ts";
import { PARTITION, schedule, SECOND, sends } from "../known-bugs/schedule.ts";
import type { Plan } from "../plan/plan.ts";
import { run } from "../run.ts";
import type { Verdict } from "../verdict.ts";

/**
 * The answer to m2 is lost, and b1 stops. Its disk loses the syncs of that: when the power goes, the
 * snapshots go, but not the clean-shutdown file (in this seed). b1 comes back, and p1 sends m2 again.
 */
const story: Plan = {
  ...schedule("forgotten", {
    replicas: ["b1"],
    profile: "chaos",
    settings: { "flush.messages": 1 },
    workload: [...sends("m", 4 * SECOND, 2, "p1", SECOND), ...sends("n", 20 * SECOND, 2)],
    faults: [
      {
        id: "f1",
        kind: "lose-response",
        target: { link: ["b1", "p1"] },
        when: { event: "ack-sent", where: { partition: PARTITION }, nth: 2, edge: "before" },
      },
      {
        id: "f2",
        kind: "block",
        target: { link: ["p1", "b1"] },
        at: 5.05 * SECOND,
        for: 6 * SECOND,
      },
      {
        id: "f3",
        kind: "lost-sync",
        target: { node: "b1" },
        at: 5.2 * SECOND,
        for: 3 * SECOND,
      },
      { id: "f4", kind: "stop", target: { node: "b1" }, at: 5.5 * SECOND },
      { id: "f5", kind: "power-loss", target: { node: "b1" }, at: 7 * SECOND, for: SECOND },
    ],
  }),
  seed: "7",
};

/** Never reads its log after a clean stop. */
class ForgetfulRules extends DedupRules {
  override scansLog(clean: boolean): boolean {
    return !clean;
  }
}

function toldWith(plan: Plan, rules: typeof DedupRules): Verdict {
  return run(plan, { toEnd: true, rules: makeRules({ dedup: rules }) });
}

function invariantsOf({ violations }: Verdict): string[] {
  return [...new Set(violations.map(({ invariant }) => invariant))].sort();
}

describe("a retry that its leader has forgotten", () => {
  it("is a duplicate, with the faults that took the snapshots", () => {
    const verdict = run(story, { toEnd: true });

    expect(verdict.violations).toEqual([]);
    expect(verdict.harness).toEqual([]);
    expect(verdict.duplicates).toEqual([
      {
        topic: "story",
        partition: 0,
        offset: 2,
        firstOffset: 1,
        sendId: "m2",
        cause: "forgotten-producer: b1 had lost its snapshots of producers",
        because: { setting: null, value: null, faults: ["f3", "f5"] },
      },
    ]);
  });

  it.each([
    ["no sync was lost", story.faults.filter(({ id }) => id !== "f3")],
    [
      "another broker lost syncs",
      story.faults.map((one) => (one.id === "f3" ? { ...one, target: { node: "b2" } } : one)),
    ],
    [
      "syncs were lost only after the stop",
      story.faults.map((one) => (one.id === "f3" ? { ...one, at: 6.5 * SECOND } : one)),
    ],
  ])("is a violation where %s", (_why, faults) => {
    const plan = { ...story, faults };

    expect(invariantsOf(toldWith(plan, DedupRules))).toEqual([]);
    const found = invariantsOf(toldWith(plan, ForgetfulRules));
    expect(found).toEqual(["A8", "D1", "D2", "D6", "duplicate"]);
  });
});
