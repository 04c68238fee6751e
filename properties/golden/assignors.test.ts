import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type {
  Assignment,
  PartitionView,
  Subscription,
} from "../../core/group/assignors/assignor.ts";
import { AssignorRules } from "../../core/group/assignors/assignor-rules.ts";
import { ASSIGNOR_NAMES, makeAssignor } from "../../core/group/assignors/assignors.ts";
import type { AssignorName } from "../../core/group/assignors/assignors.ts";
import { encodeGeneration, encodeStickyUserData } from "../../core/group/assignors/sticky-user-data.ts";

/** What the assignors of Kafka's Java client gave, for members that go from round to round. */
interface GoldenCase {
  readonly assignor: AssignorName;
  /** How many partitions each topic has. */
  readonly partitions: Readonly<Record<string, number>>;
  readonly rounds: readonly Round[];
}

interface Round {
  readonly members: readonly Member[];
  /** Whether Java gave something else when asked again, with the members in another order. */
  readonly dependsOnMapOrder: boolean;
  readonly assignment: Readonly<Record<string, readonly (readonly [string, number])[]>>;
}

interface Member {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly topics: readonly string[];
  /** What it carried into the round, and from which generation; -1 is a new member. */
  readonly owned: readonly (readonly [string, number])[];
  readonly generation: number;
}

const file = new URL("assignors.json", import.meta.url);
const goldens = JSON.parse(readFileSync(file, "utf8")) as readonly GoldenCase[];

describe(`what Kafka's own assignors answered in ${goldens.length} cases`, () => {
  it("are 120 cases for each assignor", () => {
    for (const name of ASSIGNOR_NAMES) {
      expect(goldens.filter(({ assignor }) => assignor === name)).toHaveLength(120);
    }
  });

  it.each(ASSIGNOR_NAMES)("is what %s answers here, to the partition", (name) => {
    const cases = goldens.filter(({ assignor }) => assignor === name);
    for (const golden of cases) {
      const assignor = makeAssignor(name, new AssignorRules());
      for (const round of golden.rounds) {
        const given = assignor.assignTopics(topicsOf(golden.partitions), groupOf(name, round.members));
        expect(asSets(given)).toEqual(sorted(round.assignment));
      }
    }
  });
});

/** Java was asked for all of these topics, also where no member wants one. */
function topicsOf(
  partitions: Readonly<Record<string, number>>,
): ReadonlyMap<string, readonly PartitionView[]> {
  const topics = Object.entries(partitions).map(([topic, count]) => {
    const views = Array.from({ length: count }, (_, partition) => ({ partition, replicaRacks: [] }));
    return [topic, views] as const;
  });
  return new Map(topics);
}

function groupOf(name: AssignorName, members: readonly Member[]): Map<string, Subscription> {
  return new Map(members.map((member) => [member.memberId, subscriptionOf(name, member)]));
}

function subscriptionOf(name: AssignorName, member: Member): Subscription {
  const { topics, instanceId, generation } = member;
  const owned = member.owned.map(([topic, partition]) => ({ topic, partition }));
  const isCooperative = name === "cooperative-sticky";
  return {
    topics,
    userData: userDataOf(name, generation, owned),
    ownedPartitions: isCooperative ? owned : [],
    generationId: isCooperative ? generation : -1,
    groupInstanceId: instanceId,
    rackId: null,
  };
}

function userDataOf(
  name: AssignorName,
  generation: number,
  owned: readonly { readonly topic: string; readonly partition: number }[],
): Uint8Array | null {
  if (generation < 0) return null;
  if (name === "sticky") return encodeStickyUserData(owned, generation);
  return name === "cooperative-sticky" ? encodeGeneration(generation) : null;
}

/** Assignments are sets: the order inside a list does not count. */
function asSets(assignments: ReadonlyMap<string, Assignment>): Record<string, unknown> {
  const pairs = [...assignments].map(
    ([id, { partitions }]) =>
      [id, partitions.map(({ topic, partition }) => [topic, partition] as const)] as const,
  );
  return sorted(Object.fromEntries(pairs));
}

function sorted(
  assignment: Readonly<Record<string, readonly (readonly [string, number])[]>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(assignment).map(([id, pairs]) => [id, pairs.map(String).sort()]),
  );
}
