import { describe, expect, test } from "vitest";
import { SeededStream } from "../../sim/random.ts";
import { readPlan } from "../plan/parse-plan.ts";
import type { Plan } from "../plan/plan.ts";
import { drawChaosPlan } from "./chaos-plan.ts";
import { drawDenseChaosPlan } from "./dense-plan.ts";
import { drawOrderEvents } from "./order-input.ts";

function drawn(seed: number): Plan {
  const draw = new SeededStream(`chaos/${seed}`);
  return drawChaosPlan(draw, String(seed), drawOrderEvents(draw.fork("events"), 20));
}

const plans = Array.from({ length: 300 }, (_, seed) => drawn(seed));

describe("chaos plans", () => {
  test("are plans, and the same for the same seed", () => {
    for (const plan of plans) expect(readPlan(plan, { bugs: [] }).profile).toBe("chaos");
    expect(drawn(7)).toEqual(plans[7]);
  });

  test("of a dense scenario begin before its heal", () => {
    const draw = new SeededStream("dense chaos");
    const dense = Array.from({ length: 100 }, (_, seed) =>
      drawDenseChaosPlan(draw.fork(String(seed)), String(seed)),
    );
    for (const plan of dense) expect(readPlan(plan, { bugs: [] }).profile).toBe("chaos");
    const late = dense.flatMap((plan) =>
      plan.faults.filter(({ id, at }) => id.startsWith("d") && at! > plan.heal.at + 500_000),
    );
    expect(late).toEqual([]);
  });

  test("have all that takes copies", () => {
    const faults = plans.flatMap((plan) => plan.faults);
    const shown = new Set(faults.map(({ kind, disk }) => `${kind} ${disk ?? ""}`.trim()));
    const wanted = ["lost-sync", "bit-rot", "restart empty", "restart of", "power-loss"];
    expect(wanted.filter((kind) => !shown.has(kind))).toEqual([]);
    const blackouts = plans.filter(({ faults: all }) => {
      const out = all.filter(({ id, kind }) => id.startsWith("d") && kind === "power-loss");
      return out.some((one) => out.some(({ at, id }) => id !== one.id && at! - one.at! < 3));
    });
    expect(blackouts.length).toBeGreaterThan(30);
  });

  test("have no disaster that takes the disk of a controller", () => {
    for (const { topology, faults } of plans) {
      const controllers = topology.nodes
        .filter(({ roles }) => !roles.includes("broker"))
        .map(({ id }) => id);
      for (const { id, kind, target, disk } of faults) {
        // Others may aim at one: the profile lets them strike while a majority can spare it.
        if (!id.startsWith("d")) continue;
        const takesDisk =
          kind === "lost-sync" || kind === "bit-rot" || (disk !== undefined && disk !== "same");
        if (takesDisk) expect(controllers).not.toContain((target as { node?: string }).node);
      }
    }
  });

  test("have settings of every kind of promise", () => {
    const values = (name: string): Set<unknown> =>
      new Set(
        plans.flatMap(({ settings, clients }) => [
          settings[name],
          ...clients.map((client) => client.settings[name]),
        ]),
      );
    for (const acks of ["all", 1, 0]) expect(values("acks")).toContain(acks);
    for (const least of [1, 2, 3]) expect(values("min.insync.replicas")).toContain(least);
    expect(values("unclean.leader.election.enable")).toEqual(new Set([true, false, undefined]));
    expect(values("flush.messages")).toContain(1);
    expect(values("flush.messages")).toContain(undefined);
    expect(values("enable.idempotence")).toContain(false);
    expect(new Set(plans.map(({ topics }) => topics[0]?.replicationFactor))).toEqual(
      new Set([1, 2, 3]),
    );
  });
});
