import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualWorld } from "../testkit/manual-ports.ts";
import type { Expiring } from "./deadline-queue.ts";
import { DeadlineQueue } from "./deadline-queue.ts";

class Item implements Expiring {
  deadlineMs = 0;
  heapIndex = -1;
  heapSequence = 0;
  readonly name: number;
  readonly expired: number[];

  constructor(name: number, expired: number[]) {
    this.name = name;
    this.expired = expired;
  }

  expire(): void {
    this.expired.push(this.name);
  }
}

describe("the deadline queue", () => {
  it("expires what was not removed, by deadline and then by order of adding", () => {
    const delay = fc.integer({ min: 0, max: 20 });
    const operations = fc.array(fc.tuple(delay, fc.boolean(), fc.nat(5)), { maxLength: 60 });
    fc.assert(
      fc.property(operations, (steps) => {
        const world = new ManualWorld();
        const node = world.node("n");
        const expired: number[] = [];
        let rounds = 0;
        const queue = new DeadlineQueue(node.ports, "reaper", "test", () => (rounds += 1));
        const model: { name: number; atMs: number }[] = [];
        const items: Item[] = [];
        steps.forEach(([delayMs, removes, waitMs], name) => {
          const item = new Item(name, expired);
          items.push(item);
          queue.add(item, delayMs);
          model.push({ name, atMs: world.nowMs + delayMs });
          if (removes) {
            const gone = items[(name * 7) % items.length] as Item;
            if (gone.heapIndex >= 0) {
              const at = model.findIndex((entry) => entry.name === gone.name);
              model.splice(at, 1);
            }
            queue.remove(gone);
          }
          world.run(waitMs);
        });
        world.run(100);
        const expectedOrder = model.toSorted((a, b) => a.atMs - b.atMs || a.name - b.name);
        expect(expired).toEqual(expectedOrder.map((entry) => entry.name));
        expect(queue.size).toBe(0);
        expect(rounds).toBeGreaterThanOrEqual(model.length > 0 ? 1 : 0);
      }),
      { numRuns: 200 },
    );
  });

  it("expires nothing after it was closed", () => {
    const world = new ManualWorld();
    const expired: number[] = [];
    const queue = new DeadlineQueue(world.node("n").ports, "reaper", "test", () => undefined);
    queue.add(new Item(1, expired), 5);
    queue.close();
    world.run(100);
    expect(expired).toEqual([]);
  });
});
