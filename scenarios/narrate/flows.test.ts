/** Stories happen as they are told, seed after seed; and not where rules or plans are others. */
import { describe, expect, it } from "vitest";
import { ProducerRules } from "../../core/client/producer-rules.ts";
import type { RuleClasses } from "../../core/rules.ts";
import { makeRules } from "../../core/rules.ts";
import type { ClientPlan, Plan, SettingValues } from "../../properties/plan/plan.ts";
import { keyedOrderFlow } from "../named/keyed-order-flow.ts";
import { roundRobinFlow } from "../named/round-robin-flow.ts";
import { stickyFlow } from "../named/sticky-flow.ts";
import type { Scenario } from "../scenario.ts";
import { flowInvariant } from "./flow.ts";
import { flowOf, flowScenarios, judge, planOf } from "./observed-run.testkit.ts";

const RUNS = 20;

describe.each(flowScenarios.map((scenario) => [scenario.name, scenario] as const))(
  "%s",
  (name, scenario) => {
    it(`takes all its steps in each of ${RUNS} runs, over networks that differ`, () => {
      const networks = new Set<string>();
      for (let run = 1; run <= RUNS; run += 1) {
        const plan = planOf(scenario, `${name}/${run}`);
        networks.add(JSON.stringify(plan.topology.latency));
        const { verdict, violations, checks } = judge(scenario, plan);

        expect([run, verdict, violations]).toEqual([run, "pass", []]);
        for (let step = 1; step <= flowOf(scenario).steps; step += 1) {
          expect(checks[flowInvariant(flowOf(scenario), step)]).toBe(1);
        }
      }
      expect(networks.size).toBeGreaterThan(RUNS / 2);
    });
  },
);

type Altered = (plan: Plan) => Plan;

function withClients(change: (client: ClientPlan) => ClientPlan): Altered {
  return (plan) => ({ ...plan, clients: plan.clients.map(change) });
}

function ofProducer(settings: SettingValues): Altered {
  return withClients((client) =>
    client.kind === "producer"
      ? { ...client, settings: { ...client.settings, ...settings } }
      : client,
  );
}

function ofMembers(settings: SettingValues): Altered {
  return withClients((client) =>
    client.kind === "member"
      ? { ...client, settings: { ...client.settings, ...settings } }
      : client,
  );
}

function workFor(workUs: number): Altered {
  return withClients((client) => (client.kind === "member" ? { ...client, workUs } : client));
}

function withoutOperation(id: string): Altered {
  return (plan) => ({ ...plan, workload: plan.workload.filter((one) => one.id !== id) });
}

/** With this key or without, or later. */
function withSend(
  id: string,
  change: { readonly key?: string | null; readonly at?: number },
): Altered {
  return (plan) => ({
    ...plan,
    workload: plan.workload.map((one) => (one.id === id ? { ...one, ...change } : one)),
  });
}

function withLeaders(...leaders: readonly string[]): Altered {
  return (plan) => ({
    ...plan,
    topics: plan.topics.map((topic) => ({ ...topic, assignment: leaders.map(startingWith) })),
  });
}

function startingWith(leader: string): string[] {
  return [leader, ...["b1", "b2", "b3"].filter((broker) => broker !== leader)];
}

const LEADER_ONLY: SettingValues = { acks: "1", "enable.idempotence": false };
/** Somebody is asked while a batch waits. */
const FORGETFUL: SettingValues = { "linger.ms": 500, "metadata.max.age.ms": 50 };
const HOUR_US = 3_600_000_000;

const plans: readonly (readonly [Scenario, number, string, Altered])[] = [
  [keyedOrderFlow, 1, "a record has no key", withSend("w2", { key: null })],
  [keyedOrderFlow, 1, "there is one key", (plan) => sixOfOneKey(plan)],
  [keyedOrderFlow, 4, "the cache is too old too soon", ofProducer(FORGETFUL)],
  [keyedOrderFlow, 5, "nobody waits for followers", ofProducer(LEADER_ONLY)],
  [keyedOrderFlow, 6, "a member never joins", withoutOperation("m3-joins")],
  [keyedOrderFlow, 7, "members begin at the end", ofMembers({ "auto.offset.reset": "latest" })],
  [keyedOrderFlow, 8, "the work takes an hour", workFor(HOUR_US)],
  [roundRobinFlow, 1, "a record has a key", withSend("w1", { key: "k" })],
  [
    roundRobinFlow,
    2,
    "the partitioner is Kafka's own",
    ofProducer({ "partitioner.class": "default" }),
  ],
  [roundRobinFlow, 2, "one broker leads two partitions", withLeaders("b1", "b1", "b2")],
  [roundRobinFlow, 3, "nobody waits for followers", ofProducer(LEADER_ONLY)],
  [roundRobinFlow, 4, "a member never joins", withoutOperation("m1-joins")],
  [roundRobinFlow, 5, "members begin at the end", ofMembers({ "auto.offset.reset": "latest" })],
  [roundRobinFlow, 6, "the work takes no time", workFor(0)],
  [stickyFlow, 1, "one is sent later", withSend("w10", { at: 4_000_000 })],
  [stickyFlow, 2, "batches are small", ofProducer({ "batch.size": 100 })],
  [stickyFlow, 3, "the cache is too old too soon", ofProducer(FORGETFUL)],
  [stickyFlow, 4, "nobody waits for followers", ofProducer(LEADER_ONLY)],
  [stickyFlow, 5, "a member never joins", withoutOperation("m2-joins")],
  [stickyFlow, 6, "a poll returns four records", ofMembers({ "max.poll.records": 4 })],
  [stickyFlow, 7, "nothing follows", onlyTheTen],
];

function sixOfOneKey(plan: Plan): Plan {
  return {
    ...plan,
    workload: plan.workload.map((one) => (one.op === "send" ? { ...one, key: "order-1" } : one)),
  };
}

function onlyTheTen(plan: Plan): Plan {
  const first = plan.workload.find(({ op }) => op === "send")!.at;
  return { ...plan, workload: plan.workload.filter(({ op, at }) => op !== "send" || at === first) };
}

describe("a story is missed from the step on that a plan is without:", () => {
  it.each(plans.map(([scenario, ...rest]) => [scenario.name, ...rest, scenario] as const))(
    "%s, step %i, when %s",
    (name, step, _, altered, scenario) => {
      const { verdict, violations } = judge(scenario, altered(planOf(scenario, "1")));

      expect(violations.map(({ invariant }) => invariant)).toEqual([`flow:${name}:${step}`]);
      expect(verdict).toBe("fail");
    },
  );
});

class ShiftedHash extends ProducerRules {
  override partitionOfHash(hash: number, partitionCount: number): number {
    return ((hash >>> 1) & 0x7fffffff) % partitionCount;
  }
}

class SkippingCycle extends ProducerRules {
  override roundRobinIndex(n: number, count: number): number {
    return (n * 2) % count;
  }
}

class Restless extends ProducerRules {
  override switchesPartition(producedBytes: number): boolean {
    return producedBytes > 0;
  }
}

const rules: readonly (readonly [Scenario, number, RuleClasses["producer"]])[] = [
  [keyedOrderFlow, 3, ShiftedHash],
  [roundRobinFlow, 2, SkippingCycle],
  [stickyFlow, 2, Restless],
];

describe("a story is missed from the step on that a wrong rule decides:", () => {
  it.each(rules.map(([scenario, step, wrong]) => [scenario.name, step, wrong, scenario] as const))(
    "%s, step %i",
    (name, step, producer, scenario) => {
      const options = { rules: makeRules({ producer }) };
      const { violations } = judge(scenario, planOf(scenario, "1"), options);

      expect(violations.map(({ invariant }) => invariant)).toEqual([`flow:${name}:${step}`]);
    },
  );
});
