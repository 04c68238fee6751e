/** What plans are drawn with: sim's seeded stream, and a few ways to use it. */
import type { SeededStream } from "../../sim/random.ts";

export type Draw = SeededStream;

/** One of `choices`, each as likely as its weight (a whole number) says. */
export function weighted<T>(draw: Draw, choices: readonly (readonly [T, number])[]): T {
  const total = choices.reduce((sum, [, weight]) => sum + weight, 0);
  let left = draw.below(total);
  for (const [choice, weight] of choices) {
    if (left < weight) return choice;
    left -= weight;
  }
  throw new RangeError("no choice has a weight");
}

/** `count` different elements, in the order of `items`. */
export function subset<T>(draw: Draw, items: readonly T[], count: number): T[] {
  const places = draw.shuffled(items.map((_, index) => index)).slice(0, count);
  const chosen = new Set(places);
  return items.filter((_, index) => chosen.has(index));
}

/**
 * Between `least` (above 0) and `most`, where each doubling is as likely as the next: most draws are
 * small, some are not. Integer arithmetic only, since floating powers differ between machines.
 */
export function spread(draw: Draw, least: number, most: number): number {
  let doublings = 0;
  for (let reach = least; reach * 2 <= most; reach *= 2) doublings += 1;
  let low = least;
  for (let n = draw.below(doublings + 1); n > 0; n -= 1) low *= 2;
  return draw.between(low, Math.min(most, low * 2 - 1));
}
