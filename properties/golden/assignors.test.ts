/**
 * Assignments that Kafka's own Java client made. `assignors.json` is of apache/kafka 1eb7644;
 * `assignors-racks.json` of kafka-clients 4.0.0, with racks, claims of old generations, claims made twice,
 * and user data that breaks off.
 */
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
import {
  encodeGeneration,
  encodeStickyUserData,
} from "../../core/group/assignors/sticky-user-data.ts";

type Pair = readonly [topic: string, partition: number];
type Pairs = Readonly<Record<string, readonly Pair[]>>;
type Topics = ReadonlyMap<string, readonly PartitionView[]>;

interface GoldenCase {
  readonly assignor: AssignorName;
  /** How many partitions each topic has. */
  readonly partitions: Readonly<Record<string, number>>;
  readonly rounds: readonly {
    readonly members: readonly Member[];
    readonly assignment: Pairs;
  }[];
}

interface Member {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly topics: readonly string[];
  /** What it carried into the round, and from which generation; -1 is a new member. */
  readonly owned: readonly Pair[];
  readonly generation: number;
}

interface RackCase {
  readonly assignor: AssignorName;
  /** By topic and partition: the racks of its replicas. */
  readonly racks: Readonly<Record<string, readonly (readonly string[])[]>>;
  readonly rounds: readonly {
    readonly members: readonly RackMember[];
    readonly assignment: Pairs;
  }[];
}

/** A subscription as it is, `userData` in hex. */
interface RackMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly topics: readonly string[];
  readonly rackId: string | null;
  readonly owned: readonly Pair[];
  readonly generationId: number;
  readonly userData: string | null;
}

const goldens = read<GoldenCase>("assignors.json");
const rackCases = read<RackCase>("assignors-racks.json");

describe(`what Kafka's own assignors answered in ${goldens.length} cases`, () => {
  it("are 120 cases for each assignor", () => {
    for (const name of ASSIGNOR_NAMES) {
      expect(goldens.filter(({ assignor }) => assignor === name)).toHaveLength(120);
    }
  });

  // Also the answers that depended on the order of Java's maps: that order is part of the assignors.
  it.each(ASSIGNOR_NAMES)("is what %s answers here, to the partition", (name) => {
    for (const { partitions, rounds } of goldens.filter(({ assignor }) => assignor === name)) {
      const assignor = makeAssignor(name, new AssignorRules());
      for (const { members, assignment } of rounds) {
        const group = groupOf(members, (member) => subscriptionOf(name, member));
        // Java was asked for all of these topics, also where no member wants one.
        expect(asSets(assignor.assignTopics(topicsOf(partitions), group))).toEqual(
          sorted(assignment),
        );
      }
    }
  });

  it("is what they answer to a whole cluster, if all of its topics are wanted", () => {
    let compared = 0;
    for (const { assignor: name, partitions, rounds } of goldens) {
      const assignor = makeAssignor(name, new AssignorRules());
      for (const { members, assignment } of rounds) {
        const wanted = new Set(members.flatMap(({ topics }) => topics));
        if (wanted.size < Object.keys(partitions).length) continue;
        const group = groupOf(members, (member) => subscriptionOf(name, member));
        const cluster = { topics: topicsOf(partitions) };
        expect(asSets(assignor.assign(cluster, group))).toEqual(sorted(assignment));
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(500);
  });
});

describe(`what Kafka's own assignors answered in ${rackCases.length} cases with racks`, () => {
  it.each(ASSIGNOR_NAMES)("is what %s answers here, to the partition", (name) => {
    const cases = rackCases.filter(({ assignor }) => assignor === name);
    expect(cases.length).toBeGreaterThan(10);
    for (const { racks, rounds } of cases) {
      const assignor = makeAssignor(name, new AssignorRules());
      for (const { members, assignment } of rounds) {
        const cluster = { topics: topicsInRacks(racks) };
        const group = groupOf(members, rackSubscriptionOf);
        expect(asSets(assignor.assign(cluster, group))).toEqual(sorted(assignment));
      }
    }
  });
});

function read<T>(name: string): readonly T[] {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8")) as readonly T[];
}

function topicsOf(partitions: Readonly<Record<string, number>>): Topics {
  const topics = Object.entries(partitions).map(([topic, count]) => {
    const views = Array.from({ length: count }, (_, partition) => ({
      partition,
      replicaRacks: [],
    }));
    return [topic, views] as const;
  });
  return new Map(topics);
}

function topicsInRacks(racks: RackCase["racks"]): Topics {
  const topics = Object.entries(racks).map(
    ([topic, partitions]) =>
      [topic, partitions.map((replicaRacks, partition) => ({ partition, replicaRacks }))] as const,
  );
  return new Map(topics);
}

function groupOf<M extends { readonly memberId: string }>(
  members: readonly M[],
  subscription: (member: M) => Subscription,
): Map<string, Subscription> {
  return new Map(members.map((member) => [member.memberId, subscription(member)]));
}

function subscriptionOf(name: AssignorName, member: Member): Subscription {
  const { topics, instanceId, generation } = member;
  const isCooperative = name === "cooperative-sticky";
  return {
    topics,
    userData: userDataOf(name, member),
    ownedPartitions: isCooperative ? partitionsOf(member.owned) : [],
    generationId: isCooperative ? generation : -1,
    groupInstanceId: instanceId,
    rackId: null,
  };
}

function userDataOf(name: AssignorName, { owned, generation }: Member): Uint8Array | null {
  if (generation < 0) return null;
  if (name === "sticky") return encodeStickyUserData(partitionsOf(owned), generation);
  return name === "cooperative-sticky" ? encodeGeneration(generation) : null;
}

function rackSubscriptionOf(member: RackMember): Subscription {
  const { topics, userData, generationId, rackId } = member;
  return {
    topics,
    userData: userData === null ? null : Uint8Array.from(Buffer.from(userData, "hex")),
    ownedPartitions: partitionsOf(member.owned),
    generationId,
    groupInstanceId: member.instanceId,
    rackId,
  };
}

function partitionsOf(pairs: readonly Pair[]): { topic: string; partition: number }[] {
  return pairs.map(([topic, partition]) => ({ topic, partition }));
}

/** Assignments are sets: the order inside a list does not count. */
function asSets(assignments: ReadonlyMap<string, Assignment>): Record<string, unknown> {
  const pairs = [...assignments].map(([id, { partitions }]) => [
    id,
    partitions.map(({ topic, partition }) => [topic, partition] as const),
  ]);
  return sorted(Object.fromEntries(pairs) as Pairs);
}

function sorted(assignment: Pairs): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(assignment).map(([id, pairs]) => [id, pairs.map(String).sort()]),
  );
}
