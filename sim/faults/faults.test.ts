import { expect, it } from "vitest";
import type { FilePort, NodePorts } from "../ports.ts";
import { addHost, smallWorld, TextChunk, textOf } from "../testing/small-world.ts";
import type { World, WorldOptions } from "../world.ts";
import type { Fault, FaultKind } from "./fault.ts";
import { faultKinds } from "./fault.ts";

const costs = { appendUs: 10, readUs: 1, nameUs: 5, syncUs: 1000, syncSpreadUs: 0 };

/** A node `n` with an open file, and a node `m` with another. */
interface Disks {
  readonly world: World;
  readonly damage: string[];
  /** Does something with the file at a time; gives its error code, "" if it went well. */
  tryAt(atUs: number, step: (file: FilePort, ports: NodePorts) => void): { code: string | null };
}

function disks(faults: readonly Fault[], options: Partial<WorldOptions> = {}): Disks {
  const world = smallWorld({ diskCosts: costs, ...options });
  const damage: string[] = [];
  world.listen({
    damaged: (node, how, path, from, to) => damage.push(`${node} ${how} ${path} ${from}-${to}`),
  });
  let file: FilePort;
  const host = addHost(world, "n", ({ storage }) => {
    file = storage.open("log", true);
    if (file.sizeBytes === 0) file.append(new TextChunk("own "));
    file.sync();
    storage.syncDirectory("/");
  });
  addHost(world, "m", ({ storage }) => {
    const other = storage.open("log", true);
    other.append(new TextChunk("other"));
  });
  world.loadFaults(faults);
  const tryAt: Disks["tryAt"] = (atUs, step) => {
    const outcome: { code: string | null } = { code: null };
    world.schedule(atUs, "n", "main", "try", () => {
      try {
        step(file, host.ports);
        outcome.code = "";
      } catch (error) {
        if ((error as Error).name !== "StorageError") throw error;
        outcome.code = (error as { code: string }).code;
      }
    });
    return outcome;
  };
  return { world, damage, tryAt };
}

const node = { node: "n" } as const;
const text = (world: World): string => textOf(world.node("n").disk.content("log"));

it("disk-full: writes what fits, then there is no space, until it ends", () => {
  const { world, tryAt } = disks([
    { id: "f", kind: "disk-full", target: node, at: 9000, for: 9000, freeBytes: 5 },
  ]);
  const results = [
    tryAt(10_000, (file) => file.append(new TextChunk("abc"))),
    tryAt(11_000, (file) => file.append(new TextChunk("def"))),
    tryAt(12_000, (_file, { storage }) => storage.open("new", true)),
    tryAt(13_000, (_file, { storage }) => storage.makeDirectory("d")),
    tryAt(14_000, (file) => file.sync()),
    tryAt(16_000, (_file, { storage }) => storage.remove("nothing")),
    tryAt(20_000, (file) => file.append(new TextChunk("!"))),
  ];
  world.runUntil(50_000);
  expect(results.map(({ code }) => code)).toEqual(["", "ENOSPC", "ENOSPC", "ENOSPC", "", "", ""]);
  expect(text(world)).toBe("own abcde!");
});

it("disk-error: the operations it names fail, the others do not", () => {
  const { world, tryAt } = disks([
    { id: "e", kind: "disk-error", target: node, at: 9000, for: 9000, ops: ["sync", "read"] },
    { id: "all", kind: "disk-error", target: node, at: 30_000 },
  ]);
  const results = [
    tryAt(10_000, (file) => file.append(new TextChunk("x"))),
    tryAt(11_000, (file) => file.sync()),
    tryAt(12_000, (file) => file.read(0)),
    tryAt(13_000, (_file, { storage }) => storage.syncDirectory("/")),
    tryAt(20_000, (file) => file.sync()),
    tryAt(31_000, (file) => file.truncate(0)),
    tryAt(32_000, (_file, { storage }) => storage.rename("log", "gol")),
  ];
  world.runUntil(50_000);
  const codes = ["", "EIO", "EIO", "EIO", "", "EIO", "EIO"];
  expect(results.map(({ code }) => code)).toEqual(codes);
  expect(text(world)).toBe("own x");
});

it("disk-slow: everything takes so many times as long", () => {
  const { world, tryAt } = disks([
    { id: "s", kind: "disk-slow", target: node, at: 9000, for: 30_000, factor: 5 },
  ]);
  const next: number[] = [];
  tryAt(10_000, (file) => file.sync());
  tryAt(10_000, () => next.push(world.nowUs));
  tryAt(50_000, (file) => file.sync());
  tryAt(50_000, () => next.push(world.nowUs));
  world.runUntil(100_000);
  expect(next).toEqual([15_000, 51_000]);
});

it("disk-stall: the lane and what it does afterwards wait until the disk works again", () => {
  for (const healAtUs of [70_000, null]) {
    const { world, tryAt } = disks([
      { id: "s", kind: "disk-stall", target: node, at: 9000, for: 90_000 },
    ]);
    const log: string[] = [];
    const note = (what: string) => () => log.push(`${world.nowUs} ${what}`);
    tryAt(10_000, (file, { work }) => {
      file.append(new TextChunk("x"));
      work.later("elsewhere", "after", note("after"));
    });
    tryAt(20_000, note("next of the lane"));
    world.schedule(20_000, "n", "elsewhere", "other lane", note("other lane"));
    if (healAtUs !== null) world.at(healAtUs, () => world.heal());
    world.runUntil(500_000);
    const end = healAtUs ?? 99_000;
    expect(log).toEqual(["20000 other lane", `${end} next of the lane`, `${end + 1} after`]);
  }
});

it("disk-stall: nothing comes of what waited if the process dies meanwhile", () => {
  const { world, tryAt } = disks([
    { id: "s", kind: "disk-stall", target: node, at: 9000, for: 90_000 },
    { id: "k", kind: "kill", target: node, at: 30_000, for: 1000 },
  ]);
  const log: string[] = [];
  tryAt(10_000, (file, { work }) => {
    file.sync();
    work.later("elsewhere", "after", () => log.push("after"));
  });
  world.runUntil(500_000);
  expect(log).toEqual([]);
  expect(world.node("n").incarnation).toBe(2);
});

it("lost-sync: the program is told that it is durable, and it is not", () => {
  const { world, damage, tryAt } = disks([
    { id: "l", kind: "lost-sync", target: node, at: 9000, for: 2000 },
    { id: "p", kind: "power-loss", target: node, at: 20_000, keep: 0 },
  ]);
  const sync = tryAt(10_000, (file) => {
    file.append(new TextChunk("lost"));
    file.sync();
  });
  world.runUntil(15_000);
  const { disk } = world.node("n");
  expect(sync.code).toBe("");
  expect(damage).toEqual(["n lost-sync log 4-8"]);
  expect(disk.damage("log")).toEqual([{ how: "lost-sync", from: 4, to: 8 }]);
  expect([textOf(disk.durable("log")), text(world)]).toEqual(["own ", "own lost"]);
  world.runUntil(30_000);
  expect(text(world)).toBe("own ");
});

it("lost-sync: of a directory, its names are less durable than was claimed, until it is synced", () => {
  const { world, damage, tryAt } = disks([
    { id: "l1", kind: "lost-sync", target: node, at: 9000, for: 2000 },
    { id: "l2", kind: "lost-sync", target: node, at: 29_000, for: 2000 },
    { id: "p", kind: "power-loss", target: node, at: 40_000 },
  ]);
  const make = (name: string) => (_file: FilePort, ports: NodePorts) => {
    ports.storage.makeDirectory(name);
    ports.storage.open(`${name}/file`, true);
    ports.storage.syncDirectory(name);
  };
  tryAt(10_000, make("early"));
  tryAt(20_000, (_file, ports) => ports.storage.syncDirectory("early"));
  tryAt(30_000, make("late"));
  // There is nothing to lose.
  tryAt(30_500, (_file, ports) => ports.storage.syncDirectory("early"));
  world.runUntil(15_000);
  const { disk } = world.node("n");
  expect(damage).toEqual(["n lost-sync early 0-0"]);
  expect(disk.damagedDirectories()).toEqual(["early"]);
  world.runUntil(35_000);
  expect(damage).toEqual(["n lost-sync early 0-0", "n lost-sync late 0-0"]);
  expect(disk.damagedDirectories()).toEqual(["late"]);
  world.runUntil(50_000);
  expect(disk.damagedDirectories()).toEqual([]);
});

it("bit-rot: whoever may refuse it knows the byte", () => {
  const places: unknown[] = [];
  const { world, damage } = disks(
    [
      { id: "r1", kind: "bit-rot", target: node, at: 10_000, path: "log", position: 2 },
      { id: "r2", kind: "bit-rot", target: { node: "m" }, at: 12_000 },
      { id: "r3", kind: "bit-rot", target: node, at: 14_000, path: "elsewhere" },
    ],
    {
      mayStrike: (_fault, targets) => {
        places.push(targets.rot ?? null);
        return true;
      },
    },
  );
  world.runUntil(50_000);
  const struck = world
    .faultOutcomes()
    .map(({ detail: { path, position } }) => ({ path, position }));
  expect(places).toEqual([struck[0], struck[1], null]);
  expect(damage).toHaveLength(2);
});

it("bit-rot: one bit of one file is another, where the fault says or by draw", () => {
  const { world, damage } = disks([
    { id: "r1", kind: "bit-rot", target: node, at: 10_000, path: "log", position: 2 },
    { id: "r2", kind: "bit-rot", target: node, at: 11_000, path: "elsewhere" },
    { id: "r3", kind: "bit-rot", target: { node: "m" }, at: 12_000 },
  ]);
  world.runUntil(50_000);
  expect(damage[0]).toBe("n bit-rot log 2-3");
  expect(damage[1]).toMatch(/^m bit-rot log \d-\d$/);
  const [first, second, third] = world.faultOutcomes();
  expect([first!.result, second!.result, third!.result]).toEqual(["struck", "no-op", "struck"]);
  const { bit } = first!.detail as { bit: number };
  expect(text(world).charCodeAt(2)).toBe("n".charCodeAt(0) ^ (1 << bit));
  expect(third!.detail["path"]).toBe("log");
});

it("restart: with the same disk, an empty one, or a copy of another node's", () => {
  const booted: string[] = [];
  const { world } = disks([
    { id: "r1", kind: "restart", target: node, at: 10_000, for: 1000 },
    { id: "r2", kind: "restart", target: node, at: 20_000, for: 1000, disk: "of", of: "m" },
    { id: "r3", kind: "kill", target: node, at: 30_000 },
    { id: "r4", kind: "restart", target: { node: "m" }, at: 40_000, disk: "empty" },
  ]);
  world.listen({
    booted: (id, disk) => {
      const files = world.node(id).disk.files().join();
      booted.push(`${world.nowUs} ${id} ${disk} ${files === "" ? "nothing" : text(world)}`);
    },
  });
  world.runUntil(35_000);
  expect(booted.slice(2)).toEqual(["11000 n same own ", "21000 n foreign other"]);
  world.heal({ restart: true });
  world.runUntil(200_000);
  expect(booted.slice(4)).toEqual(["35000 n same own ", "140000 m empty nothing"]);
});

it("restart: of a node that is down starts it at once, and on a host without power too", () => {
  const { world } = disks([
    { id: "p", kind: "power-loss", target: node, at: 10_000, for: 5_000_000 },
    { id: "k", kind: "kill", target: node, at: 11_000 },
    { id: "r", kind: "restart", target: node, at: 20_000 },
    { id: "k2", kind: "kill", target: node, at: 30_000 },
  ]);
  world.runUntil(20_000);
  expect(world.node("n").alive).toBe(true);
  expect(world.node("n").powered).toBe(true);
  // The second kill says that it stays down; the boot planned by the power loss is off.
  world.runUntil(9_000_000);
  expect(world.node("n").alive).toBe(false);
  expect(world.faultCounts().kill).toEqual({ struck: 1, noOp: 1, refused: 0, waiting: 0 });
});

it("strikes whoever plays the role when the time has come, and nobody if nobody does", () => {
  let leader: string | null = null;
  const roles = { leader: (of: string | undefined) => (of === "p0" ? leader : null) };
  const target = { role: "leader", of: "p0" } as const;
  const { world } = disks(
    [
      { id: "k1", kind: "kill", target, at: 10_000 },
      { id: "k2", kind: "kill", target, at: 20_000 },
      { id: "k3", kind: "kill", target: { role: "leader", of: "p1" }, at: 30_000 },
      { id: "b", kind: "block", target: { link: [target, "n"] }, at: 40_000 },
    ],
    { vocabulary: { events: {}, roles } },
  );
  world.at(15_000, () => {
    leader = "m";
  });
  world.runUntil(50_000);
  expect(world.faultOutcomes().map(({ result, nodes }) => [result, ...nodes])).toEqual([
    ["no-op"],
    ["struck", "m"],
    ["no-op"],
    ["struck"],
  ]);
  expect(world.faultOutcomes()[3]!.links).toEqual([["m", "n"]]);
});

it("asks whether a fault may strike, and counts a refusal", () => {
  const asked: string[] = [];
  const { world } = disks(
    [
      { id: "a", kind: "kill", target: node, at: 10_000 },
      { id: "b", kind: "pause", target: node, at: 20_000 },
    ],
    {
      mayStrike: (fault, targets) => {
        asked.push(`${fault.id} ${targets.nodes.join()}`);
        return fault.kind !== "kill";
      },
    },
  );
  world.runUntil(50_000);
  expect(asked).toEqual(["a n", "b n"]);
  expect(world.faultCounts().kill.refused).toBe(1);
  expect(world.node("n").paused).toBe(true);
  expect(world.standingFaults().map(({ fault }) => fault.id)).toEqual(["b"]);
});

it("heals everything, or what hits none but the given nodes", () => {
  const { world } = disks([
    { id: "a", kind: "block", target: { link: ["n", "m"] }, at: 1000 },
    { id: "b", kind: "disk-full", target: node, at: 1000 },
    { id: "c", kind: "disk-full", target: { node: "m" }, at: 1000 },
    { id: "d", kind: "block", target: { link: ["n", "*"] }, at: 1000 },
  ]);
  const left = (): string =>
    world
      .standingFaults()
      .map(({ fault }) => fault.id)
      .join("");
  world.runUntil(2000);
  expect(left()).toBe("abcd");
  world.heal({ nodes: ["n"] });
  expect(left()).toBe("ac");
  world.heal({ nodes: ["n", "m"] });
  expect(left()).toBe("");
});

it("ends standing faults after their time and tells of it", () => {
  const told: string[] = [];
  const { world } = disks([{ id: "z", kind: "pause", target: node, at: 10_000, for: 5000 }]);
  world.listen({
    faultStruck: ({ fault }) => told.push(`${world.nowUs} ${fault.id}`),
    faultEnded: (fault) => told.push(`${world.nowUs} ${fault.id} ended`),
  });
  world.runUntil(100_000);
  expect(told).toEqual(["10000 z", "15000 z ended"]);
});

it("knows every kind of fault", () => {
  const counts = disks([]).world.faultCounts();
  expect(Object.keys(counts)).toEqual([...faultKinds] satisfies FaultKind[]);
});
