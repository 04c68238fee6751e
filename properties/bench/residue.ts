/** What a run has in memory and on its disks when it ends: exact numbers of bytes, no times. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeHeapSnapshot } from "node:v8";
import type { World } from "../../sim/world.ts";
import type { Plan } from "../plan/plan.ts";
import { run } from "../run.ts";

const METADATA_DIRECTORY = "data/__cluster_metadata-0/";

export interface Residue {
  /** Of all nodes: the metadata log with its indexes and snapshots. */
  readonly metadataBytes: number;
  /** What the program can get at while the run still stands. */
  readonly objectBytes: number;
}

/** Runs a plan and measures what there is at its end. */
export function residueOf(plan: Plan): Residue {
  let residue: Residue | null = null;
  run(plan, {
    onEnd: (world) => {
      residue = { metadataBytes: metadataBytes(world), objectBytes: heapBytes().objects };
    },
  });
  if (residue === null) throw new Error(`the run of ${plan.scenario} has no end`);
  return residue;
}

/** Bytes of the metadata log, its indexes and its snapshots on the disks of a world. */
export function metadataBytes(world: World): number {
  let bytes = 0;
  for (const { disk } of world.nodes()) {
    for (const path of disk.files()) {
      if (path.startsWith(METADATA_DIRECTORY)) bytes += disk.size(path);
    }
  }
  return bytes;
}

export interface HeapBytes {
  /** What the program made. */
  readonly objects: number;
  /** What V8 made of the program: bytecode, machine code, feedback, shapes. */
  readonly code: number;
}

/** What belongs to V8: it grows for as long as V8 finds something to compile anew. */
const codeTypes: ReadonlySet<string> = new Set(["code", "hidden", "object shape"]);

/** Collects garbage and weighs the rest. Takes seconds. */
export function heapBytes(): HeapBytes {
  const directory = mkdtempSync(join(tmpdir(), "trial-heap-"));
  const file = writeHeapSnapshot(join(directory, "heap.heapsnapshot"));
  const { snapshot, nodes } = JSON.parse(readFileSync(file, "utf8")) as Snapshot;
  rmSync(directory, { recursive: true });
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const size = fields.indexOf("self_size");
  let objects = 0;
  let code = 0;
  for (let at = 0; at < nodes.length; at += fields.length) {
    const bytes = nodes[at + size]!;
    if (codeTypes.has(types[0][nodes[at]!]!)) code += bytes;
    else objects += bytes;
  }
  return { objects, code };
}

interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
}
