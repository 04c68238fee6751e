/** When handlers fail or hang, or a call makes no sense: what is tried again, and what comes of it. */
import { expect, it } from "vitest";
import type { FactOf } from "../../core/facts.ts";
import type { App } from "./app.ts";
import type { AppConsumer, ConsumerConfig, RunOptions } from "./consumer-api.ts";
import { listenTo, play, reader, sender, STORY_TOPIC, until } from "./consumers.testkit.ts";
import type { KafkaError } from "./kafka-error.ts";

it("gives a record again whose handler throws: 5 times, after pauses that double", async () => {
  const attempts: { readonly offset: string; readonly at: number }[] = [];
  let heard: ReturnType<typeof listenTo> = [];
  const played = await play({
    p1: sender(4),
    c1: async (app) => {
      await app.sleep(2000);
      const consumer = await reader(app);
      const { COMMIT_OFFSETS, HEARTBEAT } = consumer.events;
      heard = listenTo(consumer, COMMIT_OFFSETS, HEARTBEAT);
      await consumer.run({
        eachMessage: async ({ message: { offset } }) => {
          attempts.push({ offset, at: app.now() });
          const failures = attempts.filter((one) => one.offset === "2").length;
          if (offset === "2" && failures <= 6) throw new Error("the shelf is empty");
        },
      });
      await until(app, () => attempts.at(-1)?.offset === "3");
    },
  });
  const pauses = attempts.slice(2, 8).map(({ at }, n, all) => (n === 0 ? 0 : at - all[n - 1]!.at));
  const crash = heard.find(({ type }) => type === "consumer.crash")!;
  const [committed] = played.facts.filter((fact) => fact.kind === "commit-sent");

  expect(played.verdict).toMatchObject({ verdict: "pass", harness: [] });
  expect(attempts.map(({ offset }) => offset).join("")).toBe("012222222" + "3");
  // What was resolved before is committed before anything else is done about the error.
  expect((committed as FactOf<"commit-sent">).offsets).toMatchObject([{ offset: 2 }]);
  expect(committed!.atMs + 1767225600000 - attempts[2]!.at).toBeLessThan(20);
  // Each is within 20 % of twice the one before; a fetch takes some ms, a commit as well.
  expect(pauses[1]).toBeGreaterThanOrEqual(240);
  expect(pauses[1]).toBeLessThan(360 + 60);
  for (const [n, pause] of pauses.entries()) {
    if (n < 2) continue;
    expect(pause / pauses[n - 1]!).toBeGreaterThan(1.3);
    expect(pause / pauses[n - 1]!).toBeLessThan(2.5);
  }
  expect(crash.payload).toMatchObject({
    groupId: "g",
    restart: true,
    error: {
      name: "KafkaJSNumberOfRetriesExceeded",
      message: "the shelf is empty",
      retryCount: 5,
      retriable: false,
      cause: { message: "the shelf is empty" },
    },
  });
  const { retryTime } = crash.payload["error"] as { retryTime: number };
  const names = heard.map(({ type }) => type.replace("consumer.", ""));
  const at = names.indexOf("stop");
  expect(names.slice(at, at + 5)).toEqual(["stop", "disconnect", "crash", "connect", "group_join"]);
  expect(heard[at + 3]!.timestamp - crash.timestamp).toBeGreaterThanOrEqual(retryTime);
  expect(heard[at + 3]!.timestamp - crash.timestamp).toBeLessThan(retryTime + 20);
});

it("counts failures until the group is joined anew, whatever succeeds in between", async () => {
  let crashes = 0;
  const seen: string[] = [];
  const { verdict } = await play({
    p1: sender(8),
    c1: async (app) => {
      const consumer = await reader(app, { retry: { initialRetryTime: 10, factor: 0 } });
      consumer.on(consumer.events.CRASH, () => void (crashes += 1));
      await consumer.run({
        // Each record fails once.
        eachMessage: async ({ message: { offset } }) => {
          seen.push(offset);
          if (seen.filter((one) => one === offset).length === 1) throw new Error("not yet");
        },
      });
      await until(app, () => seen.filter((one) => one === "7").length === 2);
    },
  });

  expect(verdict.verdict).toBe("pass");
  expect(crashes).toBe(1);
});

it.each([
  ["TypeError", async (): Promise<void> => void (undefined as unknown as { x: string }).x.length],
  ["an error that says so", (): Promise<void> => Promise.reject(notRetriable())],
])("crashes for good after %s", async (_name, eachMessage) => {
  let heard: ReturnType<typeof listenTo> = [];
  const { verdict, facts } = await play({
    p1: sender(1),
    c1: async (app) => {
      const consumer = await reader(app);
      heard = listenTo(consumer);
      await consumer.run({ eachMessage });
      await app.sleep(15_000);
      // It can be run again by hand.
      await consumer.run({ eachMessage: async () => undefined });
    },
  });
  const crash = heard.find(({ type }) => type === "consumer.crash")!;

  expect(verdict.verdict).toBe("pass");
  expect(crash.payload).toMatchObject({
    restart: false,
    error: { name: "KafkaJSNonRetriableError" },
  });
  expect(heard.filter(({ type }) => type === "consumer.group_join").length).toBe(2);
  expect(facts.some(({ kind }) => kind === "client-error")).toBe(true);
});

function notRetriable(): Error {
  return Object.assign(new Error("a poison pill"), { retriable: false });
}

it("asks restartOnFailure before a restart", async () => {
  const asked: string[] = [];
  const joins: number[] = [];
  const { verdict } = await play({
    p1: sender(1),
    c1: async (app) => {
      const restartOnFailure = async ({ message }: Error): Promise<boolean> => {
        asked.push(message);
        return false;
      };
      const retry = { retries: 1, initialRetryTime: 10, restartOnFailure };
      const consumer = await reader(app, { retry });
      consumer.on(consumer.events.GROUP_JOIN, ({ timestamp }) => void joins.push(timestamp));
      await consumer.run({ eachMessage: () => Promise.reject(new Error("no")) });
      await app.sleep(3000);
    },
  });

  expect(verdict.verdict).toBe("pass");
  expect(asked).toEqual(["no"]);
  expect(joins.length).toBe(1);
});

it("loses its session when a handler never returns: the other member takes its partitions", async () => {
  const effects: string[] = [];
  const member =
    (hangs: boolean) =>
    async (app: App): Promise<void> => {
      const consumer = await reader(app, { sessionTimeout: 2000, heartbeatInterval: 300 });
      if (!hangs) await app.sleep(3000);
      await consumer.run({
        eachMessage: async ({ message }) => {
          if (hangs && message.value?.toString() === "9") await new Promise(() => undefined);
          await app.effects.put(message);
          effects.push(app.id);
        },
      });
    };
  const { verdict } = await play(
    { p1: sender(20, 1, 300), c1: member(true), c2: member(false) },
    { settings: { "group.min.session.timeout.ms": 100 } },
    { promise: "exactly-once" },
  );

  expect(verdict).toMatchObject({ verdict: "pass", violations: [], harness: [] });
  expect(verdict.checks["at-least-once"]).toBe(20);
  expect(new Set(effects)).toEqual(new Set(["c1", "c2"]));
});

it("keeps its session through long work that calls heartbeat", async () => {
  const joins: string[] = [];
  const worked: string[] = [];
  const { verdict } = await play(
    {
      p1: sender(1),
      c1: async (app) => {
        const consumer = await reader(app, { sessionTimeout: 2000, heartbeatInterval: 300 });
        consumer.on(consumer.events.GROUP_JOIN, () => void joins.push("joined"));
        await consumer.run({
          eachMessage: async ({ message, heartbeat }) => {
            for (let n = 0; n < 12; n += 1) {
              await app.sleep(500);
              await heartbeat();
            }
            worked.push(message.offset);
          },
        });
        await until(app, () => worked.length > 0);
        await app.sleep(1000);
      },
    },
    { settings: { "group.min.session.timeout.ms": 100 } },
  );

  expect(verdict.verdict).toBe("pass");
  expect(worked).toEqual(["0"]);
  expect(joins.length).toBe(1);
});

it("refuses calls that make no sense with one error that names field and value", async () => {
  const said: string[] = [];
  const refused = async (call: () => unknown): Promise<void> => {
    try {
      await call();
      said.push("nothing");
    } catch (error) {
      const { name, message } = error as Error;
      said.push(`${name} ${message}`.replace("KafkaJSNonRetriableError", "NR"));
    }
  };
  const { verdict } = await play({
    p1: sender(1),
    c1: async (app) => {
      const config = (given: Record<string, unknown>) => (): AppConsumer =>
        app.consumer(given as unknown as ConsumerConfig);
      await refused(config({}));
      await refused(config({ groupId: "g", groupid: "g" }));
      await refused(config({ groupId: "g", heartbeatInterval: 30_000 }));
      await refused(config({ groupId: "g", sessionTimeout: -1 }));
      await refused(config({ groupId: "g", partitionAssigners: [] }));
      await refused(config({ groupId: "g", settings: { "enable.auto.commit": true } }));
      await refused(
        config({ groupId: "g", settings: { "partition.assignment.strategy": "best" } }),
      );
      const consumer = app.consumer({ groupId: "g", maxWaitTimeInMs: 300 });
      await refused(() => consumer.run());
      await refused(() => consumer.subscribe({}));
      await refused(() => consumer.subscribe({ topic: 7 as unknown as string }));
      await refused(() => consumer.seek({ topic: STORY_TOPIC, partition: 0, offset: "0" }));
      await refused(() => consumer.pause([{ topic: STORY_TOPIC }]));
      await refused(() => consumer.on("consumer.fetch" as "consumer.stop", () => undefined));
      await consumer.subscribe({ topic: STORY_TOPIC });
      const run = (given: Record<string, unknown>): Promise<void> =>
        consumer.run(given as RunOptions);
      await refused(() => run({ partitionsConsumedConcurrently: 3 }));
      await refused(() => run({ eachmessage: async () => undefined }));
      await refused(() => run({ eachMessage: "f" }));
      await consumer.run({ eachMessage: async () => undefined });
      await refused(() => consumer.subscribe({ topic: STORY_TOPIC }));
      await refused(() => consumer.seek({ topic: STORY_TOPIC, partition: 0, offset: "-3" }));
      await refused(() => consumer.seek({ topic: STORY_TOPIC, partition: -1, offset: "0" }));
      await refused(() => consumer.resume([{ topic: "" }]));
      const other = app.consumer({ groupId: "h" });
      await other.subscribe({ topic: STORY_TOPIC });
      await refused(() => other.run({}));
      await refused(() => app.effects.put({ offset: "0" } as never));
    },
  });

  expect(verdict.verdict).toBe("pass");
  expect(said).toEqual([
    "NR consumer(): groupId: nothing is not a group",
    expect.stringMatching(/^NR consumer\(\): "groupid" is not one of sessionTimeout, /),
    "NR consumer(): heartbeatInterval: 30000 is not below sessionTimeout 30000",
    expect.stringMatching(/^NR consumer\(\): setting session.timeout.ms: -1 is not /),
    expect.stringMatching(/^NR consumer\(\): "partitionAssigners" is not one of /),
    "NR consumer(): settings: enable.auto.commit is run({ autoCommit })",
    expect.stringMatching(/^NR consumer\(\): setting partition.assignment.strategy: "best" is not/),
    "NR run(): the consumer is not subscribed to any topic",
    "NR subscribe(): topics: names none",
    "NR subscribe(): topics: 7 is not a topic or a RegExp",
    "NR seek(): the consumer does not run: call run() first",
    "NR pause(): the consumer does not run: call run() first",
    expect.stringMatching(/^NR on\("consumer.fetch"\): is not one of consumer.events.CONNECT, /),
    "NR run(): partitionsConsumedConcurrently: 3 is not 1, the only number that there is here",
    expect.stringMatching(/^NR run\(\): "eachmessage" is not one of autoCommit, /),
    'NR run(): eachMessage: "f" is not a function',
    "NR subscribe(): the consumer runs: it must be subscribed before run()",
    'NR seek(): offset: "-3" is not an offset',
    "NR seek(): partition: -1 is not a partition",
    "NR resume(): topic:  is not a topic",
    expect.stringMatching(/^NR run\(\): c1 already runs a consumer of g: /),
    expect.stringMatching(/^TypeError effects.put\(\): .* is not a message that a consumer of /),
  ]);
});

it("rejects a subscription to a topic that is not there, at once", async () => {
  const errors: KafkaError[] = [];
  const times: number[] = [];
  const { verdict } = await play({
    c1: async (app) => {
      await app.sleep(2000);
      const consumer = app.consumer({ groupId: "g" });
      times.push(app.now());
      await consumer.subscribe({ topic: "nowhere" }).catch((error) => void errors.push(error));
      times.push(app.now());
    },
  });

  expect(verdict.verdict).toBe("pass");
  expect(errors).toMatchObject([
    { type: "UNKNOWN_TOPIC_OR_PARTITION", code: 3, retriable: true, name: "KafkaError" },
  ]);
  expect(times[1]! - times[0]!).toBeLessThan(100);
});
