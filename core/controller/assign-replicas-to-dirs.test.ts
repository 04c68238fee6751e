import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { directoryOf } from "../metadata/image.ts";
import { ApiKeys } from "../protocol/message.ts";
import { makeRules } from "../rules.ts";
import { ControllerCluster } from "./controller-node.testkit.ts";
import { ElectionRules } from "./election-rules.ts";

const UNCLEAN = { "unclean.leader.election.enable": "true" };

/** [1, 2] with an ISR of [1] only; then 1 comes back with an empty disk and is unfenced. */
function lastMemberWiped(
  rules = makeRules(),
  configs: Readonly<Record<string, string>> = {},
): ControllerCluster {
  const cluster = new ControllerCluster({ "broker.session.timeout.ms": 600000 }, rules);
  cluster.join(1, 2);
  cluster.createTopic("t", [[1, 2]], configs);
  cluster.heartbeat(2, { fence: true });
  cluster.heartbeat(2);
  cluster.heartbeat(1, { fence: true, shutDown: true });
  cluster.register(1, { incarnation: "again", directory: "new-disk" });
  cluster.heartbeat(1);
  return cluster;
}

function assign(
  cluster: ControllerCluster,
  broker: number,
  directory: string,
  partition: number = 0,
  brokerEpoch: number = cluster.epochOf(broker),
) {
  const topicId = cluster.image.topicsByName.get("t")?.id ?? "";
  const topics = [{ topicId, partitions: [partition] }];
  const body = { brokerId: broker, brokerEpoch, directories: [{ id: directory, topics }] };
  const answer = cluster.ask(ApiKeys.ASSIGN_REPLICAS_TO_DIRS, body);
  return answer.directories[0]?.topics[0]?.partitions[0]?.errorCode ?? answer.errorCode;
}

describe("a broker's log directory", () => {
  it("is assigned to the replicas of a new topic", () => {
    const cluster = new ControllerCluster();
    cluster.join(1, 2);
    cluster.createTopic("t", [[2, 1]]);
    expect(cluster.partition("t").directories).toEqual(["dir-2", "dir-1"]);
  });

  it("must be there for its replica to lead: a wiped last member of the ISR does not", () => {
    const cluster = lastMemberWiped();
    expect(cluster.image.isActive(1)).toBe(true);
    expect(cluster.partition("t")).toMatchObject({ leader: -1, isr: [1] });
  });

  it("must be there for an unclean leader too", () => {
    expect(lastMemberWiped(makeRules(), UNCLEAN).partition("t").leader).toBe(2);
  });

  it("lets an empty disk lead when the rule is broken", () => {
    class Lax extends ElectionRules {
      override hasOnlineDirectory(): boolean {
        return true;
      }
    }
    const cluster = lastMemberWiped(makeRules({ election: Lax }));
    expect(cluster.partition("t").leader).toBe(1);
  });

  it("is assigned anew when its broker says so; the next unfencing elects", () => {
    const cluster = lastMemberWiped();
    const before = cluster.partition("t");
    expect(assign(cluster, 1, "new-disk")).toBe(Errors.NONE);
    const after = cluster.partition("t");
    expect(after.directories).toEqual(["new-disk", "dir-2"]);
    expect(after).toMatchObject({ leader: -1, leaderEpoch: before.leaderEpoch });
    expect(after.partitionEpoch).toBe(before.partitionEpoch + 1);
    cluster.heartbeat(1, { fence: true });
    cluster.heartbeat(1);
    expect(cluster.partition("t")).toMatchObject({ leader: 1, isr: [1] });
    expect(directoryOf(cluster.partition("t"), 1)).toBe("new-disk");
  });

  it("elects nobody uncleanly when it is assigned, although the topic allows it", () => {
    const cluster = lastMemberWiped();
    const configs = [
      { name: "unclean.leader.election.enable", configOperation: 0, value: "true" },
    ] as const;
    cluster.ask(ApiKeys.INCREMENTAL_ALTER_CONFIGS, {
      resources: [{ resourceType: 2, resourceName: "t", configs }],
      validateOnly: false,
    });
    assign(cluster, 1, "new-disk");
    expect(cluster.partition("t").leader).toBe(-1);
  });

  it("writes nothing when it is assigned already", () => {
    const cluster = lastMemberWiped();
    assign(cluster, 1, "new-disk");
    const { partitionEpoch } = cluster.partition("t");
    expect(assign(cluster, 1, "new-disk")).toBe(Errors.NONE);
    expect(cluster.partition("t").partitionEpoch).toBe(partitionEpoch);
  });

  it("is refused to another incarnation, and to a broker without such a replica", () => {
    const cluster = lastMemberWiped();
    expect(assign(cluster, 1, "x", 0, 1)).toBe(Errors.STALE_BROKER_EPOCH);
    expect(assign(cluster, 1, "x", 7)).toBe(Errors.UNKNOWN_TOPIC_OR_PARTITION);
    cluster.join(3);
    expect(assign(cluster, 3, "dir-3")).toBe(Errors.NOT_LEADER_OR_FOLLOWER);
    expect(cluster.partition("t").directories).toEqual(["dir-1", "dir-2"]);
  });
});
