/** What the sticky assignors keep from one generation to the next. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  Assignment,
  ClusterView,
  ConsumerPartitionAssignor,
  Subscription,
  TopicPartition,
} from "./assignor.ts";
import { AssignorRules } from "./assignor-rules.ts";
import { makeAssignor } from "./assignors.ts";

type StickyName = "sticky" | "cooperative-sticky";

const STICKY_NAMES = ["sticky", "cooperative-sticky"] as const;
const TOPICS = ["t0", "t1", "t2", "t3"];

/** Members that take part in one rebalance after the other, as consumers would. */
class Members {
  readonly #name: StickyName;
  readonly #rules: AssignorRules;
  readonly #cluster: ClusterView;
  readonly #assignors = new Map<string, ConsumerPartitionAssignor>();
  readonly #topics = new Map<string, readonly string[]>();
  readonly #generations = new Map<string, number>();
  readonly #held = new Map<string, readonly TopicPartition[]>();
  #generationId = 0;

  constructor(name: StickyName, partitions: readonly number[], rules = new AssignorRules()) {
    this.#name = name;
    this.#rules = rules;
    const topics = partitions.map((count, at) => {
      const views = Array.from({ length: count }, (_, partition) => ({
        partition,
        replicaRacks: [],
      }));
      return [TOPICS[at]!, views] as const;
    });
    this.#cluster = { topics: new Map(topics) };
  }

  join(id: string, topics: readonly string[]): void {
    this.#assignors.set(id, makeAssignor(this.#name, this.#rules));
    this.#topics.set(id, topics);
    this.#held.set(id, []);
  }

  leave(id: string): void {
    for (const map of [this.#assignors, this.#topics, this.#generations, this.#held]) {
      map.delete(id);
    }
  }

  /** One generation; those in `missed` join it, but never learn what they were assigned. */
  rebalance(missed: readonly string[] = []): ReadonlyMap<string, Assignment> {
    const [leader] = this.#assignors.values();
    const group = new Map([...this.#assignors.keys()].map((id) => [id, this.#subscription(id)]));
    const assignments = leader!.assign(this.#cluster, group);
    this.#generationId += 1;
    for (const [id, assignment] of assignments) {
      if (missed.includes(id)) continue;
      this.#generations.set(id, this.#generationId);
      this.#held.set(id, assignment.partitions);
      const generationId = this.#generationId;
      this.#assignors.get(id)!.onAssignment(assignment, {
        groupId: "g",
        generationId,
        memberId: id,
        groupInstanceId: null,
      });
    }
    return assignments;
  }

  /** Partition to the member that holds it. */
  held(): Map<string, string> {
    return new Map(
      [...this.#held].flatMap(([id, partitions]) =>
        partitions.map((partition) => [nameOf(partition), id] as const),
      ),
    );
  }

  #subscription(id: string): Subscription {
    const topics = this.#topics.get(id)!;
    const isCooperative = this.#name === "cooperative-sticky";
    return {
      topics,
      userData: this.#assignors.get(id)!.subscriptionUserData(topics),
      ownedPartitions: isCooperative ? this.#held.get(id)! : [],
      generationId: this.#generations.get(id) ?? -1,
      groupInstanceId: null,
      rackId: null,
    };
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

const counts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 4, maxLength: 4 });
const wishes = fc.array(fc.subarray(TOPICS, { minLength: 1 }), { minLength: 1, maxLength: 9 });

function groupOf(
  name: StickyName,
  partitions: readonly number[],
  wanted: readonly (readonly string[])[],
): Members {
  const members = new Members(name, partitions);
  wanted.forEach((topics, at) => members.join(`m${at}`, topics));
  members.rebalance();
  return members;
}

describe.each(STICKY_NAMES)("%s", (name) => {
  it("moves nothing when nothing has changed", () => {
    fc.assert(
      fc.property(counts, wishes, (partitions, wanted) => {
        const members = groupOf(name, partitions, wanted);
        const before = members.held();
        members.rebalance();

        expect(members.held()).toEqual(before);
      }),
    );
  });

  it("takes nothing from those who stay when one leaves, where all want the same", () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 2, max: 9 }), (partitions, size) => {
        const members = groupOf(name, partitions, Array(size).fill(TOPICS) as string[][]);
        const before = members.held();
        members.leave("m0");
        members.rebalance();

        const after = members.held();
        expect(after.size).toBe(before.size);
        for (const [partition, id] of before)
          if (id !== "m0") expect(after.get(partition)).toBe(id);
      }),
    );
  });

  it("moves only to the one who joins, where all want the same", () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 9 }), (partitions, size) => {
        const members = groupOf(name, partitions, Array(size).fill(TOPICS) as string[][]);
        const before = members.held();
        members.join("new", TOPICS);
        members.rebalance();
        members.rebalance();

        const after = members.held();
        const moved = [...before].filter(([partition, id]) => after.get(partition) !== id);
        expect(after.size).toBe(before.size);
        expect(moved.length).toBe(Math.floor(before.size / (size + 1)));
        for (const [partition] of moved) expect(after.get(partition)).toBe("new");
      }),
    );
  });

  it("believes the newer of two claims to a partition", () => {
    const members = groupOf(name, [4, 1, 1, 1], [["t0"], ["t0"]]);
    // m1 misses the generation in which m2, who has none yet, gets what m1 had.
    members.leave("m0");
    members.join("m2", ["t0"]);
    members.rebalance(["m1"]);
    const holds = new Map(members.held());
    members.rebalance();

    const after = members.held();
    for (const [partition, id] of holds) if (id === "m2") expect(after.get(partition)).toBe("m2");
  });
});

describe("cooperative-sticky", () => {
  it("never assigns what another member still has, and has assigned all a few rounds later", () => {
    fc.assert(
      fc.property(counts, wishes, wishes, fc.boolean(), (partitions, first, second, leaves) => {
        const members = groupOf("cooperative-sticky", partitions, first);
        second.forEach((topics, at) => members.join(`n${at}`, topics));
        if (leaves) members.leave("m0");
        // Where members want different things, what was withheld may be given to yet another one.
        for (let round = 0; round < 8; round++) {
          const before = members.held();
          members.rebalance();
          for (const [partition, id] of members.held()) {
            expect(before.get(partition) ?? id).toBe(id);
          }
        }

        const wanted = new Set([...(leaves ? first.slice(1) : first), ...second].flat());
        const expected = [...wanted].flatMap((topic) =>
          Array.from({ length: partitions[TOPICS.indexOf(topic)]! }, (_, at) => `${topic}-${at}`),
        );
        expect([...members.held().keys()].sort()).toEqual(expected.sort());
      }),
    );
  });

  it("gives a moving partition away at once if the rule that withholds it is gone", () => {
    class Hasty extends AssignorRules {
      override withholds(): boolean {
        return false;
      }
    }
    const members = new Members("cooperative-sticky", [4, 1, 1, 1], new Hasty());
    members.join("m0", ["t0"]);
    members.rebalance();
    const before = members.held();
    members.join("m1", ["t0"]);
    const assignments = members.rebalance();

    const taken = assignments.get("m1")!.partitions.map(nameOf);
    expect(taken).toHaveLength(2);
    for (const partition of taken) expect(before.get(partition)).toBe("m0");
  });

  it("knows both protocols, the better one first", () => {
    const assignor = makeAssignor("cooperative-sticky", new AssignorRules());

    expect(assignor.supportedProtocols).toEqual(["cooperative", "eager"]);
    expect(makeAssignor("sticky", new AssignorRules()).supportedProtocols).toEqual(["eager"]);
  });
});

describe("a group in which evening out goes round in circles", () => {
  // With these, kafka-clients 4.0.0 does not return.
  it("comes to an end, with everything assigned", () => {
    const partitions = new Map([
      ["t0", 2],
      ["t1", 4],
      ["t2", 15],
      ["t3", 1],
      ["t4", 3],
    ]);
    const t2 = Array.from({ length: 15 }, (_, partition) => ["t2", partition] as const);
    const wanted: readonly (readonly [string[], readonly (readonly [string, number])[]])[] = [
      [["t0", "t2"], t2.filter(([, partition]) => partition % 2 === 0)],
      [["t3"], [["t3", 0]]],
      [["t4", "t1", "t0"], pairs("t0-0 t0-1 t1-0 t1-2")],
      [["t1", "t4"], pairs("t1-1 t1-3 t4-2")],
      [["t4", "t3"], pairs("t4-0 t4-1")],
      [["t2", "t3", "t0"], t2.filter(([, partition]) => partition % 2 === 1)],
      [["t2", "t3", "t1"], []],
    ];
    const group = new Map(
      wanted.map(([topics, owned], at): [string, Subscription] => [
        `c${at}`,
        {
          topics,
          userData: null,
          ownedPartitions: owned.map(([topic, partition]) => ({ topic, partition })),
          generationId: owned.length > 0 ? 1 : -1,
          groupInstanceId: null,
          rackId: null,
        },
      ]),
    );
    const topics = [...partitions].map(([topic, count]) => {
      const views = Array.from({ length: count }, (_, partition) => ({
        partition,
        replicaRacks: [],
      }));
      return [topic, views] as const;
    });
    const eager = new Map(
      [...group].map(([id, subscription]) => [id, { ...subscription, ownedPartitions: [] }]),
    );
    const assignor = makeAssignor("cooperative-sticky", new AssignorRules());
    const withheld = assignor.assign({ topics: new Map(topics) }, group);
    const fresh = assignor.assign({ topics: new Map(topics) }, eager);

    const count = (assignments: ReadonlyMap<string, Assignment>): number =>
      [...assignments.values()].reduce((sum, { partitions: given }) => sum + given.length, 0);
    expect(count(withheld)).toBeLessThan(25);
    expect(count(withheld)).toBeGreaterThan(15);
    expect(count(fresh)).toBe(25);
  });
});

function pairs(text: string): (readonly [string, number])[] {
  return text.split(" ").map((name) => {
    const [topic, partition] = name.split("-");
    return [topic!, Number(partition)] as const;
  });
}
