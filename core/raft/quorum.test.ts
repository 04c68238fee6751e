import { describe, expect, it } from "vitest";
import { QuorumCluster, committedRecords } from "./quorum.testkit.ts";

describe("a quorum", () => {
  it.each([1, 2, 3, 4, 5, 7])("of %i voters elects one leader, and all replay its log", (count) => {
    const cluster = new QuorumCluster(count, { observers: 1 });
    const leader = cluster.elect();
    for (let at = 0; at < 5; at++) {
      expect(cluster.append(leader)).toBe(true);
      cluster.world.run(50);
    }
    cluster.world.run(1500);
    expect(cluster.leaders()).toEqual([leader]);
    expect(cluster.disagreement()).toBeNull();
    expect(cluster.voter(leader).heard.records.size).toBe(5);
    expect(cluster.broken()).toBeNull();
  });

  it("goes on without a minority, and brings it up to date when it returns", () => {
    const cluster = new QuorumCluster(5);
    const first = cluster.elect();
    cluster.append(first);
    cluster.world.run(100);
    const down = [first, cluster.ids.find((id) => id !== first) as number];
    for (const id of down) cluster.node(id).losePower();
    const second = cluster.elect();
    expect(down).not.toContain(second);
    cluster.append(second);
    cluster.world.run(300);
    cluster.recover();
    expect(cluster.disagreement()).toBeNull();
    expect(committedRecords(cluster).size).toBe(2);
    expect(cluster.broken()).toBeNull();
  });

  it("commits nothing without a majority", () => {
    const cluster = new QuorumCluster(3);
    const leader = cluster.elect();
    cluster.world.run(500);
    for (const id of cluster.ids) if (id !== leader) cluster.node(id).kill();
    const before = cluster.log(leader).highWatermark;
    cluster.append(leader);
    cluster.world.run(500);
    expect(cluster.log(leader).highWatermark).toBe(before);
    cluster.world.run(1000);
    expect(cluster.log(leader).leader.id).toBe(-1);
    expect(cluster.append(leader)).toBe(false);
  });

  it("makes an isolated leader resign, and cuts what it wrote alone", () => {
    const cluster = new QuorumCluster(3);
    const first = cluster.elect();
    cluster.append(first);
    cluster.world.run(200);
    cluster.isolate(first);
    cluster.append(first);
    const second = cluster.elect(cluster.ids.filter((id) => id !== first));
    cluster.append(second);
    cluster.world.run(2000);
    expect(cluster.leaders()).toEqual([second]);
    const heard = cluster.voter(first).heard.leaders;
    expect(heard.at(-1)?.id).toBe(-1);
    cluster.recover();
    expect(cluster.node(first).factsOf("truncated").length).toBeGreaterThan(0);
    expect(cluster.disagreement()).toBeNull();
    expect(committedRecords(cluster).size).toBe(2);
    expect(cluster.broken()).toBeNull();
  });

  it("is not disturbed by a voter that is cut from the leader alone", () => {
    const cluster = new QuorumCluster(3);
    const leader = cluster.elect();
    cluster.world.run(500);
    const { epoch } = cluster.log(leader).leader;
    const lonely = cluster.ids.find((id) => id !== leader) as number;
    cluster.cut(lonely, leader);
    cluster.world.run(10000);
    expect(cluster.log(leader).leader).toEqual({ id: leader, epoch });
    const states = cluster.node(lonely).factsOf("raft-state");
    expect(states.some(({ state }) => state === "prospective")).toBe(true);
    cluster.mendAll();
    cluster.world.run(2000);
    expect(cluster.disagreement()).toBeNull();
  });

  it("hands over at once when its leader shuts down", () => {
    const cluster = new QuorumCluster(3);
    const leader = cluster.elect();
    cluster.world.run(500);
    let isDone = false;
    cluster.node(leader).perform(() => {
      cluster.log(leader).shutDown(() => {
        isDone = true;
      });
    });
    cluster.world.run(60);
    expect(isDone).toBe(true);
    const others = cluster.ids.filter((id) => id !== leader);
    const second = cluster.elect(others, 200);
    expect(others).toContain(second);
  });

  it("lists the disk of each voter in the log once it has fetched", () => {
    const cluster = new QuorumCluster(3);
    cluster.elect();
    cluster.world.run(500);
    for (const id of cluster.ids) {
      const { latest } = cluster.log(id).store.voters;
      expect(latest.map(({ directoryId }) => directoryId)).toEqual(
        cluster.ids.map((voter) => `dir-${voter}-0`),
      );
    }
  });

  it("takes a voter with a new disk for an observer", () => {
    const cluster = new QuorumCluster(3);
    const leader = cluster.elect();
    cluster.world.run(500);
    const [wiped, other] = cluster.ids.filter((id) => id !== leader) as [number, number];
    cluster.node(wiped).kill();
    cluster.replaceDisk(wiped);
    cluster.start(wiped);
    cluster.world.run(2000);
    expect(cluster.node(wiped).factsOf("raft-state").at(-1)).toMatchObject({
      state: "follower",
      isVoter: false,
    });
    // With the other voter gone it does not make a majority.
    cluster.node(other).kill();
    const before = cluster.log(leader).highWatermark;
    cluster.append(leader);
    cluster.world.run(400);
    expect(cluster.log(leader).highWatermark).toBe(before);
    cluster.world.run(3000);
    expect(cluster.leaders()).toEqual([]);
    expect(cluster.broken()).toBeNull();
  });

  it("remembers across a restart what each voter voted", () => {
    const cluster = new QuorumCluster(3);
    cluster.elect();
    for (let round = 0; round < 6; round++) {
      for (const id of cluster.ids) {
        cluster.node(id).losePower();
        cluster.start(id);
        cluster.world.run(137);
      }
    }
    cluster.recover();
    expect(cluster.disagreement()).toBeNull();
    expect(cluster.broken()).toBeNull();
  });
});
