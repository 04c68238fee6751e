/**
 * Reads a heap snapshot of V8, which knows every reference between objects: private fields, variables
 * that closures hold, insides of maps. Objects keep their id from one snapshot to the next.
 */
import type { Readable } from "node:stream";

interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
      readonly edge_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

/** Index of an object in its snapshot. */
export type HeapObject = number;

/** Type, name or index, object that it leads to. */
const EDGE_FIELDS = 3;

/** V8's own business: classes, code and caches, not what a program can get at. */
const innerEdges: ReadonlySet<string> = new Set([
  "map",
  "shared",
  "code",
  "script",
  "feedback_cell",
  "initial_map",
  "native_context",
]);

/** What cannot be written to, or is no value of a program. */
const plainTypes: ReadonlySet<string> = new Set([
  "string",
  "concatenated string",
  "sliced string",
  "number",
  "bigint",
  "symbol",
  "regexp",
  "code",
  "object shape",
]);

export class Heap {
  readonly #snapshot: Snapshot;
  readonly #types: readonly string[];
  readonly #edgeTypes: readonly string[];
  readonly #fields: number;
  /** Where the edges of each object begin. */
  readonly #firstEdge: Int32Array;
  readonly count: number;

  static async read(stream: Readable): Promise<Heap> {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(Buffer.from(part as Uint8Array));
    return new Heap(JSON.parse(Buffer.concat(parts).toString("utf8")) as Snapshot);
  }

  constructor(snapshot: Snapshot) {
    const { meta } = snapshot.snapshot;
    this.#snapshot = snapshot;
    this.#types = meta.node_types[0];
    this.#edgeTypes = meta.edge_types[0];
    this.#fields = meta.node_fields.length;
    this.count = snapshot.nodes.length / this.#fields;
    this.#firstEdge = new Int32Array(this.count + 1);
    const edgeCount = meta.node_fields.indexOf("edge_count");
    for (let at = 0; at < this.count; at += 1) {
      const edges = snapshot.nodes[at * this.#fields + edgeCount]!;
      this.#firstEdge[at + 1] = this.#firstEdge[at]! + edges;
    }
  }

  type(object: HeapObject): string {
    return this.#types[this.#snapshot.nodes[object * this.#fields]!]!;
  }

  /** Of an object, the name of its class; of a string, the string. */
  name(object: HeapObject): string {
    return this.#snapshot.strings[this.#snapshot.nodes[object * this.#fields + 1]!]!;
  }

  id(object: HeapObject): number {
    return this.#snapshot.nodes[object * this.#fields + 2]!;
  }

  /** All instances of a class. */
  instances(className: string): HeapObject[] {
    const found: HeapObject[] = [];
    for (let object = 0; object < this.count; object += 1) {
      if (this.name(object) === className && this.type(object) === "object") found.push(object);
    }
    return found;
  }

  property(object: HeapObject, name: string): HeapObject | null {
    for (const [edge, to] of this.references(object)) if (edge === name) return to;
    return null;
  }

  /** What an object refers to, by property or otherwise; not what is V8's own. */
  *references(object: HeapObject): Iterable<readonly [name: string, to: HeapObject]> {
    const { edges, strings } = this.#snapshot;
    for (let at = this.#firstEdge[object]!; at < this.#firstEdge[object + 1]!; at += 1) {
      const type = this.#edgeTypes[edges[at * EDGE_FIELDS]!]!;
      const name = edges[at * EDGE_FIELDS + 1]!;
      const to = edges[at * EDGE_FIELDS + 2]! / this.#fields;
      if (type === "weak" || type === "shortcut") continue;
      if (type === "element" || type === "hidden") yield [String(name), to];
      else if (type !== "internal" || !innerEdges.has(strings[name]!)) yield [strings[name]!, to];
    }
  }

  /**
   * Everything that can be reached from an object, each with the way to it, as far as `mayPass` lets
   * the walk go. What cannot be written to is left out.
   */
  reach(
    start: HeapObject,
    mayPass: (from: HeapObject, name: string, to: HeapObject) => boolean,
  ): Map<HeapObject, string> {
    const ways = new Map([[start, this.name(start)]]);
    const open = [start];
    for (let from = open.pop(); from !== undefined; from = open.pop()) {
      for (const [name, to] of this.references(from)) {
        if (ways.has(to) || plainTypes.has(this.type(to)) || !mayPass(from, name, to)) continue;
        ways.set(to, `${ways.get(from)} > ${name} (${this.name(to)})`);
        open.push(to);
      }
    }
    return ways;
  }
}
