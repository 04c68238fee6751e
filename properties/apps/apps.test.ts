/** Asynchronous user code inside a run: what it may rely on, and what must not go unnoticed. */
import { expect, it } from "vitest";
import type { Fault } from "../../sim/faults/fault.ts";
import { drawPlan } from "../generate/plan-arbitrary.ts";
import { consumer, producer } from "../generate/cluster-parts.ts";
import { STORY_TOPIC, stream } from "../generate/story-plan.ts";
import { SECOND } from "../generate/time.ts";
import { run, runAsync } from "../run.ts";
import type { AppMain, RecordMetadata } from "./app.ts";
import { KafkaError } from "./kafka-error.ts";
import { killClient, plan, runApp, tenRecords, topics } from "./apps.testkit.ts";

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

it.each([false, true])(
  "counts ticks among what runs to the end (portable: %s)",
  async (portable) => {
    const seen: string[] = [];
    const tick = (depth: number): Promise<void> =>
      new Promise((resolve) => {
        process.nextTick(async () => {
          for (let n = 0; n < 5; n += 1) await null;
          if (depth > 0) await tick(depth - 1);
          resolve();
        });
      });
    const verdict = await runApp(
      async ({ now, sleep }) => {
        await sleep(10);
        const before = now();
        await tick(100);
        seen.push(`${now() - before} ms`);
        // Printing takes ticks of Node's own.
        process.stdout.write("");
        await sleep(10);
      },
      { portableDrain: portable },
    );
    const thrown = await runApp(
      async ({ sleep }) => {
        process.nextTick(() => {
          throw new Error("in a tick");
        });
        process.nextTick(() => seen.push("the tick behind it"));
        await sleep(10);
      },
      { portableDrain: portable },
    );

    expect(verdict).toMatchObject({ verdict: "pass", harness: [] });
    expect(thrown).toMatchObject({ verdict: "fail", violations: [{ invariant: "app:p1" }] });
    expect(thrown.violations[0]!.message).toContain("Error: in a tick");
    expect(seen).toEqual(["0 ms", "the tick behind it"]);
  },
);

it("lets a client die inside any call, without a trace of what its code would have done", async () => {
  const { at: _at, ...untimed } = killClient;
  for (let n = 1; n <= 8; n += 1) {
    const edge = n % 2 === 0 ? "before" : "after";
    const when = { event: "send-started", nth: n, edge } as const;
    for (const fault of [
      { ...killClient, at: SECOND / 2, call: n, edge } as const,
      { ...untimed, when },
    ]) {
      let starts = 0;
      const main: AppMain = (app) => {
        starts += 1;
        return tenRecords(app);
      };
      const verdict = await runApp(main, {}, plan([fault]));
      const portable = await runApp(tenRecords, { portableDrain: true }, plan([fault]));

      expect(verdict).toMatchObject({ verdict: "pass", faults: { kill: 1 } });
      expect(starts).toBe(2);
      expect(verdict.records.acked).toBeGreaterThanOrEqual(10);
      expect(portable).toEqual(verdict);
    }
  }
});

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

it("lets a program go on when another's code settles what it awaits", async () => {
  const clients = [producer("p1"), producer("p2"), consumer("r1", topics)];
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const verdict = await runAsync(plan([], { clients }), {
    apps: {
      async p1({ sleep, producer }) {
        await gate;
        await sleep(10);
        await producer.connect();
        await producer.send({ topic: STORY_TOPIC, messages: [{ value: "after the gate" }] });
      },
      async p2({ sleep }) {
        await sleep(1000);
        open();
      },
    },
  });

  expect(verdict).toMatchObject({ verdict: "pass", records: { acked: 1, consumed: 1 } });
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
    virtualMs: plan().horizon / 1000,
    harness: [{ check: "X7", message: "the deadline passed while app p1 waits for sleep(100)" }],
  });
});

it("does not wait for user code that waits for a partition which legally has no leader", async () => {
  const down = (id: string, node: string, at: number): Fault => {
    return { id, kind: "kill", target: { node }, at: at * SECOND };
  };
  const insistent: AppMain = async ({ producer, sleep }) => {
    await producer.connect();
    for (let n = 1; n <= 30; n += 1) {
      for (;;) {
        try {
          await producer.send({ topic: STORY_TOPIC, messages: [{ value: `${n}` }] });
          break;
        } catch {
          await sleep(300);
        }
      }
      await sleep(500);
    }
  };
  const faults = [down("f1", "b1", 3), down("f2", "b2", 10), down("f3", "b3", 18)];
  const story = plan(faults);
  const heal = { ...story.heal, at: 25 * SECOND, core: ["c100", "b1", "b2"] };

  // Nobody in the core is in the ISR [3].
  const verdict = await runApp(insistent, {}, { ...story, heal, horizon: story.horizon * 2 });
  expect(verdict).toMatchObject({ verdict: "pass", excused: { "no-electable-replica": 2 } });
  expect(verdict.virtualMs).toBeLessThan(250_000);
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

it("gives up at disconnect what is under way, and has one producer in its life", async () => {
  const seen: string[] = [];
  const note = (error: KafkaError): void => void seen.push(`${error.type}: ${error.message}`);
  const verdict = await runApp(async ({ producer }) => {
    await producer.connect();
    const sending = producer.send({ topic: STORY_TOPIC, messages: [{ value: "x" }] }).catch(note);
    await producer.disconnect();
    await sending;
    await producer.send({ topic: STORY_TOPIC, messages: [{ value: "y" }] }).catch(note);
    await producer.connect().catch(note);
  });

  expect(verdict).toMatchObject({ verdict: "pass", records: { sent: 1, acked: 0 } });
  expect(seen).toEqual([
    "PRODUCER_CLOSED: PRODUCER_CLOSED",
    "PRODUCER_CLOSED: The producer is disconnected",
    "PRODUCER_CLOSED: The producer cannot be connected again",
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
