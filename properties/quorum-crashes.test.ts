/**
 * Voters that lose power at each call that changes something: while they append and flush, roll segments,
 * write snapshots and drop old ones, fetch a snapshot in pieces, vote and are elected. The invariants
 * judge each run: votes are kept (C2), nothing committed is lost (C3, C4, C8), and all records are read.
 */
import { expect, it } from "vitest";
import type { Fault } from "../sim/faults/fault.ts";
import { storyPlan, stream } from "./generate/story-plan.ts";
import { MS, SECOND } from "./generate/time.ts";
import type { SettingValues } from "./plan/plan.ts";
import { run } from "./run.ts";

const RECORDS = 60;

/** A snapshot every few records, in pieces of a few bytes; of the log only the newest is kept. */
const tight: SettingValues = {
  "linger.ms": 0,
  "controller.quorum.election.timeout.ms": 300,
  "controller.quorum.fetch.timeout.ms": 600,
  "controller.quorum.request.timeout.ms": 500,
  "metadata.log.max.record.bytes.between.snapshots": 300,
  "metadata.log.segment.bytes": 400,
  "metadata.max.retention.bytes": 200,
  "controller.quorum.fetch.max.bytes": 300,
};

interface Outcome {
  readonly struck: number;
  /** What of the files under test was there when the power went. */
  readonly seen: ReadonlySet<string>;
}

function crash(faults: readonly Fault[]): Outcome {
  const plan = storyPlan({
    scenario: "quorum-crashes",
    seed: "1",
    controllers: 3,
    settings: tight,
    workload: stream({ fromUs: SECOND, everyUs: 100 * MS, count: RECORDS }),
    faults,
    healAt: 8 * SECOND,
  });
  const seen = new Set<string>();
  const verdict = run(plan, {
    onFact: ({ kind }, { node }) => {
      if (node.startsWith("c")) seen.add(kind);
    },
  });
  expect(verdict.violations, JSON.stringify(faults)).toEqual([]);
  expect(verdict.verdict).toBe("pass");
  expect(verdict.records).toMatchObject({ acked: RECORDS, consumed: RECORDS });
  return { struck: verdict.faults["power-loss"] ?? 0, seen };
}

const edges = ["before", "after"] as const;
const voters = ["c100", "c101", "c102"] as const;

function powerLoss(node: string, call: number, edge: "before" | "after"): Fault {
  const id = `p-${node}-${call}`;
  const target = { node };
  return {
    id,
    kind: "power-loss",
    target,
    at: 4 * SECOND,
    call,
    edge,
    for: 700 * MS,
    keep: call % 7,
  };
}

const calls = Array.from({ length: 24 }, (_, index) => index + 1);

it.each(voters)("%s, whatever it is, loses nothing that was counted", (node) => {
  let struck = 0;
  const seen = new Set<string>();
  for (const call of calls) {
    const outcome = crash([powerLoss(node, call, edges[call % 2]!)]);
    struck += outcome.struck;
    for (const kind of outcome.seen) seen.add(kind);
  }
  expect(struck).toBe(calls.length);
  for (const kind of ["snapshot-generated", "log-prefix-deleted", "vote-granted"]) {
    expect(seen).toContain(kind);
  }
});

it("two of them, while a leader is elected, keep their votes", () => {
  let struck = 0;
  for (const call of calls) {
    const edge = edges[call % 2]!;
    const [first, second, third] = voters;
    const rotated = [first, second, third].map((_, at) => voters[(at + call) % 3]!);
    struck += crash([
      {
        id: "k1",
        kind: "kill",
        target: { role: "active-controller" },
        at: 4 * SECOND,
        for: 900 * MS,
      },
      powerLoss(rotated[0]!, call, edge),
      powerLoss(rotated[1]!, call + 3, edge),
    ]).struck;
  }
  expect(struck).toBeGreaterThan(calls.length);
});

it("one that fetches a snapshot in pieces begins it anew", () => {
  let installed = 0;
  for (const call of calls) {
    const away: Fault = {
      id: "k1",
      kind: "kill",
      target: { node: "c102" },
      at: 2 * SECOND,
      for: 1999 * MS,
    };
    const { seen } = crash([away, powerLoss("c102", call, edges[call % 2]!)]);
    if (seen.has("snapshot-installed")) installed += 1;
  }
  expect(installed).toBe(calls.length);
});
