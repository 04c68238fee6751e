import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FactOf } from "../facts.ts";
import type { BatchBody } from "../record/batch.ts";
import { batchOf, TestCluster, TOPIC_ID } from "./testkit/test-cluster.ts";

type Step =
  | { readonly kind: "produce"; readonly count: number }
  | { readonly kind: "cut" | "mend" | "hold" | "release"; readonly a: number; readonly b: number }
  | { readonly kind: "elect"; readonly pick: number; readonly hears: number }
  | { readonly kind: "restart"; readonly id: number }
  | { readonly kind: "hear" }
  | { readonly kind: "mute"; readonly loses: "requests" | "answers" }
  | { readonly kind: "wait"; readonly ms: number };

const broker = fc.integer({ min: 0, max: 2 });
const link = { a: broker, b: broker };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("produce" as const),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("cut" as const, "mend" as const), ...link }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("hold" as const, "release" as const), ...link }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("elect" as const),
      pick: fc.nat(5),
      hears: fc.nat(7),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("restart" as const), id: broker }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "hear" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("mute" as const),
      loses: fc.constantFrom("requests" as const, "answers" as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.integer({ min: 1, max: 2500 }),
    }),
  },
);

const settings = {
  "replica.lag.time.max.ms": 2000,
  "replica.fetch.backoff.ms": 100,
  "replica.socket.timeout.ms": 1500,
  "replica.fetch.max.bytes": 200,
};

function perform(cluster: TestCluster, step: Step): void {
  const { world } = cluster;
  switch (step.kind) {
    case "produce": {
      // Whoever believes to lead: also a deposed one.
      for (const { id, manager } of cluster.brokers) {
        if (manager.partition(TOPIC_ID, 0)?.isLeader === true) {
          cluster.produce(id, batchOf(cluster, step.count), { timeoutMs: 3000, channel: `p${id}` });
        }
      }
      return;
    }
    case "cut":
    case "mend":
      if (step.a !== step.b) world[step.kind](`b${step.a}`, `b${step.b}`);
      return;
    case "hold":
    case "release":
      if (step.a !== step.b) world[step.kind](`b${step.a}`, `b${step.b}`);
      return;
    case "elect": {
      const { isr } = cluster.registration();
      const leader = isr[step.pick % isr.length] as number;
      cluster.isQuiet = true;
      cluster.change({ leader });
      cluster.publish([0, 1, 2].filter((id) => (step.hears & (1 << id)) !== 0));
      return;
    }
    case "restart": {
      const { isr, leader } = cluster.registration();
      const others = isr.filter((id) => id !== step.id);
      const next = others[0];
      // The last member of an ISR is left alone: this controller could elect nobody.
      if (next === undefined) return;
      cluster.broker(step.id).node.kill();
      cluster.change(leader === step.id ? { isr: others, leader: next } : { isr: others });
      cluster.restart(step.id, 100 + cluster.world.nowMs);
      return;
    }
    case "hear":
      cluster.isQuiet = false;
      cluster.publish();
      return;
    case "mute":
      if (step.loses === "requests") cluster.isMute = !cluster.isMute;
      else cluster.losesAnswers = !cluster.losesAnswers;
      return;
    case "wait":
      world.run(step.ms);
      return;
  }
}

function heal(cluster: TestCluster): void {
  for (const a of [0, 1, 2]) {
    for (const b of [0, 1, 2]) {
      if (a === b) continue;
      cluster.world.release(`b${a}`, `b${b}`);
      cluster.world.mend(`b${a}`, `b${b}`);
    }
  }
  cluster.isMute = false;
  cluster.losesAnswers = false;
  cluster.isQuiet = false;
  cluster.publish();
}

function content(cluster: TestCluster, id: number): Map<number, BatchBody> {
  const log = cluster.broker(id).log();
  const found = new Map<number, BatchBody>();
  for (let at = 0; at < log.endOffset;) {
    const read = log.read(at, 1000000, log.endOffset, true);
    if ("error" in read) throw new Error(`cannot read ${at}`);
    for (const batch of read.batches) {
      found.set(batch.baseOffset, batch.body);
      at = batch.nextOffset;
    }
  }
  return found;
}

describe("replication under cuts, delays and elections of ISR members", () => {
  it("loses no acknowledged record, and all logs become the same", () => {
    const situations = { acks: 0, truncations: 0, isrChanges: 0 };
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
        const cluster = new TestCluster({ broker: settings, topic: { "min.insync.replicas": 2 } });
        cluster.run(50);
        for (const each of steps) perform(cluster, each);
        heal(cluster);
        cluster.run(12000);
        const facts = cluster.brokers.flatMap(({ node }) => node.facts);
        const acks = facts.filter((fact): fact is FactOf<"ack-sent"> => fact.kind === "ack-sent");
        const logs = cluster.brokers.map(({ id }) => content(cluster, id));
        for (const ack of acks) {
          for (const log of logs) expect(log.get(ack.baseOffset)).toBe(ack.body);
        }
        expect(logs[1]).toEqual(logs[0]);
        expect(logs[2]).toEqual(logs[0]);
        expect(cluster.registration().isr.toSorted()).toEqual([0, 1, 2]);
        const [first, ...others] = cluster.brokers.map(({ id }) => cluster.broker(id).log());
        for (const log of others) expect(log.highWatermark).toBe(first?.highWatermark);
        expect(first?.highWatermark).toBe(first?.endOffset);
        situations.acks += acks.length;
        situations.truncations += facts.filter((fact) => fact.kind === "truncated").length;
        situations.isrChanges += facts.filter((fact) => fact.kind === "isr-committed").length;
      }),
      { numRuns: 150, seed: 20260101 },
    );
    // The steps must have met what they are about.
    expect(situations.acks).toBeGreaterThan(100);
    expect(situations.truncations).toBeGreaterThan(5);
    expect(situations.isrChanges).toBeGreaterThan(50);
  });
});
