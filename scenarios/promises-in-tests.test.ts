import { expect, it } from "vitest";
import type { AppMain } from "../properties/apps/app.ts";
import { appScenario } from "./short-scenario.ts";
import { runTest } from "./trial-test.ts";
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

it("good", async () => {
  const s = appScenario("good", { topics: { orders: 3 }, clients: { shop, shipping: good } });
  for (let n = 1; n <= Number(process.env.N ?? 20); n++) {
    const plan = makePlan(s, `1/${n}`, null, NO_CHANGES, planVocabulary);
    const t = performance.now();
    const v = await runTrial(plan, s, { isolate: false, recheck: false });
    if (v.verdict !== "pass" || process.env.V) console.log(n, v.verdict, v.violations, v.harness, Math.round(performance.now() - t), v.virtualMs, v.events, v.records, v.checks["at-least-once"], v.faults);
  }
}, 10000000);
it("bad", async () => {
  const s = appScenario("bad", { topics: { orders: 3 }, clients: { shop, shipping: bad } });
  let failed = 0;
  for (let n = 1; n <= 20; n++) {
    const plan = makePlan(s, `1/${n}`, null, NO_CHANGES, planVocabulary);
    const v = await runTrial(plan, s, { isolate: false, recheck: false });
    if (v.verdict !== "pass" && failed++ < 3) console.log(n, v.verdict, v.violations, v.harness, v.virtualMs);
  }
  console.log("bad failed", failed);
}, 10000000);
