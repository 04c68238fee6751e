/** Asynchronous user code inside a run: what it may rely on, and what must not go unnoticed. */
import { readFile } from "node:fs/promises";
import { setTimeout as realSleep } from "node:timers/promises";
import { expect, it } from "vitest";
import type { Fault } from "../../sim/faults/fault.ts";
import { drawPlan } from "../generate/plan-arbitrary.ts";
import { consumer, producer } from "../generate/cluster-parts.ts";
import { STORY_TOPIC, storyPlan, stream } from "../generate/story-plan.ts";
import { SECOND } from "../generate/time.ts";
import type { Plan } from "../plan/plan.ts";
import { run, runAsync } from "../run.ts";
import type { RunAsyncOptions } from "../run.ts";
import type { Verdict } from "../verdict.ts";
import type { App, AppMain, RecordMetadata } from "./app.ts";
import { KafkaError } from "./kafka-error.ts";

const topics = [{ name: STORY_TOPIC, partitions: 2, replicationFactor: 3, settings: {} }];

function plan(faults: readonly Fault[] = [], changes: Partial<Plan> = {}): Plan {
  const story = storyPlan({
    scenario: "app",
    seed: "1",
    topics,
    workload: [],
    faults,
    healAt: 10 * SECOND,
  });
  return { ...story, ...changes };
}

function runApp(p1: AppMain, options: RunAsyncOptions = {}, of: Plan = plan()): Promise<Verdict> {
  return runAsync(of, { ...options, apps: { p1 } });
}

/** Ten records, one after the other. */
async function tenRecords({ producer, sleep, random }: App): Promise<void> {
  await producer.connect();
  for (let n = 1; n <= 10; n += 1) {
    await producer.send({ topic: STORY_TOPIC, messages: [{ key: `k${n % 3}`, value: `v${n}` }] });
    await sleep(random.below("pause", 400));
  }
}

const killClient: Fault = {
  id: "f1",
  kind: "kill",
  target: { node: "p1" },
  at: 2 * SECOND,
  for: SECOND,
};

it("sends records whose promises resolve to what a consumer reads back", async () => {
  const answers: RecordMetadata[][] = [];
  const read: string[] = [];
  const verdict = await runApp(
    async ({ producer }) => {
      await producer.connect();
      const messages = [
        { key: "a", value: "text", partition: 1, headers: { trace: ["x", new Uint8Array([7])] } },
        { key: null, value: Buffer.from("bytes"), partition: 0, timestamp: "1767225600001" },
        { value: null, partition: 1, timestamp: 1767225600002 },
      ];
      answers.push(await producer.send({ topic: STORY_TOPIC, messages, acks: -1 }));
      answers.push(await producer.send({ topic: STORY_TOPIC, messages: [] }));
      const [only] = await producer.send({ topic: STORY_TOPIC, messages: [messages[0]!] });
      answers.push([only!]);
      await producer.disconnect();
    },
    {
      onFact: (fact) => {
        if (fact.kind !== "polled") return;
        for (const { offset, key, value } of fact.records) {
          const text = [key, value].map((bytes) => bytes && Buffer.from(bytes).toString());
          read.push([fact.partition, offset, ...text].join(" "));
        }
      },
    },
  );

  const metadata = (partition: number, baseOffset: string): RecordMetadata => ({
    topicName: STORY_TOPIC,
    partition,
    errorCode: 0,
    baseOffset,
  });
  expect(verdict).toMatchObject({ verdict: "pass", records: { sent: 4, acked: 4, consumed: 4 } });
  expect(answers).toEqual([[metadata(1, "0"), metadata(0, "0")], [], [metadata(1, "2")]]);
  expect(read.sort()).toEqual([
    "orders-0 0  bytes",
    "orders-1 0 a text",
    "orders-1 1  ",
    "orders-1 2 a text",
  ]);
  expect(verdict.checks["app:p1"]).toBe(1);
});

it("has the same course of events each time, and however microtasks are run", async () => {
  const first = await runApp(tenRecords, {}, plan([killClient]));
  const again = await runApp(tenRecords, {}, plan([killClient]));
  const portable = await runApp(tenRecords, { portableDrain: true }, plan([killClient]));
  const isolated = await runApp(tenRecords, { isolate: true, checkers: false }, plan([killClient]));
  const other = await runApp(tenRecords, {}, plan([killClient], { seed: "2" }));

  expect(first.verdict).toBe("pass");
  expect(again).toEqual(first);
  expect(portable).toEqual(first);
  expect(isolated.traceHash).toBe(first.traceHash);
  expect(other.traceHash).not.toBe(first.traceHash);
});

it("gives a plan without user code the verdict that run() gives", async () => {
  const plans = Array.from({ length: 25 }, (_, n) => drawPlan(`no-app/${n}`));
  let drains = 0;
  for (const one of plans) {
    const verdict = await runAsync(one, { onDrain: () => (drains += 1) });
    expect(verdict).toEqual(run(one));
  }
  expect(drains).toBe(0);
});

it("changes nothing for clients that the plan drives, when another is user code", async () => {
  const workload = stream({ client: "p2", fromUs: SECOND, everyUs: 50_000, count: 40 });
  const clients = [producer("p1"), producer("p2"), consumer("r1", topics)];
  const verdict = await runApp(tenRecords, {}, plan([], { workload, clients }));

  expect(verdict).toMatchObject({
    verdict: "pass",
    records: { sent: 50, acked: 50, consumed: 50 },
  });
});

it.each([false, true])(
  "runs microtasks to the end at any depth (portable: %s)",
  async (portable) => {
    const deep = async (depth: number): Promise<number> =>
      depth === 0 ? 0 : 1 + (await deep(depth - 1));
    const thenable = (left: number): PromiseLike<number> => ({
      // A thenable takes more turns of the queue than a promise.
      then: (resolve) => {
        resolve!(left === 0 ? 0 : (thenable(left - 1) as unknown as number));
        return undefined as never;
      },
    });
    const seen: number[] = [];
    const verdict = await runApp(
      async ({ producer, now, sleep }) => {
        const before = now();
        seen.push(await deep(1000), await thenable(1000));
        for (let n = 0; n < 1000; n += 1) await null;
        seen.push(now() - before);
        await sleep(250);
        seen.push(now() - before);
        await producer.connect();
        await producer.send({ topic: STORY_TOPIC, messages: [{ value: "after all that" }] });
      },
      { portableDrain: portable },
    );

    expect(verdict).toMatchObject({ verdict: "pass", records: { acked: 1 } });
    expect(seen).toEqual([1000, 0, 0, expect.any(Number)]);
    expect(seen[3]).toBeGreaterThanOrEqual(250);
    expect(seen[3]).toBeLessThan(252);
  },
);

it("gives user code a turn exactly when a promise of its is settled", async () => {
  for (const sleeps of [0, 7, 50]) {
    let drains = 0;
    const verdict = await runApp(
      async ({ sleep }) => {
        for (let n = 0; n < sleeps; n += 1) await sleep(20);
      },
      { onDrain: () => (drains += 1) },
    );
    expect(verdict.verdict).toBe("pass");
    expect(verdict.events).toBeGreaterThan(10 * drains);
    // One to start it, one for each sleep.
    expect(drains).toBe(1 + sleeps);
  }
});

it("sleeps by the node's own clock", async () => {
  const slow: Fault = {
    id: "f1",
    kind: "clock-drift",
    target: { node: "p1" },
    at: 0,
    ppm: -100_000,
  };
  let took = 0;
  const times: number[] = [];
  await runApp(
    async ({ sleep, now }) => {
      const from = now();
      await sleep(1000);
      took = now() - from;
    },
    {
      onEvent: ({ node, atUs, label }) => node === "p1" && label === "sleep 1" && times.push(atUs),
    },
    plan([slow]),
  );

  expect(took).toBe(1000);
  expect(times).toHaveLength(1);
  expect(times[0]).toBeGreaterThan(1_200_000);
});

it("ends user code with its process and starts it anew, with sends of other names", async () => {
  const story: string[] = [];
  const sendIds: string[] = [];
  let starts = 0;
  const verdict = await runApp(
    async ({ producer, sleep }) => {
      const mine = (starts += 1);
      try {
        story.push(`start ${mine}`);
        await producer.connect();
        for (let n = 0; n < 3; n += 1) {
          await producer.send({ topic: STORY_TOPIC, messages: [{ value: `${mine}/${n}` }] });
          await sleep(900);
        }
        story.push(`end ${mine}`);
      } finally {
        story.push(`finally ${mine}`);
      }
    },
    { onFact: (fact) => fact.kind === "send-started" && sendIds.push(fact.sendId) },
    plan([killClient]),
  );

  expect(verdict).toMatchObject({ verdict: "pass", faults: { kill: 1 } });
  // A killed process runs no finally block.
  expect(story).toEqual(["start 1", "start 2", "end 2", "finally 2"]);
  expect(sendIds).toEqual(["p1/1/1", "p1/1/2", "p1/2/1", "p1/2/2", "p1/2/3"]);
});

it("waits for user code that is not finished, up to the deadline", async () => {
  const lazy: AppMain = async ({ producer, sleep }) => {
    await sleep(20_000);
    await producer.connect();
    await producer.send({ topic: STORY_TOPIC, messages: [{ value: "late" }] });
  };
  const endless: AppMain = async ({ sleep }) => {
    for (;;) await sleep(100);
  };

  expect(await runApp(lazy)).toMatchObject({ verdict: "pass", records: { acked: 1, consumed: 1 } });
  expect(await runApp(endless)).toMatchObject({
    verdict: "unproven",
    virtualMs: 55_000,
    harness: [{ check: "X7", message: "the deadline passed while app p1 waits for sleep(100)" }],
  });
});

it("reports what user code throws, before its first await and after", async () => {
  const early: AppMain = () => {
    throw new RangeError("no await yet");
  };
  const late: AppMain = async ({ sleep }) => {
    await sleep(1000);
    throw new Error("out of stock");
  };
  const strange: AppMain = async ({ sleep }) => {
    await sleep(1);
    // eslint-disable-next-line no-throw-literal
    throw undefined;
  };

  for (const [main, message, at] of [
    [early, "app p1: RangeError: no await yet", 100_000],
    [late, "app p1: Error: out of stock", 1_100_000],
    [strange, "app p1: it threw undefined", 101_000],
  ] as const) {
    const verdict = await runApp(main);
    expect(verdict).toMatchObject({
      verdict: "fail",
      violations: [{ invariant: "app:p1", node: "p1", message }],
      harness: [],
    });
    expect(Math.abs(verdict.violations[0]!.at - at)).toBeLessThan(2000);
  }
});

it("reports a rejection that user code leaves to nobody, as Node would by ending it", async () => {
  const verdict = await runApp(async ({ sleep }) => {
    const background = async (): Promise<void> => {
      await sleep(10);
      throw new Error("nobody listens");
    };
    void background();
    await sleep(1000);
  });

  expect(verdict).toMatchObject({
    verdict: "fail",
    violations: [
      {
        invariant: "app:p1",
        message: "app p1: a rejection was not handled: Error: nobody listens",
      },
    ],
  });
});

it("rejects with Kafka's error when a record cannot be delivered, and with a TypeError for nonsense", async () => {
  const down: Fault[] = ["b1", "b2", "b3"].map((node, index) => ({
    id: `f${index}`,
    kind: "kill",
    target: { node },
    at: 2 * SECOND,
    for: 5 * SECOND,
  }));
  const seen: unknown[] = [];
  const settings = { ...plan().settings, "delivery.timeout.ms": 2000, "request.timeout.ms": 1000 };
  const verdict = await runApp(
    async ({ producer, sleep }) => {
      const attempt = async (given: unknown): Promise<void> => {
        await producer.send(given as never).then(
          () => seen.push("sent"),
          (error: unknown) => seen.push(error),
        );
      };
      await attempt({ topic: STORY_TOPIC, messages: [{ value: "too early" }] });
      await producer.connect();
      await attempt({ topic: STORY_TOPIC, messages: [{ value: 7 }] });
      await attempt({ topic: STORY_TOPIC, messages: [{ value: "x" }], acks: 1 });
      await attempt({ topic: STORY_TOPIC, messages: [{ value: "x" }], timeout: 5 });
      await attempt({ topic: STORY_TOPIC, messages: [{ value: "x".repeat(2_000_000) }] });
      await attempt({ topic: STORY_TOPIC, messages: [{ value: "in time" }] });
      await sleep(2500);
      await attempt({ topic: STORY_TOPIC, messages: [{ value: "nobody there" }] });
      await sleep(6000);
      await attempt({ topic: STORY_TOPIC, messages: [{ value: "back again" }] });
    },
    {},
    plan(down, { settings, profile: "chaos" }),
  );

  expect(verdict.verdict).toBe("pass");
  const fields = ({ name, type, code, retriable, message }: KafkaError): unknown[] => [
    name,
    type,
    code,
    retriable,
    message,
  ];
  expect(seen.map((one) => (one instanceof KafkaError ? fields(one) : String(one)))).toEqual([
    ["KafkaError", "PRODUCER_CLOSED", -1, false, "The producer is disconnected"],
    "TypeError: messages[0].value: 7 is not text, bytes or null",
    "TypeError: acks: 1 is not the plan's: this client has acks -1",
    'TypeError: send(): "timeout" is not one of topic, messages, acks',
    ["KafkaError", "MESSAGE_TOO_LARGE", 10, false, "MESSAGE_TOO_LARGE"],
    "sent",
    ["KafkaError", "DELIVERY_TIMED_OUT", 7, true, "DELIVERY_TIMED_OUT"],
    "sent",
  ]);
});

it("copies what it is given: a program may use its buffers again", async () => {
  const read: string[] = [];
  await runApp(
    async ({ producer }) => {
      await producer.connect();
      const buffer = Buffer.from("first");
      const sending = producer.send({ topic: STORY_TOPIC, messages: [{ value: buffer }] });
      buffer.fill("x");
      await sending;
    },
    {
      onFact: (fact) => {
        if (fact.kind !== "polled") return;
        for (const { value } of fact.records) read.push(Buffer.from(value!).toString());
      },
    },
  );

  expect(read).toEqual(["first"]);
});

it.each([false, true])("traps the real world across awaits (portable: %s)", async (portable) => {
  const uses: Readonly<Record<string, () => unknown>> = {
    "Math.random": () => Math.random(),
    "Date.now": () => Date.now(),
    "new Date()": () => new Date(),
    setTimeout: () => setTimeout(() => undefined, 0),
    setImmediate: () => setImmediate(() => undefined),
    fetch: () => fetch("http://localhost"),
    "performance.now": () => performance.now(),
    "process.nextTick": () => process.nextTick(() => undefined),
    "process.hrtime": () => process.hrtime.bigint(),
    "crypto.randomUUID": () => crypto.randomUUID(),
  };
  for (const [name, use] of Object.entries(uses)) {
    const thrown: string[] = [];
    const verdict = await runApp(
      async ({ sleep }) => {
        await sleep(10);
        await null;
        try {
          use();
        } catch (error) {
          thrown.push(String(error));
        }
        // Even a program that takes no notice of it has become unpredictable.
        await sleep(10);
      },
      { portableDrain: portable },
    );
    expect(thrown).toEqual([expect.stringContaining(`${name} is used during a run`)]);
    const message = `app p1 used ${name}, whose result does not follow from the plan`;
    expect(verdict).toMatchObject({ verdict: "unproven", harness: [{ check: "X2", message }] });
    expect(verdict.violations).toEqual([]);
  }
  expect(Date.now()).toBeGreaterThan(0);
  expect(Math.random()).toBeLessThan(1);
  await new Promise((resolve) => setTimeout(resolve, 1));
});

it("names a program that waits for what no simulation brings, as soon as it does", async () => {
  const gone: string[] = [];
  const waits: readonly AppMain[] = [
    () => new Promise(() => undefined),
    async ({ sleep }) => {
      await sleep(1000);
      await readFile("package.json");
      gone.push("on");
    },
    async ({ sleep, producer }) => {
      await sleep(1000);
      await realSleep(5);
      await sleep(5).catch((error: Error) => gone.push(error.message));
      await producer.connect();
    },
  ];
  for (const main of waits) {
    const verdict = await runApp(main);
    expect(verdict).toMatchObject({
      verdict: "unproven",
      violations: [],
      harness: [
        {
          check: "X2",
          message:
            "app p1 has not finished, and waits for no simulated promise: for real time, a file, " +
            "a socket, or a promise that nobody settles",
        },
      ],
    });
    expect(verdict.virtualMs).toBeLessThan(1200);
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(gone).toEqual(["on"]);
});

it("lets runs that are started together go one after the other, and other code not between", async () => {
  const alone = await runApp(tenRecords);
  const foreign = (async (): Promise<number> => {
    for (let n = 0; n < 100; n += 1) await null;
    return Math.random();
  })();
  const together = await Promise.all([
    runApp(tenRecords),
    runApp(tenRecords, { portableDrain: true }),
    runApp(tenRecords),
    runApp(tenRecords, { portableDrain: true }),
  ]);

  expect(await foreign).toBeLessThan(1);
  for (const verdict of together) expect(verdict).toEqual(alone);
});

it("refuses what does not go together, naming it", async () => {
  const marked = plan([], {
    clients: [{ ...producer("p1"), app: true }, consumer("r1", topics)],
  });
  const withSends = plan([], { workload: stream({ fromUs: SECOND, everyUs: 1, count: 1 }) });

  expect(() => run(marked)).toThrow("clients: p1 is driven by async code: use runAsync");
  expect(() => run(plan(), { apps: { p1: tenRecords } } as never)).toThrow("use runAsync");
  await expect(runAsync(marked)).rejects.toThrow("apps has none for it");
  await expect(runAsync(plan(), { apps: { p9: tenRecords } })).rejects.toThrow(
    "p9 is not a client",
  );
  await expect(runAsync(plan(), { apps: { r1: tenRecords } })).rejects.toThrow("r1 is a consumer");
  await expect(runApp(tenRecords, {}, withSends)).rejects.toThrow("w1 is for p1");
  expect(await runApp(tenRecords, {}, marked)).toMatchObject({ verdict: "pass" });
});
