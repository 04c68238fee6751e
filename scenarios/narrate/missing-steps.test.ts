/** Each step of each story is missed when what proves it is not there. */
import { describe, expect, it } from "vitest";
import type { Fact, FactKind, FactOf } from "../../core/facts.ts";
import type { ApiKey } from "../../core/protocol/message.ts";
import { ApiKeys } from "../../core/protocol/message.ts";
import { keyedOrderFlow } from "../named/keyed-order-flow.ts";
import { roundRobinFlow } from "../named/round-robin-flow.ts";
import { stickyFlow } from "../named/sticky-flow.ts";
import type { Scenario } from "../scenario.ts";
import type { Seen } from "./observed-run.testkit.ts";
import { flowOf, observe, planOf, violationsOf } from "./observed-run.testkit.ts";

const SEED = "1";

/** What is shown instead of what was seen. */
type Change = (seen: Seen) => readonly Seen[];

interface Case {
  readonly step: number;
  readonly what: string;
  readonly change: Change;
}

function changed<K extends FactKind>(
  kind: K,
  holds: (fact: FactOf<K>, node: string) => boolean,
  to: (seen: Seen & { readonly fact: FactOf<K> }) => readonly Seen[],
): Change {
  return (seen) => {
    if (!("fact" in seen) || seen.fact.kind !== kind) return [seen];
    const found = seen as Seen & { readonly fact: FactOf<K> };
    return holds(found.fact, seen.moment.node) ? to(found) : [seen];
  };
}

function without<K extends FactKind>(
  kind: K,
  holds: (fact: FactOf<K>, node: string) => boolean = () => true,
): Change {
  return changed(kind, holds, () => []);
}

/** No request of that kind by the node reaches anybody; or no answer reaches it. */
function withoutFrame(apiKey: ApiKey, what: "request" | "answer", client: string): Change {
  return (seen) => {
    if ("fact" in seen || seen.frame.apiKey !== apiKey) return [seen];
    const isRequest = "apiVersion" in seen.frame;
    const other = isRequest ? seen.from : seen.moment.node;
    return isRequest === (what === "request") && other === client ? [] : [seen];
  };
}

/** Told by somebody else. */
function by(node: string): (seen: Seen) => readonly Seen[] {
  return (seen) => [{ ...seen, moment: { ...seen.moment, node } }];
}

function later(us: number): (seen: Seen) => readonly Seen[] {
  return (seen) => [{ ...seen, moment: { ...seen.moment, at: seen.moment.at + us } }];
}

const at = (offset: number) => (fact: { readonly offset: number }) => fact.offset === offset;
const send = (id: string) => (fact: { readonly sendId: string }) => fact.sendId === id;
const on = (name: string) => (_: Fact, node: string) => node === name;

/** Steps from a batch on its way to its acknowledgement. */
function producing(step: number, partition: string): Case[] {
  const of = (fact: { readonly partition: string }): boolean => fact.partition === partition;
  return [
    { step, what: "request", change: withoutFrame(ApiKeys.PRODUCE, "request", "p1") },
    {
      step,
      what: "append of the leader",
      change: without("appended", (fact) => of(fact) && fact.as === "leader"),
    },
    {
      step,
      what: "append of a follower",
      change: without("appended", (fact) => of(fact) && fact.as === "follower"),
    },
    { step, what: "note of a follower's fetch", change: without("follower-fetched", of) },
    { step, what: "high watermark", change: without("high-watermark", of) },
    { step, what: "acknowledgement", change: without("ack-sent", of) },
    { step, what: "answer", change: withoutFrame(ApiKeys.PRODUCE, "answer", "p1") },
    { step, what: "result of a send", change: without("send-acked", send("w2")) },
    {
      step,
      what: "right offset in a result",
      change: changed("send-acked", send("w2"), (seen) => [
        { ...seen, fact: { ...seen.fact, offset: 7 } },
      ]),
    },
  ];
}

function joining(step: number): Case[] {
  return [
    { step, what: "generation", change: without("generation-started") },
    { step, what: "JoinGroup", change: withoutFrame(ApiKeys.JOIN_GROUP, "request", "m2") },
    { step, what: "member that joined", change: without("member-joined", on("m3")) },
    { step, what: "assignment", change: without("assignment-made") },
    { step, what: "SyncGroup", change: withoutFrame(ApiKeys.SYNC_GROUP, "answer", "m1") },
    { step, what: "owner", change: without("partitions-assigned", on("m1")) },
    {
      step,
      what: "single owner",
      change: changed("partitions-assigned", on("m3"), (seen) => [
        { ...seen, fact: { ...seen.fact, owned: ["orders-0", "orders-1", "orders-2"] } },
      ]),
    },
  ];
}

function reading(step: number, member: string): Case[] {
  return [
    { step, what: "position", change: without("position-set", on(member)) },
    { step, what: "fetch", change: withoutFrame(ApiKeys.FETCH, "request", member) },
    { step, what: "records served", change: without("fetch-served") },
    { step, what: "answer to the fetch", change: withoutFrame(ApiKeys.FETCH, "answer", member) },
    { step, what: "poll", change: without("polled", on(member)) },
    {
      step,
      what: "fetch to the leader",
      change: (seen) =>
        "frame" in seen && seen.frame.apiKey === ApiKeys.FETCH && seen.from === member
          ? by("b9")(seen)
          : [seen],
    },
  ];
}

function working(step: number): Case[] {
  return [
    { step, what: "effect", change: without("effect-put", at(0)) },
    { step, what: "effect by the owner", change: changed("effect-put", at(0), by("m9")) },
    {
      step,
      what: "single effect",
      change: changed("effect-put", at(0), (seen) => [seen, seen]),
    },
  ];
}

const stories: readonly (readonly [Scenario, readonly Case[]])[] = [
  [
    keyedOrderFlow,
    [
      { step: 1, what: "record", change: without("send-started", send("w2")) },
      {
        step: 1,
        what: "key",
        change: changed("send-started", send("w2"), (seen) => [
          { ...seen, fact: { ...seen.fact, key: null } },
        ]),
      },
      { step: 2, what: "question", change: withoutFrame(ApiKeys.METADATA, "request", "p1") },
      { step: 2, what: "answer", change: withoutFrame(ApiKeys.METADATA, "answer", "p1") },
      { step: 2, what: "place in the cache", change: without("client-metadata", on("p1")) },
      { step: 3, what: "place", change: without("send-batched", send("w3")) },
      {
        step: 3,
        what: "place by the hash",
        change: changed("send-batched", send("w3"), (seen) => [
          { ...seen, fact: { ...seen.fact, partition: "orders-2" } },
        ]),
      },
      { step: 4, what: "batch", change: without("batch-sent") },
      ...producing(5, "orders-1"),
      ...joining(6),
      ...reading(7, "m2"),
      ...working(8),
      {
        step: 8,
        what: "order",
        change: changed(
          "effect-put",
          ({ offset }) => offset < 2,
          (seen) => [{ ...seen, fact: { ...seen.fact, offset: 1 - seen.fact.offset } }],
        ),
      },
    ],
  ],
  [
    roundRobinFlow,
    [
      { step: 1, what: "record", change: without("send-started", send("w2")) },
      { step: 2, what: "place", change: without("send-batched", send("w3")) },
      {
        step: 2,
        what: "turn",
        change: changed("send-batched", send("w2"), (seen) => [
          { ...seen, fact: { ...seen.fact, partition: "orders-0" } },
        ]),
      },
      { step: 2, what: "leader", change: without("client-metadata", on("p1")) },
      ...producing(3, "orders-1"),
      ...joining(4),
      ...reading(5, "m3"),
      ...working(6),
      { step: 6, what: "overlap", change: changed("polled", on("m3"), later(60_000)) },
    ],
  ],
  [
    stickyFlow,
    [
      { step: 1, what: "record", change: without("send-started", send("w2")) },
      { step: 1, what: "one instant", change: changed("send-started", send("w2"), later(1)) },
      { step: 2, what: "choice", change: without("sticky-partition-chosen") },
      {
        step: 2,
        what: "only one choice",
        change: changed("send-batched", send("w5"), (seen) => [
          {
            ...seen,
            fact: {
              kind: "sticky-partition-chosen",
              topic: "orders",
              partition: seen.fact.partition,
            },
          },
          seen,
        ]),
      },
      { step: 3, what: "leader", change: without("client-metadata", on("p1")) },
      { step: 3, what: "batch", change: without("batch-sent") },
      ...producing(4, "orders-0"),
      ...joining(5),
      ...reading(6, "m1"),
      ...working(7),
      {
        step: 7,
        what: "other partition",
        change: without("effect-put", (_, node) => node !== "m1"),
      },
    ],
  ],
];

describe.each(stories.map(([scenario, cases]) => [scenario.name, scenario, cases] as const))(
  "%s (seed 1)",
  (name, scenario, cases) => {
    const plan = planOf(scenario, SEED);
    const seen = observe(plan);
    const flow = flowOf(scenario);

    it("is whole as it was seen", () => {
      expect(violationsOf(flow, plan, seen)).toEqual([]);
    });

    it("has a case for every step", () => {
      const steps = new Set(cases.map(({ step }) => step));
      expect(steps.size).toBe(flow.steps);
    });

    it.each(cases)("misses step $step without its $what", ({ step, change }) => {
      const [violation, ...others] = violationsOf(flow, plan, seen.flatMap(change));

      expect(violation?.invariant).toBe(`flow:${name}:${step}`);
      expect(violation?.message).toMatch(/^a step of the story is missing: /);
      expect(others).toEqual([]);
    });
  },
);
