import type { ProducerPlan, SendOperation } from "../plan/plan.ts";
import type { Draw } from "./draw.ts";
import { weighted } from "./draw.ts";
import type { InputEvent } from "./input-event.ts";

export interface SendSchedule {
  readonly topic: string;
  readonly producers: readonly ProducerPlan[];
  readonly fromUs: number;
  readonly untilUs: number;
}

/**
 * One send for each event, in the order of the events. Events of one key go through one producer, so
 * that their order is promised; events without a key go round.
 */
export function sendOperations(
  draw: Draw,
  events: readonly InputEvent[],
  schedule: SendSchedule,
): SendOperation[] {
  const { topic, producers, fromUs, untilUs } = schedule;
  const shift = draw.below(producers.length);
  /** That many events are sent at one instant: bursts fill batches and pipelines. */
  const burst = weighted(draw, [
    [1, 6],
    [4, 2],
    [25, 1],
  ]);
  const bursts = Math.ceil(events.length / burst);
  return events.map((event, index) => {
    const key = event.key ?? event.keyBase64 ?? null;
    const lane = key === null ? index : sumOfCodes(key);
    const client = producers[(lane + shift) % producers.length]!.id;
    const turn = Math.floor(index / burst);
    const at = fromUs + Math.floor(((untilUs - fromUs) * turn) / bursts);
    return { id: `w${index + 1}`, at, client, op: "send", topic, ...event };
  });
}

/** Any fixed function of the key will do. */
function sumOfCodes(key: string): number {
  let sum = 0;
  for (let index = 0; index < key.length; index += 1) sum += key.charCodeAt(index);
  return sum;
}
