import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import type { AlterPartitionResult, LeaderRecoveryState } from "../protocol/alter-partition.ts";
import { ApiKeys } from "../protocol/message.ts";
import { makeRules } from "../rules.ts";
import { AlterPartitionRules } from "./alter-partition-rules.ts";
import { ControllerCluster } from "./controller-node.testkit.ts";

interface Change {
  sender?: number;
  senderEpoch?: number;
  topicId?: string;
  partition?: number;
  leaderEpoch?: number;
  partitionEpoch?: number;
  isr?: readonly (number | readonly [number, number])[];
  recovery?: LeaderRecoveryState;
}

function clusterOfThree(rules = makeRules()): ControllerCluster {
  const cluster = new ControllerCluster({}, rules);
  cluster.join(1, 2, 3);
  cluster.createTopic("t", [[1, 2, 3]]);
  return cluster;
}

function alter(cluster: ControllerCluster, change: Change): AlterPartitionResult {
  const partition = cluster.partition("t");
  const topic = cluster.image.topicsByName.get("t");
  const sender = change.sender ?? 1;
  const answer = cluster.ask(ApiKeys.ALTER_PARTITION, {
    brokerId: sender,
    brokerEpoch: change.senderEpoch ?? cluster.epochOf(sender),
    topics: [
      {
        topicId: change.topicId ?? topic?.id ?? "",
        partitions: [
          {
            partitionIndex: change.partition ?? 0,
            leaderEpoch: change.leaderEpoch ?? partition.leaderEpoch,
            partitionEpoch: change.partitionEpoch ?? partition.partitionEpoch,
            newIsrWithEpochs: (change.isr ?? [1, 2]).map((member) =>
              typeof member === "number"
                ? { brokerId: member, brokerEpoch: cluster.epochOf(member) }
                : { brokerId: member[0], brokerEpoch: member[1] },
            ),
            leaderRecoveryState: change.recovery ?? 0,
          },
        ],
      },
    ],
  });
  const result = answer.topics[0]?.partitions[0];
  return result ?? ({ errorCode: answer.errorCode } as AlterPartitionResult);
}

describe("AlterPartition", () => {
  it("changes the ISR and counts the partition epoch, not the leader epoch", () => {
    const cluster = clusterOfThree();
    expect(alter(cluster, { isr: [1, 2] })).toEqual({
      partitionIndex: 0,
      errorCode: Errors.NONE,
      leaderId: 1,
      leaderEpoch: 0,
      isr: [1, 2],
      leaderRecoveryState: 0,
      partitionEpoch: 1,
    });
    expect(alter(cluster, { isr: [1, 2, [3, -1]] }).isr).toEqual([1, 2, 3]);
    expect(cluster.partition("t")).toMatchObject({ leaderEpoch: 0, partitionEpoch: 2 });
  });

  it("counts nothing when nothing changes", () => {
    const cluster = clusterOfThree();
    const result = alter(cluster, { isr: [1, 2, 3] });
    expect(result).toMatchObject({ errorCode: Errors.NONE, partitionEpoch: 0 });
  });

  it("refuses in Kafka's order", () => {
    const cluster = clusterOfThree();
    alter(cluster, { isr: [1, 2] });
    const cases: [Change, number][] = [
      [{ senderEpoch: 999, topicId: "x" }, Errors.STALE_BROKER_EPOCH],
      [{ topicId: "x".repeat(22), leaderEpoch: 9 }, Errors.UNKNOWN_TOPIC_ID],
      [{ partition: 7 }, Errors.UNKNOWN_TOPIC_OR_PARTITION],
      [{ leaderEpoch: 1, partitionEpoch: 0, sender: 2 }, Errors.NOT_CONTROLLER],
      [{ partitionEpoch: 2, leaderEpoch: -1 }, Errors.NOT_CONTROLLER],
      [{ leaderEpoch: -1, sender: 2 }, Errors.FENCED_LEADER_EPOCH],
      [{ sender: 2, partitionEpoch: 0 }, Errors.INVALID_REQUEST],
      [{ partitionEpoch: 0, isr: [2] }, Errors.INVALID_UPDATE_VERSION],
      [{ isr: [1, 9] }, Errors.INVALID_REQUEST],
      [{ isr: [1, 1] }, Errors.INVALID_REQUEST],
      [{ isr: [] }, Errors.INVALID_REQUEST],
      [{ isr: [2, 3] }, Errors.INVALID_REQUEST],
      [{ isr: [1, 2], recovery: 1 }, Errors.INVALID_REQUEST],
      [{ isr: [1], recovery: 1 }, Errors.INVALID_REQUEST],
      [{ isr: [1, [3, 1]] }, Errors.INELIGIBLE_REPLICA],
    ];
    for (const [change, error] of cases) {
      expect([change, alter(cluster, change).errorCode]).toEqual([change, error]);
    }
    expect(cluster.partition("t")).toMatchObject({ isr: [1, 2], partitionEpoch: 1 });
    const told = cluster.node.factsOf("stale-epoch-refused").map((fact) => fact.error);
    expect(told).toEqual([
      Errors.STALE_BROKER_EPOCH,
      Errors.FENCED_LEADER_EPOCH,
      Errors.INVALID_UPDATE_VERSION,
    ]);
  });

  it("lets no fenced broker and none that shuts down into an ISR", () => {
    const cluster = clusterOfThree();
    cluster.createTopic("led-by-2", [[2, 1, 3]]);
    cluster.heartbeat(3, { fence: true });
    expect(alter(cluster, { isr: [1, 2, 3] }).errorCode).toBe(Errors.INELIGIBLE_REPLICA);
    cluster.heartbeat(2, { shutDown: true });
    expect(cluster.image.brokers.get(2)?.inControlledShutdown).toBe(true);
    expect(alter(cluster, { isr: [1, 2] }).errorCode).toBe(Errors.INELIGIBLE_REPLICA);
  });

  it("lets each of them in when the rule is broken", () => {
    class Lax extends AlterPartitionRules {
      override isLiveMember(): boolean {
        return true;
      }
    }
    const cluster = clusterOfThree(makeRules({ alterPartition: Lax }));
    cluster.heartbeat(3, { fence: true });
    expect(alter(cluster, { isr: [1, 2, 3] }).isr).toEqual([1, 2, 3]);
  });

  it("takes an old leader's change only when the rules about its epochs are broken", () => {
    class Lax extends AlterPartitionRules {
      override leadershipError(): 0 {
        return Errors.NONE;
      }
      override partitionEpochError(): 0 {
        return Errors.NONE;
      }
    }
    for (const [rules, error] of [
      [makeRules(), Errors.FENCED_LEADER_EPOCH],
      [makeRules({ alterPartition: Lax }), Errors.NONE],
    ] as const) {
      const cluster = clusterOfThree(rules);
      cluster.heartbeat(1, { fence: true });
      cluster.heartbeat(1);
      expect(cluster.partition("t")).toMatchObject({ leader: 2, isr: [2, 3], leaderEpoch: 1 });
      const late = alter(cluster, { leaderEpoch: 0, partitionEpoch: 0, isr: [1, 2, 3] });
      expect(late.errorCode).toBe(error);
    }
  });

  it("tells what it handled, against which state", () => {
    const cluster = clusterOfThree();
    alter(cluster, { isr: [1] });
    expect(cluster.node.factsOf("alter-partition-handled")).toEqual([
      {
        kind: "alter-partition-handled",
        partition: "t-0",
        from: 1,
        error: Errors.NONE,
        requestLeaderEpoch: 0,
        requestPartitionEpoch: 0,
        currentLeader: 1,
        currentLeaderEpoch: 0,
        currentPartitionEpoch: 0,
      },
    ]);
    expect(cluster.node.factsOf("partition-decided").at(-1)).toMatchObject({
      partition: "t-0",
      isr: [1],
      previousIsr: [1, 2, 3],
      leader: 1,
      previousLeader: 1,
      partitionEpoch: 1,
      why: "alter-partition",
      unclean: false,
    });
  });
});
