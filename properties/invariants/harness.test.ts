import { expect, test } from "vitest";
import type { Violation } from "../observation.ts";
import { budgetsHit, disagreements, vacuity, whiteBoxOf } from "./harness.ts";
import { invariants } from "./registry.ts";
import { livenessInvariants } from "../liveness/registry.ts";

const violation = (invariant: string): Violation => ({
  invariant,
  at: 5,
  node: "b1",
  message: "m",
});

test("X5: an anomaly that no invariant explains is the harness's own failure", () => {
  const failures = disagreements([violation("A1"), violation("lost-write")]);
  expect(failures.map(({ check, at }) => [check, at])).toEqual([["X5", 5]]);
});

test("X5: an anomaly with a violation of the mapped id is in agreement", () => {
  expect(disagreements([violation("B1"), violation("lost-write")])).toEqual([]);
  expect(disagreements([violation("B1")])).toEqual([]);
});

test("X5: anomalies are explained by invariants that exist", () => {
  const unknown = Object.values(whiteBoxOf)
    .flat()
    .filter((id) => !invariants.has(id) && !livenessInvariants.includes(id));
  expect(unknown).toEqual([]);
});

test("X6: silence proves nothing where something was not seen", () => {
  const seen = {
    runs: 100,
    acked: 1000,
    minAckedPerRun: 1,
    checks: { A1: 3 },
    situations: { truncation: 1 },
    mandatory: { truncation: 50, "isr-of-one": 200 },
    invariants: ["A1"],
  };
  expect(vacuity(seen)).toEqual([]);
  expect(vacuity({ ...seen, acked: 99 })).toHaveLength(1);
  expect(vacuity({ ...seen, situations: {} })).toHaveLength(1);
  expect(vacuity({ ...seen, runs: 200 })).toHaveLength(1);
  expect(vacuity({ ...seen, invariants: ["A1", "A2"] })).toHaveLength(1);
});

test("X7: a run that ran out of budget says so", () => {
  const inTime = { events: 10, maxEvents: 20, at: 9, deadline: 9, awaited: null };
  expect(budgetsHit(inTime)).toEqual([]);
  expect(budgetsHit({ ...inTime, events: 20 })).toHaveLength(1);
  expect(budgetsHit({ ...inTime, awaited: "3 sends are open" })).toHaveLength(1);
  expect(budgetsHit({ ...inTime, awaited: "3 sends are open", at: 8 })).toEqual([]);
});
