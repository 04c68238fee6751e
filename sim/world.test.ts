import { expect, it } from "vitest";
import { parseFaults } from "./faults/parse.ts";
import type { Fault } from "./faults/fault.ts";
import type { TraceEvent } from "./kernel.ts";
import { SeededStream } from "./random.ts";
import { counterCluster, counterNodes, logOf, runCounter } from "./testing/counter-cluster.ts";
import type { CounterCluster, CounterOptions } from "./testing/counter-cluster.ts";
import { drawCounterFaults } from "./testing/counter-faults.ts";

const digest = (options: CounterOptions): string => runCounter(options).world.hash.digest();

const vocabulary = { events: { appended: ["op"], acked: ["op"] }, roles: { follower: true } };

it("keeps each answered operation of the counter on all nodes, under every kind of fault", () => {
  const struck: Record<string, number> = {};
  for (let i = 0; i < 80; i++) {
    const faults = drawCounterFaults(`faults ${i}`, 8, true);
    parseFaults(faults, { nodes: counterNodes, vocabulary });
    const { world, acked } = runCounter({ seed: `run ${i}`, faults });
    const logs = ["n1", "n2", "n3"].map((node) => logOf(world, node));
    expect(logs[1], `run ${i}`).toEqual(logs[0]);
    expect(logs[2], `run ${i}`).toEqual(logs[0]);
    expect(acked.size, `run ${i}`).toBe(100);
    expect(new Set(logs[0]).size, `run ${i}`).toBe(logs[0]!.length);
    for (const op of acked) expect(logs[0]).toContain(op);
    for (const [kind, count] of Object.entries(world.faultCounts())) {
      struck[kind] = (struck[kind] ?? 0) + count.struck;
    }
  }
  const unproven = Object.entries(struck).filter(([, count]) => count === 0);
  // Those that lose synced bytes or lie about them have tests of their own.
  expect(unproven.map(([kind]) => kind)).toEqual([
    "disk-full",
    "disk-error",
    "lost-sync",
    "bit-rot",
  ]);
});

it("does the same again: alone, after other runs, traced, with listeners and cloned frames", () => {
  for (let i = 0; i < 8; i++) {
    const faults = drawCounterFaults(`again ${i}`, 8, true);
    const options: CounterOptions = { seed: `s${i}`, faults };
    const first = digest(options);
    runCounter({ seed: "another", faults });
    expect(digest(options)).toBe(first);
    const cloneFrame = (frame: unknown): unknown => structuredClone(frame);
    expect(digest({ ...options, world: { cloneFrame } })).toBe(first);
    expect(digest({ ...options, seed: `t${i}` })).not.toBe(first);
  }
});

/** Stored for good: another hash means that the world does something else than it did. */
const golden: readonly (readonly [string, CounterOptions, string])[] = [
  ["calm", { seed: "1", latency: { model: "constant" } }, "6e6317573fd45641"],
  ["heavy tail", { seed: "2", faults: drawCounterFaults("2", 10, false) }, "68aab5c3d7953216"],
  [
    "triggers and shuffled ties",
    {
      seed: "3",
      faults: drawCounterFaults("3", 12, true),
      latency: { model: "uniform" },
      world: { shuffleTies: true },
    },
    "8e7e7cb665fedf33",
  ],
  [
    "personality",
    { seed: "4", faults: drawCounterFaults("4", 8, true), latency: { model: "personality" } },
    "06de5b7f7097ffa2",
  ],
  [
    "change points",
    { seed: "5", faults: drawCounterFaults("5", 8, true), latency: { model: "change-points" } },
    "d4f3008ae4200d45",
  ],
];

it.each(golden)("does what it always did: %s", (_name, options, hash) => {
  expect(digest(options)).toBe(hash);
});

it("is not changed by who looks on", () => {
  const faults = drawCounterFaults("looked at", 8, true);
  const plain = runCounter({ seed: "x", faults });
  const watched = counterCluster({ seed: "x", faults });
  const events: TraceEvent[] = [];
  let frames = 0;
  watched.world.onEvent = (event) => events.push(event);
  watched.world.listen({ frameDelivered: () => frames++ });
  for (let ms = 1; ms <= 8000; ms++) {
    watched.world.runUntil(ms * 1000);
    watched.world.node("n1").disk.files();
  }
  watched.world.heal({ restart: true });
  watched.world.runUntil(20_000_000);
  expect(watched.world.hash.digest()).toBe(plain.world.hash.digest());
  expect(frames).toBe(plain.world.frames);
  expect(events.length).toBeGreaterThanOrEqual(plain.world.events);
  expect(events.every((event, i) => i === 0 || events[i - 1]!.atUs <= event.atUs)).toBe(true);
});

it("shuffles only what falls on one microsecond, and keeps lanes and connections in order", () => {
  const faults = drawCounterFaults("ties", 6, false);
  const seen = new Set<string>();
  for (const seed of ["a", "b", "c"]) {
    for (const shuffleTies of [true, false]) {
      const { world, acked } = runCounter({
        seed,
        faults,
        latency: { model: "constant" },
        world: { shuffleTies, pace: { minUs: 0, spreadUs: 0, tailDoublings: 0 } },
      });
      expect(acked.size).toBe(100);
      expect(logOf(world, "n2")).toEqual(logOf(world, "n1"));
      seen.add(world.hash.digest());
    }
  }
  expect(seen.size).toBe(6);
});

it("says why a run came back", () => {
  const { world, acked } = counterCluster({ seed: "ends", world: { maxEvents: 300 } });
  expect(world.runUntil(1_000_000)).toBe("time");
  expect(world.nowUs).toBe(1_000_000);
  expect(world.runUntil(2_000_000, () => acked.size >= 25)).toBe("stopped");
  expect(acked.size).toBe(25);
  expect(world.runUntil(9_000_000)).toBe("budget");
  const calm = counterCluster({ seed: "ends" }).world;
  expect(calm.runUntil(Infinity)).toBe("idle");
  expect(calm.queued).toBe(0);
});

it("calls its owner at times and at intervals", () => {
  const { world } = counterCluster({ seed: "owner" });
  const calls: number[] = [];
  world.every(400_000, () => calls.push(world.nowUs));
  world.at(500_000, () => calls.push(world.nowUs));
  world.runUntil(1_000_000);
  expect(calls).toEqual([400_000, 500_000, 800_000]);
});

/** The frames of a run: two are the same if link, channel, send time and size are equal. */
function framesOf(options: CounterOptions): string[] {
  const cluster: CounterCluster = counterCluster(options);
  const frames: string[] = [];
  cluster.world.listen({
    frameDelivered: (_connection, from, to, channel, _frame, size, sentAtUs) => {
      frames.push(`${from} ${to} ${channel} ${size} ${sentAtUs}`);
    },
  });
  cluster.world.runUntil(8_000_000);
  return frames;
}

/** Per cent of the first run's frames that the second one has too. */
function survivors(before: readonly string[], after: readonly string[]): number {
  const left = new Map<string, number>();
  for (const frame of after) left.set(frame, (left.get(frame) ?? 0) + 1);
  let kept = 0;
  for (const frame of before) {
    const count = left.get(frame) ?? 0;
    if (count === 0) continue;
    left.set(frame, count - 1);
    kept++;
  }
  return (100 * kept) / before.length;
}

it("leaves at least nine of ten frames as they were when one operation is left out", () => {
  for (const [triggers, least] of [
    [false, 90],
    [true, 75],
  ] as const) {
    const shares: number[] = [];
    for (let plan = 0; plan < 20; plan++) {
      const stream = new SeededStream(`deletions ${plan} ${triggers}`);
      const faults: Fault[] = drawCounterFaults(`plan ${plan}`, 6, triggers);
      const options: CounterOptions = { seed: `p${plan}`, faults };
      const before = framesOf(options);
      for (let i = 0; i < 5; i++) {
        const without = [stream.between(1, 100)];
        shares.push(survivors(before, framesOf({ ...options, without })));
      }
    }
    shares.sort((a, b) => a - b);
    expect(shares[Math.floor(shares.length / 2)]).toBeGreaterThanOrEqual(least);
  }
});
