/** One schedule for each rule of the quorum that a known defect breaks: kept, it holds; broken, not. */
import { describe, expect, it } from "vitest";
import type { RuleClass } from "../rules.ts";
import { makeRules } from "../rules.ts";
import {
  AnyDisk,
  BlindCounting,
  BlindVotes,
  ForgetfulVotes,
  HastyFollowers,
  NoCheckQuorum,
  NoPreVote,
  OldEpochCommits,
  UnsyncedSnapshots,
} from "./broken-raft.testkit.ts";
import { QuorumCluster, hostOf } from "./quorum.testkit.ts";
import { RaftRules } from "./raft-rules.ts";

type Raft = RuleClass<RaftRules>;
type Trio = readonly [leader: number, second: number, third: number];

function trio(raft: Raft, given: Readonly<Record<string, number>> = {}): [QuorumCluster, Trio] {
  const cluster = new QuorumCluster(3, { given, rules: makeRules({ raft }) });
  const leader = cluster.elect();
  cluster.world.run(1000);
  const [second, third] = cluster.ids.filter((id) => id !== leader) as [number, number];
  return [cluster, [leader, second, third]];
}

/** Null when everything that was promised still holds after all is healed. */
function outcome(cluster: QuorumCluster): string | null {
  cluster.recover();
  return cluster.broken() ?? cluster.disagreement();
}

/** A record of epoch 1 gets to a majority in epoch 3, while the third voter has one of epoch 2. */
function commitOldEpoch(raft: Raft): string | null {
  const [cluster, [first, ...others]] = trio(raft, { "controller.quorum.fetch.max.bytes": 1 });
  const { world } = cluster;
  cluster.isolate(first);
  cluster.append(first);
  const offset = cluster.log(first).log.endOffset;
  world.run(20);
  cluster.node(first).kill();
  world.runUntil(() => others.some((id) => cluster.leaders().includes(id)));
  const third = others.find((id) => cluster.leaders().includes(id)) as number;
  const second = others.find((id) => id !== third) as number;
  cluster.node(third).kill();
  cluster.mendAll();
  cluster.start(first);
  world.runUntil(() => cluster.log(second).log.endOffset > offset);
  world.run(1);
  const isCommitted = cluster.log(first).highWatermark > offset;
  world.hold(hostOf(first), hostOf(second));
  cluster.node(first).kill();
  // With the rule nothing was committed, whatever the others make of it.
  if (!isCommitted) return null;
  cluster.start(third);
  cluster.elect([second, third]);
  world.release(hostOf(first), hostOf(second));
  return outcome(cluster);
}

/** A voter that lags stands for election while the one that has the latest record is away. */
function electLaggard(raft: Raft): string | null {
  const [cluster, [leader, second, third]] = trio(raft);
  cluster.isolate(third);
  cluster.append(leader);
  cluster.world.run(200);
  cluster.node(leader).kill();
  cluster.node(second).kill();
  cluster.mendAll();
  cluster.start(second);
  cluster.world.run(5000);
  return outcome(cluster);
}

/** Acknowledged by a majority of which one loses power, and the leader goes. */
function loseUnflushed(raft: Raft): string | null {
  const [cluster, [leader, second, third]] = trio(raft);
  cluster.isolate(third);
  cluster.append(leader);
  cluster.world.run(200);
  cluster.node(second).losePower();
  cluster.node(leader).kill();
  cluster.mendAll();
  cluster.start(second);
  cluster.world.run(5000);
  return outcome(cluster);
}

/** A voter gives its vote, loses power, and is asked by another candidate of the same epoch. */
function voteTwice(raft: Raft): string | null {
  for (let pauseMs = 0; pauseMs < 40; pauseMs++) {
    const [cluster, [leader, second, third]] = trio(raft);
    cluster.node(leader).kill();
    const hasVoted = (id: number): boolean =>
      cluster
        .node(id)
        .factsOf("vote-granted")
        .some(({ epoch, preVote }) => !preVote && epoch > 1);
    cluster.world.runUntil(() => hasVoted(second) && hasVoted(third));
    cluster.node(second).losePower();
    cluster.node(third).losePower();
    cluster.start(leader);
    cluster.start(pauseMs % 2 === 0 ? second : third);
    cluster.world.run(1000 + pauseMs * 37);
    const broken = outcome(cluster);
    if (broken !== null) return broken;
  }
  return null;
}

/** A leader of a longer log of its own time is counted for what it does not hold. */
function countDiverged(raft: Raft): string | null {
  const [cluster, [leader, second, third]] = trio(raft);
  cluster.isolate(leader);
  for (let at = 0; at < 8; at++) cluster.append(leader);
  cluster.world.run(50);
  cluster.node(leader).kill();
  cluster.elect([second, third]);
  cluster.mendAll();
  cluster.start(leader);
  cluster.world.run(500);
  const [next] = cluster.leaders();
  if (next !== undefined) for (let at = 0; at < 20; at++) cluster.append(next);
  cluster.world.run(500);
  return outcome(cluster);
}

/** A voter's disk is replaced by an empty one; it meets another that lags. */
function replaceVoter(raft: Raft): string | null {
  const [cluster, [leader, second, third]] = trio(raft);
  cluster.isolate(third);
  cluster.append(leader);
  cluster.world.run(200);
  cluster.node(leader).kill();
  cluster.node(second).kill();
  cluster.replaceDisk(second);
  cluster.mendAll();
  cluster.start(second);
  cluster.world.run(8000);
  const hasLeader = cluster.leaders().length > 0;
  cluster.recover();
  return cluster.broken() ?? (hasLeader ? "two of three forgot, and elected" : null);
}

describe("a quorum keeps what it promised", () => {
  it.each([
    ["K01", commitOldEpoch, OldEpochCommits],
    ["K02", voteTwice, ForgetfulVotes],
    ["K03", electLaggard, BlindVotes],
    ["K05", loseUnflushed, HastyFollowers],
    ["K07", countDiverged, BlindCounting],
    ["K17", replaceVoter, AnyDisk],
  ] as const)("by the rule that %s breaks", (_id, schedule, wrong) => {
    expect(schedule(RaftRules)).toBeNull();
    expect(schedule(wrong)).not.toBeNull();
  });

  it("by resigning when nobody fetches (K09)", () => {
    const leads = (raft: Raft): boolean => {
      const [cluster, [leader]] = trio(raft);
      cluster.isolate(leader);
      cluster.world.run(5000);
      return cluster.leaders().includes(leader);
    };
    expect(leads(RaftRules)).toBe(false);
    expect(leads(NoCheckQuorum)).toBe(true);
  });

  it("by asking before it raises an epoch (K10)", () => {
    const epochs = (raft: Raft): number => {
      const [cluster, [leader, second]] = trio(raft);
      const before = cluster.log(leader).leader.epoch;
      cluster.cut(leader, second);
      cluster.world.run(10000);
      return Math.max(...cluster.ids.map((id) => cluster.log(id).leader.epoch)) - before;
    };
    expect(epochs(RaftRules)).toBe(0);
    expect(epochs(NoPreVote)).toBeGreaterThan(2);
  });

  it("by flushing a snapshot before the log goes for it (K19)", () => {
    const survives = (raft: Raft): string | null => {
      const cluster = new QuorumCluster(1, {
        given: {
          "metadata.log.max.record.bytes.between.snapshots": 500,
          "metadata.max.retention.bytes": 300,
          "metadata.log.segment.bytes": 600,
        },
        rules: makeRules({ raft }),
      });
      const leader = cluster.elect();
      for (let at = 0; at < 40; at++) {
        cluster.append(leader);
        cluster.world.run(30);
      }
      cluster.node(leader).losePower();
      return outcome(cluster);
    };
    expect(survives(RaftRules)).toBeNull();
    expect(survives(UnsyncedSnapshots)).not.toBeNull();
  });
});
