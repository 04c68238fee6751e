import { describe, expect, it } from "vitest";
import {
  CONTROLLER_HOST,
  CONTROLLER_ID,
  startObserver,
} from "../controller/controller-node.testkit.ts";
import { Errors } from "../errors.ts";
import { METADATA_TOPIC_ID } from "../ids.ts";
import { encodeMetadataRecord } from "../metadata/codec.ts";
import { serveRequests } from "../network/request-server.ts";
import type { FetchPartition, FetchPartitionResponse, FetchRequest } from "../protocol/fetch.ts";
import { ApiKeys, supportedVersions } from "../protocol/message.ts";
import { Batch } from "../record/batch.ts";
import { encodeBatch } from "../record/encode.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import { METADATA_PARTITION } from "./metadata-store.ts";

const LISTENER = { committed: (): void => undefined, leaderChanged: (): void => undefined };

/** A leader that answers each fetch as the test says. */
class ScriptedLeader {
  readonly world: ManualWorld = new ManualWorld();
  readonly fetches: FetchPartition[] = [];

  constructor(answer: (fetch: FetchPartition) => Partial<FetchPartitionResponse> | number | null) {
    serveRequests(this.world.node(CONTROLLER_HOST).ports, "network", (call) => {
      if (call.request.apiKey === ApiKeys.API_VERSIONS) {
        call.respond<typeof ApiKeys.API_VERSIONS>({ errorCode: 0, apiKeys: supportedVersions });
        return;
      }
      const fetch = (call.request.body as FetchRequest).topics[0]?.partitions[0] as FetchPartition;
      this.fetches.push(fetch);
      const said = answer(fetch);
      // Held back for ever.
      if (said === null) return;
      const partitions = typeof said === "number" ? [] : [{ ...NOTHING, ...said }];
      call.respond<typeof ApiKeys.FETCH>({
        errorCode: typeof said === "number" ? said : Errors.NONE,
        sessionId: 0,
        responses: [{ topicId: METADATA_TOPIC_ID, partitions }],
      });
    });
  }
}

const NOTHING: FetchPartitionResponse = {
  partitionIndex: 0,
  errorCode: Errors.NONE,
  highWatermark: -1,
  lastStableOffset: -1,
  logStartOffset: 0,
  divergingEpoch: null,
  currentLeader: null,
  snapshotId: null,
  records: [],
};

function batchAt(baseOffset: number, epoch: number, count: number): Batch {
  const value = encodeMetadataRecord({ type: "NoOp" });
  const records = Array.from({ length: count }, () => ({
    timestamp: 0,
    key: null,
    value,
    headers: [],
  }));
  const { codecs } = new ManualWorld();
  const body = encodeBatch(records, {
    compression: "none",
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    codecs,
  });
  return new Batch(baseOffset, epoch, body);
}

describe("Fetcher", () => {
  it("takes over the leader and the epoch that a refusal names, and fetches again at once", () => {
    const leader = new ScriptedLeader((fetch) =>
      fetch.currentLeaderEpoch < 5
        ? {
            errorCode: Errors.FENCED_LEADER_EPOCH,
            currentLeader: { leaderId: CONTROLLER_ID, leaderEpoch: 5 },
          }
        : null,
    );
    const observer = startObserver(leader.world.node("b1"), 1, LISTENER);
    leader.world.run(10);
    expect(leader.fetches.map((fetch) => fetch.currentLeaderEpoch)).toEqual([0, 5]);
    expect(observer.leader).toEqual({ id: CONTROLLER_ID, epoch: 5 });
  });

  it("remembers the epoch across a restart", () => {
    const leader = new ScriptedLeader((fetch) =>
      fetch.currentLeaderEpoch < 5
        ? {
            errorCode: Errors.FENCED_LEADER_EPOCH,
            currentLeader: { leaderId: CONTROLLER_ID, leaderEpoch: 5 },
          }
        : null,
    );
    const node = leader.world.node("b1");
    startObserver(node, 1, LISTENER);
    leader.world.run(10);
    node.losePower();
    node.restart();
    const observer = startObserver(node, 1, LISTENER);
    expect(observer.leader).toEqual({ id: CONTROLLER_ID, epoch: 5 });
  });

  it("waits a little before it asks again after an error without news", () => {
    const leader = new ScriptedLeader(() => ({ errorCode: Errors.UNKNOWN_LEADER_EPOCH }));
    startObserver(leader.world.node("b1"), 1, LISTENER);
    leader.world.run(1000);
    expect(leader.fetches.length).toBeGreaterThan(20);
    expect(leader.fetches.length).toBeLessThan(50);
  });

  it("cuts what differs from the leader's log and goes on from there", () => {
    const leader = new ScriptedLeader((fetch) => {
      const currentLeader = { leaderId: CONTROLLER_ID, leaderEpoch: 2 };
      if (fetch.currentLeaderEpoch < 2) {
        return { currentLeader, errorCode: Errors.FENCED_LEADER_EPOCH };
      }
      if (fetch.fetchOffset === 0) {
        return { currentLeader, highWatermark: 2, records: [batchAt(0, 1, 2), batchAt(2, 1, 3)] };
      }
      if (fetch.lastFetchedEpoch === 1 && fetch.fetchOffset === 5) {
        return { currentLeader, divergingEpoch: { epoch: 1, endOffset: 2 } };
      }
      return fetch.fetchOffset === 2
        ? { currentLeader, highWatermark: 4, records: [batchAt(2, 2, 2)] }
        : null;
    });
    const node = leader.world.node("b1");
    const observer = startObserver(node, 1, LISTENER);
    leader.world.run(50);
    expect(leader.fetches.map((fetch) => fetch.fetchOffset)).toEqual([0, 0, 5, 2, 4]);
    expect(leader.fetches.at(-1)?.lastFetchedEpoch).toBe(2);
    expect(node.factsOf("truncated")).toMatchObject([
      { partition: METADATA_PARTITION, fromOffset: 5, toOffset: 2, why: "diverging" },
    ]);
    expect(observer.highWatermark).toBe(4);
  });

  it("halts rather than cut what is committed", () => {
    const leader = new ScriptedLeader((fetch) =>
      fetch.fetchOffset === 0
        ? {
            currentLeader: { leaderId: CONTROLLER_ID, leaderEpoch: 2 },
            highWatermark: 3,
            records: [batchAt(0, 2, 3)],
          }
        : { divergingEpoch: { epoch: 1, endOffset: 1 } },
    );
    const node = leader.world.node("b1");
    startObserver(node, 1, LISTENER);
    leader.world.run(50);
    expect(node.exitReason).toMatch(/committed metadata from offset 0 differs/);
    expect(node.factsOf("truncated")).toEqual([]);
  });

  it("never takes for committed what it does not hold", () => {
    const leader = new ScriptedLeader((fetch) =>
      fetch.fetchOffset === 0
        ? {
            currentLeader: { leaderId: CONTROLLER_ID, leaderEpoch: 2 },
            highWatermark: 100,
            records: [batchAt(0, 2, 3)],
          }
        : null,
    );
    const observer = startObserver(leader.world.node("b1"), 1, LISTENER);
    leader.world.run(50);
    expect(observer.highWatermark).toBe(3);
  });

  it("asks again, and takes nothing, when a voter says that it is of another cluster", () => {
    let isForeign = true;
    const leader = new ScriptedLeader((fetch) => {
      if (isForeign) return Errors.INCONSISTENT_CLUSTER_ID;
      return fetch.fetchOffset === 0
        ? {
            currentLeader: { leaderId: CONTROLLER_ID, leaderEpoch: 1 },
            highWatermark: 2,
            records: [batchAt(0, 1, 2)],
          }
        : null;
    });
    const node = leader.world.node("b1");
    const observer = startObserver(node, 1, LISTENER);
    leader.world.run(500);
    expect(node.exitReason).toBeNull();
    expect(leader.fetches.length).toBeGreaterThan(5);
    expect(leader.fetches.length).toBeLessThan(40);
    expect(observer.log.endOffset).toBe(0);
    isForeign = false;
    leader.world.run(100);
    expect(observer.log.endOffset).toBe(2);
  });

  it("halts at a metadata record that it does not know", () => {
    const unknown = encodeBatch(
      [{ timestamp: 0, key: null, value: new Uint8Array([9, 1, 2]), headers: [] }],
      {
        compression: "none",
        producerId: -1,
        producerEpoch: -1,
        baseSequence: -1,
        codecs: new ManualWorld().codecs,
      },
    );
    const leader = new ScriptedLeader((fetch) =>
      fetch.fetchOffset === 0
        ? {
            currentLeader: { leaderId: CONTROLLER_ID, leaderEpoch: 1 },
            highWatermark: 1,
            records: [new Batch(0, 1, unknown)],
          }
        : null,
    );
    const node = leader.world.node("b1");
    startObserver(node, 1, LISTENER);
    leader.world.run(50);
    expect(node.exitReason).toBe("the metadata record at offset 0 is of an unknown kind");
  });
});
