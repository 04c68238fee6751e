/** Whole nodes: groups that outlive their coordinator. */
import { describe, expect, test } from "vitest";
import { Errors } from "../errors.ts";
import type { OffsetCommitRequest, OffsetCommitResponse } from "../protocol/group-offsets.ts";
import { ApiKeys } from "../protocol/message.ts";
import { utf8Encode } from "../record/utf8.ts";
import { ManualCluster } from "../testkit/manual-cluster.ts";
import { MemberClient } from "./testkit/member-client.ts";

const GROUP = "shippers";
const BROKERS = ["b1", "b2", "b3"];
const settings = {
  "offsets.topic.num.partitions": 4,
  "group.initial.rebalance.delay.ms": 200,
};

/** Asks each of `brokers` where the group is, until it is at one of them. */
function findCoordinator(cluster: ManualCluster, brokers: readonly string[] = BROKERS): string {
  for (let tries = 0; tries < 200; tries++) {
    const broker = brokers[tries % brokers.length] as string;
    const request = { keyType: 0, coordinatorKeys: [GROUP] };
    const { coordinators } = cluster.answer(broker, ApiKeys.FIND_COORDINATOR, request);
    const found = coordinators[0];
    if (found?.errorCode === Errors.NONE && brokers.includes(found.host)) return found.host;
    expect([Errors.NONE, Errors.COORDINATOR_NOT_AVAILABLE]).toContain(found?.errorCode);
    cluster.world.run(100);
  }
  throw new Error("nobody coordinates");
}

/** Two members that have joined, and their ids; the first one leads. */
function joinTwo(cluster: ManualCluster, at: string): [MemberClient, MemberClient, string[]] {
  const members = ["one", "two"].map((name) => new MemberClient(cluster, name));
  const ids = members.map((member) => {
    const { errorCode, memberId } = member.wait(member.join(at, GROUP));
    expect(errorCode).toBe(Errors.MEMBER_ID_REQUIRED);
    return memberId;
  });
  const joins = members.map((member, index) =>
    member.join(at, GROUP, { memberId: ids[index] ?? "" }),
  );
  const answers = members.map((member, index) => member.wait(joins[index] as (typeof joins)[0]));
  expect(answers).toMatchObject([
    { errorCode: 0, generationId: 1, protocolName: "range", leader: ids[0] },
    { errorCode: 0, generationId: 1, protocolName: "range", leader: ids[0], members: [] },
  ]);
  expect(answers[0]?.members.map(({ memberId }) => memberId)).toEqual(ids);
  return [members[0] as MemberClient, members[1] as MemberClient, ids];
}

function syncRequest(memberId: string, assigned: readonly string[] = []) {
  return {
    groupId: GROUP,
    generationId: 1,
    memberId,
    groupInstanceId: null,
    protocolType: "consumer",
    protocolName: "range",
    assignments: assigned.map((id, at) => ({ memberId: id, assignment: utf8Encode(`part ${at}`) })),
  };
}

function commitRequest(memberId: string, generation: number, offset: number): OffsetCommitRequest {
  const partition = {
    partitionIndex: 0,
    committedOffset: offset,
    committedLeaderEpoch: 0,
    committedMetadata: "so far",
  };
  return {
    groupId: GROUP,
    generationIdOrMemberEpoch: generation,
    memberId,
    groupInstanceId: null,
    topics: [{ name: "orders", partitions: [partition] }],
  };
}

function errorOf(response: OffsetCommitResponse): number | undefined {
  return response.topics[0]?.partitions[0]?.errorCode;
}

function fetchedOffset(cluster: ManualCluster, at: string): number | undefined {
  const { groups } = cluster.answer(at, ApiKeys.OFFSET_FETCH, {
    groups: [{ groupId: GROUP, memberId: null, memberEpoch: -1, topics: null }],
    requireStable: true,
  });
  return groups[0]?.topics[0]?.partitions[0]?.committedOffset;
}

describe("the topic of groups", () => {
  test("is made when somebody asks for a coordinator, as its settings say", () => {
    const cluster = new ManualCluster(3, settings);
    expect(cluster.topic("__consumer_offsets", "b1").errorCode).toBe(
      Errors.UNKNOWN_TOPIC_OR_PARTITION,
    );
    findCoordinator(cluster);
    const { partitions, isInternal } = cluster.topic("__consumer_offsets", "b1");
    expect(isInternal).toBe(true);
    expect(partitions).toHaveLength(4);
    expect(partitions[0]?.replicaNodes).toHaveLength(3);
    const { results } = cluster.answer("b1", ApiKeys.DESCRIBE_CONFIGS, {
      resources: [
        {
          resourceType: 2,
          resourceName: "__consumer_offsets",
          configurationKeys: ["cleanup.policy", "segment.bytes"],
        },
      ],
    });
    expect(results[0]?.configs.map(({ value }) => value)).toEqual(["compact", "104857600"]);
  });

  test("takes no records of clients", () => {
    const cluster = new ManualCluster(1, { ...settings, "offsets.topic.replication.factor": 1 });
    const at = findCoordinator(cluster, ["b1"]);
    expect(cluster.produce(at, "__consumer_offsets", ["a"]).errorCode).toBe(
      Errors.INVALID_TOPIC_EXCEPTION,
    );
  });
});

describe("a group of two members", () => {
  test("is the same to the next coordinator: generation, members, assignments and offsets", () => {
    const cluster = new ManualCluster(3, settings);
    cluster.createTopic("orders", [1, 2, 3]);
    const first = findCoordinator(cluster);
    const [one, two, ids] = joinTwo(cluster, first);
    const follower = two.send(first, ApiKeys.SYNC_GROUP, syncRequest(ids[1] as string));
    const leader = one.send(first, ApiKeys.SYNC_GROUP, syncRequest(ids[0] as string, ids));
    expect(one.wait(leader).assignment).toEqual(utf8Encode("part 0"));
    expect(two.wait(follower).assignment).toEqual(utf8Encode("part 1"));
    const commit = one.ask(first, ApiKeys.OFFSET_COMMIT, commitRequest(ids[0] as string, 1, 7));
    expect(errorOf(commit)).toBe(Errors.NONE);

    cluster.node(first).kill();
    const others = BROKERS.filter((name) => name !== first);
    const second = findCoordinator(cluster, others);
    cluster.world.run(100);

    const { groups } = cluster.answer(second, ApiKeys.DESCRIBE_GROUPS, { groups: [GROUP] });
    expect(groups[0]).toMatchObject({
      groupState: "Stable",
      protocolData: "range",
      members: [
        { memberId: ids[0], clientId: "one", memberAssignment: utf8Encode("part 0") },
        { memberId: ids[1], clientId: "two", memberAssignment: utf8Encode("part 1") },
      ],
    });
    expect(fetchedOffset(cluster, second)).toBe(7);
    const beat = { groupId: GROUP, generationId: 1, memberId: ids[1] as string };
    const heartbeat = { ...beat, groupInstanceId: null };
    expect(two.ask(second, ApiKeys.HEARTBEAT, heartbeat).errorCode).toBe(Errors.NONE);
    const next = two.ask(second, ApiKeys.OFFSET_COMMIT, commitRequest(ids[1] as string, 1, 9));
    expect(errorOf(next)).toBe(Errors.NONE);
    expect(fetchedOffset(cluster, second)).toBe(9);

    // Who does not hear of the new coordinator is told by the old one when it is back.
    cluster.start(first);
    cluster.world.run(5000);
    if (findCoordinator(cluster) === second) {
      expect(one.ask(first, ApiKeys.HEARTBEAT, heartbeat).errorCode).toBe(Errors.NOT_COORDINATOR);
    }
  });

  test("goes over to another coordinator when its own is shut down in order", () => {
    const cluster = new ManualCluster(3, settings);
    cluster.createTopic("orders", [1, 2, 3]);
    const first = findCoordinator(cluster);
    const [one] = joinTwo(cluster, first);
    const parked = one.join(first, GROUP, { groupInstanceId: "static" });
    cluster.world.run(50);
    cluster.terminate(first);
    expect(one.wait(parked).errorCode).toBe(Errors.NOT_COORDINATOR);
    cluster.world.run(3000);
    expect(cluster.node(first).exitReason).toBe("shut down");
    expect(cluster.node(first).factsOf("coordinator-unloaded")).not.toHaveLength(0);
    const second = findCoordinator(
      cluster,
      BROKERS.filter((name) => name !== first),
    );
    const { groups } = cluster.answer(second, ApiKeys.LIST_GROUPS, {
      statesFilter: [],
      typesFilter: [],
    });
    // Nothing but the group itself was ever written.
    expect(groups).toEqual([
      { groupId: GROUP, protocolType: "", groupState: "Empty", groupType: "classic" },
    ]);
  });

  test("gets no answer to a commit before other brokers have it", () => {
    const cluster = new ManualCluster(3, settings);
    cluster.createTopic("orders", [1, 2, 3]);
    const at = findCoordinator(cluster);
    const client = new MemberClient(cluster, "alone");
    const others = BROKERS.filter((name) => name !== at);
    for (const other of others) cluster.world.hold(at, other);
    const sent = client.send(at, ApiKeys.OFFSET_COMMIT, commitRequest("", -1, 5));
    cluster.world.run(1500);
    expect(sent.answer).toBeNull();
    for (const other of others) cluster.world.release(at, other);
    expect(errorOf(client.wait(sent))).toBe(Errors.NONE);
    const [fact] = cluster.node(at).factsOf("offsets-committed");
    const appended = cluster.node(at).factsOf("appended");
    expect(appended.some(({ batch }) => batch.baseOffset === fact?.baseOffset)).toBe(true);
    const { groups } = cluster.answer(at, ApiKeys.LIST_GROUPS, {
      statesFilter: ["empty"],
      typesFilter: ["Classic"],
    });
    expect(groups).toHaveLength(1);
  });

  test("is told when a commit could not be replicated in time", () => {
    const cluster = new ManualCluster(3, {
      ...settings,
      "replica.lag.time.max.ms": 60000,
      "broker.session.timeout.ms": 60000,
    });
    cluster.createTopic("orders", [1, 2, 3]);
    const at = findCoordinator(cluster);
    const client = new MemberClient(cluster, "alone");
    for (const other of BROKERS) if (other !== at) cluster.world.hold(at, other);
    const sent = client.send(at, ApiKeys.OFFSET_COMMIT, commitRequest("", -1, 5));
    const beganMs = cluster.world.nowMs;
    expect(errorOf(client.wait(sent))).toBe(Errors.COORDINATOR_NOT_AVAILABLE);
    expect(cluster.world.nowMs - beganMs).toBeGreaterThanOrEqual(5000);
  });
});
