/** From a member's position to what its poll returned: fetch, answer, poll; and to the effects. */
import type { FactOf } from "../../../core/facts.ts";
import { ApiKeys } from "../../../core/protocol/message.ts";
import { indexOf } from "../partition-names.ts";
import type { Chain } from "../step.ts";
import { chain, demand, need } from "../step.ts";
import type { Answered, Asked, Entry, Told, Trace } from "../trace.ts";

type Fetch = typeof ApiKeys.FETCH;

export interface Read {
  readonly member: string;
  readonly partition: number;
  readonly leader: string;
  readonly offsets: readonly number[];
  /** What set the position from which it fetched: the beginning, or the poll before. */
  readonly position: Told<"position-set"> | Told<"polled">;
  readonly request: Asked<Fetch>;
  readonly served: Told<"fetch-served">;
  readonly answer: Answered<Fetch>;
  readonly polled: Told<"polled">;
}

/** How `member` read these offsets of a partition of `topic` from `leader`: a read for each poll. */
export function reads(
  trace: Trace,
  wanted: {
    readonly member: string;
    readonly topic: string;
    readonly partition: number;
    readonly leader: string;
    readonly offsets: readonly number[];
  },
): Read[] {
  const { member, topic, partition, offsets } = wanted;
  const name = `${topic}-${partition}`;
  const found: Read[] = [];
  for (const offset of offsets) {
    if (found.some((read) => read.offsets.includes(offset))) continue;
    const [polled] = trace.told(
      "polled",
      ({ node, fact }) => node === member && fact.partition === name && returned(fact, offset),
    );
    const poll = need(polled, () => `no poll of ${member} returned offset ${offset} of ${name}`);
    found.push(read(trace, wanted, poll, name));
  }
  return found;
}

function returned({ records }: FactOf<"polled">, offset: number): boolean {
  return records.some((record) => record.offset === offset);
}

function read(
  trace: Trace,
  {
    member,
    leader,
    offsets,
  }: { readonly member: string; readonly leader: string; readonly offsets: readonly number[] },
  polled: Told<"polled">,
  name: string,
): Read {
  const { position: from, records } = polled.fact;
  const got = records.map(({ offset }) => offset).filter((offset) => offsets.includes(offset));
  const position = need(
    trace.entries.findLast(
      (entry): entry is Told<"position-set"> | Told<"polled"> =>
        entry.id < polled.id && entry.node === member && leavesAt(entry, name, from),
    ),
    () => `${member} polled ${name} from ${from}, which was not its position`,
  );
  const fetched = trace.exchanges(ApiKeys.FETCH, member).flatMap(([request, answer]) => {
    if (answer.id > polled.id || request.id < position.id) return [];
    const served = trace
      .told(
        "fetch-served",
        ({ id, node, fact }) =>
          id > request.id &&
          id < answer.id &&
          node === request.node &&
          fact.client === member &&
          fact.partition === name &&
          fact.fetchOffset === from,
      )
      .at(-1);
    return served === undefined ? [] : [{ request, served, answer }];
  });
  const last = need(fetched.at(-1), () => `no fetch brought ${member} offset ${from} of ${name}`);
  const { request, served, answer } = last;
  demand(request.node === leader, () => `${member} fetched ${name} from ${request.node}`);
  const end = served.fact.batches.at(-1)?.lastOffset ?? -1;
  demand(
    got.every((offset) => offset >= from && offset <= end && offset < served.fact.highWatermark),
    () => `${leader} served ${name} up to ${end} only`,
  );
  const partition = indexOf(name);
  return { member, partition, leader, offsets: got, position, request, served, answer, polled };
}

/** It left the member at `offset` of the partition. */
function leavesAt(entry: Entry, name: string, offset: number): boolean {
  if (!("fact" in entry)) return false;
  const { fact } = entry;
  if (fact.kind === "position-set") return fact.partition === name && fact.offset === offset;
  return fact.kind === "polled" && fact.partition === name && fact.nextPosition === offset;
}

export function readChain({ position, request, served, answer, polled }: Read): Chain {
  return chain(position, request, served, answer, polled);
}

/** The work on a record: it began when the poll returned it, or when the work before it was done. */
export interface Worked {
  readonly member: string;
  readonly offset: number;
  readonly beganUs: number;
  readonly endedUs: number;
  readonly polled: Told<"polled">;
  readonly effect: Told<"effect-put">;
}

/** The effects of what was read, in the order in which they came; each of them exactly one, by the reader. */
export function worked(trace: Trace, { member, offsets, polled }: Read): Worked[] {
  const name = polled.fact.partition;
  const done = offsets.map((offset): Worked => {
    const effects = trace.told(
      "effect-put",
      ({ fact }) => fact.partition === name && fact.offset === offset,
    );
    const [effect] = effects;
    const found = need(effect, () => `offset ${offset} of ${name} had no effect`);
    demand(effects.length === 1, () => `offset ${offset} of ${name} had ${effects.length} effects`);
    demand(
      found.node === member,
      () => `offset ${offset} of ${name} was worked on by ${found.node}`,
    );
    demand(
      found.id > polled.id,
      () => `offset ${offset} of ${name} had its effect before its poll`,
    );
    const beganUs = beginning(trace, found, polled);
    return { member, offset, beganUs, endedUs: found.at, polled, effect: found };
  });
  return done.sort((a, b) => a.effect.id - b.effect.id);
}

function beginning(trace: Trace, effect: Told<"effect-put">, polled: Told<"polled">): number {
  const before = trace
    .told("effect-put", ({ node, id }) => node === effect.node && id < effect.id)
    .at(-1);
  return Math.max(polled.at, before?.at ?? 0);
}

export function workChain(works: readonly Worked[]): Chain {
  const [first] = works;
  if (first === undefined) return [];
  return chain(first.polled, ...works.map(({ effect }) => effect));
}
