/** A step of a story: what it says, in no language yet, and what happened in the run that proves it. */
import type { MessageKey } from "./messages/catalogue.ts";
import type { Entry } from "./trace.ts";

export interface Step {
  readonly says: readonly Sentence[];
  readonly chains: readonly Chain[];
}

/** A message of the catalogue with what stands in its placeholders. */
export interface Sentence {
  readonly key: MessageKey;
  readonly values: Values;
}

export type Values = Readonly<Record<string, Value>>;

/** A list is told as lists are in a language; a sentence within a sentence is rendered first. */
export type Value = string | number | Sentence | readonly Value[];

/** What happened, each because of an earlier link; the first because of what an earlier step told. */
export type Chain = readonly Link[];

export interface Link {
  readonly entry: Entry;
  readonly cause: Entry | null;
}

export function say(key: MessageKey, values: Values): Sentence {
  return { key, values };
}

/** Each because of the one before; those of a list beside each other, because of the same. */
export function chain(...links: readonly (Entry | readonly Entry[])[]): Chain {
  const told: Link[] = [];
  let cause: Entry | null = null;
  for (const link of links) {
    const entries: readonly Entry[] = Array.isArray(link) ? link : [link as Entry];
    for (const entry of entries) told.push({ entry, cause });
    cause = entries.at(-1) ?? cause;
  }
  return told;
}

/** Something that a step consists of is not in the trace. The message completes "a step is missing:". */
export class NoEvidence extends Error {}

/** What is there; throws NoEvidence without it. */
export function need<T>(found: T | undefined | null, lacks: () => string): T {
  if (found === undefined || found === null) throw new NoEvidence(lacks());
  return found;
}

export function demand(holds: boolean, lacks: () => string): void {
  if (!holds) throw new NoEvidence(lacks());
}
