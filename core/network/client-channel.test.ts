import { describe, expect, test } from "vitest";
import type { ApiKey } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { ManualNode } from "../testkit/manual-ports.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import { apiVersionsOf } from "./api-versions.ts";
import type { ClientChannelOptions, Outcome } from "./client-channel.ts";
import { ClientChannel } from "./client-channel.ts";
import type { Call } from "./request-server.ts";
import { serveRequests } from "./request-server.ts";

const options: ClientChannelOptions = {
  lane: "client",
  host: "server",
  channel: "test",
  clientId: "tester",
  requestTimeoutMs: 1000,
  reconnectBackoffMs: 50,
  reconnectBackoffMaxMs: 400,
};

const anyMetadata = { topics: [], allowAutoTopicCreation: false };
const metadataAnswer = { brokers: [], clusterId: "c", controllerId: 1, topics: [] };

/** Serves ApiVersions, and everything else by `handle`. */
function serve(node: ManualNode, handle: (call: Call) => void): void {
  const versions = apiVersionsOf(["broker"]);
  serveRequests(node.ports, "network", (call) => {
    if (call.request.apiKey === ApiKeys.API_VERSIONS) call.respond(versions);
    else handle(call);
  });
}

function answerMetadata(call: Call): void {
  call.respond(metadataAnswer);
}

function makeWorld(): { world: ManualWorld; server: ManualNode; client: ManualNode } {
  const world = new ManualWorld();
  return { world, server: world.node("server"), client: world.node("client") };
}

function collect(channel: ClientChannel, count: number, timeoutMs?: number): string[] {
  const kinds: string[] = [];
  for (let i = 0; i < count; i++) {
    channel.send(ApiKeys.METADATA, anyMetadata, (outcome) => kinds.push(outcome.kind), timeoutMs);
  }
  return kinds;
}

describe("a client channel", () => {
  test("connects on demand, agrees on versions, and sends what waited, in order", () => {
    const { world, server, client } = makeWorld();
    const seen: ApiKey[] = [];
    serve(server, (call) => {
      seen.push(call.request.apiKey);
      expect(call.request.apiVersion).toBe(call.request.apiKey === ApiKeys.METADATA ? 13 : 10);
      if (call.request.apiKey === ApiKeys.METADATA) answerMetadata(call);
      else call.respond({ topics: [] });
    });
    const channel = new ClientChannel(client.ports, options);
    const outcomes: Outcome<ApiKey>[] = [];
    channel.send(ApiKeys.METADATA, anyMetadata, (outcome) => outcomes.push(outcome));
    const list = { replicaId: -1, isolationLevel: 0, topics: [], timeoutMs: 0 };
    channel.send(ApiKeys.LIST_OFFSETS, list, (outcome) => outcomes.push(outcome));
    expect(channel.isReady).toBe(false);
    world.run(50);
    expect(channel.isReady).toBe(true);
    expect(seen).toEqual([ApiKeys.METADATA, ApiKeys.LIST_OFFSETS]);
    expect(outcomes).toEqual([
      { kind: "response", body: metadataAnswer },
      { kind: "response", body: { topics: [] } },
    ]);
    expect(channel.inFlightCount).toBe(0);
  });

  test("ends the connection, and all requests on it, when one of them timed out", () => {
    const { world, server, client } = makeWorld();
    let disconnects = 0;
    serve(server, () => undefined);
    const channel = new ClientChannel(client.ports, {
      ...options,
      onDisconnect: () => (disconnects += 1),
    });
    channel.connect();
    world.run(10);
    const early = collect(channel, 1, 100);
    const late = collect(channel, 1, 5000);
    world.run(95);
    expect(early).toEqual([]);
    world.run(10);
    expect([early, late, disconnects]).toEqual([["timeout"], ["timeout"], 1]);
    expect(channel.isBackingOff).toBe(true);
  });

  test("also notices a request whose deadline is before that of an older one", () => {
    const { world, server, client } = makeWorld();
    serve(server, () => undefined);
    const channel = new ClientChannel(client.ports, options);
    channel.connect();
    world.run(10);
    const late = collect(channel, 1, 5000);
    const early = collect(channel, 1, 100);
    world.run(101);
    expect([early, late]).toEqual([["timeout"], ["timeout"]]);
  });

  test("does not time out a request that is answered, however many there are", () => {
    const { world, server, client } = makeWorld();
    serve(server, answerMetadata);
    const channel = new ClientChannel(client.ports, options);
    const kinds: string[] = [];
    for (let i = 0; i < 100; i++) {
      kinds.push(...collect(channel, 1));
      world.run(40);
    }
    world.run(5000);
    expect(channel.isReady).toBe(true);
    expect(channel.inFlightCount).toBe(0);
  });

  test("fails what is under way when the peer dies, and comes back by itself", () => {
    const { world, server, client } = makeWorld();
    serve(server, () => undefined);
    const channel = new ClientChannel(client.ports, options);
    const kinds = collect(channel, 2);
    world.run(10);
    expect(channel.inFlightCount).toBe(1 + 1);
    server.kill();
    world.run(5);
    expect(kinds).toEqual(["disconnected", "disconnected"]);
    server.restart();
    serve(server, answerMetadata);
    const more = collect(channel, 1);
    expect(more).toEqual([]);
    world.run(100);
    expect(more).toEqual(["response"]);
  });

  test("doubles its reconnect backoff up to the maximum, and forgets it once connected", () => {
    const { world, server, client } = makeWorld();
    serve(server, answerMetadata);
    const channel = new ClientChannel(client.ports, options);
    world.cut("client", "server");
    const waits: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      channel.connect();
      world.runUntil(() => channel.isBackingOff);
      const from = world.nowMs;
      world.runUntil(() => !channel.isBackingOff);
      waits.push(world.nowMs - from);
    }
    [50, 100, 200, 400, 400, 400].forEach((expected, attempt) => {
      expect(waits[attempt]).toBeGreaterThanOrEqual(expected * 0.8);
      expect(waits[attempt]).toBeLessThanOrEqual(expected * 1.2);
    });
    world.mend("client", "server");
    expect(collect(channel, 1)).toEqual([]);
    world.run(20);
    expect(channel.isReady).toBe(true);
    channel.disconnect();
    const from = world.nowMs;
    world.runUntil(() => !channel.isBackingOff);
    expect(world.nowMs - from).toBeLessThanOrEqual(60);
  });

  test("never backs off for longer than the maximum, and without jitter when that is the first", () => {
    const wait = (reconnectBackoffMs: number, draw: (count: number) => number): number => {
      const { world, server, client } = makeWorld();
      serve(server, answerMetadata);
      const random = { ...client.ports.random, below: (_: string, n: number) => draw(n) };
      const ports = { ...client.ports, random };
      const channel = new ClientChannel(ports, { ...options, reconnectBackoffMs });
      world.cut("client", "server");
      let from = 0;
      for (let attempt = 0; attempt < 5; attempt++) {
        channel.connect();
        world.runUntil(() => channel.isBackingOff);
        from = world.nowMs;
        world.runUntil(() => !channel.isBackingOff);
      }
      return world.nowMs - from;
    };
    expect(wait(50, (count) => count - 1)).toBeLessThanOrEqual(400);
    expect(wait(50, () => 0)).toBe(320);
    expect(wait(400, () => 0)).toBe(400);
  });

  test("gives up a connection that does not open, and a request that waits for it", () => {
    const { world, server, client } = makeWorld();
    serve(server, answerMetadata);
    world.hold("client", "server");
    world.hold("server", "client");
    const channel = new ClientChannel(client.ports, options);
    const kinds = collect(channel, 1);
    world.run(1100);
    expect(kinds).toEqual(["timeout"]);
    world.run(10000);
    expect(channel.isReady).toBe(false);
  });

  test("says so when the peer does not speak a request", () => {
    const { world, server, client } = makeWorld();
    serve(server, () => undefined);
    const channel = new ClientChannel(client.ports, options);
    const kinds: string[] = [];
    const request = { brokerId: 1, brokerEpoch: 1 };
    channel.send(ApiKeys.ALLOCATE_PRODUCER_IDS, request, (outcome) => kinds.push(outcome.kind));
    world.run(20);
    expect(kinds).toEqual(["unsupported"]);
  });

  test("waits for no answer to a produce with acks=0", () => {
    const { world, server, client } = makeWorld();
    const calls: Call[] = [];
    serve(server, (call) => {
      calls.push(call);
      call.finish();
    });
    const channel = new ClientChannel(client.ports, options);
    const body = { transactionalId: null, acks: 0, timeoutMs: 100, topicData: [] };
    channel.send(ApiKeys.PRODUCE, body, null);
    channel.send(ApiKeys.PRODUCE, body, null);
    world.run(5000);
    expect(calls).toHaveLength(2);
    expect(channel.inFlightCount).toBe(0);
    expect(channel.isReady).toBe(true);
  });

  test("tells nobody anything after it was closed, even from within a callback", () => {
    const { world, server, client } = makeWorld();
    serve(server, () => undefined);
    const channel = new ClientChannel(client.ports, options);
    const told: string[] = [];
    channel.send(ApiKeys.METADATA, anyMetadata, (outcome) => {
      told.push(outcome.kind);
      channel.close();
    });
    channel.send(ApiKeys.METADATA, anyMetadata, (outcome) => told.push(outcome.kind));
    world.run(10);
    server.kill();
    world.run(5000);
    expect(told).toEqual(["disconnected"]);
  });
});
