import { expect, it } from "vitest";
import type { AppMain } from "../properties/apps/app.ts";
import { appScenario } from "./short-scenario.ts";
import { planVocabulary } from "./plan-vocabulary.ts";
import { makePlan, NO_CHANGES, runTrial } from "./trial.ts";

const shop: AppMain = async ({ producer, sleep }) => {
  await producer.connect();
  for (let n = 0; n < 100; n += 1, await sleep(100)) {
    await producer.send({ topic: "orders", messages: [{ key: `k${n % 7}`, value: `order ${n}` }] });
  }
};
const good: AppMain = async ({ kafka, effects }) => {
  const consumer = kafka.consumer({ groupId: "shipping" });
  await consumer.connect();
  await consumer.subscribe({ topic: "orders", fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => effects.put(message) });
};
const bad: AppMain = async ({ kafka, effects }) => {
  const consumer = kafka.consumer({ groupId: "shipping" });
  await consumer.connect();
  await consumer.subscribe({ topic: "orders", fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      const offset = String(Number(message.offset) + 1);
      await consumer.commitOffsets([{ topic, partition, offset }]);
      await effects.put(message);
    },
  });
};

async function verdictsOf(name: string, shipping: AppMain, runs: number): Promise<string[]> {
  const scenario = appScenario(name, { topics: { orders: 3 }, clients: { shop, shipping } });
  const broken: string[] = [];
  for (let n = 1; n <= runs; n += 1) {
    const plan = makePlan(scenario, `1/${n}`, null, NO_CHANGES, planVocabulary);
    const verdict = await runTrial(plan, scenario, { isolate: false, recheck: false });
    broken.push(verdict.violations[0]?.invariant ?? verdict.verdict);
  }
  return broken;
}

it("keeps at-least-once where the effect comes before the commit", async () => {
  expect(new Set(await verdictsOf("good", good, 8))).toEqual(new Set(["pass"]));
}, 120_000);

it("breaks at-least-once where the commit comes before the effect", async () => {
  const verdicts = await verdictsOf("bad", bad, 12);
  expect(verdicts).toContain("at-least-once");
  expect(new Set(verdicts)).toEqual(new Set(["pass", "at-least-once"]));
}, 120_000);
