/** The consumer of user code: what it gives to handlers, and what it commits. */
import { expect, it } from "vitest";
import { listenTo, play, reader, sender, until } from "./consumers.testkit.ts";
import type { App } from "./app.ts";

it("gives each record to eachMessage, with Buffers and text, and commits the next offset", async () => {
  const seen: unknown[] = [];
  const { verdict, facts } = await play({
    p1: sender(5),
    c1: async (app) => {
      const consumer = await reader(app);
      const heard = listenTo(consumer);
      await consumer.run({
        eachMessage: async ({ message }) => {
          seen.push(message);
          await app.effects.put(message);
        },
      });
      await until(app, () => seen.length === 5);
      await app.sleep(100);
      await consumer.disconnect();
      console.log(heard.map((e) => `${e.timestamp} ${e.type}`));
    },
  });
  console.log(verdict.verdict, verdict.violations, verdict.harness, facts, verdict.virtualMs);
  expect(seen.length).toBe(5);
});
