import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../sim/input-error.ts";
import { drawPlan } from "../generate/plan-arbitrary.ts";
import { parsePlan, readPlan } from "./parse-plan.ts";

const vocabulary = { bugs: ["R16"] };

/** The example of the plan format, as people read it. */
const example = {
  version: 1,
  scenario: "order-events",
  seed: "7",
  profile: "strict",
  bugs: [],
  startMs: 1767225600000,
  settings: { "min.insync.replicas": 2 },
  horizon: 60000000,
  topology: {
    nodes: [
      { id: "c100", roles: ["controller"], rack: "a" },
      { id: "b1", roles: ["broker"], rack: "a", settings: {} },
      { id: "b2", roles: ["broker"], rack: "b", settings: {} },
      { id: "b3", roles: ["broker"], rack: "c", settings: {} },
    ],
    latency: { model: "heavy-tail" },
  },
  topics: [{ name: "order-events", partitions: 3, replicationFactor: 3, settings: {} }],
  clients: [
    { id: "p1", kind: "producer", settings: { acks: "all" } },
    { id: "r1", kind: "consumer", settings: {}, topics: ["order-events"] },
    { id: "a1", kind: "admin", settings: {} },
  ],
  workload: [
    {
      id: "w1",
      at: 1000000,
      client: "p1",
      op: "send",
      topic: "order-events",
      key: "order-1",
      value: "created",
      timestamp: 1767225600000,
    },
  ],
  faults: [
    { id: "f1", kind: "block", target: { link: ["b1", "b2"] }, at: 4000000, for: 9000000 },
    {
      id: "f2",
      kind: "kill",
      target: { role: "leader", of: "order-events-1" },
      when: { event: "isr-committed", nth: 3, edge: "after" },
    },
  ],
  heal: { at: 40000000, core: "viable", deadline: 30000000 },
  expect: { verdict: "fail", invariant: "B1", at: 8123456, traceHash: "9f2c51e07b6a4d38" },
};

type Json = Record<string, unknown>;

/** The example with one place changed; `undefined` takes the field away. */
function changed(path: string, value: unknown): Json {
  const copy = structuredClone(example) as unknown as Json;
  const steps = path.split(".");
  const last = steps.pop()!;
  const parent = steps.reduce((place, step) => place[step] as Json, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

function complaint(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error("the plan was accepted");
}

function parse(text: string): unknown {
  return parsePlan(text, "plan.json", vocabulary);
}

describe("a plan", () => {
  it("is read, with whole topics spelled out and what is left out filled in", () => {
    const plan = readPlan(example, vocabulary);

    expect(plan.clients[1]).toMatchObject({
      assign: [
        ["order-events", 0],
        ["order-events", 1],
        ["order-events", 2],
      ],
    });
    expect(plan.topology.nodes[0]).toEqual({
      id: "c100",
      roles: ["controller"],
      rack: "a",
      settings: {},
    });
    expect(plan.shuffleTies).toBe(false);
    expect(plan.expect?.traceHash).toBe("9f2c51e07b6a4d38");
  });

  it.each([
    ["version", 2, "version: 2 is newer than 1, the newest known"],
    ["version", "1", 'version: "1" is not 1'],
    ["version", undefined, "version: is missing"],
    ["seed", 7, "seed: 7 is not a string"],
    ["seed", undefined, "seed: is missing"],
    ["extra", 1, "extra: there is no such field (1)"],
    ["profile", "storm", 'profile: "storm" is not one of strict, chaos, calm'],
    ["profile", "calm", "faults: an array of 2 is not empty, but the profile is calm"],
    ["bugs", ["Z99"], 'bugs[0]: "Z99" is not a known bug'],
    ["bugs", ["R16", "R16"], "bugs: R16, R16 names one twice"],
    ["horizon", -5, "horizon: -5 is not at least 1"],
    ["horizon", 1.5, "horizon: 1.5 is not an integer"],
    ["heal.deadline", -1, "heal.deadline: -1 is not at least 0"],
    ["settings", { "no.such": 1 }, "settings: setting no.such=1: there is no such setting"],
    [
      "settings",
      { "min.insync.replicas": 0 },
      "settings: setting min.insync.replicas: 0 is not between 1 and 9007199254740991",
    ],
    ["settings", { acks: null }, "settings.acks: null is not a setting's value"],
    ["topology.nodes.1.id", "c100", 'topology.nodes[1].id: "c100" is given twice'],
    ["topology.nodes.1.id", "x100", 'topology.nodes[1].id: "x100" has the node.id of another node'],
    ["topology.nodes.1.roles", ["clown"], 'topology.nodes[1].roles[0]: "clown" is not one of'],
    ["topology.nodes", [], "topology.nodes: an array of 0 has no broker"],
    ["topology.nodes.0.roles", ["broker"], "topology.nodes: an array of 4 has no controller"],
    ["topology.nodes.1.clusterId", "", 'topology.nodes[1].clusterId: "" does not look like'],
    [
      "topology.nodes.1.clusterId",
      "kafka-trial-cluster-00",
      'topology.nodes[1].clusterId: "kafka-trial-cluster-00" is the plan\'s own cluster',
    ],
    [
      "topology.nodes.0.clusterId",
      "other",
      'topology.nodes[0].clusterId: "other" leaves no majority of the voters in the plan\'s own',
    ],
    // A replica of each partition would be missing for ever.
    ["topology.nodes.3.clusterId", "other", "topics[0].replicationFactor: 3 is above the number"],
    [
      "faults.0",
      { id: "f1", kind: "restart", target: { node: "b1" }, at: 5, disk: "of", of: "p1" },
      'faults[0].of: "p1" is a client, which has no disk',
    ],
    [
      "faults.0",
      { id: "f1", kind: "restart", target: { node: "b1" }, at: 5, disk: "of", of: "b1" },
      'faults[0].of: "b1" is the node itself',
    ],
    ["topology.latency", { model: "light" }, "topology.latency.model: "],
    [
      "topics.0.replicationFactor",
      4,
      "topics[0].replicationFactor: 4 is above the number of brokers, 3",
    ],
    ["topics.0.name", "a b", 'topics[0].name: "a b" does not look like'],
    ["clients.0.kind", "prosumer", 'clients[0].kind: "prosumer" is not one of'],
    ["clients.0.settings", { "fetch.min.bytes": 1 }, "a producer has no such setting"],
    [
      "clients.0.settings",
      { acks: "0", "enable.idempotence": true },
      'clients[0].settings: setting acks: "0" is not possible with enable.idempotence=true',
    ],
    [
      "settings",
      { "max.in.flight.requests.per.connection": 6 },
      "clients[0].settings: setting max.in.flight.requests.per.connection: 6 is not at most 5",
    ],
    [
      "settings",
      { "request.timeout.ms": 2000, "delivery.timeout.ms": 1 },
      "clients[0].settings: setting delivery.timeout.ms: 1 is not at least",
    ],
    ["startMs", 1767225600000000, "startMs: 1767225600000000 is not 0 to 4102444800000"],
    ["clients.1.topics", ["other"], 'clients[1].topics[0]: "other" is not a topic of the plan'],
    ["clients.1.id", "p1", 'clients[1].id: "p1" is given twice'],
    ["workload.0.op", "sing", 'workload[0].op: "sing" is not one of'],
    ["workload.0.client", "r1", 'workload[0].client: "r1" is a consumer and cannot send'],
    ["workload.0.value", undefined, "workload[0].value: is missing"],
    ["workload.0.valueBase64", "AA==", "workload[0].valueBase64: "],
    ["workload.0.timestamp", "now", 'workload[0].timestamp: "now" is not an integer'],
    ["workload.0.timestamp", 9e15, "workload[0].timestamp: 9000000000000000 is not 0 to"],
    ["workload.0.partition", 3, "workload[0].partition: 3 is not 0 to 2"],
    [
      "workload.0.value",
      "x".repeat(1048600),
      "workload[0].value: key and value have 1048607 bytes, above max.message.bytes 1048588",
    ],
    ["faults.0.kind", "meteor", 'faults[0].kind: unknown fault kind "meteor"'],
    ["faults.0.for", -9, "faults[0].for: "],
    ["faults.1.when.event", "tea-time", 'faults[1].when.event: unknown event "tea-time"'],
    ["faults.1.target.role", "king", 'faults[1].target.role: unknown role "king"'],
    ["faults.1.target.of", "order-events-9", 'faults[1].target.of: "order-events-9" is neither'],
    ["faults.1.id", "f1", "faults[1].id: repeated id"],
    ["expect.verdict", "maybe", 'expect.verdict: "maybe" is not one of pass, fail'],
    ["expect.traceHash", "xyz", 'expect.traceHash: "xyz" does not look like'],
  ])("is refused in one line when %s is %s", (path, value, expected) => {
    const text = JSON.stringify(changed(path, value));

    const message = complaint(() => parse(text));

    expect(message).toContain(expected);
    expect(message).not.toContain("\n");
    expect(message.length).toBeLessThan(400);
  });

  it("is refused when a field is given twice, however deep", () => {
    const text = JSON.stringify(example).replace('"rack":"b"', '"rack":"b","ra\\u0063k":"z"');

    expect(complaint(() => parse(text))).toBe("plan.json: topology.nodes[2].rack is given twice");
  });

  it.each([
    ["nothing", ""],
    ["a word", "hello"],
    ["half a plan", JSON.stringify(example).slice(0, 300)],
    ["100,000 open brackets", "[".repeat(100_000)],
    ["100,000 nested lists", "[".repeat(100_000) + "]".repeat(100_000)],
    ["100,000 nested objects", '{"a":'.repeat(100_000)],
    ["10 MB of one letter", "x".repeat(10_000_000)],
    ["10 MB of quotes", '"'.repeat(10_000_000)],
    ["10 MB of zeros in a list", `[${"0,".repeat(5_000_000)}0]`],
    ["a 10 MB name of a field", `{"${"n".repeat(10_000_000)}":1}`],
    ["a 10 MB seed", JSON.stringify({ ...example, seed: "s".repeat(10_000_000) })],
    ["10 MB that are no base64", JSON.stringify(changed("workload.0.keyBase64", "A".repeat(1e7)))],
    ["a fault's field of 10 MB", JSON.stringify(changed(`faults.0.${"f".repeat(1e7)}`, 1))],
  ])("is refused in one short line when it is %s", (_name, text) => {
    const message = complaint(() => parse(text));

    expect(message).not.toContain("\n");
    expect(message.length).toBeLessThan(400);
  });

  it("is either read or refused by an InputError of one line, whatever JSON it is", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(complaint(() => parse(text))).not.toContain("\n");
      }),
      { numRuns: 500 },
    );
  });

  it("is either read or refused by an InputError of one line, whichever part of it is spoilt", () => {
    const whole = JSON.stringify(drawPlan("spoil"));
    const places = placesOf(JSON.parse(whole), []);
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.jsonValue(), fc.boolean(), (place, value, cut) => {
        const plan = JSON.parse(whole) as Json;
        spoil(plan, place, value, cut);
        try {
          readPlan(plan, vocabulary);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          expect((error as Error).message).not.toMatch(/[\n\r]/);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("is refused by an InputError of one line when letters of its text are changed", () => {
    const text = JSON.stringify(example);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, letters) => {
        const spoilt = text.slice(0, at) + letters + text.slice(at + 1);
        try {
          parse(spoilt);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          expect((error as Error).message).not.toMatch(/[\n\r]/);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

type Place = readonly (string | number)[];

/** The way to each value inside a JSON value. */
function placesOf(value: unknown, way: Place): Place[] {
  if (typeof value !== "object" || value === null) return [way];
  const inner = Object.entries(value).flatMap(([name, field]) => placesOf(field, [...way, name]));
  return way.length === 0 ? inner : [way, ...inner];
}

function spoil(plan: Json, place: Place, value: unknown, cut: boolean): void {
  const parent = place.slice(0, -1).reduce((at, step) => at[step] as Json, plan);
  const last = place.at(-1)!;
  if (!cut) parent[last] = value;
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
}

describe("operations of admins", () => {
  const admin = { id: "w2", at: 5, client: "a1" };
  const topic = "order-events";
  const grow = { ...admin, op: "create-partitions", topic, count: 5 };
  const withOperations = (...operations: object[]): Json =>
    changed("workload", [...example.workload, ...operations]);

  it("are read as they are", () => {
    const operations = [
      { ...grow, assignment: [["b1", "b2", "b3"]] },
      { ...admin, id: "w3", op: "list-groups" },
      { ...admin, id: "w4", op: "describe-groups", groups: ["g", "h"] },
      { ...admin, id: "w5", op: "delete-groups", groups: [] },
      { ...admin, id: "w6", op: "delete-offsets", group: "g", topic, partitions: [0, 4] },
      { ...admin, id: "w7", op: "alter-offsets", group: "g", offsets: [[topic, 4, 17]] },
    ];
    const plan = readPlan(withOperations(...operations), vocabulary);
    expect(plan.workload.slice(1)).toEqual(operations);
  });

  it("that make a topic larger let its new partitions be named everywhere in the plan", () => {
    const plan = withOperations(
      grow,
      { ...example.workload[0], id: "w3", partition: 4 },
      { id: "w4", at: 6, client: "r1", op: "seek", topic, partition: 4, offset: 0 },
    );
    const [, , fault] = [...example.faults, { ...example.faults[1], id: "f3" }];
    const target = { role: "leader", of: "order-events-4" };
    const read = readPlan({ ...plan, faults: [{ ...fault, target }] }, vocabulary);
    expect(read.topics[0]?.partitions).toBe(3);
    expect(read.clients[1]).toMatchObject({
      assign: [0, 1, 2, 3, 4].map((partition) => ["order-events", partition]),
    });
  });

  it.each([
    [{ count: 0 }, "workload[1].count: 0 is not 1 to 10000"],
    [{ count: 10001 }, "workload[1].count: 10001 is not 1 to 10000"],
    [{ topic: "others" }, 'workload[1].topic: "others" is not a topic of the plan'],
    [{ client: "p1" }, 'workload[1].client: "p1" is a producer and cannot create-partitions'],
    [{ assignment: [] }, "workload[1].assignment: an array of 0 is not one for each new partition"],
    [
      { assignment: [["b1", "b2"]] },
      "workload[1].assignment[0]: an array of 2 is not 3 different brokers",
    ],
    [
      { assignment: [["b1", "b2", "c100"]] },
      'workload[1].assignment[0][2]: "c100" is not a broker',
    ],
    [{ op: "describe-groups" }, "workload[1].topic: there is no such field"],
  ])("are refused, by field and value: %j", (change, message) => {
    const plan = withOperations({ ...grow, ...change });
    expect(complaint(() => readPlan(plan, vocabulary))).toContain(message);
  });

  it.each([
    [{ op: "delete-groups", groups: ["g", "g"] }, 'workload[1].groups: "g" is given twice'],
    [{ op: "describe-groups", groups: [""] }, 'workload[1].groups[0]: "" does not look like'],
    [{ op: "describe-groups" }, "workload[1].groups: is missing"],
    [
      { op: "delete-offsets", group: "g", topic, partitions: [3] },
      "workload[1].partitions[0]: 3 is not 0 to 2",
    ],
    [
      { op: "delete-offsets", group: "g", topic, partitions: [1, 1] },
      "workload[1].partitions: 1 is given twice",
    ],
    [
      { op: "alter-offsets", group: "g", offsets: [[topic, 0]] },
      "workload[1].offsets[0]: an array of 2 is not [topic, partition, offset]",
    ],
    [
      { op: "alter-offsets", group: "g", offsets: [[topic, 0, -1]] },
      "workload[1].offsets[0][2]: -1 is not at least 0",
    ],
    [
      {
        op: "alter-offsets",
        group: "g",
        offsets: [
          [topic, 0, 1],
          [topic, 0, 2],
        ],
      },
      'workload[1].offsets: "order-events-0" is given twice',
    ],
  ])("about groups are refused, by field and value: %j", (change, message) => {
    const plan = withOperations({ ...admin, ...change });
    expect(complaint(() => readPlan(plan, vocabulary))).toContain(message);
  });
});

describe("a broker that is added", () => {
  const added = { id: "b4", roles: ["broker"], startAt: 2000000 };
  const withNodes = (...nodes: object[]): Json =>
    changed("topology.nodes", [...example.topology.nodes, ...nodes]);

  it("is read with its time, and holds none of the first partitions", () => {
    const plan = readPlan(withNodes(added), vocabulary);
    expect(plan.topology.nodes[4]).toEqual({ ...added, rack: null, settings: {} });
    const four = { ...withNodes(added), topics: [{ ...example.topics[0], replicationFactor: 4 }] };
    expect(complaint(() => readPlan(four, vocabulary))).toBe(
      "topics[0].replicationFactor: 4 is above the number of brokers, 3",
    );
  });

  it("is refused as a controller, at no time, after the heal, and instead of all others", () => {
    const of = (change: object): string =>
      complaint(() => readPlan(withNodes({ ...added, ...change }), vocabulary));
    const at = "topology.nodes[4].startAt";
    expect(of({ roles: ["broker", "controller"] })).toBe(
      `${at}: 2000000 is for brokers that are no controllers`,
    );
    expect(of({ startAt: 0 })).toBe(`${at}: 0 is not at least 1`);
    expect(of({ startAt: "soon" })).toBe(`${at}: "soon" is not an integer`);
    expect(of({ startAt: 40000000 })).toBe("heal.at: 40000000 is not after b4 starts, 40000000");
    const late = example.topology.nodes.map((node) =>
      node.id === "c100" ? node : { ...node, startAt: 7 },
    );
    expect(complaint(() => readPlan(changed("topology.nodes", late), vocabulary))).toBe(
      "topology.nodes[1].startAt: 7 leaves no broker to begin with",
    );
  });
});
