/**
 * What the metadata of an idle cluster takes on its disks, in exact bytes: with retention set low, it is
 * bounded for ever, on voters and on brokers.
 */
import { expect, it } from "vitest";
import { makeRules } from "../core/rules.ts";
import { Cluster } from "./cluster/cluster.ts";
import { storyPlan } from "./generate/story-plan.ts";
import { SECOND } from "./generate/time.ts";
import type { SettingValues } from "./plan/plan.ts";

const METADATA = "data/__cluster_metadata-0/";
const MINUTE = 60 * SECOND;
const NODES = ["c100", "c101", "c102", "b1", "b2", "b3"];

const quick: SettingValues = {
  "metadata.log.max.record.bytes.between.snapshots": 3000,
  "metadata.log.segment.bytes": 1500,
  "metadata.max.retention.bytes": 6000,
  "controller.quorum.fetch.max.bytes": 2000,
};

class Idle {
  readonly #cluster: Cluster;

  constructor(settings: SettingValues) {
    const healAt = 60 * MINUTE;
    const plan = storyPlan({
      scenario: "idle",
      seed: "1",
      controllers: 3,
      settings,
      workload: [],
      healAt,
    });
    this.#cluster = new Cluster(plan, {
      rules: makeRules(),
      maxEvents: 100_000_000,
      fact: () => undefined,
      nodeEvent: () => undefined,
      role: () => -1,
    });
  }

  /** Most bytes that the metadata of each node has taken, seen once a second until then. */
  most(untilUs: number): ReadonlyMap<string, number> {
    const { world } = this.#cluster;
    const most = new Map<string, number>();
    while (world.nowUs < untilUs) {
      world.runUntil(world.nowUs + SECOND);
      for (const node of NODES) most.set(node, Math.max(most.get(node) ?? 0, this.bytes(node)));
    }
    return most;
  }

  bytes(node: string): number {
    const disk = this.#cluster.diskOf(node);
    const paths = disk.files().filter((path) => path.startsWith(METADATA));
    return paths.reduce((sum, path) => sum + disk.size(path), 0);
  }

  snapshots(node: string): number {
    const paths = this.#cluster.diskOf(node).files();
    return paths.filter((path) => path.endsWith(".checkpoint") && path.startsWith(METADATA)).length;
  }
}

it("stays what it was, once the first snapshots have been dropped", () => {
  const idle = new Idle(quick);
  const early = idle.most(2 * MINUTE);
  const late = idle.most(30 * MINUTE);
  for (const node of NODES) {
    expect(early.get(node), node).toBeGreaterThan(6000);
    expect(late.get(node)! / early.get(node)!, node).toBeLessThan(1.2);
    // What is kept beyond the limit: a segment that is not full, and what the next snapshot waits for.
    expect(late.get(node)!, node).toBeLessThan(6000 + 3000 + 2 * 1500 + 2500);
    expect(idle.snapshots(node), node).toBeGreaterThan(0);
  }
});

it("grows without end, if nothing is ever dropped", () => {
  const idle = new Idle({ ...quick, "metadata.max.retention.bytes": -1 });
  const early = idle.most(MINUTE);
  const late = idle.most(2 * MINUTE);
  for (const node of NODES) expect(late.get(node)!).toBeGreaterThan(1.5 * early.get(node)!);
});

it("is bounded by age alone, too", () => {
  const idle = new Idle({
    ...quick,
    "metadata.max.retention.bytes": -1,
    "metadata.max.retention.ms": 20_000,
  });
  const early = idle.most(2 * MINUTE);
  const late = idle.most(4 * MINUTE);
  for (const node of NODES) expect(late.get(node)! / early.get(node)!, node).toBeLessThan(1.2);
});
