import { describe, expect, test } from "vitest";
import { Errors } from "../errors.ts";
import type { Call } from "../network/request-server.ts";
import type { InitProducerIdResponse } from "../protocol/init-producer-id.ts";
import type { Request } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import { resolveBrokerSettings } from "../settings/broker-settings.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import { BrokerRules } from "./broker-rules.ts";
import { NodeToControllerChannel } from "./controller-channel.ts";
import { ProducerIdManager } from "./producer-id-manager.ts";
import type { Reply } from "./scripted-controller.testkit.ts";
import { ScriptedController } from "./scripted-controller.testkit.ts";

/** A call that keeps its answer. */
class KeptCall implements Call {
  readonly peer = "p1";
  readonly connectionId = 1;
  readonly isOpen = true;
  readonly request: Request;
  answer: InitProducerIdResponse | null = null;

  constructor(transactionalId: string | null) {
    this.request = {
      apiKey: ApiKeys.INIT_PRODUCER_ID,
      apiVersion: 5,
      correlationId: 1,
      clientId: "p1",
      body: { transactionalId, transactionTimeoutMs: 0, producerId: -1, producerEpoch: -1 },
    };
  }

  respond(body: object): void {
    this.answer = body as InitProducerIdResponse;
  }

  finish(): void {
    throw new Error("not for this request");
  }

  disconnect(): void {
    throw new Error("not for this request");
  }
}

function start(reply: () => Reply) {
  const world = new ManualWorld();
  const controller = new ScriptedController(world, "c100", reply);
  const node = world.node("b1");
  const manager = new ProducerIdManager({
    ports: node.ports,
    rules: new BrokerRules(),
    settings: resolveBrokerSettings({ "request.timeout.ms": 2000 }),
    lane: "network",
    nodeId: 1,
    brokerEpoch: () => 7,
    channel: new NodeToControllerChannel(node.ports, {
      lane: "network",
      channel: "forwarding",
      clientId: "broker-1",
      controllers: { leader: { id: 100 }, hostOf: (id) => `c${id}` },
      rules: new BrokerRules(),
      requestTimeoutMs: 1000,
      retryTimeoutMs: 60000,
    }),
  });
  const ask = (transactionalId: string | null = null): KeptCall => {
    const call = new KeptCall(transactionalId);
    manager.handle(call);
    return call;
  };
  return { world, controller, node, ask };
}

/** Blocks of ten, one after the other. */
function blocksOfTen(): () => Reply {
  let next = 0;
  return () => {
    next += 10;
    return { errorCode: Errors.NONE, producerIdStart: next - 10, producerIdLen: 10 };
  };
}

describe("the producer id manager", () => {
  test("gives each caller another id, over the ends of blocks", () => {
    const { world, controller, node, ask } = start(blocksOfTen());
    const calls = Array.from({ length: 25 }, () => ask());
    world.run(200);
    expect(calls.map((call) => call.answer?.producerId)).toEqual(calls.map((_, i) => i));
    expect(calls.every((call) => call.answer?.producerEpoch === 0)).toBe(true);
    expect(node.factsOf("producer-id-given")).toHaveLength(25);
    expect(controller.bodiesOf(ApiKeys.ALLOCATE_PRODUCER_IDS)[0]).toEqual({
      brokerId: 1,
      brokerEpoch: 7,
    });
  });

  test("fetches the next block before this one is used up", () => {
    const { world, controller, ask } = start(blocksOfTen());
    ask();
    world.run(50);
    for (let i = 0; i < 8; i++) expect(ask().answer?.producerId).toBe(i + 1);
    world.run(50);
    expect(controller.requests).toHaveLength(1);
    expect(ask().answer?.producerId).toBe(9);
    world.run(50);
    expect(controller.requests).toHaveLength(2);
    expect(ask().answer?.producerId).toBe(10);
  });

  test("asks again until it gets a block, and never takes one that overlaps", () => {
    const replies: Reply[] = [
      { errorCode: Errors.STALE_BROKER_EPOCH, producerIdStart: -1, producerIdLen: 0 },
      { errorCode: Errors.NONE, producerIdStart: 5, producerIdLen: 1 },
      { errorCode: Errors.NONE, producerIdStart: 5, producerIdLen: 3 },
      { errorCode: Errors.NONE, producerIdStart: 6, producerIdLen: 3 },
    ];
    const { world, ask } = start(() => replies.shift() ?? "silent");
    const first = ask();
    const second = ask();
    world.run(500);
    expect([first.answer?.producerId, second.answer?.producerId]).toEqual([5, 6]);
  });

  test("tells a caller that waits too long to try again", () => {
    const { world, ask } = start(() => "silent");
    const first = ask();
    world.run(1000);
    const second = ask();
    world.run(1500);
    expect([first.answer?.errorCode, second.answer]).toEqual([Errors.REQUEST_TIMED_OUT, null]);
    world.run(1000);
    expect(second.answer?.errorCode).toBe(Errors.REQUEST_TIMED_OUT);
  });

  test("refuses a transactional id", () => {
    const { ask } = start(() => "silent");
    expect(ask("t1").answer).toEqual({
      errorCode: Errors.INVALID_REQUEST,
      producerId: -1,
      producerEpoch: -1,
    });
  });
});
