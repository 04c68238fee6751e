import { expect, it } from "vitest";
import type { Fault } from "./faults/fault.ts";
import { addHost, pair, smallWorld, TextChunk, textOf } from "./testing/small-world.ts";
import type { NodePorts } from "./ports.ts";
import { ProcessEnded } from "./ports.ts";
import type { World, WorldOptions } from "./world.ts";

const costs = { appendUs: 10, readUs: 1, nameUs: 5, syncUs: 1000, syncSpreadUs: 0 };

/** One node `n` in a world with known costs. */
function one(
  boot: (ports: NodePorts, world: World) => void,
  faults: readonly Fault[] = [],
  options: Partial<WorldOptions> = {},
): { world: World; host: { ports: NodePorts }; notes: string[] } {
  const world = smallWorld({ diskCosts: costs, ...options });
  const notes: string[] = [];
  world.listen({
    booted: (node, disk) => notes.push(`${world.nowUs} ${node} booted ${disk}`),
    ended: (node, cause, reason) => notes.push(`${world.nowUs} ${node} ${cause} ${reason}`.trim()),
    paused: (node) => notes.push(`${world.nowUs} ${node} paused`),
    resumed: (node) => notes.push(`${world.nowUs} ${node} resumed`),
  });
  const host = addHost(world, "n", (ports) => boot(ports, world));
  world.loadFaults(faults);
  return { world, host, notes };
}

it("handles the inputs of a lane one after the other while its storage calls take time", () => {
  const log: string[] = [];
  const { world } = one((ports, { nowUs }) => {
    expect(nowUs).toBe(0);
    const file = ports.storage.open("f", true);
    for (const lane of ["x", "x", "y"]) {
      ports.work.later(lane, "step", () => {
        log.push(`${world.nowUs} ${lane}`);
        if (lane === "x") file.sync();
      });
    }
  });
  world.runUntil(100_000);
  // Opening took 5 us; the second step of x waits for the first one's sync, y does not.
  expect(log).toEqual(["6 x", "6 y", "1006 x"]);
});

it("sends frames and queues steps no earlier than the storage calls before them are done", () => {
  const { world, server, connection, host } = pair([], { diskCosts: costs });
  const log: number[] = [];
  world.schedule(10_000, "a", "main", "slow", () => {
    const file = host.ports.storage.open("f", true);
    file.append(new TextChunk("abc"));
    file.sync();
    connection().send("late", 1);
    host.ports.work.later("other", "after", () => log.push(world.nowUs));
  });
  world.runUntil(20_000);
  const doneUs = 10_000 + 5 + 10 + 1000;
  expect(log).toEqual([doneUs + 1]);
  expect(server.log).toEqual([`${doneUs + 1000} got late`]);
});

it("sends frames and queues steps no earlier than the storage calls before them are done", () => {
  const { world, server, connection } = pair([], { diskCosts: costs });
  world.schedule(5000, "a", "main", "send", () => connection().send("at once", 1));
  world.runUntil(5500);
  const storage: { ports: NodePorts | null } = { ports: null };
  const host = addHost(world, "c", (ports) => {
    storage.ports = ports;
  });
  world.runUntil(6000);
  expect(host.ports).toBe(storage.ports);
  const log: number[] = [];
  world.schedule(10_000, "c", "main", "slow", () => {
    const file = host.ports.storage.open("f", true);
    file.append(new TextChunk("abc"));
    file.sync();
    host.ports.work.later("other", "after", () => log.push(world.nowUs));
  });
  world.runUntil(20_000);
  expect(log).toEqual([10_000 + 5 + 10 + 1000 + 1]);
  expect(server.log).toEqual(["6000 got at once"]);
});

it("fires timers once for each set, never after a cancel, and late after a pause", () => {
  const log: string[] = [];
  const { world } = one(
    (ports) => {
      const note = (name: string) => () => log.push(`${world.nowUs} ${name}`);
      const a = ports.timers.timer("main", "a", note("a"));
      const b = ports.timers.timer("main", "b", note("b"));
      const c = ports.timers.timer("main", "c", note("c"));
      a.set(10);
      a.set(20);
      b.set(15);
      c.set(50);
      ports.timers.timer("main", "canceller", () => b.cancel()).set(12);
      expect([a.armed, b.armed]).toEqual([true, true]);
    },
    [{ id: "z", kind: "pause", target: { node: "n" }, at: 40_000, for: 60_000 }],
  );
  world.runUntil(1_000_000);
  expect(log).toEqual(["20000 a", "100000 c"]);
});

it("does not fire a timer that was cancelled, or set anew, while it waited for its lane", () => {
  const log: string[] = [];
  const { world } = one((ports) => {
    const file = ports.storage.open("f", true);
    const a = ports.timers.timer("busy", "a", () => log.push(`${world.nowUs} a`));
    const b = ports.timers.timer("busy", "b", () => log.push(`${world.nowUs} b`));
    a.set(2);
    b.set(2);
    ports.timers.timer("busy", "block", () => file.sync()).set(1.5);
    ports.timers
      .timer("other", "meddle", () => {
        a.cancel();
        b.set(5);
      })
      .set(2.2);
  });
  world.runUntil(100_000);
  expect(log).toEqual(["7200 b"]);
});

it("fires timers by the node's own clock, also when its rate changes meanwhile", () => {
  const log: number[] = [];
  const { world } = one(
    (ports) => {
      ports.timers
        .timer("main", "t", () => {
          log.push(world.nowUs, ports.clock.monotonicMs());
        })
        .set(100);
    },
    [{ id: "d", kind: "clock-drift", target: { node: "n" }, at: 50_000, ppm: 250_000 }],
  );
  world.runUntil(1_000_000);
  expect(log).toEqual([90_000, 100]);
});

it("sets a wall clock off for a time, and lets it jump for good", () => {
  const { world, host } = one(
    () => undefined,
    [
      {
        id: "o",
        kind: "clock-offset",
        target: { node: "n" },
        at: 10_000,
        for: 10_000,
        offsetMs: 500,
      },
      { id: "s", kind: "clock-step", target: { node: "n" }, at: 30_000, stepMs: -70 },
    ],
  );
  const seen: number[] = [];
  for (const atUs of [5000, 15_000, 25_000, 35_000]) {
    world.runUntil(atUs);
    seen.push(host.ports.clock.wallMs() - 1_767_225_600_000, host.ports.clock.monotonicMs());
  }
  expect(seen).toEqual([5, 5, 515, 15, 25, 25, -35, 35]);
});

it("keeps what comes during a pause, and handles it afterwards in order", () => {
  const log: string[] = [];
  const { world, notes } = one(
    () => undefined,
    [{ id: "z", kind: "pause", target: { node: "n" }, at: 1000, for: 9000 }],
  );
  for (const name of ["1", "2", "3"]) {
    world.schedule(2000, "n", "main", name, () => log.push(`${world.nowUs} ${name}`));
  }
  world.runUntil(50_000);
  expect(log).toEqual(["10000 1", "10000 2", "10000 3"]);
  expect(notes.slice(1)).toEqual(["1000 n paused", "10000 n resumed"]);
});

it("drops what comes while a node is down, and forgets its lanes and timers", () => {
  const log: string[] = [];
  const { world, notes } = one(
    (ports) => ports.timers.timer("main", "t", () => log.push("old timer")).set(4),
    [
      { id: "z", kind: "pause", target: { node: "n" }, at: 1000 },
      { id: "k", kind: "kill", target: { node: "n" }, at: 3000, for: 500 },
    ],
  );
  world.schedule(2000, "n", "main", "waits", () => log.push("waited"));
  world.schedule(
    3200,
    "n",
    "main",
    "lost",
    () => log.push("ran"),
    () => log.push("dropped"),
  );
  world.runUntil(3600);
  expect(log).toEqual(["dropped"]);
  expect(notes.slice(2)).toEqual(["3000 n kill", "3500 n booted same"]);
  expect(world.node("n").incarnation).toBe(2);
  world.runUntil(20_000);
  expect(log).toEqual(["dropped", "old timer"]);
});

/** Appends and syncs letters, one a millisecond, and tells of each. */
function letters(world: World): (ports: NodePorts) => void {
  return (ports) => {
    const file = ports.storage.open("f", true);
    ports.storage.syncDirectory("/");
    let next = 0;
    const timer = ports.timers.timer("main", "write", () => {
      file.append(new TextChunk("abcdefghij"[next]!));
      file.sync();
      world.occurred("n", "written", { letter: next });
      if (++next < 10) timer.set(10);
    });
    timer.set(10);
  };
}

it("dies just before or just after the n-th changing call, and at no other place", () => {
  const contents: string[] = [];
  for (const edge of ["before", "after"] as const) {
    for (let call = 1; call <= 4; call++) {
      const world = smallWorld({ diskCosts: costs });
      addHost(world, "n", letters(world));
      world.loadFaults([
        { id: "p", kind: "power-loss", target: { node: "n" }, at: 15_000, call, edge, keep: 0 },
      ]);
      world.runUntil(1_000_000);
      contents.push(textOf(world.node("n").disk.content("f")));
      expect(world.node("n").powered).toBe(false);
      expect(world.faultCounts()["power-loss"].struck).toBe(1);
    }
  }
  // Of the calls append b, sync b, append c, sync c.
  expect(contents).toEqual(["a", "a", "ab", "ab", "a", "ab", "ab", "abc"]);
});

it("throws out of the call, and out of every later call of that incarnation", () => {
  const caught: unknown[] = [];
  const world = smallWorld();
  addHost(world, "n", (ports) => {
    const file = ports.storage.open("f", true);
    world.schedule(10_000, "n", "main", "write", () => {
      for (const call of [
        () => file.append(new TextChunk("x")),
        () => file.sync(),
        () => ports.storage.list("/"),
        () => ports.storage.rename("f", "g"),
        () => ports.work.later("main", "l", () => undefined),
        () => ports.transport.connect("main", "n", "c", { received() {}, closed() {} }),
        () => ports.timers.timer("main", "t", () => undefined).set(1),
        () => ports.host.exit("never"),
      ]) {
        try {
          call();
        } catch (error) {
          caught.push(error);
        }
      }
    });
  });
  world.loadFaults([{ id: "k", kind: "kill", target: { node: "n" }, at: 5000, call: 1 }]);
  world.runUntil(20_000);
  expect(caught.length).toBe(8);
  expect(caught.every((error) => error instanceof ProcessEnded && error.incarnation === 1)).toBe(
    true,
  );
  expect(world.node("n").disk.size("f")).toBe(0);
});

it("strikes when an event has occurred so often: before it, or after the handler", () => {
  const at = (edge: "before" | "after"): [string, number] => {
    const world = smallWorld({
      diskCosts: costs,
      vocabulary: { events: { written: ["letter"] }, roles: {} },
    });
    let ends = 0;
    addHost(world, "n", letters(world));
    world.loadFaults([
      { id: "k", kind: "kill", target: { node: "n" }, when: { event: "written", nth: 3, edge } },
      {
        id: "never",
        kind: "kill",
        target: { node: "n" },
        when: { event: "written", where: { letter: 11 } },
      },
    ]);
    world.listen({ ended: () => ends++ });
    expect(world.wants("written")).toBe(true);
    world.runUntil(1_000_000);
    expect(world.faultOutcomes().map(({ result }) => result)).toEqual(["struck", "waiting"]);
    world.heal();
    expect(world.wants("written")).toBe(false);
    expect(world.faultOutcomes().map(({ result }) => result)).toEqual(["struck", "no-op"]);
    return [textOf(world.node("n").disk.content("f")), ends];
  };
  expect(at("before")).toEqual(["abc", 1]);
  expect(at("after")).toEqual(["abc", 1]);
});

it("lets what a handler sent leave if the process dies after it, but not if it dies before", () => {
  for (const [edge, heard] of [
    ["before", []],
    ["after", ["news"]],
  ] as const) {
    const { world, server, connection } = pair(
      [{ id: "k", kind: "kill", target: { node: "a" }, when: { event: "spoken", edge } }],
      { vocabulary: { events: { spoken: [] }, roles: {} } },
    );
    world.schedule(5000, "a", "main", "speak", () => {
      world.occurred("a", "spoken", {});
      connection().send("news", 1);
    });
    world.runUntil(100_000);
    expect(server.log.flatMap((line) => / got (.*)$/.exec(line)?.[1] ?? [])).toEqual(heard);
    expect(world.node("a").alive).toBe(false);
  }
});

it("ends by its own exit, with a reason, and by the terminate signal", () => {
  const stopped: string[] = [];
  const world = smallWorld();
  world.listen({ ended: (node, cause, reason) => stopped.push(`${node} ${cause}: ${reason}`) });
  addHost(world, "n", (ports) => ({
    terminate: () => {
      ports.timers.timer("main", "bye", () => ports.host.exit("done")).set(20);
    },
  }));
  addHost(world, "m");
  world.loadFaults([
    { id: "s1", kind: "stop", target: { node: "n" }, at: 1000, for: 5000 },
    { id: "s2", kind: "stop", target: { node: "m" }, at: 1000 },
  ]);
  world.runUntil(15_000);
  expect(stopped).toEqual(["m exit: terminated"]);
  // It is slower than the fault allows for: it is started as soon as it has ended.
  world.runUntil(30_000);
  expect(stopped[1]).toBe("n exit: done");
  expect([world.node("n").incarnation, world.node("n").alive]).toEqual([2, true]);
  expect(world.node("m").alive).toBe(false);
  world.heal({ restart: true });
  world.runUntil(40_000);
  expect(world.node("m").alive).toBe(true);
});

it("lets errors of programs out, with the node that made them", () => {
  const { world } = one(() => {
    throw new Error("broken program");
  });
  expect(() => world.runUntil(1000)).toThrow("broken program");
  expect(world.runningNode).toBe("n");
});
