import { describe, expect, test } from "vitest";
import { Errors } from "../errors.ts";
import { MetadataDelta, MetadataImage } from "../metadata/image.ts";
import { ApiKeys } from "../protocol/message.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import { BrokerRules } from "./broker-rules.ts";
import { NodeToControllerChannel } from "./controller-channel.ts";
import { DirectoryAssignments } from "./directory-assignments.ts";
import type { Reply } from "./scripted-controller.testkit.ts";
import { ScriptedController } from "./scripted-controller.testkit.ts";

const TAKEN: Reply = { errorCode: Errors.NONE, directories: [] };

/** Broker 1, which keeps everything in "mine". */
function start(reply: () => Reply) {
  const world = new ManualWorld();
  const controller = new ScriptedController(world, "c100", reply);
  const { ports } = world.node("b1");
  const image = new MetadataImage();
  const assignments = new DirectoryAssignments({
    ports,
    rules: new BrokerRules(),
    lane: "metadata",
    nodeId: 1,
    directoryId: "mine",
    image,
    brokerEpoch: () => 7,
    channel: new NodeToControllerChannel(ports, {
      lane: "metadata",
      channel: "directory-assignments",
      clientId: "broker-1",
      controllers: { leader: { id: 100 }, hostOf: () => "c100" },
      rules: new BrokerRules(),
      requestTimeoutMs: 1000,
      retryTimeoutMs: 1000,
    }),
  });
  let offset = 0;
  const delta = new MetadataDelta();
  image.apply({ type: "Topic", name: "t", topicId: "t" }, offset++, 0, delta);
  /** Partition `id` is on brokers 1 and 2, as the metadata say in these directories. */
  const publish = (id: number, directories: readonly string[], replicas = [1, 2]): void => {
    const change = new MetadataDelta();
    image.apply(
      {
        type: "Partition",
        topicId: "t",
        partitionId: id,
        replicas,
        isr: replicas,
        leader: replicas[0] ?? -1,
        leaderRecoveryState: 0,
        leaderEpoch: 0,
        partitionEpoch: 0,
        directories,
      },
      offset++,
      0,
      change,
    );
    world.node("b1").perform(() => assignments.published(change));
  };
  const asked = () => controller.bodiesOf(ApiKeys.ASSIGN_REPLICAS_TO_DIRS);
  return { world, publish, asked, assignments };
}

describe("where a broker keeps its replicas", () => {
  test("is told when the metadata name another directory, and only then", () => {
    const { world, publish, asked } = start(() => TAKEN);
    publish(0, ["mine", "other"]);
    publish(1, ["elsewhere", "other"], [2, 3]);
    world.run(500);
    expect(asked()).toEqual([]);
    publish(2, ["lost", "other"]);
    world.run(400);
    expect(asked()).toEqual([]);
    world.run(150);
    expect(asked()).toEqual([
      {
        brokerId: 1,
        brokerEpoch: 7,
        directories: [{ id: "mine", topics: [{ topicId: "t", partitions: [2] }] }],
      },
    ]);
    publish(2, ["mine", "other"]);
    world.run(60000);
    expect(asked()).toHaveLength(1);
  });

  test("is told again, ever more slowly, until the metadata agree", () => {
    const { world, publish, asked } = start(() => ({
      errorCode: Errors.STALE_BROKER_EPOCH,
      directories: [],
    }));
    publish(0, ["lost", "other"]);
    world.run(5000);
    const early = asked().length;
    expect(early).toBeGreaterThan(2);
    world.run(60000);
    const later = asked().length;
    expect(later).toBeGreaterThan(early);
    expect(later).toBeLessThan(early + 12);
    publish(0, ["mine", "other"]);
    world.run(60000);
    expect(asked().length).toBe(later);
  });

  test("is not told any more once it is closed", () => {
    const { world, publish, asked, assignments } = start(() => "silent");
    publish(0, ["lost", "other"]);
    assignments.close();
    world.run(5000);
    expect(asked()).toEqual([]);
  });
});
