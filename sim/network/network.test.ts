import fc from "fast-check";
import { expect, it } from "vitest";
import type { Fault } from "../faults/fault.ts";
import type { ConnectionPort } from "../ports.ts";
import { addHost, pair, Recorder, smallWorld, TextChunk } from "../testing/small-world.ts";

const there = { link: ["a", "b"] } as const;
const back = { link: ["b", "a"] } as const;

it("takes a round trip to connect, and delivers frames in order, once", () => {
  const { world, client, server, sendAt } = pair();
  sendAt(5000, "x");
  sendAt(5000, "y");
  world.runUntil(20_000);
  expect(client.log).toEqual(["3000 opened", "7000 got re:x", "7000 got re:y"]);
  expect(server.log).toEqual(["6000 got x", "6000 got y"]);
});

it("answers for a process that is dead with a reset, and refuses new connections to it", () => {
  const { world, client, sendAt } = pair([
    { id: "k", kind: "kill", target: { node: "b" }, at: 4000 },
  ]);
  sendAt(4500, "x");
  world.runUntil(10_000);
  expect(client.log).toEqual(["3000 opened", "5000 reset"]);
  const again = pair([{ id: "k", kind: "kill", target: { node: "b" }, at: 500 }]);
  again.world.runUntil(10_000);
  expect(again.client.log).toEqual(["3000 refused"]);
});

it("is silent for a host without power, until TCP gives up", () => {
  const { world, client, sendAt } = pair(
    [{ id: "p", kind: "power-loss", target: { node: "b" }, at: 4000 }],
    { tcpTimeoutUs: 1_000_000 },
  );
  sendAt(5000, "x");
  world.runUntil(1_005_999);
  expect(client.log).toEqual(["3000 opened"]);
  world.runUntil(2_000_000);
  expect(client.log).toEqual(["3000 opened", "1006000 timeout"]);
});

it("says that a connection is unknown once the host is back", () => {
  const { world, client, sendAt } = pair([
    { id: "p", kind: "power-loss", target: { node: "b" }, at: 4000, for: 100_000 },
  ]);
  sendAt(5000, "x");
  world.runUntil(2_000_000);
  // Held since 6000, sent again at 104000 when the power is back, answered with a reset.
  expect(client.log).toEqual(["3000 opened", "106000 reset"]);
});

it("holds frames during a block of one direction and delivers them in order after it", () => {
  const { world, client, server, sendAt } = pair([
    { id: "b", kind: "block", target: there, at: 4000, for: 100_000 },
  ]);
  for (const [atUs, frame] of [
    [5000, "1"],
    [6000, "2"],
    [103_500, "3"],
    [104_100, "4"],
  ] as const) {
    sendAt(atUs, frame);
  }
  world.runUntil(50_000);
  expect(server.log).toEqual([]);
  world.runUntil(1_000_000);
  expect(server.log.map((line) => line.split(" ")[2])).toEqual(["1", "2", "3", "4"]);
  expect(client.log.slice(1).map((line) => line.split(" ")[2])).toEqual([
    "re:1",
    "re:2",
    "re:3",
    "re:4",
  ]);
});

it("lets a blocked answer's request take effect", () => {
  const { world, client, server, sendAt } = pair([
    { id: "b", kind: "block", target: back, at: 4000 },
  ]);
  sendAt(5000, "x");
  world.runUntil(500_000);
  expect(server.log).toEqual(["6000 got x"]);
  expect(client.log).toEqual(["3000 opened"]);
  expect(world.isBlocked("b", "a")).toBe(true);
  expect(world.isBlocked("a", "b")).toBe(false);
  world.heal();
  world.runUntil(1_000_000);
  expect(client.log).toEqual(["3000 opened", "501000 got re:x"]);
});

it("breaks a connection that is blocked for longer than TCP tries, each side on its own", () => {
  const { world, client, server, sendAt } = pair(
    [{ id: "b", kind: "block", target: { ...there, both: true }, at: 4000 }],
    { tcpTimeoutUs: 1_000_000 },
  );
  sendAt(5000, "x");
  world.runUntil(3_000_000);
  expect(client.log).toEqual(["3000 opened", "1006000 timeout"]);
  expect(server.log).toEqual([]);
  // The server still believes in the connection; the other host does not know it any more.
  world.heal();
  world.schedule(3_100_000, "b", "network", "talk", () => server.received("self"));
  world.runUntil(4_000_000);
  expect(server.log.slice(1)).toEqual(["3102000 reset"]);
});

it("delivers what an old connection held, after its owner has closed it and connected anew", () => {
  const { world, server, connection, sendAt } = pair([
    { id: "b", kind: "block", target: there, at: 4000, for: 500_000 },
  ]);
  sendAt(5000, "old");
  world.schedule(100_000, "a", "main", "close", () => connection().close());
  world.runUntil(1_000_000);
  expect(server.log).toEqual(["505000 got old", "505000 closed"]);
});

it("loses what a killed process had sent into a block", () => {
  const { world, server, sendAt } = pair([
    { id: "b", kind: "block", target: there, at: 4000, for: 500_000 },
    { id: "k", kind: "kill", target: { node: "a" }, at: 5500 },
  ]);
  sendAt(5000, "x");
  sendAt(5400, "y");
  world.runUntil(2_000_000);
  expect(server.log).toEqual([]);
  expect(world.frameCensus()).toEqual({ sent: 2, taken: 0, lost: 2, underWay: 0 });
});

it("asks again for a connection whose answer was lost in a block with the process that gave it", () => {
  const { world, client } = pair([
    { id: "b", kind: "block", target: back, at: 500, for: 900_000 },
    { id: "k", kind: "kill", target: { node: "b" }, at: 100_000, for: 50_000 },
  ]);
  world.runUntil(3_000_000);
  // Asked at 1000, accepted at 2000 and lost at 100000; asked again a second later.
  expect(client.log).toEqual(["1102000 opened"]);
});

it("loses a request: the connection is reset and nothing is delivered", () => {
  const { world, client, server, sendAt } = pair([
    { id: "l", kind: "lose-request", target: there, at: 4000 },
  ]);
  sendAt(5000, "x");
  world.runUntil(100_000);
  expect(server.log).toEqual(["6000 reset"]);
  expect(client.log).toEqual(["3000 opened", "7000 reset"]);
});

it("loses a response: the request takes effect, then the connection is reset", () => {
  const { world, client, server, sendAt } = pair([
    { id: "l", kind: "lose-response", target: back, at: 4000 },
  ]);
  sendAt(5000, "x");
  world.runUntil(100_000);
  expect(server.log).toEqual(["6000 got x", "8000 reset"]);
  expect(client.log).toEqual(["3000 opened", "7000 reset"]);
});

it("does not take a response for a request", () => {
  const { world, client, sendAt } = pair([
    { id: "l", kind: "lose-request", target: back, at: 4000, for: 50_000 },
  ]);
  sendAt(5000, "x");
  world.runUntil(100_000);
  expect(client.log).toEqual(["3000 opened", "7000 got re:x"]);
  expect(world.faultCounts()["lose-request"]).toEqual({
    struck: 0,
    noOp: 1,
    refused: 0,
    waiting: 0,
  });
});

it("delays each frame of a link, and keeps their order when the delay ends", () => {
  const { world, server, sendAt } = pair([
    { id: "d", kind: "delay", target: there, at: 4000, for: 2000, us: 50_000 },
  ]);
  sendAt(5000, "slow");
  sendAt(7000, "behind");
  world.runUntil(200_000);
  expect(server.log).toEqual(["56000 got slow", "56000 got behind"]);
});

it("limits what a host sends to the rate of its card", () => {
  const { world, server, sendAt } = pair([
    { id: "w", kind: "bandwidth", target: there, at: 4000, bytesPerSecond: 10_000 },
  ]);
  sendAt(5000, "x", 100);
  sendAt(5000, "y", 100);
  world.runUntil(200_000);
  expect(server.log).toEqual(["16000 got x", "26000 got y"]);
});

it("tells a sender when too much is under way, and when there is room again", () => {
  const { world, client, connection, sendAt } = pair(
    [{ id: "z", kind: "pause", target: { node: "b" }, at: 4000, for: 100_000 }],
    { sendLimitBytes: 100 },
  );
  const seen: boolean[] = [];
  sendAt(5000, "x", 80);
  world.schedule(5001, "a", "main", "look", () => seen.push(connection().writable));
  sendAt(5002, "y", 80);
  world.schedule(50_000, "a", "main", "look", () => seen.push(connection().writable));
  world.runUntil(200_000);
  expect(seen).toEqual([true, false]);
  expect(connection().writable).toBe(true);
  expect(client.log.filter((line) => line.endsWith("drained"))).toEqual(["105000 drained"]);
});

it("accepts a connection to a paused process, whose program answers later", () => {
  const { world, client, server, sendAt } = pair([
    { id: "z", kind: "pause", target: { node: "b" }, at: 500, for: 100_000 },
  ]);
  sendAt(5000, "x");
  world.runUntil(200_000);
  expect(client.log).toEqual(["3000 opened", "101500 got re:x"]);
  expect(server.log).toEqual(["100500 got x"]);
});

it("resets the connections of a link, and has nothing to do where there are none", () => {
  const reset: Fault = { id: "r", kind: "reset", target: back, at: 4000 };
  const { world, client, server } = pair([reset, { ...reset, id: "r2", at: 9000 }]);
  world.runUntil(100_000);
  expect(client.log).toEqual(["3000 opened", "4000 reset"]);
  expect(server.log).toEqual(["4000 reset"]);
  expect(world.faultOutcomes().map(({ result }) => result)).toEqual(["struck", "no-op"]);
});

it("closes: what was sent before still arrives, and the closer hears nothing more", () => {
  const { world, client, server, connection, sendAt } = pair();
  sendAt(5000, "x");
  world.schedule(5000, "a", "main", "close", () => connection().close());
  world.runUntil(100_000);
  expect(server.log).toEqual(["6000 got x", "6000 closed"]);
  expect(client.log).toEqual(["3000 opened"]);
});

it("isolates a node in both directions, or in one", () => {
  for (const [target, blocked] of [
    [{ node: "b" }, [true, true]],
    [{ link: ["b", "*"] }, [false, true]],
    [{ link: ["*", "b"] }, [true, false]],
    [{ link: ["*", "*"] }, [true, true]],
  ] as const) {
    const { world } = pair([{ id: "b", kind: "block", target, at: 100 }]);
    world.runUntil(200);
    expect([world.isBlocked("a", "b"), world.isBlocked("b", "a")]).toEqual(blocked);
    world.heal();
    expect([world.isBlocked("a", "b"), world.isBlocked("b", "a")]).toEqual([false, false]);
  }
});

it("gives every frame a place: taken, lost or under way", () => {
  const world = smallWorld({ latency: { model: "heavy-tail" }, tcpTimeoutUs: 300_000 });
  const faults: Fault[] = [];
  for (let i = 0; i < 40; i++) {
    const at = 20_000 * i;
    const target = { link: i % 2 === 0 ? (["a", "b"] as const) : (["b", "a"] as const) };
    faults.push({ id: `b${i}`, kind: "block", target, at, for: (i % 5) * 30_000 });
    if (i % 4 === 1)
      faults.push({ id: `k${i}`, kind: "kill", target: { node: "b" }, at, for: 9000 });
    if (i % 4 === 2) faults.push({ id: `r${i}`, kind: "reset", target: { node: "a" }, at });
    if (i % 9 === 3) faults.push({ id: `l${i}`, kind: "lose-request", target, at });
  }
  addHost(world, "b", (ports) => {
    ports.transport.listen("network", (connection) => ({
      received: (frame) => connection.send(frame, 100),
      closed: () => undefined,
    }));
  });
  addHost(world, "a", (ports) => {
    const connect = (): void => {
      let isOpen = false;
      const talk = ports.timers.timer("main", "talk", () => {
        if (isOpen) connection.send("x", 100);
        talk.set(3);
      });
      const connection: ConnectionPort = ports.transport.connect("main", "b", "c", {
        opened: () => {
          isOpen = true;
          talk.set(0);
        },
        received: () => undefined,
        closed: () => {
          talk.cancel();
          ports.timers.timer("main", "again", connect).set(10);
        },
      });
    };
    connect();
  });
  world.loadFaults(faults);
  for (let atUs = 1000; atUs <= 1_000_000; atUs += 1000) {
    world.runUntil(atUs);
    const { sent, taken, lost, underWay } = world.frameCensus();
    expect(taken + lost + underWay).toBe(sent);
  }
  const { taken, lost } = world.frameCensus();
  expect(taken).toBeGreaterThan(50);
  expect(lost).toBeGreaterThan(5);
});

it("refuses frames before a connection is open: that is a mistake of the program", () => {
  const world = smallWorld();
  addHost(world, "b");
  addHost(world, "a", (ports) => {
    ports.transport.connect("main", "b", "c", new Recorder(world)).send("early", 1);
  });
  expect(() => world.runUntil(1000)).toThrow("before it was opened");
  expect(world.runningNode).toBe("a");
});

it("keeps the order of a connection when an older frame waits for a stalled disk", () => {
  const { world, server, host, connection } = pair([
    { id: "s", kind: "disk-stall", target: { node: "a" }, at: 4000, for: 50_000 },
  ]);
  world.schedule(5000, "a", "disk lane", "write, then send", () => {
    host.ports.storage.open("file", true).append(new TextChunk("x"));
    connection().send("older", 10);
  });
  world.schedule(6000, "a", "quick lane", "send", () => connection().send("newer", 10));
  world.runUntil(50_000);
  expect(server.log).toEqual([]);
  world.runUntil(100_000);
  expect(server.log.map((line) => line.split(" ")[2])).toEqual(["older", "newer"]);
});

it("delivers nothing behind what was held when its sender lost power", () => {
  // "2" is on its way until the block is over; "1" was held by it, and is lost with its sender.
  const { world, server, sendAt } = pair([
    { id: "b", kind: "block", target: there, at: 4000, for: 6500 },
    { id: "p", kind: "power-loss", target: { node: "a" }, at: 10_200 },
  ]);
  sendAt(5000, "1");
  sendAt(10_000, "2");
  world.runUntil(1_000_000);
  expect(server.log).toEqual([]);
});

it("keeps the order of a connection under any blocks, delays and lost power of the receiver", () => {
  const window = fc.record({
    kind: fc.constantFrom("block", "delay", "bandwidth", "pause", "disk-stall", "power-loss"),
    at: fc.integer({ min: 4000, max: 60_000 }),
    for: fc.integer({ min: 0, max: 30_000 }),
  });
  const sends = fc.array(fc.integer({ min: 5000, max: 90_000 }), { maxLength: 40 });
  const property = fc.property(fc.array(window, { maxLength: 8 }), sends, (windows, times) => {
    const faults = windows.map(({ kind, ...when }, i): Fault => {
      const id = `f${i}`;
      if (kind === "delay") return { id, kind, target: there, us: 7000, ...when };
      if (kind === "bandwidth") return { id, kind, target: there, bytesPerSecond: 5000, ...when };
      if (kind === "block") return { id, kind, target: there, ...when };
      return { id, kind: kind as "pause", target: { node: "b" }, ...when };
    });
    const { world, server, sendAt } = pair(faults, { latency: { model: "heavy-tail" } });
    [...times].sort((a, b) => a - b).forEach((atUs, i) => sendAt(atUs, String(i)));
    world.runUntil(5_000_000);
    const got = server.log.flatMap((line) => / got (\d+)$/.exec(line)?.[1] ?? []).map(Number);
    // A prefix without gaps: all of it, unless the connection broke.
    expect(got).toEqual(got.map((_, i) => i));
    const broke = windows.some(({ kind }) => kind === "power-loss");
    if (!broke) expect(got.length).toBe(times.length);
  });
  fc.assert(property, { numRuns: 150 });
});
