/**
 * Topics that grow while they are used: the new partitions take records, are watched, probed after the
 * heal and read back like the old ones, and a bug that loses a record there is found.
 */
import { describe, expect, it } from "vitest";
import type { Fact } from "../core/facts.ts";
import type { Fault } from "../sim/faults/fault.ts";
import { consumer, producer } from "./generate/cluster-parts.ts";
import { STORY_TOPIC, storyPlan, stream } from "./generate/story-plan.ts";
import { SECOND } from "./generate/time.ts";
import { knownBug } from "./known-bugs/registry.ts";
import { PROBE_CLIENT } from "./liveness/probe-client.ts";
import { readPlan } from "./plan/parse-plan.ts";
import type { ClientPlan, Operation, Plan } from "./plan/plan.ts";
import { run } from "./run.ts";
import type { Verdict } from "./verdict.ts";

const RECORDS = 400;
const PARTITIONS = 6;

interface Told {
  readonly verdict: Verdict;
  readonly facts: readonly { readonly fact: Fact; readonly node: string; readonly at: number }[];
}

function told(plan: Plan): Told {
  const facts: { fact: Fact; node: string; at: number }[] = [];
  const verdict = run(plan, {
    onFact: (fact, { node, at }) => facts.push({ fact, node, at }),
  });
  return { verdict, facts };
}

/** Two partitions on b1 to b3 become six; b4 is added before that. Records all the while. */
function growing(
  grow: Partial<Extract<Operation, { op: "create-partitions" }>> = {},
  faults: readonly Fault[] = [],
): Plan {
  const topic = { name: STORY_TOPIC, partitions: 2, replicationFactor: 3, settings: {} };
  const admin: ClientPlan = { id: "a1", kind: "admin", settings: {} };
  const plan = storyPlan({
    scenario: "growth",
    seed: "1",
    brokers: 4,
    added: { b4: 4 * SECOND },
    topics: [topic],
    settings: { "metadata.max.age.ms": 1000 },
    clients: [
      producer("p1"),
      producer("p2", { "partitioner.class": "round-robin" }),
      consumer("r1", [{ name: STORY_TOPIC, partitions: PARTITIONS }]),
      admin,
    ],
    workload: [
      ...stream({ fromUs: SECOND, everyUs: SECOND / 20, count: RECORDS / 2 }),
      ...stream({
        prefix: "v",
        client: "p2",
        fromUs: SECOND,
        everyUs: SECOND / 20,
        count: RECORDS / 2,
      }),
      {
        id: "grow",
        at: 6 * SECOND,
        client: "a1",
        op: "create-partitions",
        topic: STORY_TOPIC,
        count: PARTITIONS,
        ...grow,
      },
    ],
    faults,
    healAt: 15 * SECOND,
  });
  return readPlan(JSON.parse(JSON.stringify(plan)), { bugs: [] });
}

function partitionsIn({ facts }: Told, client: string): number {
  const names = facts.map(({ fact, node }) =>
    fact.kind === "send-acked" && node === client ? fact.partition : null,
  );
  return new Set(names.filter((name) => name !== null)).size;
}

describe("a topic that grows", () => {
  it("loses nothing, uses a broker that was added, and is probed and read back as a whole", () => {
    const story = told(growing());
    const { verdict, facts } = story;
    expect(verdict.violations).toEqual([]);
    expect(verdict.verdict).toBe("pass");
    expect(verdict.records).toMatchObject({ acked: RECORDS, consumed: RECORDS });
    // p1 has ten keys, which do not reach all partitions.
    expect(partitionsIn(story, "p1")).toBeGreaterThan(3);
    for (const client of ["p2", PROBE_CLIENT]) {
      expect([client, partitionsIn(story, client)]).toEqual([client, PARTITIONS]);
    }
    const created = facts.filter(
      ({ fact }) => fact.kind === "partition-decided" && fact.why === "created",
    );
    expect(created).toHaveLength(PARTITIONS);
    const first = facts.find(({ node }) => node === "b4");
    expect(first?.at).toBe(4 * SECOND);
    expect(facts.some(({ fact, node }) => node === "b4" && fact.kind === "became-leader")).toBe(
      true,
    );
  });

  it("goes on when the leader of a new partition is killed, by its name in the plan", () => {
    const kill: Fault = {
      id: "f1",
      kind: "kill",
      target: { role: "leader", of: `${STORY_TOPIC}-5` },
      at: 8 * SECOND,
      for: 2 * SECOND,
    };
    const { verdict } = told(growing({}, [kill]));
    expect(verdict.violations).toEqual([]);
    expect(verdict.records).toMatchObject({ acked: RECORDS, consumed: RECORDS });
    expect(verdict.faults.kill).toBe(1);
  });

  it("is probed as a whole also when it grows after the heal", () => {
    const story = told(growing({ at: 16 * SECOND }));
    expect(story.verdict.violations).toEqual([]);
    expect(story.verdict.verdict).toBe("pass");
    expect(partitionsIn(story, PROBE_CLIENT)).toBe(PARTITIONS);
  });

  it("stays as it is when the controller refuses, and the admin tells so", () => {
    const assignment = Array.from({ length: 4 }, () => ["b4", "b1", "b2"]);
    // Too early: b4 is not there yet.
    const story = told(growing({ at: 2 * SECOND, assignment }));
    expect(story.verdict.violations).toEqual([]);
    expect(story.verdict.records).toMatchObject({ acked: RECORDS, consumed: RECORDS });
    const error = "INVALID_REPLICA_ASSIGNMENT";
    const fact = { kind: "client-error", where: `create-partitions ${STORY_TOPIC}`, error };
    const errors = story.facts.filter((one) => one.node === "a1" && one.fact.kind === fact.kind);
    expect(errors).toMatchObject([{ fact }]);
    expect(partitionsIn(story, "p1")).toBe(2);
  });
});

/** The schedule of a known bug, told of the second partition of its topic, which is made on the way. */
function inNewPartition(schedule: Plan): Plan {
  const moved = JSON.parse(
    JSON.stringify(schedule)
      .replaceAll("story-0", "story-1")
      .replaceAll('"partition":0', '"partition":1')
      .replaceAll('["story",0]', '["story",1]'),
  ) as Plan;
  const [topic] = moved.topics;
  const admin: ClientPlan = { id: "a1", kind: "admin", settings: {} };
  const grow: Operation = {
    id: "grow",
    at: 1.5 * SECOND,
    client: "a1",
    op: "create-partitions",
    topic: "story",
    count: 2,
    assignment: topic?.assignment ?? [],
  };
  return { ...moved, clients: [...moved.clients, admin], workload: [grow, ...moved.workload] };
}

describe("a known bug strikes in a new partition", () => {
  for (const id of ["R01", "R06", "R13", "R16", "P01", "S01"]) {
    const bug = knownBug(id);
    if (bug === undefined || bug.schedule === null) throw new Error(`no schedule of ${id}`);
    const plan = inNewPartition(bug.schedule);

    it(`${id}: it is found there, and clients see ${bug.visible.join(", ")}`, () => {
      const { violations } = run({ ...plan, bugs: [id] }, { toEnd: true });
      expect(bug.violates).toContain(violations[0]?.invariant);
      const there = violations.filter(({ partition }) => partition === "story-1");
      expect(bug.violates).toContain(there[0]?.invariant);
      const found = new Set(violations.map(({ invariant }) => invariant));
      for (const anomaly of bug.visible) expect(found).toContain(anomaly);
    });

    it(`${id}: without it the same plan passes`, () => {
      expect(run(plan)).toMatchObject({ verdict: "pass", violations: [] });
    });
  }
});
