import { expect, it } from "vitest";
import { KeyedDraws } from "../random.ts";
import { pair, smallWorld } from "../testing/small-world.ts";
import { LatencyModel, latencyModels, parseLatency } from "./latency.ts";
import type { LatencyOptions } from "./latency.ts";

/** Delays of 20 slots of 50 channels, four frames each. */
function delays(options: LatencyOptions): number[] {
  const model = new LatencyModel(options, new KeyedDraws("latency"));
  const result: number[] = [];
  for (let channel = 0; channel < 50; channel++) {
    for (let slot = 0; slot < 20; slot++) {
      const fixed = model.fixedUs(channel >> 2, channel, slot, slot * 100_000);
      for (let k = 0; k < 4; k++) result.push(fixed + model.jitterUs(channel, slot, k));
    }
  }
  return result.sort((a, b) => a - b);
}

it("has models from constant to very uneven", () => {
  const shape = (options: LatencyOptions): readonly [number, number, number] => {
    const all = delays(options);
    return [all[0]!, all[all.length >> 1]!, all.at(-1)!];
  };
  expect(shape({ model: "constant" })).toEqual([500, 500, 500]);
  expect(shape({ model: "constant", baseUs: 70 })).toEqual([70, 70, 70]);
  const [least, median, most] = shape({ model: "uniform" });
  expect([least >= 200, median > 1500 && median < 2900, most <= 4200]).toEqual([true, true, true]);
  const tail = shape({ model: "heavy-tail" });
  expect(tail[1]).toBeLessThan(1500);
  expect(tail[2]).toBeGreaterThan(10 * tail[1]);
  for (const model of ["personality", "change-points"] as const) {
    const [low, , high] = shape({ model });
    expect(high).toBeGreaterThan(5 * low);
  }
});

it("gives a link a base for a time with change points, and for good with a personality", () => {
  const bases = (model: "personality" | "change-points"): number => {
    const options = { model, spreadUs: 0, jitterUs: 0 };
    const links = new LatencyModel(options, new KeyedDraws("bases"));
    const seen = new Set<number>();
    for (let slot = 0; slot < 600; slot++) seen.add(links.fixedUs(1, 2, slot, slot * 100_000));
    return seen.size;
  };
  expect(bases("personality")).toBe(1);
  expect(bases("change-points")).toBeGreaterThan(15);
});

it("does not change a frame's delay when another channel, or a frame of an older slot, is gone", () => {
  const arrivals = (times: readonly number[]): string[] => {
    const { world, server, sendAt } = pair([], { latency: { model: "heavy-tail" } });
    times.forEach((atUs) => sendAt(atUs, String(atUs)));
    world.runUntil(2_000_000);
    return server.log;
  };
  const all = arrivals([110_000, 120_000, 210_000, 310_000]);
  const fewer = arrivals([110_000, 210_000, 310_000]);
  expect(fewer).toEqual(all.filter((line) => !line.endsWith("120000")));
});

it("adds the way between racks", () => {
  const world = smallWorld({ latency: { model: "constant", baseUs: 1000, crossRackUs: 9000 } });
  const opened: string[] = [];
  const listen = { received: () => undefined, closed: () => undefined };
  for (const [id, rack] of [
    ["a", "r1"],
    ["b", "r1"],
    ["c", "r2"],
  ] as const) {
    world.addNode({
      id,
      rack,
      bootAtUs: 0,
      boot: ({ transport }) => {
        transport.listen("network", () => listen);
        return {};
      },
    });
  }
  world.addNode({
    id: "client",
    rack: "r1",
    bootAtUs: 10,
    boot: ({ transport }) => {
      for (const host of ["a", "c"]) {
        transport.connect("main", host, "x", {
          ...listen,
          opened: () => opened.push(`${world.nowUs} ${host}`),
        });
      }
      return {};
    },
  });
  world.runUntil(100_000);
  expect(opened).toEqual(["2010 a", "20010 c"]);
});

it("refuses what is no latency model, by field and value", () => {
  const model = parseLatency({ model: "uniform", baseUs: 5 }, "latency");
  expect(model).toEqual({ model: "uniform", baseUs: 5 });
  for (const name of latencyModels) expect(parseLatency({ model: name }, "l").model).toBe(name);
  const cases: readonly (readonly [unknown, string])[] = [
    [null, "latency: expected an object, got null"],
    [{ model: "warp" }, 'latency.model: unknown latency model "warp"; known: constant, uniform'],
    [{ model: "constant", mood: 1 }, "latency.mood: unknown field"],
    [{ model: "constant", toString: 1 }, "latency.toString: unknown field"],
    [{ model: "constant", baseUs: -1 }, "latency.baseUs: expected an integer from 0 to 60000000"],
    [{ model: "personality", linkDoublings: 11 }, "latency.linkDoublings: expected an integer"],
  ];
  for (const [value, message] of cases) {
    expect(() => parseLatency(value, "latency")).toThrow(message);
  }
});
