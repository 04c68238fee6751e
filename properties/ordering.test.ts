import { rmSync } from "node:fs";
import { expect, it } from "vitest";
import { knownBugs } from "./known-bugs/registry.ts";
import { loadPlan } from "./plan/saved-plan.ts";
import { run } from "./run.ts";
import { brokenBy } from "./testing/holds-for-plans.ts";
import type { WitnessedRecord } from "./testing/witness.ts";
import type { Witness } from "./testing/witness.ts";

/**
 * Within a partition and a producer session, records stand in the order of their send() calls, each
 * once; and whoever reads gets them in the order of the log, without a gap.
 */
function disorder(witness: Witness): string | null {
  const logs = new Map(witness.committedLogs());
  for (const [partition, log] of logs) {
    const latest = new Map<string, number>();
    for (const { offset, content, session } of log) {
      const send = witness.sends.get(content);
      if (send === undefined) return `${partition} has at ${offset} what nobody sent: ${content}`;
      if (session === "") continue;
      const before = latest.get(session) ?? 0;
      if (send.turn <= before) {
        return (
          `${partition}, ${send.client} as producer ${session}: send ${send.turn} stands at ` +
          `${offset}, behind send ${before}`
        );
      }
      latest.set(session, send.turn);
    }
  }
  for (const [partition, runs] of witness.pollRuns) {
    for (const polls of runs) {
      const complaint = misread(partition, polls, logs.get(partition) ?? []);
      if (complaint !== null) return complaint;
    }
  }
  return null;
}

function misread(
  partition: string,
  polls: readonly WitnessedRecord[],
  log: readonly WitnessedRecord[],
): string | null {
  const inLog = new Map(log.map(({ offset, content }) => [offset, content]));
  let next = polls[0]?.offset ?? 0;
  for (const { offset, content } of polls) {
    if (offset !== next) return `${partition}: ${offset} was polled when ${next} was next`;
    if (inLog.get(offset) !== content) {
      return `${partition}: ${content} was polled at ${offset}, which holds ${inLog.get(offset)}`;
    }
    next = offset + 1;
  }
  return null;
}

it("each session's records are committed, and polled, in the order in which they were sent", () => {
  let polled = 0;
  let committed = 0;
  const broken = brokenBy(
    (witness) => {
      for (const [, log] of witness.committedLogs()) committed += log.length;
      for (const runs of witness.pollRuns.values()) polled += runs.flat().length;
      return disorder(witness);
    },
    { runs: 40, seed: 1 },
  );

  expect(broken?.report ?? "held").toBe("held");
  expect(committed).toBeGreaterThan(1000);
  expect(polled).toBeGreaterThan(1000);
});

it("leaders that ignore sequence numbers break it, and the saved plan breaks it again", () => {
  const broken = brokenBy(disorder, { runs: 300, seed: 1, bugs: ["P01"] });

  expect(broken?.report).toMatch(
    /behind send \d+\nseed .*\nplan .*\nreplay  npx trial replay \S+$/,
  );
  const plan = loadPlan(broken!.saved, { bugs: knownBugs.map(({ id }) => id) });
  rmSync(broken!.saved);
  expect(plan.bugs).toEqual(["P01"]);
  expect(run(plan, { toEnd: true }).traceHash).toBe(plan.expect?.traceHash);
});
