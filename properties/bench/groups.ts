/** What groups cost: while nothing changes, and in a rebalance. */
import { consumer, producer } from "../generate/cluster-parts.ts";
import { storyPlan, stream } from "../generate/story-plan.ts";
import { SECOND } from "../generate/time.ts";
import { readPlan } from "../plan/parse-plan.ts";
import type { ConsumerPlan, MemberPlan, Operation, Plan, SettingValues } from "../plan/plan.ts";
import { run } from "../run.ts";
import { timeTurns, workOf } from "./measure.ts";
import type { Effort } from "./report.ts";
import { fixed, print } from "./report.ts";

const STEADY_RECORDS = 10_000;
const STEADY_US = 60 * SECOND;
const READERS = ["r1", "r2", "r3"];

/** The same workload, read by assigned consumers and by members of one group. */
export function reportSteadyGroup(effort: Effort): void {
  const plans = [steady(false), steady(true)];
  const records = plans.map((plan) => workOf([plan]).acked);
  for (const checkers of [true, false]) {
    const [assigned, members] = timeTurns(
      plans.map((plan) => () => void run(plan, { checkers })),
      effort.warmUp,
      effort.passes,
    );
    const [before, after] = [
      (1000 * assigned!.bestMs) / records[0]!,
      (1000 * members!.bestMs) / records[1]!,
    ];
    print(
      checkers ? "60 virtual s, read by a group" : "",
      `checkers ${checkers ? "on" : "off"}: ${fixed(before)} us/record assigned, ` +
        `${fixed(after)} in a group, ${fixed(100 * (after / before - 1))} % more`,
    );
  }
}

function steady(inGroup: boolean): Plan {
  const topics = [{ name: "orders", partitions: 3, replicationFactor: 3, settings: {} }];
  const everyUs = (2 * STEADY_US) / STEADY_RECORDS;
  const count = STEADY_RECORDS / 2;
  const readers = READERS.map((id, partition): ConsumerPlan | MemberPlan =>
    inGroup ? member(id, "range") : { ...consumer(id, topics), assign: [["orders", partition]] },
  );
  return storyPlan({
    scenario: "steady",
    seed: "bench",
    profile: "calm",
    topics,
    settings: { "linger.ms": 5, "offsets.topic.num.partitions": 1 },
    clients: [producer("p1"), producer("p2"), ...readers],
    workload: [
      ...stream({ prefix: "v", client: "p1", fromUs: 6 * SECOND, everyUs, count }),
      ...stream({ prefix: "w", client: "p2", fromUs: 6 * SECOND + 1000, everyUs, count }),
    ],
    healAt: 6 * SECOND + STEADY_US,
  });
}

/** CPU from the first join of a new group until it is Stable, for this size and twice of it. */
export function reportRebalance(members: number, partitions: number, passes: number): void {
  for (const assignor of ["range", "roundrobin", "sticky", "cooperative-sticky"]) {
    const once = rebalanceMs(members, partitions, assignor, passes);
    const twice = rebalanceMs(2 * members, 2 * partitions, assignor, passes);
    print(
      assignor === "range" ? `${members} members, ${partitions} partitions` : "",
      `${assignor}: ${fixed(once)} ms to Stable; twice of both ${fixed(twice)} ms, ${fixed(twice / once)} times`,
    );
  }
}

function rebalanceMs(
  members: number,
  partitions: number,
  assignor: string,
  passes: number,
): number {
  const plan = rebalance(members, partitions, assignor);
  let best = Infinity;
  for (let pass = 0; pass < passes; pass += 1) {
    let from: NodeJS.CpuUsage | null = null;
    let us = 0;
    run(plan, {
      checkers: false,
      onFact: (fact) => {
        if (fact.kind !== "group-state") return;
        if (fact.to === "PreparingRebalance") from ??= process.cpuUsage();
        if (fact.to !== "Stable" || from === null || us > 0) return;
        const { user, system } = process.cpuUsage(from);
        us = user + system;
      },
    });
    best = Math.min(best, us / 1000);
  }
  return best;
}

/** All members begin at one time, when the topic is there and everybody else is at rest. */
function rebalance(members: number, partitions: number, assignor: string): Plan {
  const ids = Array.from({ length: members }, (_, n) => `m${n + 1}`);
  const plan = storyPlan({
    scenario: "rebalance",
    seed: "bench",
    profile: "calm",
    topics: [{ name: "orders", partitions, replicationFactor: 1, settings: {} }],
    settings: {
      "group.initial.rebalance.delay.ms": 500,
      "offsets.topic.num.partitions": 1,
      "offsets.topic.replication.factor": 1,
    },
    clients: ids.map((id) => ({ ...member(id, assignor), closed: true })),
    workload: ids.map((client, n): Operation => ({
      id: `o${n + 1}`,
      at: 5 * SECOND,
      client,
      op: "open-consumer",
    })),
    healAt: 8 * SECOND,
  });
  return readPlan(plan, { bugs: [] });
}

function member(id: string, assignor: string): MemberPlan {
  const settings: SettingValues = {
    "group.id": "bench",
    "auto.offset.reset": "earliest",
    "partition.assignment.strategy": assignor,
  };
  const subscribe = { topics: ["orders"] };
  return {
    id,
    kind: "member",
    settings,
    subscribe,
    workUs: 0,
    commit: "none",
    handOff: false,
    closed: false,
  };
}
