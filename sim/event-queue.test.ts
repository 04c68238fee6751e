import fc from "fast-check";
import { expect, it } from "vitest";
import { EventQueue } from "./event-queue.ts";

class Item {
  slot = -1;
  readonly time: number;
  readonly tie: number;
  readonly order: number;

  constructor(time: number, tie: number, order: number) {
    this.time = time;
    this.tie = tie;
    this.order = order;
  }
}

const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ time: fc.nat(50), tie: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.constant("pop" as const) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
);

it("yields what a sorted list would, whatever is pushed, popped and removed", () => {
  const property = fc.property(fc.array(action, { maxLength: 400 }), (actions) => {
    const queue = new EventQueue<Item>();
    let model: Item[] = [];
    let pushed = 0;
    for (const step of actions) {
      if (step === "pop") {
        if (model.length === 0) continue;
        expect(queue.nextTime()).toBe(model[0]!.time);
        expect(queue.pop()).toBe(model.shift());
      } else if ("remove" in step) {
        const item = model[step.remove % Math.max(1, model.length)];
        if (item === undefined) continue;
        queue.remove(item);
        expect(item.slot).toBe(-1);
        model = model.filter((other) => other !== item);
      } else {
        const item = new Item(step.time, step.tie, pushed++);
        queue.push(item.time, item.tie, item);
        expect(queue.timeOf(item)).toBe(item.time);
        model.push(item);
        model.sort((a, b) => a.time - b.time || a.tie - b.tie || a.order - b.order);
      }
      expect(queue.size).toBe(model.length);
    }
    while (model.length > 0) expect(queue.pop()).toBe(model.shift());
    expect(queue.nextTime()).toBe(Infinity);
  });
  fc.assert(property, { numRuns: 200 });
});

it("ignores the removal of what is not queued", () => {
  const queue = new EventQueue<Item>();
  const item = new Item(1, 0, 0);
  queue.push(1, 0, item);
  queue.pop();
  queue.remove(item);
  expect(queue.size).toBe(0);
});

it("holds a hundred thousand items and gives them back in order", () => {
  const queue = new EventQueue<Item>();
  for (let i = 0; i < 100_000; i++) queue.push((i * 7919) % 10_007, 0, new Item(0, 0, i));
  let last = -1;
  let inversions = 0;
  while (queue.size > 0) {
    const time = queue.nextTime();
    if (time < last) inversions++;
    last = time;
    queue.pop();
  }
  expect([inversions, last]).toEqual([0, 10_006]);
});
