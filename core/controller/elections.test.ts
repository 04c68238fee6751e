import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { ApiKeys } from "../protocol/message.ts";
import { makeRules } from "../rules.ts";
import { ControllerCluster } from "./controller-node.testkit.ts";
import { ElectionRules } from "./election-rules.ts";

const UNCLEAN = { "unclean.leader.election.enable": "true" };

function elect(cluster: ControllerCluster, electionType: number, topic?: string): number[] {
  const answer = cluster.ask(ApiKeys.ELECT_LEADERS, {
    electionType,
    topicPartitions: topic === undefined ? null : [{ topic, partitions: [0] }],
    timeoutMs: 1000,
  });
  expect(answer.errorCode).toBe(Errors.NONE);
  return answer.replicaElectionResults.flatMap(({ partitionResult }) =>
    partitionResult.map((one) => one.errorCode),
  );
}

/** [1, 2] with an ISR of [1] only, then 1 is fenced. */
function lastMemberGone(
  configs: Readonly<Record<string, string>> = {},
  rules = makeRules(),
): ControllerCluster {
  const cluster = new ControllerCluster({ "broker.session.timeout.ms": 600000 }, rules);
  cluster.join(1, 2);
  cluster.createTopic("t", [[1, 2]], configs);
  cluster.heartbeat(2, { fence: true });
  cluster.heartbeat(2);
  cluster.heartbeat(1, { fence: true });
  return cluster;
}

describe("elections", () => {
  it("never pick a replica outside the ISR unless the topic allows it", () => {
    expect(lastMemberGone().partition("t")).toMatchObject({ leader: -1, isr: [1] });
  });

  it("pick one outside the ISR when the rule is broken", () => {
    class Lax extends ElectionRules {
      override mayLead(_isInIsr: boolean, isAcceptable: boolean): boolean {
        return isAcceptable;
      }
    }
    const cluster = lastMemberGone({}, makeRules({ election: Lax }));
    expect(cluster.partition("t").leader).toBe(2);
    const decided = cluster.node.factsOf("partition-decided").at(-1);
    expect(decided).toMatchObject({ unclean: false, uncleanAllowed: false, previousIsr: [1] });
  });

  it("make an unclean leader begin alone and recover", () => {
    const cluster = lastMemberGone(UNCLEAN);
    expect(cluster.partition("t")).toMatchObject({ leader: 2, isr: [2], leaderRecoveryState: 1 });
    expect(cluster.node.factsOf("partition-decided").at(-1)).toMatchObject({
      unclean: true,
      uncleanAllowed: true,
      why: "fenced",
    });
  });

  it("leave the old ISR to an unclean leader when the rule is broken", () => {
    class Lax extends ElectionRules {
      override isrOfUncleanLeader(_leader: number, isr: readonly number[]): readonly number[] {
        return isr;
      }
    }
    const cluster = lastMemberGone(UNCLEAN, makeRules({ election: Lax }));
    expect(cluster.partition("t")).toMatchObject({ leader: 2, isr: [1] });
  });

  it("happen uncleanly when an admin asks for it", () => {
    const cluster = lastMemberGone();
    expect(elect(cluster, 1, "t")).toEqual([Errors.NONE]);
    expect(cluster.partition("t")).toMatchObject({ leader: 2, isr: [2] });
    expect(elect(cluster, 1, "t")).toEqual([Errors.ELECTION_NOT_NEEDED]);
    expect(elect(cluster, 1)).toEqual([]);
  });

  it("happen uncleanly from time to time where a topic began to allow it", () => {
    const cluster = lastMemberGone();
    cluster.ask(ApiKeys.INCREMENTAL_ALTER_CONFIGS, {
      resources: [
        {
          resourceType: 2,
          resourceName: "t",
          configs: [{ name: "unclean.leader.election.enable", configOperation: 0, value: "true" }],
        },
      ],
      validateOnly: false,
    });
    expect(cluster.partition("t").leader).toBe(-1);
    cluster.world.run(300000);
    expect(cluster.partition("t")).toMatchObject({ leader: 2, isr: [2] });
  });

  it("bring back the preferred leader when asked, and from time to time", () => {
    for (const isAsked of [true, false]) {
      const cluster = new ControllerCluster({
        "broker.session.timeout.ms": 600000,
        "leader.imbalance.check.interval.seconds": 10,
      });
      cluster.join(1, 2);
      cluster.createTopic("t", [[1, 2]]);
      expect(elect(cluster, 0, "t")).toEqual([Errors.ELECTION_NOT_NEEDED]);
      cluster.heartbeat(1, { fence: true });
      cluster.heartbeat(1);
      expect(elect(cluster, 0, "t")).toEqual([Errors.PREFERRED_LEADER_NOT_AVAILABLE]);
      const { leaderEpoch, partitionEpoch } = cluster.partition("t");
      cluster.ask(ApiKeys.ALTER_PARTITION, {
        brokerId: 2,
        brokerEpoch: cluster.epochOf(2),
        topics: [
          {
            topicId: cluster.image.topicsByName.get("t")?.id ?? "",
            partitions: [
              {
                partitionIndex: 0,
                leaderEpoch,
                partitionEpoch,
                newIsrWithEpochs: [
                  { brokerId: 2, brokerEpoch: -1 },
                  { brokerId: 1, brokerEpoch: cluster.epochOf(1) },
                ],
                leaderRecoveryState: 0,
              },
            ],
          },
        ],
      });
      if (isAsked) expect(elect(cluster, 0)).toEqual([Errors.NONE]);
      else cluster.world.run(10000);
      expect(cluster.partition("t")).toMatchObject({ leader: 1, isr: [2, 1] });
    }
  });

  it("are refused for a partition that is not there", () => {
    const cluster = new ControllerCluster();
    expect(elect(cluster, 0, "none")).toEqual([Errors.UNKNOWN_TOPIC_OR_PARTITION]);
  });
});
