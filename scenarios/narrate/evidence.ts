/** What proves a step, in the words of the trace: the same in every language, and as JSON. */
import type { Fact } from "../../core/facts.ts";
import { ApiKeys } from "../../core/protocol/message.ts";
import { factShapes } from "../../properties/cluster/fact-shapes.ts";
import type { Chain, Link, Step } from "./step.ts";
import type { Entry, FrameEntry } from "./trace.ts";

/** One event of the trace. Its further fields are the numbers and names of the fact or the frame. */
export interface EvidenceEvent {
  readonly id: number;
  readonly at: number;
  /** Who told it; of a frame, who received it. */
  readonly node: string;
  /** A kind of fact (core/facts.ts), or of a frame: "produce-request", "produce-response". */
  readonly kind: string;
  /** Id of the event that led to it; null when an earlier step tells that. */
  readonly causedBy: number | null;
  readonly [field: string]: unknown;
}

/** Each event once, causes before effects. */
export function eventsOf({ chains }: Step): EvidenceEvent[] {
  const events = new Map<number, EvidenceEvent>();
  for (const { entry, cause } of chains.flat()) {
    if (events.has(entry.id)) continue;
    const { id, at, node } = entry;
    const fields = "fact" in entry ? factFields(entry.fact) : frameFields(entry);
    events.set(id, { id, at, node, kind: kindOf(entry), causedBy: cause?.id ?? null, ...fields });
  }
  return [...events.values()].sort((a, b) => a.id - b.id);
}

const apiNames: ReadonlyMap<number, string> = new Map(
  Object.entries(ApiKeys).map(([name, key]) => [key, name.toLowerCase().replaceAll("_", "-")]),
);

function kindOf(entry: Entry): string {
  if ("fact" in entry) return entry.fact.kind;
  return `${apiNames.get(entry.apiKey)}-${"asks" in entry ? "request" : "response"}`;
}

function frameFields({ from, connection, correlationId }: FrameEntry): Record<string, unknown> {
  return { from, connection, correlationId };
}

/** Its plain fields, and those that tell which records it is about. */
function factFields(fact: Fact): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const { numbers, texts, lists } = factShapes[fact.kind];
  for (const name of [...texts, ...numbers, ...lists]) {
    fields[name] = (fact as unknown as Record<string, unknown>)[name];
  }
  switch (fact.kind) {
    case "batch-sent":
      return { ...fields, sendIds: fact.sendIds };
    case "appended":
      return { ...fields, baseOffset: fact.batch.baseOffset, lastOffset: fact.batch.lastOffset };
    case "polled":
      return { ...fields, offsets: fact.records.map(({ offset }) => offset) };
    case "partitions-assigned":
      return { ...fields, partitions: fact.partitions };
    default:
      return fields;
  }
}

/**
 * A chain on one line: "3.298886 p1 batch-sent w1 -> 3.299375 b3 produce-request ...". An arrow leads to
 * what follows from it, "&" to what follows from something earlier, ";" to what the chain does not explain.
 * Events of one kind at one moment and place, with one cause, are told together.
 */
export function lineOf(chain: Chain): string {
  let line = "";
  let last: Link | null = null;
  for (const link of chain) {
    const { entry, cause } = link;
    const detail = detailOf(entry);
    if (last !== null && isAlike(last, link)) {
      line += `, ${detail}`;
    } else {
      if (last !== null) line += cause === null ? "; " : cause === last.entry ? " -> " : " & ";
      line += `${(entry.at / 1_000_000).toFixed(6)} ${entry.node} ${kindOf(entry)}`;
      if (detail !== "") line += ` ${detail}`;
    }
    last = link;
  }
  return line;
}

function isAlike({ entry: one, cause }: Link, other: Link): boolean {
  const { entry } = other;
  const isTogether = one.at === entry.at && one.node === entry.node && cause === other.cause;
  return isTogether && kindOf(one) === kindOf(entry);
}

/** What a reader needs to tell one event from another of its kind. */
function detailOf(entry: Entry): string {
  if (!("fact" in entry)) return "";
  const { fact } = entry;
  switch (fact.kind) {
    case "send-started":
      return fact.sendId;
    case "send-batched":
      return `${fact.sendId} in ${fact.partition}`;
    case "sticky-partition-chosen":
      return fact.partition;
    case "batch-sent":
      return fact.partition;
    case "client-metadata":
      return `${fact.partition} leader ${fact.leader}`;
    case "appended":
      return range(fact.batch.baseOffset, fact.batch.lastOffset);
    case "follower-fetched":
      return `${fact.follower} at ${fact.fetchOffset}`;
    case "high-watermark":
      return `${fact.highWatermark}`;
    case "ack-sent":
      return range(fact.baseOffset, fact.lastOffset);
    case "send-acked":
      return `${fact.sendId} at ${fact.offset}`;
    case "generation-started":
    case "member-joined":
      return `${fact.generation}`;
    case "assignment-made":
      return fact.assignor;
    case "partitions-assigned":
      return fact.partitions.join(" ");
    case "position-set":
      return `${fact.partition} at ${fact.offset}`;
    case "fetch-served":
      return `from ${fact.fetchOffset}`;
    case "polled":
      return range(fact.position, fact.nextPosition - 1);
    case "effect-put":
      return `${fact.partition} at ${fact.offset}`;
    default:
      return "";
  }
}

function range(first: number, last: number): string {
  return first === last ? `at ${first}` : `at ${first}-${last}`;
}
