import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { METADATA_TOPIC_ID } from "../ids.ts";
import { encodeMetadataRecord } from "../metadata/codec.ts";
import { MetadataDelta, MetadataImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import { imageOf, recordsOf, replaceImage } from "../metadata/snapshot-records.ts";
import { ClientChannel } from "../network/client-channel.ts";
import type { FetchPartitionResponse } from "../protocol/fetch.ts";
import { ApiKeys } from "../protocol/message.ts";
import { makeRules } from "../rules.ts";
import { bytesChunk } from "../testkit/manual-storage.ts";
import { TrustsLogStart } from "./broken-raft.testkit.ts";
import { fetchSnapshotRequest, onlyPartition } from "./messages.ts";
import { QuorumCluster, hostOf } from "./quorum.testkit.ts";
import { RaftRules } from "./raft-rules.ts";

/** Small snapshots, and only the newest is kept. */
const TIGHT = {
  "metadata.log.max.record.bytes.between.snapshots": 600,
  "metadata.max.retention.bytes": 300,
  "metadata.log.segment.bytes": 700,
  "controller.quorum.fetch.max.bytes": 256,
};

function fill(cluster: QuorumCluster, count: number): void {
  for (let at = 0; at < count; at++) {
    for (const leader of cluster.leaders()) cluster.append(leader);
    cluster.world.run(20);
  }
  cluster.world.run(300);
}

function filesOf(cluster: QuorumCluster, id: number, suffix: string): readonly string[] {
  return [...cluster.node(id).disk.files.keys()].filter((path) => path.endsWith(suffix)).sort();
}

describe("snapshots of the metadata log", () => {
  it("bound the log of every node", () => {
    const cluster = new QuorumCluster(3, { given: TIGHT, observers: 1 });
    cluster.elect();
    fill(cluster, 100);
    for (const id of cluster.ids) {
      expect(cluster.log(id).log.logStartOffset).toBeGreaterThan(60);
      expect(filesOf(cluster, id, ".log").length).toBeLessThan(4);
      expect(filesOf(cluster, id, ".checkpoint")).toHaveLength(1);
      expect(filesOf(cluster, id, ".snapshot").length).toBeLessThan(4);
    }
    expect(cluster.disagreement()).toBeNull();
  });

  it("are made and dropped by time, too", () => {
    const given = {
      "metadata.log.max.snapshot.interval.ms": 1000,
      "metadata.max.retention.bytes": -1,
      "metadata.max.retention.ms": 3000,
    };
    const cluster = new QuorumCluster(3, { given });
    const leader = cluster.elect();
    for (let at = 0; at < 50; at++) {
      cluster.append(leader);
      cluster.world.run(200);
    }
    for (const id of cluster.ids) {
      const generated = cluster.node(id).factsOf("snapshot-generated");
      expect(generated.length).toBeGreaterThan(7);
      expect(generated.length).toBeLessThan(11);
      expect(filesOf(cluster, id, ".checkpoint").length).toBeLessThan(6);
      expect(filesOf(cluster, id, ".checkpoint").length).toBeGreaterThan(2);
    }
  });

  it("are equal on all nodes when they are of the same offset", () => {
    const cluster = new QuorumCluster(3, { given: TIGHT });
    cluster.elect();
    fill(cluster, 60);
    const hashes = new Map<number, number>();
    let compared = 0;
    for (const id of cluster.ids) {
      for (const { endOffset, hash } of cluster.node(id).factsOf("snapshot-generated")) {
        const known = hashes.get(endOffset);
        if (known === undefined) hashes.set(endOffset, hash);
        else compared += 1;
        expect(hash).toBe(known ?? hash);
      }
    }
    expect(compared).toBeGreaterThan(0);
  });

  it("are installed by a node whose place in the log is gone, piece by piece", () => {
    const cluster = new QuorumCluster(3, { given: TIGHT, observers: 1 });
    const leader = cluster.elect();
    cluster.world.run(300);
    const late = [cluster.ids.find((id) => id !== leader && id > 100) as number, 1];
    for (const id of late) cluster.node(id).kill();
    fill(cluster, 60);
    for (const id of late) cluster.start(id);
    cluster.world.run(2000);
    for (const id of late) {
      const installed = cluster.node(id).factsOf("snapshot-installed");
      // An observer may have begun with one, too.
      expect(installed.length).toBeGreaterThan(0);
      expect(installed.at(-1)?.sizeBytes).toBeGreaterThan(256);
      // It may have had a small one of its own.
      expect(cluster.voter(id).heard.snapshots).toBeGreaterThan(0);
    }
    expect(cluster.disagreement()).toBeNull();
    expect(cluster.broken()).toBeNull();
  });

  it("are where a node that restarts goes on from", () => {
    const cluster = new QuorumCluster(3, { given: TIGHT, observers: 1 });
    cluster.elect();
    fill(cluster, 60);
    for (const id of cluster.ids) cluster.node(id).losePower();
    for (const id of cluster.ids) cluster.start(id);
    cluster.elect();
    cluster.world.run(2000);
    for (const id of cluster.ids) expect(cluster.voter(id).heard.snapshots).toBe(1);
    expect(cluster.disagreement()).toBeNull();
    expect(cluster.broken()).toBeNull();
  });

  it("are fetched again when a fetch was not finished", () => {
    const cluster = new QuorumCluster(3, { given: TIGHT });
    const leader = cluster.elect();
    const late = cluster.ids.find((id) => id !== leader) as number;
    cluster.world.run(300);
    cluster.node(late).kill();
    fill(cluster, 60);
    cluster.start(late);
    cluster.world.runUntil(() => filesOf(cluster, late, ".part").length > 0);
    cluster.node(late).kill();
    cluster.start(late);
    expect(filesOf(cluster, late, ".part")).toEqual([]);
    cluster.world.run(2000);
    expect(cluster.node(late).factsOf("snapshot-installed")).toHaveLength(1);
    expect(cluster.disagreement()).toBeNull();
  });

  it("end the node on whose disk one is damaged, by name, and no other", () => {
    const cluster = new QuorumCluster(3, { given: TIGHT });
    cluster.elect();
    fill(cluster, 60);
    const struck = cluster.ids[0] as number;
    cluster.node(struck).kill();
    const [path] = filesOf(cluster, struck, ".checkpoint") as [string];
    const file = cluster.node(struck).disk.files.get(path);
    const chunk = file?.chunks[1];
    const bytes = chunk?.bytes().slice() as Uint8Array;
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 0x40;
    file?.chunks.splice(1, 1, bytesChunk(bytes));
    cluster.start(struck);
    expect(cluster.node(struck).exitReason).toBe(`the snapshot ${path} is damaged`);
    const others = cluster.ids.filter((id) => id !== struck);
    cluster.elect(others);
    cluster.world.run(1000);
    for (const id of others) expect(cluster.isAlive(id)).toBe(true);
    expect(cluster.broken()).toBeNull();
  });

  it("end the node that does not know one of their records, by name", () => {
    const cluster = new QuorumCluster(1, { given: TIGHT });
    const [only] = cluster.ids as [number];
    cluster.elect();
    fill(cluster, 30);
    const { store } = cluster.log(only);
    const record = { type: "Mystery" } as unknown as MetadataRecord;
    const voters = store.voters.latest;
    const id = { endOffset: store.endOffset, epoch: 1 };
    store.snapshots.write(id, { voters, records: [record], timestampMs: 0 });
    cluster.node(only).kill();
    cluster.start(only);
    expect(cluster.node(only).exitReason).toMatch(/^the snapshot data.*has a record of an unknown/);
  });

  it("give an image back as it was", () => {
    const records: readonly MetadataRecord[] = [
      { type: "FeatureLevel", name: "metadata.version", featureLevel: 27 },
      {
        type: "RegisterBroker",
        brokerId: 1,
        brokerEpoch: 5,
        incarnationId: "i",
        host: "b1",
        rack: null,
        fenced: false,
        inControlledShutdown: false,
        logDirs: ["d"],
      },
      { type: "Topic", name: "orders", topicId: "t" },
      {
        type: "Partition",
        topicId: "t",
        partitionId: 0,
        replicas: [1],
        isr: [1],
        leader: 1,
        leaderRecoveryState: 0,
        leaderEpoch: 3,
        partitionEpoch: 4,
      },
      {
        type: "Config",
        resourceType: 2,
        resourceName: "orders",
        name: "min.insync.replicas",
        value: "1",
      },
      { type: "ProducerIds", brokerId: -1, brokerEpoch: -1, nextProducerId: 2000 },
    ];
    const image = imageOf(records, 9, 2);
    expect(recordsOf(image)).toEqual(records);
    const older = imageOf(records.slice(0, 3), 4, 1);
    const delta = new MetadataDelta();
    replaceImage(older, image, delta);
    expect(recordsOf(older)).toEqual(records);
    expect(older.offset).toBe(9);
    expect([...(delta.partitions.get("t") ?? [])]).toEqual([0]);
    expect([...delta.topicConfigs]).toEqual(["orders"]);
    expect([...delta.createdTopics]).toEqual([]);
    const nothing = new MetadataDelta();
    replaceImage(older, imageOf(records, 9, 2), nothing);
    expect(nothing).toEqual(new MetadataDelta());
    expect(recordsOf(new MetadataImage())).toEqual([]);
    expect(encodeMetadataRecord(records[0] as MetadataRecord)[0]).toBe(1);
  });
});

/** A leader whose log begins with its only snapshot, and what it answers to a fetch. */
function askLeader(
  raft: typeof RaftRules | typeof TrustsLogStart,
): (offset: (start: number) => number, epoch: number) => FetchPartitionResponse {
  const cluster = new QuorumCluster(1, { given: TIGHT, rules: makeRules({ raft }) });
  const leader = cluster.elect();
  fill(cluster, 60);
  const { world } = cluster;
  const channel = new ClientChannel(world.node("asker").ports, {
    lane: "raft",
    host: hostOf(leader),
    channel: "raft",
    clientId: "asker",
    requestTimeoutMs: 1000,
    reconnectBackoffMs: 10,
    reconnectBackoffMaxMs: 10,
  });
  return (offset, epoch) => {
    const answers: FetchPartitionResponse[] = [];
    const start = cluster.log(leader).log.logStartOffset;
    const partition = {
      partition: 0,
      currentLeaderEpoch: cluster.log(leader).leader.epoch,
      fetchOffset: offset(start),
      lastFetchedEpoch: epoch,
      logStartOffset: 0,
      partitionMaxBytes: 10000,
    };
    const body = {
      clusterId: null,
      replicaState: { replicaId: 55, replicaEpoch: -1 },
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 10000,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [{ topicId: METADATA_TOPIC_ID, partitions: [partition] }],
      forgottenTopicsData: [],
      rackId: "",
    };
    channel.send(ApiKeys.FETCH, body, (outcome) => {
      if (outcome.kind !== "response") return;
      const answer = outcome.body.responses[0]?.partitions[0];
      if (answer !== undefined) answers.push(answer);
    });
    world.runUntil(() => answers.length > 0);
    return answers[0] as FetchPartitionResponse;
  };
}

describe("a leader whose log begins with a snapshot", () => {
  it("sends it to whoever may not have what came before", () => {
    const ask = askLeader(RaftRules);
    expect(ask((start) => start, 1).snapshotId).toBeNull();
    expect(ask((start) => start, 1).records.length).toBeGreaterThan(0);
    expect(ask((start) => start - 1, 1).snapshotId).not.toBeNull();
    expect(ask((start) => start, 0).snapshotId).not.toBeNull();
    expect(ask((start) => start + 1, 0).snapshotId).not.toBeNull();
    expect(ask(() => 0, 0).snapshotId).not.toBeNull();
  });

  it("would serve a log that differs from its own, if it did not look at the epoch (K20)", () => {
    const ask = askLeader(TrustsLogStart);
    const answer = ask((start) => start, 0);
    expect(answer.snapshotId).toBeNull();
    expect(answer.divergingEpoch).toBeNull();
    expect(answer.records.length).toBeGreaterThan(0);
  });

  it("refuses pieces of snapshots that it has not, and positions behind their end", () => {
    const cluster = new QuorumCluster(1, { given: TIGHT });
    const leader = cluster.elect();
    fill(cluster, 60);
    const id = cluster.log(leader).store.snapshots.latest?.id;
    if (id === undefined) throw new Error("the leader has a snapshot");
    const channel = new ClientChannel(cluster.world.node("asker").ports, {
      lane: "raft",
      host: hostOf(leader),
      channel: "raft",
      clientId: "asker",
      requestTimeoutMs: 1000,
      reconnectBackoffMs: 10,
      reconnectBackoffMaxMs: 10,
    });
    const { epoch } = cluster.log(leader).leader;
    const errors: number[] = [];
    const ask = (endOffset: number, position: number): void => {
      const from = { id: 55, directoryId: "d" };
      const wanted = { endOffset, epoch: id.epoch };
      const body = fetchSnapshotRequest("test-cluster", from, epoch, wanted, position, 100);
      channel.send(ApiKeys.FETCH_SNAPSHOT, body, (outcome) => {
        if (outcome.kind === "response") {
          errors.push(onlyPartition(outcome.body.topics)?.errorCode ?? -99);
        }
      });
    };
    ask(id.endOffset, 0);
    ask(id.endOffset + 1, 0);
    ask(id.endOffset, 1000000);
    cluster.world.run(100);
    expect(errors).toEqual([Errors.NONE, Errors.SNAPSHOT_NOT_FOUND, Errors.POSITION_OUT_OF_RANGE]);
  });
});
