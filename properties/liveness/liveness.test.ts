/** What follows a heal: who is well, what must come true then, what is excused, what is told as a stall. */
import { describe, expect, it } from "vitest";
import type { Fault } from "../../sim/faults/fault.ts";
import { drawPlan } from "../generate/plan-arbitrary.ts";
import { K10 } from "../known-bugs/k10.ts";
import { schedule, SECOND, sends } from "../known-bugs/schedule.ts";
import type { Schedule } from "../known-bugs/schedule.ts";
import type { Plan } from "../plan/plan.ts";
import { nodeIdOf } from "../plan/plan.ts";
import { run } from "../run.ts";
import type { Verdict } from "../verdict.ts";
import { healDeadlines, healDeadlineUs } from "./deadline.ts";
import { livenessInvariants } from "./registry.ts";

const REPLICAS = ["b1", "b2", "b3"];

function told(story: Partial<Schedule>): Verdict {
  const plan = schedule("liveness", {
    replicas: REPLICAS,
    workload: sends("m", 4 * SECOND, 10),
    faults: [],
    healAt: 10 * SECOND,
    ...story,
  });
  return run(plan);
}

/** Stands from 5 s on, until somebody heals it. */
function fault(id: string, kind: Fault["kind"], target: Fault["target"], more = {}): Fault {
  return { id, kind, target, at: 5 * SECOND, ...more };
}

describe("after the heal", () => {
  it("each promise is judged by comparisons, and the time to heal is told", () => {
    const { checks, timeToHealMs, verdict, records } = told({
      faults: [fault("f1", "kill", { node: "b1" })],
    });

    expect(verdict).toBe("pass");
    expect(livenessInvariants.filter((id) => (checks[id] ?? 0) === 0 && id !== "L11")).toEqual([]);
    expect(timeToHealMs).toBeGreaterThan(500);
    expect(timeToHealMs).toBeLessThan(10_000);
    // Probes are not counted among the records of the plan.
    expect(records).toMatchObject({ sent: 10, acked: 10, consumed: 10 });
  });

  it("what is outside the core stays down, cut off and faulty, and nothing strikes any more", () => {
    const down = ["b3", "c101"].map(nodeIdOf);
    const seen = new Set<number>();
    const plan = schedule("outside", {
      replicas: REPLICAS,
      controllers: 3,
      core: ["c100", "c102", "b1", "b2"],
      workload: sends("m", 4 * SECOND),
      faults: [
        fault("f1", "kill", { node: "b3" }, { for: 8 * SECOND }),
        fault("f2", "pause", { node: "c101" }, { for: 8 * SECOND }),
        { id: "f3", kind: "kill", target: { node: "b1" }, at: 11 * SECOND },
      ],
      healAt: 10 * SECOND,
    });
    const verdict = run(plan, {
      onFact: (_fact, { at, nodeId }) => {
        if (at > plan.heal.at) seen.add(nodeId);
      },
    });

    expect(verdict.verdict).toBe("pass");
    expect(verdict.core).toEqual(["c100", "c102", "b1", "b2"]);
    expect(down.filter((id) => seen.has(id))).toEqual([]);
    expect(seen.has(nodeIdOf("b1"))).toBe(true);
    expect(verdict.timeToHealMs).not.toBeNull();
  });

  it("a viable core has a majority of the voters and min.insync.replicas replicas of each partition", () => {
    let whole = 0;
    let parts = 0;
    for (let seed = 1; seed <= 12; seed += 1) {
      const plan = drawPlan(`core/${seed}`);
      const { core, verdict, harness } = run(plan);
      expect([verdict, harness]).toEqual(["pass", []]);
      const voters = plan.topology.nodes.filter(({ roles }) => roles.includes("controller"));
      const chosen = voters.filter(({ id }) => core.includes(id));
      expect(chosen.length).toBeGreaterThan(voters.length / 2);
      for (const { assignment = [] } of plan.topics) {
        for (const replicas of assignment) {
          const least = Math.min(Number(plan.settings["min.insync.replicas"]), replicas.length);
          const members = replicas.filter((id) => core.includes(id));
          expect(members.length).toBeGreaterThanOrEqual(least);
        }
      }
      if (core.length === plan.topology.nodes.length) whole += 1;
      else parts += 1;
    }
    expect(whole).toBeGreaterThan(0);
    expect(parts).toBeGreaterThan(0);
  }, 60_000);

  it("the deadlines follow from the timeouts", () => {
    const plan: Plan = schedule("deadlines", { replicas: REPLICAS, workload: [], faults: [] });
    const patient = { ...plan, settings: { ...plan.settings, "replica.lag.time.max.ms": 30_000 } };

    const more = healDeadlines(patient).restUs - healDeadlines(plan).restUs;
    expect(more).toBe(3 * 1.5 * 27_000_000);
    expect(plan.heal.deadline).toBe(healDeadlineUs(plan));
  });
});

describe("a fault that is left standing inside the core", () => {
  const cut = fault("cut", "block", { link: ["b3", "c100"] });

  it("makes a stall, told with what waits for what, and no violation", () => {
    const { verdict, violations, stalls, timeToHealMs } = told({ faults: [cut], leave: ["cut"] });

    expect([verdict, violations]).toEqual(["pass", []]);
    expect(timeToHealMs).toBeNull();
    expect(stalls.map(({ fault: id }) => id)).toEqual(stalls.map(() => "cut"));
    expect(stalls).toContainEqual({
      invariant: "L3",
      object: "b3",
      waitsFor: "the controller c100 has fenced it and hears no heartbeat of b3",
      fault: "cut",
    });
    const isr = stalls.find(({ invariant }) => invariant === "L5");
    expect(isr?.object).toBe("story-0");
    expect(isr?.waitsFor).toMatch(
      /^ISR \[1, 2\] of replicas \[1, 2, 3\], leader b1; b3 is in the core/,
    );
  });

  it("heals like any other when the plan does not leave it", () => {
    const { verdict, stalls, timeToHealMs } = told({ faults: [cut] });

    expect([verdict, stalls]).toEqual(["pass", []]);
    expect(timeToHealMs).not.toBeNull();
  });

  it("excuses nothing that it does not touch", () => {
    const slow = fault("slow", "clock-offset", { node: "r1" }, { offsetMs: 5 });
    const plan = schedule("untouched", {
      replicas: REPLICAS,
      workload: sends("m", 4 * SECOND),
      faults: [cut, slow],
      leave: ["slow"],
      core: ["c100", "b1", "b2", "b3"],
      healAt: 10 * SECOND,
    });
    // The same stall by a defect: the leader never lets a replica in.
    const { verdict, violations, stalls } = run({ ...plan, bugs: ["R25"] });
    expect([verdict, violations, stalls]).toEqual(["pass", [], []]);
  });
});

describe("an excuse", () => {
  it("is counted by its reason: a core without an electable replica", () => {
    const { verdict, excused, violations } = told({
      workload: sends("m", 4 * SECOND),
      faults: [
        fault("f1", "kill", { node: "b1" }),
        fault("f2", "kill", { node: "b2" }, { at: 12 * SECOND }),
        fault("f3", "kill", { node: "b3" }, { at: 20 * SECOND }),
      ],
      core: ["c100", "b1", "b2"],
      healAt: 25 * SECOND,
    });

    expect([verdict, violations]).toEqual(["pass", []]);
    expect(excused).toMatchObject({ "no-electable-replica": 1 });
  });

  it("is none that the list lacks: the same core with the last member of the ISR is at rest", () => {
    const { verdict, excused, timeToHealMs } = told({
      workload: sends("m", 4 * SECOND),
      faults: [
        fault("f1", "kill", { node: "b1" }),
        fault("f2", "kill", { node: "b2" }, { at: 12 * SECOND }),
        fault("f3", "kill", { node: "b3" }, { at: 20 * SECOND }),
      ],
      core: ["c100", "b2", "b3"],
      healAt: 25 * SECOND,
    });

    expect([verdict, excused]).toEqual(["pass", {}]);
    expect(timeToHealMs).not.toBeNull();
  });
});

it("L11 counts the epochs of a quorum that finds no rest", () => {
  const { violations } = run({ ...K10.schedule!, bugs: ["K10"] }, { toEnd: true });

  const livelock = violations.find(({ invariant }) => invariant === "L11");
  expect(livelock?.message).toMatch(
    /^__cluster_metadata-0: the quorum has had \d+ epochs since the heal/,
  );
});
