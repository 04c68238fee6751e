import { describe, expect, it } from "vitest";
import type { ConnectionHandler } from "../ports.ts";
import { bytesChunk } from "./manual-storage.ts";
import { ManualWorld } from "./manual-ports.ts";

/** Answers each frame by its double. */
function listenDoubling(world: ManualWorld, host: string): void {
  world.node(host).ports.transport.listen("network", (connection) => ({
    received: (frame) => connection.send((frame as number) * 2, 1),
    closed: () => undefined,
  }));
}

function connectTo(world: ManualWorld, from: string, to: string) {
  const seen: string[] = [];
  const handler: ConnectionHandler = {
    opened: () => seen.push("opened"),
    received: (frame) => seen.push(String(frame)),
    closed: (reason) => seen.push(reason),
  };
  const connection = world.node(from).ports.transport.connect("client", to, "c", handler);
  return { seen, connection };
}

describe("ManualWorld", () => {
  it("carries frames in order, after its delay", () => {
    const world = new ManualWorld({ delayMs: 5 });
    listenDoubling(world, "b");
    const { seen, connection } = connectTo(world, "a", "b");
    world.run(9);
    expect(seen).toEqual([]);
    world.run(1);
    for (const frame of [1, 2, 3]) connection.send(frame, 1);
    world.run(10);
    expect(seen).toEqual(["opened", "2", "4", "6"]);
  });

  it("refuses a host that is down, and resets the connections of one that dies", () => {
    const world = new ManualWorld();
    expect(connectTo(world, "a", "b").seen).toEqual([]);
    listenDoubling(world, "b");
    const { seen } = connectTo(world, "a", "b");
    world.run(10);
    world.node("b").kill();
    world.run(10);
    expect(seen).toEqual(["opened", "reset"]);
    const late = connectTo(world, "a", "b");
    world.run(10);
    expect(late.seen).toEqual(["refused"]);
  });

  it("holds frames of one direction back until they are released", () => {
    const world = new ManualWorld();
    listenDoubling(world, "b");
    const { seen, connection } = connectTo(world, "a", "b");
    world.run(10);
    world.hold("b", "a");
    connection.send(1, 1);
    connection.send(2, 1);
    world.run(100);
    expect(seen).toEqual(["opened"]);
    world.release("b", "a");
    world.run(10);
    expect(seen).toEqual(["opened", "2", "4"]);
  });

  it("forgets the timers and steps of a process that ended", () => {
    const world = new ManualWorld();
    const node = world.node("a");
    let fired = 0;
    node.ports.timers.timer("l", "t", () => (fired += 1)).set(10);
    node.ports.work.later("l", "s", () => (fired += 1));
    node.kill();
    node.restart();
    world.run(100);
    expect(fired).toBe(0);
  });

  it("ends a handler at the exit of its process", () => {
    const world = new ManualWorld();
    const node = world.node("a");
    let after = false;
    node.ports.work.later("l", "s", () => {
      node.ports.host.exit("why");
      after = true;
    });
    world.run(1);
    expect([node.exitReason, node.isAlive, after]).toEqual(["why", false, false]);
  });

  it("keeps a paused node's inputs until it goes on", () => {
    const world = new ManualWorld();
    const node = world.node("a");
    const fired: number[] = [];
    node.ports.timers.timer("l", "t", () => fired.push(world.nowMs)).set(10);
    node.pause();
    world.run(50);
    expect(fired).toEqual([]);
    node.resume();
    world.run(1);
    expect(fired).toEqual([50]);
  });

  it("keeps what was synced when power is lost, and everything when the process is killed", () => {
    const world = new ManualWorld();
    const node = world.node("a");
    node.ports.storage.makeDirectory("d");
    const file = node.ports.storage.open("d/f", true);
    file.append(bytesChunk(new Uint8Array([1, 2])));
    file.sync();
    file.append(bytesChunk(new Uint8Array([3, 4])));
    node.restart();
    expect(node.ports.storage.open("d/f").sizeBytes).toBe(4);
    node.losePower();
    node.restart();
    const again = node.ports.storage.open("d/f");
    expect([...again.read(1).bytes()]).toEqual([2]);
    expect(node.ports.storage.list("d")).toEqual(["f"]);
  });
});
