/** Order events made up for plans that are given no input: a few orders, each with its life cycle. */
import { DEFAULT_START_MS } from "../plan/plan.ts";
import type { Draw } from "./draw.ts";
import type { InputEvent } from "./input-event.ts";

const LIFE = ["created", "paid", "packed", "shipped", "delivered", "returned", "refunded"];

/** `count` events; those of one order are in their order, those of different orders interleave. */
export function drawOrderEvents(draw: Draw, count: number): InputEvent[] {
  const orders = Math.max(1, Math.ceil(count / draw.between(2, 12)));
  const steps = new Map<number, number>();
  return Array.from({ length: count }, (_, index) => {
    const order = draw.below(orders);
    const step = (steps.get(order) ?? 0) + 1;
    steps.set(order, step);
    const event = LIFE[(step - 1) % LIFE.length]!;
    const value = `{"order":"order-${order + 1}","step":${step},"event":"${event}"}`;
    return { key: `order-${order + 1}`, value, timestamp: DEFAULT_START_MS + index };
  });
}
