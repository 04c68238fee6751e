import { rmSync } from "node:fs";
import { expect, it } from "vitest";
import type { Plan } from "./plan/plan.ts";
import { effectiveSetting } from "./plan/settings.ts";
import { brokenBy } from "./testing/holds-for-plans.ts";
import type { Witness } from "./testing/witness.ts";

/** Every record acknowledged with acks=all is read back from where its acknowledgement said it is. */
function loss(witness: Witness, plan: Plan): string | null {
  const durable = clientsWithAcksAll(plan);
  const read = new Map<string, Set<number>>();
  for (const [partition, runs] of witness.pollRuns) {
    for (const { offset, content } of runs.flat()) {
      const place = `${partition} ${content}`;
      const offsets = read.get(place);
      if (offsets === undefined) read.set(place, new Set([offset]));
      else offsets.add(offset);
    }
  }
  for (const { client, turn, content, ackedIn } of witness.sends.values()) {
    if (ackedIn === null || !durable.has(client)) continue;
    const { partition, offset } = ackedIn;
    const offsets = read.get(`${partition} ${content}`);
    const isRead = offset < 0 ? offsets !== undefined : offsets?.has(offset) === true;
    if (!isRead) {
      return `send ${turn} of ${client}, acknowledged at ${partition} ${offset}, was never read`;
    }
  }
  return null;
}

function clientsWithAcksAll(plan: Plan): ReadonlySet<string> {
  const producers = plan.clients.filter(({ kind, settings }) => {
    if (kind !== "producer") return false;
    return ["all", "-1"].includes(String(effectiveSetting(plan, "producer", settings, "acks")));
  });
  return new Set(producers.map(({ id }) => id));
}

it("every record acknowledged with acks=all is read back, whatever has struck the cluster", () => {
  let acked = 0;
  const struck: Record<string, number> = {};
  const broken = brokenBy(
    (witness, plan, { faults }) => {
      for (const { ackedIn } of witness.sends.values()) if (ackedIn !== null) acked += 1;
      for (const kind of Object.keys(faults)) struck[kind] = (struck[kind] ?? 0) + 1;
      return loss(witness, plan);
    },
    { runs: 40, seed: 2 },
  );

  expect(broken?.report ?? "held").toBe("held");
  expect(acked).toBeGreaterThan(1000);
  expect(Object.keys(struck)).toEqual(
    expect.arrayContaining(["kill", "power-loss", "pause", "block", "delay"]),
  );
});

it("a leader that acknowledges before its followers have the record breaks it", () => {
  const broken = brokenBy(loss, { runs: 300, seed: 2, bugs: ["R16"] });

  expect(broken?.report).toMatch(/was never read\nseed .*\nplan .*\nreplay  npx trial replay \S+$/);
  rmSync(broken!.saved);
});
