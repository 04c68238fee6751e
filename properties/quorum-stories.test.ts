/**
 * Voters with damaged, replaced and strange disks: one story each, on whole clusters of three controllers
 * and three brokers. What is not to be trusted stops its own node, by name; a majority goes on, and
 * nothing that was committed is lost.
 */
import { expect, it } from "vitest";
import { Errors } from "../core/errors.ts";
import type { Fact, FactKind, FactOf } from "../core/facts.ts";
import { ApiKeys } from "../core/protocol/message.ts";
import type { Response } from "../core/protocol/message.ts";
import type { VoteResponse } from "../core/protocol/vote.ts";
import type { Fault } from "../sim/faults/fault.ts";
import { servers } from "./generate/cluster-parts.ts";
import { STORY_TOPIC, storyPlan, stream } from "./generate/story-plan.ts";
import { MS, SECOND } from "./generate/time.ts";
import type { NodeEvent, Observer } from "./observation.ts";
import type { NodePlan, Plan, SettingValues } from "./plan/plan.ts";
import { run } from "./run.ts";
import type { Verdict } from "./verdict.ts";

const METADATA = "data/__cluster_metadata-0";
const METADATA_LOG = `${METADATA}/00000000000000000000.log`;
/** One record every 50 ms from second 1 to second 16. */
const RECORDS = 300;

const quick: SettingValues = {
  "controller.quorum.election.timeout.ms": 500,
  "controller.quorum.fetch.timeout.ms": 1000,
  "controller.quorum.request.timeout.ms": 1000,
};

interface Told {
  readonly verdict: Verdict;
  /** Reasons of the exits of processes, in order. */
  readonly exits: readonly string[];
  /** Nodes and error codes of answers that refuse a request as a whole, or a vote. */
  readonly refusals: readonly {
    readonly to: string;
    readonly apiKey: number;
    readonly error: number;
  }[];
  facts<K extends FactKind>(kind: K, node: string, fromUs?: number, toUs?: number): FactOf<K>[];
}

interface Quorum {
  readonly nodes?: readonly NodePlan[];
  readonly settings?: SettingValues;
  readonly faults?: readonly Fault[];
}

function planOf({ nodes, settings, faults }: Quorum): Plan {
  const plan = storyPlan({
    scenario: "quorum-story",
    seed: "1",
    controllers: 3,
    settings: { "linger.ms": 0, ...quick, ...settings },
    workload: stream({ fromUs: SECOND, everyUs: 50 * MS, count: RECORDS }),
    faults: faults ?? [],
    healAt: 20 * SECOND,
  });
  return nodes === undefined ? plan : { ...plan, topology: { ...plan.topology, nodes } };
}

/** Of a request as a whole, or of the vote that it asks for; requests have none. */
function errorOf(apiKey: number, body: Response["body"]): number {
  if (!("errorCode" in body)) return 0;
  if (body.errorCode !== 0 || apiKey !== ApiKeys.VOTE) return Number(body.errorCode);
  return (body as VoteResponse).topics[0]?.partitions[0]?.errorCode ?? 0;
}

function tell(quorum: Quorum): Told {
  const facts: { readonly fact: Fact; readonly node: string; readonly at: number }[] = [];
  const exits: string[] = [];
  const refusals: { to: string; apiKey: number; error: number }[] = [];
  const observer: Observer = {
    nodeEvent: (event: NodeEvent, { node }) => {
      if (event.kind === "ended" && event.cause === "exit") exits.push(`${node}: ${event.reason}`);
    },
  };
  const verdict = run(planOf(quorum), {
    observers: () => [observer],
    onFrame: (_connection, _from, to, _channel, frame) => {
      const { apiKey, body } = frame as Response;
      const error = errorOf(apiKey, body);
      if (error !== 0) refusals.push({ to, apiKey, error });
    },
    onFact: (fact, moment) => facts.push({ fact, node: moment.node, at: moment.at }),
  });
  return {
    verdict,
    exits,
    refusals,
    facts: <K extends FactKind>(kind: K, node: string, fromUs = 0, toUs = Infinity) =>
      facts
        .filter((told) => told.fact.kind === kind && told.node === node)
        .filter(({ at }) => at >= fromUs && at < toUs)
        .map(({ fact }) => fact as FactOf<K>),
  };
}

const at = (seconds: number): number => seconds * SECOND;

/** Every record was acknowledged and read, and no invariant was broken. */
function expectNoLoss({ verdict }: Told): void {
  expect(verdict.violations).toEqual([]);
  expect(verdict.verdict).toBe("pass");
  expect(verdict.records).toMatchObject({ acked: RECORDS, consumed: RECORDS });
}

/** Who led first in this story, and a follower of it. */
function firstLeader(told: Told): { readonly leader: string; readonly follower: string } {
  const all = ["c100", "c101", "c102"];
  const leader = all.find((node) => told.facts("controller-activated", node, 0, at(3)).length > 0)!;
  return { leader, follower: all.find((node) => node !== leader)! };
}

const calm = tell({});
const { leader, follower } = firstLeader(calm);
const followerId = Number(follower.slice(1));

it("three voters have one leader and lose nothing", () => {
  expectNoLoss(calm);
  expect(calm.exits).toEqual([]);
  expect(calm.refusals).toEqual([]);
});

// ---- of another cluster, of another node --------------------------------------------------------

it("a voter whose disk is of another cluster is answered INCONSISTENT_CLUSTER_ID, and the others go on", () => {
  const nodes = servers({ brokers: 3, controllers: 3 }).map((node) =>
    node.id === "c102" ? { ...node, clusterId: "another-cluster" } : node,
  );
  const told = tell({ nodes });

  expectNoLoss(told);
  expect(told.exits).toEqual([]);
  const answered = told.refusals.filter(({ to }) => to === "c102");
  expect(new Set(answered.map(({ error }) => error))).toEqual(
    new Set([Errors.INCONSISTENT_CLUSTER_ID]),
  );
  const asked = new Set(answered.map(({ apiKey }) => apiKey));
  expect(asked).toEqual(new Set([ApiKeys.VOTE, ApiKeys.FETCH]));
  // It has nothing to say: no vote, no record, no epoch of its own making.
  expect(told.facts("vote-granted", "c102").filter(({ preVote }) => !preVote)).toEqual([]);
  expect(told.facts("appended", "c102")).toEqual([]);
  expect(told.facts("raft-state", "c102").every(({ epoch }) => epoch === 0)).toBe(true);
});

it("a broker whose disk is of another cluster serves nobody, and ends unregistered", () => {
  const stranger: NodePlan = {
    id: "b9",
    roles: ["broker"],
    rack: null,
    settings: { "initial.broker.registration.timeout.ms": 8000 },
    clusterId: "another-cluster",
  };
  const told = tell({ nodes: [...servers({ brokers: 3, controllers: 3 }), stranger] });

  expectNoLoss(told);
  expect(told.exits[0]).toBe("b9: not registered within initial.broker.registration.timeout.ms");
  const answered = told.refusals.filter(({ to }) => to === "b9");
  expect(new Set(answered.map(({ error }) => error))).toEqual(
    new Set([Errors.INCONSISTENT_CLUSTER_ID]),
  );
  // Who is the active controller only fetches would tell it: there is nobody to register with.
  expect(new Set(answered.map(({ apiKey }) => apiKey))).toEqual(new Set([ApiKeys.FETCH]));
  expect(told.facts("appended", "b9")).toEqual([]);
  const states = told.facts("broker-state", "b9").map(({ state }) => state);
  expect(new Set(states)).toEqual(new Set(["STARTING", "SHUTTING_DOWN"]));
});

it("a voter with another voter's disk refuses to start, by name, and the others go on", () => {
  const of = leader === "c100" ? "c101" : "c100";
  const target = { node: ["c100", "c101", "c102"].find((id) => id !== of && id !== leader)! };
  const told = tell({ faults: [{ id: "f1", kind: "restart", target, at: at(6), disk: "of", of }] });

  expectNoLoss(told);
  const numbers = [of, target.node].map((id) => id.slice(1));
  expect(told.exits).toEqual([
    `${target.node}: foreign node.id: data is of node ${numbers[0]}, not of node ${numbers[1]}`,
  ]);
  expect(told.facts("raft-state", target.node, at(6), at(20))).toEqual([]);
  // With its own disk again it is the voter that it was.
  expect(told.facts("raft-state", target.node, at(20)).at(-1)).toMatchObject({
    state: "follower",
    isVoter: true,
  });
});

it("a voter with the disk of a node of another cluster refuses to start, by name", () => {
  const stranger: NodePlan = {
    id: "b9",
    roles: ["broker"],
    rack: null,
    settings: {},
    clusterId: "another-cluster",
  };
  const target = { node: follower };
  const told = tell({
    nodes: [...servers({ brokers: 3, controllers: 3 }), stranger],
    faults: [{ id: "f1", kind: "restart", target, at: at(4), disk: "of", of: "b9" }],
  });

  expectNoLoss(told);
  expect(told.exits).toContain(
    `${follower}: InconsistentClusterId: data is of another-cluster, not of kafka-trial-cluster-00`,
  );
});

// ---- an empty disk ------------------------------------------------------------------------------

it("a voter with an empty disk only follows, and its vote counts no more", () => {
  const target = { node: follower };
  const other = ["c100", "c101", "c102"].find((id) => id !== leader && id !== follower)!;
  const told = tell({
    faults: [
      { id: "f1", kind: "restart", target, at: at(5), disk: "empty" },
      // Now the other two are needed for a majority.
      { id: "f2", kind: "kill", target: { node: leader }, at: at(8), for: at(4) },
    ],
  });

  expectNoLoss(told);
  const before = told.facts("raft-state", follower, 0, at(5)).at(-1)!;
  const after = told.facts("raft-state", follower, at(7)).at(-1)!;
  expect(before).toMatchObject({ isVoter: true });
  expect(after).toMatchObject({ state: "follower", isVoter: false });
  expect(after.directoryId).not.toBe(before.directoryId);
  // It has the log again, the whole of it.
  expect(after.endOffset).toBeGreaterThanOrEqual(0);
  expect(told.facts("appended", follower, at(5))[0]!.batch.baseOffset).toBe(0);
  // The other voter asks both for their votes, and gets none that counts until the leader is back.
  expect(
    told.facts("raft-state", other, at(8), at(12)).some(({ state }) => state === "leader"),
  ).toBe(false);
  expect(told.facts("vote-granted", follower, at(7))).toEqual([]);
  const vote = { to: other, apiKey: ApiKeys.VOTE, error: Errors.INVALID_VOTER_KEY };
  expect(told.refusals).toContainEqual(vote);
  expect(told.facts("voter-fetched", leader, at(7)).some(({ voter }) => voter === followerId)).toBe(
    false,
  );
});

// ---- damage -------------------------------------------------------------------------------------

it("a voter whose log rots cuts it there when it starts, and fetches the rest again", () => {
  const target = { node: follower };
  const told = tell({
    faults: [
      { id: "f1", kind: "bit-rot", target, at: at(5), path: METADATA_LOG, position: 400 },
      { id: "f2", kind: "restart", target, at: at(6), disk: "same" },
    ],
  });

  expectNoLoss(told);
  expect(told.verdict.faults).toEqual({ "bit-rot": 1, restart: 1 });
  expect(told.exits).toEqual([]);
  const loaded = told.facts("log-loaded", follower, at(6))[0]!;
  const had = told.facts("appended", follower, 0, at(6)).at(-1)!.batch.nextOffset;
  expect(loaded.cutBytes).toBeGreaterThan(0);
  expect(loaded.endOffset).toBeLessThan(had);
  expect(told.facts("appended", follower, at(6))[0]!.batch.baseOffset).toBe(loaded.endOffset);
  // It is the same disk: its vote counts as before.
  expect(told.facts("raft-state", follower, at(6)).at(-1)).toMatchObject({ isVoter: true });
});

/** Small snapshots and segments, and only the newest of each is kept. */
const tight: SettingValues = {
  "metadata.log.max.record.bytes.between.snapshots": 1500,
  "metadata.log.segment.bytes": 1500,
  "metadata.max.retention.bytes": 1000,
};

/** Where that node's last snapshot lies as of `untilUs`. */
function snapshotPath(told: Told, node: string, untilUs: number): string {
  const { endOffset, epoch } = told.facts("snapshot-generated", node, 0, untilUs).at(-1)!;
  const name = `${String(endOffset).padStart(20, "0")}-${String(epoch).padStart(10, "0")}`;
  return `${METADATA}/${name}.checkpoint`;
}

it("a finished snapshot that rots stops its node at the next start, by name, and no other", () => {
  const quiet = tell({ settings: tight });
  expectNoLoss(quiet);
  const path = snapshotPath(quiet, follower, at(8));
  const target = { node: follower };
  const told = tell({
    settings: tight,
    faults: [
      { id: "f1", kind: "bit-rot", target, at: at(8), path, position: 200 },
      { id: "f2", kind: "restart", target, at: at(8) + 1, for: 50 * MS, disk: "same" },
    ],
  });

  expectNoLoss(told);
  expect(told.verdict.faults).toEqual({ "bit-rot": 1, restart: 1 });
  const reason = `${follower}: the snapshot ${path} is damaged`;
  expect(new Set(told.exits)).toEqual(new Set([reason]));
});

// ---- what the strict profile refuses ------------------------------------------------------------

it("the strict profile lets no second voter lose its disk, not even while the first is down", () => {
  const [first, second, third] = ["c100", "c101", "c102"] as const;
  const empty = (id: string, node: string, seconds: number): Fault => {
    return { id, kind: "restart", target: { node }, at: at(seconds), for: at(3), disk: "empty" };
  };
  const told = tell({
    faults: [empty("f1", first, 5), empty("f2", second, 6), empty("f3", third, 12)],
  });

  expectNoLoss(told);
  expect(told.verdict.faults).toEqual({ restart: 1 });
  expect(told.verdict.idleFaults.refused).toBe(2);
});

it("the strict profile lets nothing take what a voter must remember of elections", () => {
  const target = { node: follower };
  const path = `${METADATA}/quorum-state`;
  const told = tell({
    faults: [
      { id: "f1", kind: "bit-rot", target, at: at(4), path },
      { id: "f2", kind: "bit-rot", target, at: at(4), path: "data/meta.properties" },
      { id: "f3", kind: "lost-sync", target, at: at(5), for: at(5) },
      // A new epoch, which it writes and believes to be on its disk.
      { id: "f4", kind: "kill", target: { node: leader }, at: at(6), for: at(1) },
      { id: "f5", kind: "power-loss", target, at: at(9), for: at(1) },
    ],
  });

  expectNoLoss(told);
  expect(told.verdict.faults).toEqual({ "lost-sync": 1, kill: 1 });
  expect(told.verdict.idleFaults.refused).toBe(3);
});

it("the strict profile lets no bit rot that no checksum covers", () => {
  const rot = (id: string, position: number): Fault => {
    const target = { node: follower };
    return { id, kind: "bit-rot", target, at: at(4), path: METADATA_LOG, position };
  };
  // Base offset, length, leader epoch, magic of the first batch.
  const told = tell({ faults: [rot("f1", 7), rot("f2", 9), rot("f3", 12), rot("f4", 16)] });

  expectNoLoss(told);
  expect(told.verdict.faults).toEqual({ "bit-rot": 1 });
  expect(told.verdict.idleFaults.refused).toBe(3);
});

it("the strict profile lets no power go that leaves a hole which recovery passes over", () => {
  const log = `data/${STORY_TOPIC}-0`;
  const told = tell({
    settings: { "segment.bytes": 2000 },
    faults: [
      { id: "f1", kind: "lost-sync", target: { node: "b2" }, at: at(5), for: at(6) },
      { id: "f2", kind: "power-loss", target: { node: "b2" }, at: at(10), for: at(1), path: log },
    ],
  });

  expectNoLoss(told);
  expect(told.verdict.faults).toEqual({ "lost-sync": 1 });
  expect(told.verdict.idleFaults.refused).toBe(1);
});
