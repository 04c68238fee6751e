/** The consumer of user code: what it gives to handlers, and what it commits when. */
import { expect, it } from "vitest";
import type { FactOf } from "../../core/facts.ts";
import type { App } from "./app.ts";
import type { EachBatchPayload, ReceivedMessage } from "./consumer-api.ts";
import type { Played } from "./consumers.testkit.ts";
import { listenTo, play, reader, sender, STORY_TOPIC, until } from "./consumers.testkit.ts";

/** What was sent to be committed, one list of offsets for each commit. */
function commits({ facts }: Played): number[][] {
  return facts
    .filter((fact) => fact.kind === "commit-sent")
    .map((fact) => (fact as FactOf<"commit-sent">).offsets.map(({ offset }) => offset));
}

const twoProducers = async ({ producer }: App): Promise<void> => {
  await producer.connect();
  const headers = { one: "a", two: ["b", Buffer.from("c")] };
  const messages = [
    { key: "k", value: "v", headers, timestamp: "1767225600001" },
    { key: null, value: null },
  ];
  await producer.send({ topic: STORY_TOPIC, messages });
};

it("gives each record to eachMessage: Buffers or null, offsets as text, lists of headers", async () => {
  const seen: ReceivedMessage[] = [];
  const { verdict } = await play({
    p1: twoProducers,
    c1: async (app) => {
      const consumer = await reader(app);
      await consumer.run({ eachMessage: async ({ message }) => void seen.push(message) });
    },
  });

  expect(verdict).toMatchObject({ verdict: "pass", harness: [] });
  expect(seen).toEqual([
    {
      key: Buffer.from("k"),
      value: Buffer.from("v"),
      offset: "0",
      timestamp: "1767225600001",
      attributes: 0,
      headers: { one: Buffer.from("a"), two: [Buffer.from("b"), Buffer.from("c")] },
    },
    expect.objectContaining({ key: null, value: null, offset: "1", headers: {} }),
  ]);
});

it("commits the next offset after each batch, and tells of everything in order", async () => {
  let heard: ReturnType<typeof listenTo> = [];
  const played = await play({
    p1: sender(5),
    c1: async (app) => {
      const consumer = await reader(app);
      heard = listenTo(consumer, consumer.events.HEARTBEAT);
      let count = 0;
      await consumer.run({ eachMessage: async () => void (count += 1) });
      await until(app, () => count === 5);
      await app.sleep(100);
      await consumer.disconnect();
    },
  });
  const names = heard.map(({ type }) => type.replace("consumer.", ""));
  const sent = commits(played);

  expect(played.verdict.verdict).toBe("pass");
  expect(sent.at(-1)).toEqual([5]);
  // One for each batch, however the records were fetched.
  expect(sent.length).toBe(names.filter((name) => name === "end_batch_process").length);
  expect(names.slice(0, 2)).toEqual(["connect", "group_join"]);
  expect(names.slice(2, 5)).toEqual(["start_batch_process", "end_batch_process", "commit_offsets"]);
  expect(names.slice(-2)).toEqual(["stop", "disconnect"]);
  expect(heard.map(({ id }) => id)).toEqual([...heard.keys()].map((at) => heard[0]!.id + at));
  expect(heard[1]).toMatchObject({
    payload: {
      groupId: "g",
      isLeader: true,
      groupProtocol: "roundrobin",
      memberAssignment: { [STORY_TOPIC]: [0] },
    },
  });
});

it.each([
  ["autoCommitThreshold", { autoCommitThreshold: 3 }, [[3], [6], [9], [10]]],
  ["nothing but the end of the batch", {}, [[10]]],
  ["autoCommit: false", { autoCommit: false, autoCommitThreshold: 3 }, []],
])("commits within a batch as %s says", async (_name, run, expected) => {
  const played = await play({
    p1: sender(10),
    c1: async (app) => {
      await app.sleep(2000);
      const consumer = await reader(app);
      await consumer.run({ ...run, eachMessage: async () => undefined });
    },
  });

  expect(played.verdict.verdict).toBe("pass");
  expect(commits(played)).toEqual(expected);
});

it("commits within a batch when autoCommitInterval has passed, and heartbeats on the way", async () => {
  let heard: ReturnType<typeof listenTo> = [];
  const played = await play({
    p1: sender(10),
    c1: async (app) => {
      await app.sleep(2000);
      const consumer = await reader(app, { heartbeatInterval: 700 });
      heard = listenTo(consumer);
      await consumer.run({ autoCommitInterval: 1000, eachMessage: () => app.sleep(400) });
    },
  });
  const beats = heard.filter(({ type }) => type === "consumer.heartbeat").slice(0, 4);
  const gaps = beats.slice(1).map(({ timestamp }, at) => timestamp - beats[at]!.timestamp);

  // After the third record 1.2 s have passed, after six 2.4 s, after nine 3.6 s.
  expect(commits(played)).toEqual([[3], [6], [9], [10]]);
  // Due every 0.7 s, looked at after each record.
  for (const gap of gaps) expect(Math.round(gap / 100)).toBe(8);
});

it("commits what user code says, and only that, by commitOffsets", async () => {
  const answers: unknown[] = [];
  const played = await play({
    p1: sender(4),
    c1: async (app) => {
      const consumer = await reader(app);
      const place = { topic: STORY_TOPIC, partition: 0 };
      await expect(consumer.commitOffsets([{ ...place, offset: "1" }])).rejects.toMatchObject({
        name: "KafkaJSNonRetriableError",
      });
      let count = 0;
      await consumer.run({ autoCommit: false, eachMessage: async () => void (count += 1) });
      await until(app, () => count === 4);
      await consumer.commitOffsets([{ ...place, offset: "3", metadata: "note" }]);
      for (const offset of ["-1", "x", ""]) {
        await expect(consumer.commitOffsets([{ ...place, offset }])).rejects.toThrow(/offset/);
      }
      answers.push(await app.admin().fetchOffsets({ groupId: "g" }));
    },
  });

  expect(played.verdict.verdict).toBe("pass");
  expect(commits(played)).toEqual([[3]]);
  expect(answers).toEqual([
    [{ topic: STORY_TOPIC, partitions: [{ partition: 0, offset: "3", metadata: "note" }] }],
  ]);
});

it("goes on from what is committed, and else as fromBeginning says", async () => {
  const seen: string[] = [];
  const late = async (app: App): Promise<void> => {
    await app.sleep(2000);
    const consumer = app.consumer({ groupId: "late", maxWaitTimeInMs: 300 });
    await consumer.connect();
    await consumer.subscribe({ topic: STORY_TOPIC });
    const eachMessage = async ({ message }: { message: ReceivedMessage }): Promise<void> => {
      seen.push(`late ${message.offset}`);
    };
    await consumer.run({ eachMessage });
    await app.sleep(500);
    await app.producer.connect();
    await app.producer.send({ topic: STORY_TOPIC, messages: [{ value: "x" }, { value: "y" }] });
    await until(app, () => seen.length === 2);
    await consumer.stop();
    // What is committed counts now, whatever is asked for.
    await consumer.subscribe({ topics: [/^ord/], fromBeginning: true });
    await app.producer.send({ topic: STORY_TOPIC, messages: [{ value: "z" }] });
    await consumer.run({ eachMessage });
    await until(app, () => seen.length === 3);
    await consumer.disconnect();
  };
  const { verdict } = await play({ p1: sender(4), c1: late });

  expect(verdict).toMatchObject({ verdict: "pass", violations: [] });
  expect(seen).toEqual(["late 4", "late 5", "late 6"]);
});

it("gives whole batches to eachBatch, with what can be done to them", async () => {
  const seen: string[] = [];
  const played = await play({
    p1: sender(6),
    c1: async (app) => {
      await app.sleep(2000);
      const consumer = await reader(app);
      const eachBatch = async (payload: EachBatchPayload): Promise<void> => {
        const { batch, resolveOffset, uncommittedOffsets, isRunning, isStale } = payload;
        seen.push(`${batch.firstOffset()} to ${batch.lastOffset()} of ${batch.highWatermark}`);
        seen.push(`lag ${batch.offsetLag()} to ${batch.offsetLagLow()}, ${batch.isEmpty()}`);
        resolveOffset("2");
        seen.push(JSON.stringify(uncommittedOffsets()));
        await payload.commitOffsetsIfNecessary();
        const partitions = [{ partition: 0, offset: "1" }];
        await payload.commitOffsetsIfNecessary({ topics: [{ topic: STORY_TOPIC, partitions }] });
        await payload.heartbeat();
        seen.push(`${isRunning()} ${isStale()}`);
        consumer.seek({ topic: STORY_TOPIC, partition: 0, offset: "6" });
        seen.push(`${isRunning()} ${isStale()}`);
      };
      await consumer.run({ eachBatch });
      await app.sleep(2000);
      await consumer.disconnect();
    },
  });

  expect(played.verdict.verdict).toBe("pass");
  expect(seen).toEqual([
    "0 to 5 of 6",
    "lag 0 to 5, false",
    `{"topics":[{"topic":"${STORY_TOPIC}","partitions":[{"partition":0,"offset":"3"}]}]}`,
    "true false",
    "true true",
  ]);
  // By hand, the end of the batch, and the seek.
  expect(commits(played)).toEqual([[1], [6], [6]]);
});

it("fetches again what a batch without auto-resolve left unresolved", async () => {
  const seen: (string | null)[] = [];
  const { verdict } = await play({
    p1: sender(4),
    c1: async (app) => {
      await app.sleep(2000);
      const consumer = await reader(app);
      await consumer.run({
        eachBatchAutoResolve: false,
        eachBatch: async ({ batch, resolveOffset }) => {
          seen.push(batch.firstOffset());
          resolveOffset(batch.messages[0]!.offset);
        },
      });
      await until(app, () => seen.length === 4);
      await app.sleep(2000);
    },
  });

  expect(verdict.verdict).toBe("pass");
  expect(seen).toEqual(["0", "1", "2", "3"]);
});
