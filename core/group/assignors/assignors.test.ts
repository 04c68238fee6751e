/** What holds for every assignor, whatever the group. Equality with Kafka is in properties/golden. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Assignment, ClusterView, Subscription, TopicPartition } from "./assignor.ts";
import { AssignorRules } from "./assignor-rules.ts";
import { ASSIGNOR_NAMES, makeAssignor } from "./assignors.ts";
import type { AssignorName } from "./assignors.ts";

const rules = new AssignorRules();
const RACKS = ["a", "b", "c"];
const TOPICS = ["t0", "t1", "t2", "t3", "t4"];

type Group = ReadonlyMap<string, Subscription>;

/** Up to eleven members: their ids are in buckets of their own, so order cannot matter to Kafka. */
interface Situation {
  readonly cluster: ClusterView;
  readonly group: Group;
}

const racksOf = (withRacks: boolean): fc.Arbitrary<string[]> =>
  withRacks ? fc.subarray(RACKS) : fc.constant([]);

const clusterOf = (withRacks: boolean): fc.Arbitrary<ClusterView> =>
  fc
    .array(fc.array(racksOf(withRacks), { minLength: 1, maxLength: 14 }), {
      minLength: TOPICS.length,
      maxLength: TOPICS.length,
    })
    .map((topics) => ({
      topics: new Map(
        topics.map((partitions, at) => [
          TOPICS[at]!,
          partitions.map((replicaRacks, partition) => ({ partition, replicaRacks })),
        ]),
      ),
    }));

const memberOf = (topics: fc.Arbitrary<string[]>, withRacks: boolean): fc.Arbitrary<Subscription> =>
  fc.record({
    topics,
    userData: fc.constant(null),
    ownedPartitions: fc.constant([]),
    generationId: fc.constant(-1),
    groupInstanceId: fc.constant(null),
    rackId: withRacks ? fc.option(fc.constantFrom(...RACKS)) : fc.constant(null),
  });

const someTopics = fc.subarray(TOPICS, { minLength: 1 });

/** Members with the same topics, or each with its own; some of them static. */
function situations(wants: "the same" | "what they like", withRacks: boolean) {
  const members = (topics: fc.Arbitrary<string[]>): fc.Arbitrary<Subscription[]> =>
    fc.array(memberOf(topics, withRacks), { minLength: 1, maxLength: 11 });
  const all =
    wants === "the same"
      ? someTopics.chain((topics) => members(fc.constant(topics)))
      : members(someTopics);
  return fc
    .record({ cluster: clusterOf(withRacks), members: all, statics: fc.nat({ max: 11 }) })
    .map(({ cluster, members: subscriptions, statics }): Situation => {
      const named = subscriptions.map((subscription, at) => {
        const groupInstanceId = at < statics ? `instance-${(at * 7) % 11}` : null;
        return [`m${at}`, { ...subscription, groupInstanceId }] as const;
      });
      return { cluster, group: new Map(named) };
    });
}

const anySituation = fc.oneof(
  situations("the same", false),
  situations("what they like", false),
  situations("the same", true),
  situations("what they like", true),
);

function assign(name: AssignorName, { cluster, group }: Situation): Map<string, Assignment> {
  return makeAssignor(name, rules).assign(cluster, group);
}

function sizeOf(assignments: ReadonlyMap<string, Assignment>, id: string): number {
  return assignments.get(id)!.partitions.length;
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** Partition to member; throws when a partition was given twice. */
function ownersOf(assignments: ReadonlyMap<string, Assignment>): Map<string, string> {
  const owners = new Map<string, string>();
  for (const [id, { partitions }] of assignments) {
    for (const partition of partitions) {
      if (owners.has(nameOf(partition))) throw new Error(`${nameOf(partition)} was given twice`);
      owners.set(nameOf(partition), id);
    }
  }
  return owners;
}

/** Every partition that somebody wants. */
function wantedPartitions({ cluster, group }: Situation): string[] {
  const topics = new Set([...group.values()].flatMap((subscription) => subscription.topics));
  return [...topics].flatMap((topic) =>
    cluster.topics.get(topic)!.map(({ partition }) => nameOf({ topic, partition })),
  );
}

function expectComplete(situation: Situation, assignments: Map<string, Assignment>): void {
  expect([...assignments.keys()]).toEqual([...situation.group.keys()]);
  expect([...ownersOf(assignments).keys()].sort()).toEqual(wantedPartitions(situation).sort());
  for (const [id, { partitions }] of assignments) {
    const { topics } = situation.group.get(id)!;
    for (const { topic } of partitions) expect(topics).toContain(topic);
  }
}

describe.each(ASSIGNOR_NAMES)("%s", (name) => {
  it("gives each partition of the topics that are wanted to exactly one who wants it", () => {
    fc.assert(
      fc.property(anySituation, (situation) => expectComplete(situation, assign(name, situation))),
    );
  });

  it("gives the same whatever the order of members", () => {
    fc.assert(
      fc.property(anySituation, fc.nat(), (situation, by) => {
        const entries = [...situation.group];
        const turned = entries.map((_, at) => entries[(at + by) % entries.length]!).reverse();
        const given = assign(name, { ...situation, group: new Map(turned) });

        for (const [id, assignment] of assign(name, situation)) {
          expect(given.get(id)).toEqual(assignment);
        }
      }),
    );
  });

  it("gives nothing of topics that the cluster does not have", () => {
    const group = new Map([["m0", subscription({ topics: ["gone"] })]]);

    expect(makeAssignor(name, rules).assign({ topics: new Map() }, group)).toEqual(
      new Map([["m0", { partitions: [], userData: null }]]),
    );
  });

  it("gives nothing to nobody", () => {
    expect(makeAssignor(name, rules).assign({ topics: new Map() }, new Map()).size).toBe(0);
  });
});

describe("balance", () => {
  it("of range: nobody has two more of a topic than another who wants it, racks or not", () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        const assignments = assign("range", situation);
        for (const topic of TOPICS) {
          const sizes = [...assignments]
            .filter(([id]) => situation.group.get(id)!.topics.includes(topic))
            .map(([, { partitions }]) => partitions.filter((p) => p.topic === topic).length);
          if (sizes.length > 0) expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(2);
        }
      }),
    );
  });

  it.each(["roundrobin", "sticky", "cooperative-sticky"] as const)(
    "of %s: where all want the same, nobody has two more than another",
    (name) => {
      fc.assert(
        fc.property(
          fc.oneof(situations("the same", false), situations("the same", true)),
          (situation) => {
            const sizes = [...assign(name, situation).values()].map((a) => a.partitions.length);
            expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(2);
          },
        ),
      );
    },
  );

  it("of sticky: no partition of a new group would be better off with another who wants it", () => {
    fc.assert(
      fc.property(situations("what they like", false), (situation) => {
        const assignments = assign("sticky", situation);
        for (const [id, { partitions }] of assignments) {
          for (const { topic } of partitions) {
            const takers = [...situation.group].filter(([, { topics }]) => topics.includes(topic));
            const least = Math.min(...takers.map(([other]) => sizeOf(assignments, other)));
            expect(sizeOf(assignments, id)).toBeLessThan(least + 2);
          }
        }
      }),
    );
  });
});

function subscription(fields: Partial<Subscription>): Subscription {
  return {
    topics: [],
    userData: null,
    ownedPartitions: [],
    generationId: -1,
    groupInstanceId: null,
    rackId: null,
    ...fields,
  };
}
