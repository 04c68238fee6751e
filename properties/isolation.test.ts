/**
 * Nodes of a simulated cluster share one process and one heap, but a node may know only what its disk
 * and its messages tell it. Walks everything that each node can reach, in the middle of a run, and
 * looks for objects that two of them reach.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { drawPlan } from "./generate/plan-arbitrary.ts";
import { build, messageOf } from "./testing/built.ts";
import { Heap } from "./testing/heap.ts";
import type { HeapObject } from "./testing/heap.ts";

/**
 * Says that it is ready when the modules are there and the rules are made, which all nodes share and
 * which have no state; runs on a message, and holds the cluster.
 */
const BODY = `
  const { Cluster } = await load("properties/cluster/cluster.js");
  const { makeRules } = await load("core/rules.js");
  const rules = makeRules();
  const ignore = () => {};
  const options = { rules, maxEvents: 1e9, fact: ignore, nodeEvent: ignore, role: () => -1 };
  const held = {};
  parentPort.on("message", () => {
    held.cluster = new Cluster(data.plan, options);
    held.cluster.world.runUntil(data.untilUs);
    parentPort.postMessage("ran");
  });
  parentPort.postMessage("ready");
`;

/** What the simulated world and the harness have for all nodes together: behind the ports. */
const worldClasses: ReadonlySet<string> = new Set(["Kernel", "Network", "Link", "Pipe", "Cluster"]);
const worldFields: ReadonlySet<string> = new Set(["SimNode #context", "ProcessStorage #costs"]);
/** Record data: one immutable object for the producer, all replicas, their disks and all readers. */
const recordClasses: ReadonlySet<string> = new Set(["Batch", "BatchBody"]);

/**
 * The sender may keep a request, to send it again, while its receiver answers it: a message is never
 * written to. What a node takes out of one and keeps is found in its own place.
 */
function isUnderWay(className: string, field: string): boolean {
  return className === "Object" && field === "body";
}

let heap: Heap;
/** Objects that were there before the run: modules with their constants and functions, and the rules. */
let older: Set<number>;

beforeAll(async () => {
  const built = build();
  const worker = built.worker(BODY, { plan: drawPlan("18"), untilUs: 20_000_000 });
  try {
    await messageOf(worker);
    const before = await Heap.read(await worker.getHeapSnapshot());
    older = new Set(Array.from({ length: before.count }, (_, object) => before.id(object)));
    worker.postMessage("run");
    await messageOf(worker);
    heap = await Heap.read(await worker.getHeapSnapshot());
  } finally {
    await worker.terminate();
    built.remove();
  }
});

afterAll(() => {
  older.clear();
});

/** What each node reaches, with the way to it. */
function reachedByNodes(exempt: ReadonlySet<string>): Map<string, Map<HeapObject, string>> {
  const reached = new Map<string, Map<HeapObject, string>>();
  for (const node of heap.instances("SimNode")) {
    const id = heap.property(node, "id");
    if (id === null || older.has(heap.id(node))) continue;
    const ways = heap.reach(node, (from, name, to) => {
      const className = heap.name(to);
      if (older.has(heap.id(to)) || worldClasses.has(className)) return false;
      if (isUnderWay(heap.name(from), name)) return false;
      return !exempt.has(className) && !worldFields.has(`${heap.name(from)} ${name}`);
    });
    reached.set(heap.name(id), ways);
  }
  return reached;
}

/** Class of each shared object, and how two nodes get to it. */
function shared(exempt: ReadonlySet<string>): { className: string; ways: string }[] {
  const first = new Map<HeapObject, string>();
  const found: { className: string; ways: string }[] = [];
  for (const [node, ways] of reachedByNodes(exempt)) {
    for (const [object, way] of ways) {
      const other = first.get(object);
      if (other === undefined) first.set(object, `${node}: ${way}`);
      else found.push({ className: heap.name(object), ways: `${other}\n${node}: ${way}` });
    }
  }
  return found;
}

it("no object is reached by two nodes, except records", () => {
  expect(shared(recordClasses).map(({ ways }) => ways)).toEqual([]);
});

it("the walk gets to all parts of brokers, controllers and clients, and sees what is shared", () => {
  const reached = reachedByNodes(recordClasses);
  const classesOf = (node: string): string[] => [
    ...new Set([...reached.get(node)!.keys()].map((object) => heap.name(object))),
  ];

  expect([...reached.keys()]).toEqual(expect.arrayContaining(["c100", "b1", "b2", "p1", "r1"]));
  expect(classesOf("c100")).toEqual(expect.arrayContaining(["Controller", "MetadataLog"]));
  expect(classesOf("b1")).toEqual(
    expect.arrayContaining(["PartitionLog", "MetadataImage", "LeaderState", "FetchOperation"]),
  );
  expect(classesOf("p1")).toEqual(expect.arrayContaining(["Accumulator", "ProducerBatch"]));
  expect(classesOf("r1")).toEqual(expect.arrayContaining(["Consumer", "ClientMetadata"]));
  expect(shared(new Set()).map(({ className }) => className)).toContain("BatchBody");
});
