/**
 * Disks that lie, rot, are replaced or are mounted at the wrong host: one story each, in the strict
 * profile, where two good copies of everything remain. What a lost disk costs is a catch-up, never a
 * record; what cannot be trusted is not handed on.
 */
import { expect, it } from "vitest";
import { Errors } from "../core/errors.ts";
import type { Fact, FactKind, FactOf } from "../core/facts.ts";
import type { Fault } from "../sim/faults/fault.ts";
import { consumer, producer } from "./generate/cluster-parts.ts";
import { STORY_TOPIC, storyPlan, stream } from "./generate/story-plan.ts";
import { MS, SECOND } from "./generate/time.ts";
import type { NodeEvent, Observer } from "./observation.ts";
import type { Operation, SettingValues } from "./plan/plan.ts";
import { run } from "./run.ts";
import type { Verdict } from "./verdict.ts";
import { Witness } from "./testing/witness.ts";

const PARTITION = `${STORY_TOPIC}-0`;
const LOG_FILE = `data/${PARTITION}/00000000000000000000.log`;
/** One record every 50 ms from second 1 to second 16. */
const RECORDS = 300;

interface Told {
  readonly verdict: Verdict;
  readonly witness: Witness;
  /** Reasons of the exits of each node's processes. */
  readonly exits: readonly string[];
  /** What was told of the partition, or of no partition. */
  facts<K extends FactKind>(kind: K, node: string, fromUs?: number, toUs?: number): FactOf<K>[];
}

/** Three brokers that, by default, flush each record, b1 the leader; r1 reads all along, r2 when told to seek. */
function tell(
  faults: readonly Fault[],
  more: readonly Operation[] = [],
  settings: SettingValues = { "flush.messages": 1 },
): Told {
  const topics = [
    {
      name: STORY_TOPIC,
      partitions: 1,
      replicationFactor: 3,
      settings: {},
      assignment: [["b1", "b2", "b3"]],
    },
  ];
  const plan = storyPlan({
    scenario: "disk-story",
    seed: "1",
    topics,
    settings: { "linger.ms": 0, ...settings },
    clients: [producer("p1"), consumer("r1", topics), consumer("r2", topics)],
    workload: [...stream({ fromUs: SECOND, everyUs: 50 * MS, count: RECORDS }), ...more],
    faults,
    healAt: 20 * SECOND,
    core: "all",
  });
  const witness = new Witness();
  const facts: { readonly fact: Fact; readonly node: string; readonly at: number }[] = [];
  const exits: string[] = [];
  const observer: Observer = {
    nodeEvent: (event: NodeEvent, { node }) => {
      if (event.kind === "ended" && event.cause === "exit") exits.push(`${node}: ${event.reason}`);
    },
  };
  const verdict = run(plan, {
    observers: () => [observer],
    onFact: (fact, moment) => {
      witness.onFact(fact, moment);
      facts.push({ fact, node: moment.node, at: moment.at });
    },
  });
  return {
    verdict,
    witness,
    exits,
    facts: <K extends FactKind>(kind: K, node: string, fromUs = 0, toUs = Infinity) =>
      facts
        .filter((told) => told.fact.kind === kind && told.node === node)
        .filter(({ fact }) => !("partition" in fact) || fact.partition === PARTITION)
        .filter(({ at }) => at >= fromUs && at < toUs)
        .map(({ fact }) => fact as FactOf<K>),
  };
}

/** Whatever was told in between: every record was acknowledged, and read. */
function expectNoLoss({ verdict }: Told): void {
  expect(verdict.violations).toEqual([]);
  expect(verdict.verdict).toBe("pass");
  expect(verdict.records).toMatchObject({ acked: RECORDS, consumed: RECORDS });
}

/** And all three brokers end with the same log: the story's records, and the probe after the heal. */
function expectWhole(told: Told): void {
  expectNoLoss(told);
  const { witness } = told;
  const log = witness.logOf("b1", PARTITION);
  expect(log).toHaveLength(RECORDS + 1);
  expect(witness.logOf("b2", PARTITION)).toEqual(log);
  expect(witness.logOf("b3", PARTITION)).toEqual(log);
}

const at = (seconds: number): number => seconds * SECOND;

it("a follower that loses what it had synced comes back with less, and catches up again", () => {
  const told = tell([
    { id: "f1", kind: "lost-sync", target: { node: "b2" }, at: at(5), for: at(4) },
    { id: "f2", kind: "power-loss", target: { node: "b2" }, at: at(8), for: at(1), keep: 0 },
  ]);

  expectWhole(told);
  expect(told.verdict.faults).toEqual({ "lost-sync": 1, "power-loss": 1 });
  const had = told.facts("appended", "b2", 0, at(8)).at(-1)!.batch.nextOffset;
  const loaded = told.facts("log-loaded", "b2", at(8))[0]!;
  expect(loaded.endOffset).toBeLessThan(had - 20);
  const again = told.facts("appended", "b2", at(9))[0]!;
  expect(again.batch.baseOffset).toBe(loaded.endOffset);
});

it("a leader that loses what it had synced is followed by one that has everything", () => {
  const told = tell([
    { id: "f1", kind: "lost-sync", target: { node: "b1" }, at: at(5), for: at(4) },
    { id: "f2", kind: "power-loss", target: { node: "b1" }, at: at(8), for: at(1), keep: 0 },
  ]);

  expectWhole(told);
  expect(told.verdict.faults).toEqual({ "lost-sync": 1, "power-loss": 1 });
  expect(told.verdict.leaderChanges).toBeGreaterThan(0);
});

it("what rotted below the recovery point is neither replicated nor served, until another leads", () => {
  const rotAt = at(7);
  const failover = at(14);
  const reread: Operation = {
    id: "reread",
    at: at(12),
    client: "r2",
    op: "seek",
    topic: STORY_TOPIC,
    partition: 0,
    offset: "beginning",
  };
  const told = tell(
    [
      { id: "f1", kind: "kill", target: { node: "b3" }, at: at(3), for: at(6) },
      {
        id: "f2",
        kind: "bit-rot",
        target: { node: "b1" },
        at: rotAt,
        path: LOG_FILE,
        position: 5000,
      },
      { id: "f3", kind: "kill", target: { node: "b1" }, at: failover, for: at(2) },
    ],
    [reread],
  );

  expectWhole(told);
  expect(told.verdict.faults).toEqual({ kill: 2, "bit-rot": 1 });
  const flushed = told.facts("log-flushed", "b1", 0, rotAt).at(-1)!.upTo;
  const stuck = told.facts("appended", "b3", rotAt, failover).at(-1)!.batch.nextOffset;
  expect(stuck).toBeLessThan(flushed);
  expect(told.facts("follower-error", "b3", rotAt, failover)).toContainEqual(
    expect.objectContaining({ error: Errors.CORRUPT_MESSAGE }),
  );
  const reached = told.facts("polled", "r2", at(12), failover).map((poll) => poll.nextPosition);
  expect(Math.max(...reached)).toBe(stuck);
  const passed = told.facts("polled", "r2", failover).map((poll) => poll.nextPosition);
  expect(Math.max(...passed)).toBe(RECORDS + 1);
});

it("a broker with an empty disk leaves the ISR, fetches everything again and joins", () => {
  const told = tell([
    { id: "f1", kind: "restart", target: { node: "b2" }, at: at(8), disk: "empty" },
  ]);

  expectWhole(told);
  expect(told.verdict.faults).toEqual({ restart: 1 });
  const again = told.facts("appended", "b2", at(8))[0]!;
  expect(again.batch.baseOffset).toBe(0);
  const changes = told.facts("isr-committed", "b1", at(8));
  expect(changes.some(({ added }) => added.includes(2))).toBe(true);
  expect(told.facts("partition-decided", "c100", at(8))[0]).toMatchObject({ isr: [1, 3] });
});

it("a node with another's disk refuses to start, by name, and the others go on without it", () => {
  const told = tell([
    { id: "f1", kind: "restart", target: { node: "b2" }, at: at(8), disk: "of", of: "b3" },
  ]);

  expectWhole(told);
  expect(told.verdict.faults).toEqual({ restart: 1 });
  expect(told.exits).toEqual(["b2: foreign node.id: data is of node 3, not of node 2"]);
  expect(told.facts("broker-state", "b2", at(8), at(20))).toEqual([]);
  const acked = told.facts("send-acked", "p1", at(12), at(20));
  expect(acked.length).toBeGreaterThan(50);
});

it("the strict profile keeps the last good copy from rotting", () => {
  const rot = (id: string, node: string, seconds: number): Fault => {
    return { id, kind: "bit-rot", target: { node }, at: at(seconds), path: LOG_FILE };
  };
  const told = tell([
    { id: "f1", kind: "kill", target: { node: "b3" }, at: at(3), for: at(20) },
    rot("f2", "b1", 8),
    rot("f3", "b2", 9),
    rot("f4", "c100", 10),
  ]);

  expect(told.verdict.violations).toEqual([]);
  expect(told.verdict.faults).toEqual({ kill: 1, "bit-rot": 1 });
  expect(told.verdict.idleFaults.refused).toBe(2);
});

it("the strict profile lets one replica at a time lose what it syncs", () => {
  const brokers = ["b1", "b2", "b3"];
  const told = tell([
    ...brokers.map((node, index): Fault => {
      const id = `f${index + 1}`;
      return { id, kind: "lost-sync", target: { node }, at: at(5 + index), for: at(8) };
    }),
    ...brokers.map((node, index): Fault => {
      const id = `f${index + 4}`;
      return { id, kind: "power-loss", target: { node }, at: at(10), for: at(1), keep: 0 };
    }),
  ]);

  expectNoLoss(told);
  expect(told.verdict.faults).toEqual({ "lost-sync": 1, "power-loss": 2 });
  // Its checkpoint was renamed into place, and never was on the disk: such a log is not opened.
  expect(told.exits[0]).toMatch(/^b1: log directory failed: unreadable content: \S+-checkpoint$/);
});

it("the strict profile counts on no broker that the controller has not answered of late", () => {
  const away: Fault = { id: "f1", kind: "pause", target: { node: "c100" }, at: at(5), for: at(4) };
  // Back again, it fences all three in one go: whom it leaves in the ISR must have everything.
  const struck: Fault = {
    id: "f2",
    kind: "power-loss",
    target: { node: "b1" },
    when: { event: "broker-fenced", nth: 1, edge: "before" },
    for: at(1),
    keep: 0,
  };
  const told = tell([away, struck], [], {});

  expectNoLoss(told);
  expect(told.verdict.faults).toEqual({ pause: 1 });
  expect(told.verdict.idleFaults.refused).toBe(1);
});
