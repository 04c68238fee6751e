import { describe, expect, test } from "vitest";
import type { Connection, ConnectionHandler, Ports } from "../ports.ts";
import type { Request, Response } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import type { Call } from "./request-server.ts";
import { serveRequests } from "./request-server.ts";

function request(correlationId: number): Request {
  return {
    apiKey: ApiKeys.METADATA,
    apiVersion: 13,
    correlationId,
    clientId: "tester",
    body: { topics: [], allowAutoTopicCreation: false },
  };
}

const answer = { brokers: [], clusterId: "c", controllerId: 1, topics: [] };

/** A server, and a bare connection to it. */
function start(): {
  world: ManualWorld;
  calls: Call[];
  answers: number[];
  connection: Connection;
  closed: () => boolean;
} {
  const world = new ManualWorld();
  const calls: Call[] = [];
  serveRequests(world.node("server").ports, "network", (call) => calls.push(call));
  const answers: number[] = [];
  let isClosed = false;
  const connection = world.node("client").ports.transport.connect("client", "server", "test", {
    received: (frame) => answers.push((frame as Response).correlationId),
    closed: () => (isClosed = true),
  });
  world.run(5);
  return { world, calls, answers, connection, closed: () => isClosed };
}

describe("a request server", () => {
  test("handles the next request of a connection only after it answered the one before", () => {
    const { world, calls, answers, connection } = start();
    for (const id of [1, 2, 3]) connection.send(request(id), 100);
    world.run(100);
    expect(calls.map((call) => call.request.correlationId)).toEqual([1]);
    calls[0]?.respond(answer);
    world.run(100);
    expect(calls.map((call) => call.request.correlationId)).toEqual([1, 2]);
    calls[1]?.finish();
    world.run(100);
    calls[2]?.respond(answer);
    world.run(100);
    expect(answers).toEqual([1, 3]);
  });

  test("goes on with the requests of other connections meanwhile", () => {
    const { world, calls, connection } = start();
    const other = world.node("other").ports.transport.connect("client", "server", "test", {
      received: () => undefined,
      closed: () => undefined,
    });
    world.run(5);
    connection.send(request(1), 100);
    other.send(request(7), 100);
    world.run(5);
    expect(calls.map((call) => [call.peer, call.connectionId])).toEqual([
      ["client", 1],
      ["other", 2],
    ]);
  });

  test("forgets requests that were not begun when their connection ends", () => {
    const { world, calls, connection } = start();
    connection.send(request(1), 100);
    connection.send(request(2), 100);
    world.run(5);
    connection.close();
    world.run(5);
    expect(calls[0]?.isOpen).toBe(false);
    calls[0]?.respond(answer);
    world.run(100);
    expect(calls).toHaveLength(1);
  });

  test("ends the connection instead of an answer when told so", () => {
    const { world, calls, answers, connection, closed } = start();
    connection.send(request(1), 100);
    connection.send(request(2), 100);
    world.run(5);
    calls[0]?.disconnect();
    world.run(5);
    expect([calls.length, answers, closed()]).toEqual([1, [], true]);
  });

  test("refuses to answer twice", () => {
    const { world, calls, connection } = start();
    connection.send(request(1), 100);
    world.run(5);
    calls[0]?.respond(answer);
    expect(() => calls[0]?.respond(answer)).toThrow("answered twice");
  });

  test("does not begin the next request while the answer fills the socket", () => {
    const world = new ManualWorld();
    const socket = new FullSocket();
    const handlers: ConnectionHandler[] = [];
    const { ports } = world.node("server");
    const calls: Call[] = [];
    const full: Ports = {
      ...ports,
      transport: {
        ...ports.transport,
        listen: (_lane, accept) => handlers.push(accept(socket)),
      },
    };
    serveRequests(full, "network", (call) => calls.push(call));
    const handler = handlers[0];
    handler?.received(request(1));
    handler?.received(request(2));
    calls[0]?.respond(answer);
    world.run(100);
    expect([socket.sent, calls.length]).toEqual([1, 1]);
    socket.writable = true;
    handler?.drained?.();
    world.run(100);
    expect(calls.map((call) => call.request.correlationId)).toEqual([1, 2]);
  });
});

/** Takes one frame and is full. */
class FullSocket implements Connection {
  readonly peer = "client";
  writable = true;
  sent = 0;

  send(): void {
    this.sent += 1;
    this.writable = false;
  }

  close(): void {
    this.writable = false;
  }
}
