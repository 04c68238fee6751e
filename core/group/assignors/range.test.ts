import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClusterView, Subscription } from "./assignor.ts";
import { AssignorRules } from "./assignor-rules.ts";
import { makeAssignor } from "./assignors.ts";

interface MemberFields {
  readonly topics?: readonly string[];
  readonly rack?: string;
  readonly instance?: string;
}

/** "t: a,b b,c" is a topic with two partitions, and the racks of their replicas. */
function clusterOf(...topics: readonly string[]): ClusterView {
  return {
    topics: new Map(
      topics.map((text) => {
        const [name, ...partitions] = text.split(/:? /);
        const views = partitions.map((racks, partition) => ({
          partition,
          replicaRacks: racks === "-" ? [] : racks.split(","),
        }));
        return [name!, views];
      }),
    ),
  };
}

function range(
  cluster: ClusterView,
  members: Readonly<Record<string, MemberFields>>,
): Record<string, string> {
  const topics = [...cluster.topics.keys()];
  const group = new Map(
    Object.entries(members).map(([id, member]): [string, Subscription] => [
      id,
      {
        topics: member.topics ?? topics,
        userData: null,
        ownedPartitions: [],
        generationId: -1,
        groupInstanceId: member.instance ?? null,
        rackId: member.rack ?? null,
      },
    ]),
  );
  const assignments = makeAssignor("range", new AssignorRules()).assign(cluster, group);
  const texts = [...assignments].map(([id, { partitions }]) => [
    id,
    partitions.map(({ topic, partition }) => `${topic}${partition}`).join(" "),
  ]);
  return Object.fromEntries(texts) as Record<string, string>;
}

describe("range", () => {
  it("gives the first members one more of each topic", () => {
    const cluster = clusterOf("t: - - -", "u: - - -");

    expect(range(cluster, { m2: {}, m1: {} })).toEqual({ m1: "t0 t1 u0 u1", m2: "t2 u2" });
  });

  it("counts only who wants the topic", () => {
    const cluster = clusterOf("t: - - -", "u: - -");

    expect(range(cluster, { a: { topics: ["t"] }, b: {}, c: { topics: ["u"] } })).toEqual({
      a: "t0 t1",
      b: "t2 u0",
      c: "u1",
    });
  });

  it("serves static members first, by instance id", () => {
    const cluster = clusterOf("t: - - - -");

    expect(range(cluster, { a: {}, b: { instance: "i2" }, c: { instance: "i1" } })).toEqual({
      c: "t0 t1",
      b: "t2",
      a: "t3",
    });
  });
});

describe("range with racks", () => {
  it("gives partitions to members in the rack of a replica", () => {
    const cluster = clusterOf("t: b a b a");

    expect(range(cluster, { m1: { rack: "a" }, m2: { rack: "b" } })).toEqual({
      m1: "t1 t3",
      m2: "t0 t2",
    });
  });

  it("puts balance over racks", () => {
    const cluster = clusterOf("t: a a a a b");

    expect(range(cluster, { m1: { rack: "a" }, m2: { rack: "b" } })).toEqual({
      m1: "t0 t1 t2",
      m2: "t3 t4",
    });
  });

  it("does not care when every partition is in every rack, or none in those of the members", () => {
    const everywhere = clusterOf("t: a,b b,a a,b b,a");
    const elsewhere = clusterOf("t: c d c d");
    const members = { m1: { rack: "b" }, m2: { rack: "a" } };

    expect(range(everywhere, members)).toEqual({ m1: "t0 t1", m2: "t2 t3" });
    expect(range(elsewhere, members)).toEqual({ m1: "t0 t1", m2: "t2 t3" });
  });

  it("lets a member without a rack, or with an empty one, read anywhere", () => {
    const cluster = clusterOf("t: b a b a");

    expect(range(cluster, { m1: { rack: "" }, m2: { rack: "a" } })).toEqual({
      m1: "t0 t1",
      m2: "t2 t3",
    });
    expect(range(cluster, { m1: {}, m2: { rack: "b" }, m3: { rack: "a" } })).toEqual({
      m1: "t0 t1",
      m2: "t2",
      m3: "t3",
    });
  });

  it("keeps equal topics together, in a rack that all of them are in", () => {
    const cluster = clusterOf("t: b a b a", "u: b a,b b a");

    expect(range(cluster, { m1: { rack: "a" }, m2: { rack: "b" } })).toEqual({
      m1: "t1 t3 u1 u3",
      m2: "t0 t2 u0 u2",
    });
  });

  it("keeps equal topics together rather than each in its rack", () => {
    const cluster = clusterOf("t: a b", "u: b a");

    expect(range(cluster, { m1: { rack: "a" }, m2: { rack: "b" } })).toEqual({
      m1: "t0 u0",
      m2: "t1 u1",
    });
  });

  it("gives equal numbers of topics with the same members and as many partitions to one member", () => {
    const racks = fc.subarray(["a", "b", "c"]);
    const count = fc.integer({ min: 1, max: 12 });
    const topics = count.chain((length) =>
      fc.tuple(
        fc.array(racks, { minLength: length, maxLength: length }),
        fc.array(racks, { minLength: length, maxLength: length }),
      ),
    );
    const members = fc.array(fc.constantFrom("a", "b", "c", ""), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(topics, members, ([t, u], rackOf) => {
        const text = (partitions: string[][]): string =>
          partitions.map((list) => (list.length === 0 ? "-" : list.join(","))).join(" ");
        const named = rackOf.map((rack, at) => [`m${at}`, { rack }] as const);
        const given = range(clusterOf(`t: ${text(t)}`, `u: ${text(u)}`), Object.fromEntries(named));

        for (const partitions of Object.values(given)) {
          expect(partitions.match(/u\d+/g) ?? []).toEqual(
            (partitions.match(/t\d+/g) ?? []).map((name) => name.replace("t", "u")),
          );
        }
      }),
    );
  });
});
