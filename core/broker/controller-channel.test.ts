import { describe, expect, test } from "vitest";
import { Errors } from "../errors.ts";
import type { Outcome } from "../network/client-channel.ts";
import { ApiKeys } from "../protocol/message.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import { BrokerRules } from "./broker-rules.ts";
import { NodeToControllerChannel } from "./controller-channel.ts";
import type { Reply } from "./scripted-controller.testkit.ts";
import { ScriptedController } from "./scripted-controller.testkit.ts";

const granted = { errorCode: Errors.NONE, producerIdStart: 1000, producerIdLen: 1000 };
const notController = { errorCode: Errors.NOT_CONTROLLER, producerIdStart: -1, producerIdLen: 0 };
const request = { brokerId: 1, brokerEpoch: 5 };

function start(retryTimeoutMs: number = 60000, leader: number = 100) {
  const world = new ManualWorld();
  const directory = {
    leader: { id: leader },
    hostOf: (id: number) => `c${id}`,
  };
  const channel = new NodeToControllerChannel(world.node("b1").ports, {
    lane: "network",
    channel: "forwarding",
    clientId: "broker-1",
    controllers: directory,
    rules: new BrokerRules(),
    requestTimeoutMs: 500,
    retryTimeoutMs,
  });
  const outcomes: Outcome<typeof ApiKeys.ALLOCATE_PRODUCER_IDS>[] = [];
  const ask = (): void =>
    channel.send(ApiKeys.ALLOCATE_PRODUCER_IDS, request, (outcome) => outcomes.push(outcome));
  return { world, directory, channel, outcomes, ask };
}

describe("the channel to the controller", () => {
  test("asks one thing at a time, in order", () => {
    const { world, outcomes, ask } = start();
    const replies: (() => void)[] = [];
    const controller = new ScriptedController(world, "c100", (call) => {
      replies.push(() => call.respond(granted));
      return "silent";
    });
    ask();
    ask();
    world.run(100);
    expect(controller.requests).toHaveLength(1);
    replies[0]?.();
    world.run(100);
    expect([controller.requests.length, outcomes.length]).toEqual([2, 1]);
  });

  test("looks again when the node that it asked is not the controller", () => {
    const { world, directory, outcomes, ask } = start();
    const old = new ScriptedController(world, "c100", (): Reply => notController);
    const active = new ScriptedController(world, "c101", (): Reply => granted);
    ask();
    world.run(300);
    expect(outcomes).toEqual([]);
    expect(old.requests.length).toBeGreaterThan(1);
    directory.leader = { id: 101 };
    world.run(300);
    expect(outcomes).toEqual([{ kind: "response", body: granted }]);
    expect(active.requests).toHaveLength(1);
  });

  test("goes on asking whom it found, also before it had anything to ask, until that fails", () => {
    const { world, directory, outcomes, ask } = start();
    const replies: Reply[] = [granted, "silent"];
    const old = new ScriptedController(world, "c100", () => replies.shift() ?? granted);
    const active = new ScriptedController(world, "c101", (): Reply => granted);
    directory.leader = { id: 101 };
    ask();
    ask();
    world.run(300);
    expect([old.requests.length, active.requests.length]).toEqual([2, 0]);
    world.run(400);
    expect([old.requests.length, active.requests.length]).toEqual([2, 1]);
    expect(outcomes).toHaveLength(2);
  });

  test("sends again what was lost with its connection or took too long", () => {
    const { world, outcomes, ask } = start();
    const replies: Reply[] = ["silent", "silent", granted];
    const controller = new ScriptedController(world, "c100", () => replies.shift() ?? granted);
    ask();
    world.run(100);
    controller.node.kill();
    controller.node.restart();
    controller.serve();
    world.run(400);
    expect(controller.requests).toHaveLength(2);
    world.run(600);
    expect(outcomes).toEqual([{ kind: "response", body: granted }]);
    expect(controller.requests).toHaveLength(3);
  });

  test("waits while no controller is known, and gives up when the request is too old", () => {
    const { world, directory, outcomes, ask } = start(1000, -1);
    new ScriptedController(world, "c100", (): Reply => granted);
    ask();
    world.run(950);
    expect(outcomes).toEqual([]);
    world.run(200);
    expect(outcomes).toEqual([{ kind: "timeout" }]);
    ask();
    world.run(300);
    directory.leader = { id: 100 };
    world.run(300);
    expect(outcomes.at(-1)).toEqual({ kind: "response", body: granted });
  });

  test("gives up on a controller that is silent for too long", () => {
    const { world, outcomes, ask } = start(1200);
    new ScriptedController(world, "c100", (): Reply => "silent");
    ask();
    ask();
    world.run(5000);
    expect(outcomes).toEqual([{ kind: "timeout" }, { kind: "timeout" }]);
  });

  test("tells nothing after it was closed", () => {
    const { world, channel, outcomes, ask } = start(1000);
    new ScriptedController(world, "c100", (): Reply => granted);
    ask();
    channel.close();
    ask();
    world.run(5000);
    expect(outcomes).toEqual([]);
  });
});
