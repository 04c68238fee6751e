import { describe, expect, test } from "vitest";
import { Errors } from "../errors.ts";
import type { Call } from "../network/request-server.ts";
import type {
  BrokerHeartbeatRequest,
  BrokerHeartbeatResponse,
} from "../protocol/broker-lifecycle.ts";
import { ApiKeys } from "../protocol/message.ts";
import { resolveBrokerSettings } from "../settings/broker-settings.ts";
import type { SettingValue } from "../settings/definition.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import { BrokerRules } from "./broker-rules.ts";
import { NodeToControllerChannel } from "./controller-channel.ts";
import { LifecycleManager } from "./lifecycle-manager.ts";
import type { Reply } from "./scripted-controller.testkit.ts";
import { ScriptedController } from "./scripted-controller.testkit.ts";

/** Registers at offset 10; a broker that knows offset 10 is caught up. */
class Answers {
  registration: number = Errors.NONE;
  heartbeat: number = Errors.NONE;
  shouldShutDown = false;
  isFenced = true;

  to(call: Call): Reply {
    if (call.request.apiKey === ApiKeys.BROKER_REGISTRATION) {
      const isOk = this.registration === Errors.NONE;
      return { errorCode: this.registration, brokerEpoch: isOk ? 10 : -1 };
    }
    const request = call.request.body as BrokerHeartbeatRequest;
    const isCaughtUp = request.currentMetadataOffset >= 10;
    if (isCaughtUp && !request.wantFence) this.isFenced = false;
    return {
      errorCode: this.heartbeat,
      isCaughtUp,
      isFenced: this.isFenced,
      shouldShutDown: request.wantShutDown && this.shouldShutDown,
    } satisfies BrokerHeartbeatResponse;
  }
}

function start(given: Readonly<Record<string, SettingValue>> = {}) {
  const world = new ManualWorld();
  const answers = new Answers();
  const controller = new ScriptedController(world, "c100", (call) => answers.to(call));
  const node = world.node("b1");
  const settings = resolveBrokerSettings({ "broker.heartbeat.interval.ms": 500, ...given });
  const metadataOffsets = { published: -1, committed: -1 };
  const events: string[] = [];
  const lifecycle = new LifecycleManager({
    ports: node.ports,
    rules: new BrokerRules(),
    settings,
    nodeId: 1,
    clusterId: "cluster",
    host: "b1",
    rack: null,
    incarnationId: "incarnation",
    directoryId: "directory",
    previousBrokerEpoch: 4,
    channel: new NodeToControllerChannel(node.ports, {
      lane: "lifecycle",
      channel: "heartbeat",
      clientId: "broker-1",
      controllers: { leader: { id: 100 }, hostOf: (id) => `c${id}` },
      rules: new BrokerRules(),
      requestTimeoutMs: 1000,
      retryTimeoutMs: 1000,
    }),
    metadataOffsets,
    listener: {
      running: () => events.push("running"),
      shuttingDown: (why) => events.push(why),
    },
  });
  const heartbeats = (): BrokerHeartbeatRequest[] => controller.bodiesOf(ApiKeys.BROKER_HEARTBEAT);
  return { world, answers, controller, node, lifecycle, metadataOffsets, events, heartbeats };
}

/** A broker that runs. */
function run(given: Readonly<Record<string, SettingValue>> = {}) {
  const started = start(given);
  started.lifecycle.start();
  started.metadataOffsets.published = 10;
  started.lifecycle.firstPublished();
  started.world.run(1500);
  expect(started.lifecycle.state).toBe("RUNNING");
  return started;
}

describe("the lifecycle manager", () => {
  test("goes from STARTING over RECOVERY to RUNNING and tells each state", () => {
    const { lifecycle, node, events } = run();
    expect(node.factsOf("broker-state").map((fact) => fact.state)).toEqual([
      "STARTING",
      "RECOVERY",
      "RUNNING",
    ]);
    expect(events).toEqual(["running"]);
    expect(lifecycle.brokerEpoch).toBe(10);
  });

  test("registers with what the clean-shutdown file said", () => {
    const { controller } = run();
    expect(controller.bodiesOf(ApiKeys.BROKER_REGISTRATION)).toEqual([
      {
        brokerId: 1,
        clusterId: "cluster",
        incarnationId: "incarnation",
        host: "b1",
        rack: null,
        logDirs: ["directory"],
        previousBrokerEpoch: 4,
      },
    ]);
  });

  test("wants to be fenced until it is caught up and has published", () => {
    const { world, lifecycle, metadataOffsets, heartbeats } = start();
    lifecycle.start();
    world.run(1000);
    expect(lifecycle.state).toBe("STARTING");
    metadataOffsets.published = 10;
    world.run(1000);
    expect(lifecycle.state).toBe("RECOVERY");
    expect(heartbeats().every((heartbeat) => heartbeat.wantFence)).toBe(true);
    lifecycle.firstPublished();
    world.run(1000);
    expect(lifecycle.state).toBe("RUNNING");
    expect(heartbeats().at(-1)?.wantFence).toBe(false);
  });

  test("tries a duplicate registration again until the old session has ended", () => {
    const { world, answers, controller, lifecycle } = start();
    answers.registration = Errors.DUPLICATE_BROKER_REGISTRATION;
    lifecycle.start();
    world.run(3000);
    expect(controller.requests.length).toBeGreaterThan(3);
    expect(lifecycle.brokerEpoch).toBe(-1);
    answers.registration = Errors.NONE;
    world.run(4000);
    expect(lifecycle.brokerEpoch).toBe(10);
  });

  test("gives up when it could not register in time", () => {
    const { world, answers, lifecycle, events } = start({
      "initial.broker.registration.timeout.ms": 2000,
    });
    answers.registration = Errors.DUPLICATE_BROKER_REGISTRATION;
    lifecycle.start();
    world.run(5000);
    expect(lifecycle.state).toBe("SHUTTING_DOWN");
    expect(events).toEqual(["not registered within initial.broker.registration.timeout.ms"]);
  });

  test("sends a heartbeat each interval, and sooner after a failure", () => {
    const { world, answers, heartbeats } = run();
    const before = heartbeats().length;
    world.run(5000);
    expect(heartbeats().length - before).toBeGreaterThanOrEqual(9);
    expect(heartbeats().length - before).toBeLessThanOrEqual(10);
    answers.heartbeat = Errors.STALE_BROKER_EPOCH;
    const refused = heartbeats().length + 1;
    world.runUntil(() => heartbeats().length === refused);
    world.run(400);
    expect(heartbeats().length - refused).toBe(2);
  });

  test("stops only when the controller permits it", () => {
    const { world, answers, lifecycle, events, heartbeats } = run();
    lifecycle.beginShutdown();
    world.run(2000);
    expect(lifecycle.state).toBe("PENDING_CONTROLLED_SHUTDOWN");
    expect(heartbeats().at(-1)?.wantShutDown).toBe(true);
    answers.shouldShutDown = true;
    world.run(1000);
    expect(lifecycle.state).toBe("SHUTTING_DOWN");
    expect(events).toEqual(["running", "shut down"]);
    const sent = heartbeats().length;
    world.run(5000);
    expect(heartbeats()).toHaveLength(sent);
  });

  test("stops without permission after five minutes", () => {
    const { world, lifecycle, events } = run();
    lifecycle.beginShutdown();
    world.run(299000);
    expect(lifecycle.state).toBe("PENDING_CONTROLLED_SHUTDOWN");
    world.run(2000);
    expect(events.at(-1)).toBe("shut down without the controller's permission");
  });

  test("stops at once when it does not run, or when controlled.shutdown.enable is false", () => {
    const starting = start();
    starting.lifecycle.start();
    starting.world.run(100);
    starting.lifecycle.beginShutdown();
    expect(starting.events).toEqual(["shut down"]);
    const running = run({ "controlled.shutdown.enable": false });
    running.lifecycle.beginShutdown();
    expect(running.lifecycle.state).toBe("SHUTTING_DOWN");
  });
});
