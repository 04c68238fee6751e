/** Stories that break the invariants of producers, consumers and connections. */
import { Errors } from "../../core/errors.ts";
import type { Fact } from "../../core/facts.ts";
import { Batch } from "../../core/record/batch.ts";
import { batches, bodyOf, producersOfLog } from "./honest-story.testkit.ts";
import type { Lie } from "./lies.testkit.ts";
import { appendAgain, committedByAll, exposed, story, told } from "./lies.testkit.ts";
import { falsified, inserted, without } from "./run-story.testkit.ts";
import { PARTITION } from "./story.testkit.ts";
import type { Step } from "./story.testkit.ts";

const { y, lost, z } = batches;

const outOfOrder = {
  kind: "produce-refused",
  partition: PARTITION,
  leaderEpoch: 0,
  error: Errors.OUT_OF_ORDER_SEQUENCE_NUMBER,
  producerId: 7,
  producerEpoch: 0,
  client: "p1",
} as const;

export const liesAboutClients: readonly Lie[] = [
  {
    id: "D1",
    what: "a retry is appended again",
    steps: inserted(story, "polled-y", [appendAgain("again", "b1", new Batch(2, 0, y.body), 0)]),
  },
  {
    id: "D1",
    what: "a duplicate is answered with the offset of another batch",
    steps: falsified(story, "duplicate", { baseOffset: 1 }),
  },
  {
    id: "D2",
    what: "a send is committed twice in one session",
    steps: inserted(story, "polled-z", committedByAll(new Batch(3, 1, y.body))),
  },
  {
    id: "D2",
    what: "an acknowledged send is never committed",
    steps: falsified(story, "failed-lost", {
      kind: "send-acked",
      offset: 2,
    }),
  },
  {
    id: "D3",
    what: "a batch is committed behind a younger one of its session",
    steps: story
      .map((step) =>
        step.name === "out-x" || step.name === "out-y"
          ? {
              ...step,
              fact: {
                ...(step.fact as Extract<Fact, { kind: "batch-sent" }>),
                sendIds: step.name === "out-x" ? ["late"] : ["x"],
              },
            }
          : step,
      )
      .toSpliced(
        story.findIndex(({ name }) => name === "send-x") + 1,
        0,
        told("send-late", "p1", {
          kind: "send-started",
          sendId: "late",
          topic: "t",
          key: null,
          value: null,
        }),
      ),
  },
  {
    id: "D4",
    what: "the next sequence is refused",
    steps: falsified(story, "refused", { baseSequence: 2 }),
  },
  {
    id: "D4",
    what: "a batch that the leader remembers is refused",
    steps: falsified(story, "refused", { baseSequence: 0 }),
  },
  {
    id: "D4",
    what: "a producer that the log does not know is refused",
    steps: falsified(story, "refused", { producerId: 8 }),
  },
  {
    id: "D4",
    what: "a new leader refuses what it knew when it began",
    steps: inserted(story, "led-2", [
      told("refused-2", "b2", { ...outOfOrder, leaderEpoch: 1, baseSequence: 1 }),
    ]),
  },
  {
    id: "D5",
    what: "a producer id is given twice",
    steps: inserted(story, "given", [
      told("again", "b2", { kind: "producer-id-given", producerId: 7, client: "p2" }),
    ]),
  },
  {
    id: "D5",
    what: "a block of producer ids is allocated twice",
    steps: inserted(story, "ids-1", [
      told("again", "c100", {
        kind: "producer-ids-allocated",
        broker: 2,
        first: 0,
        count: 1000,
      }),
    ]),
  },
  {
    id: "D6",
    what: "a new leader knows nothing of a producer in its log",
    steps: falsified(story, "led-2", { producers: [] }),
  },
  {
    id: "D6",
    what: "a new leader remembers an older batch as the last",
    steps: falsified(story, "led-2", {
      producers: producersOfLog.map((entry) => ({ ...entry, batches: entry.batches.slice(0, 1) })),
    }),
  },
  {
    id: "D7",
    what: "a batch without idempotence is committed more often than it was sent",
    steps: inserted(story, "polled-z", committedByAll(new Batch(3, 1, z.body))),
  },
  {
    id: "D8",
    what: "a leader appends what nobody sent",
    steps: inserted(story, "polled-z", [
      appendAgain("foreign", "b2", new Batch(3, 1, bodyOf("f")), 1),
    ]),
  },
  {
    id: "F1",
    what: "a poll leaves out a record",
    steps: without(story, "polled-y"),
  },
  {
    id: "F1",
    what: "a poll goes back",
    steps: inserted(
      story,
      "polled-y",
      story.filter(({ name }) => name === "polled-x"),
    ),
  },
  {
    id: "F2",
    what: "a consumer is served beyond the high watermark",
    steps: inserted(story, "append-1-lost", [exposed("b1", lost, 0)]),
  },
  {
    id: "F4",
    what: "a poll returns another value than the committed one",
    steps: falsified(story, "polled-z", {
      records: [
        {
          offset: 2,
          leaderEpoch: 1,
          timestamp: z.body.baseTimestamp,
          key: null,
          value: new Uint8Array([1]),
        },
      ],
    }),
  },
  {
    id: "F6",
    what: "a consumer loses a position below what is committed",
    steps: inserted(story, "polled-y", [
      told("reset", "r1", {
        kind: "position-set",
        partition: PARTITION,
        offset: 0,
        why: "reset-earliest",
        cause: Errors.OFFSET_OUT_OF_RANGE,
      }),
    ]),
  },
  {
    id: "F6",
    what: "a consumer with a reset policy is told of an offset out of range",
    steps: inserted(story, "polled-y", [
      told("error", "r1", { kind: "client-error", where: "poll", error: "OFFSET_OUT_OF_RANGE" }),
    ]),
  },
  {
    id: "F7",
    what: "latest is not the high watermark",
    steps: falsified(story, "listed-latest-1", { offset: 1 }),
  },
  {
    id: "F7",
    what: "a timestamp is answered with a record that is too young",
    steps: falsified(story, "listed-time", { offset: 1 }),
  },
  {
    id: "H1",
    what: "a response answers another request than the oldest",
    steps: story.map((step) =>
      step.name === "response-x"
        ? {
            ...step,
            frame: { connection: 1, content: { apiKey: 0, correlationId: 9, body: {} } },
          }
        : step,
    ),
  },
  {
    id: "H2",
    what: "batches of one connection take effect out of order",
    steps: (() => {
      const request = story.find(({ name }) => name === "request-y") as Step;
      return inserted(without(story, "request-y"), "out-x", [request]);
    })(),
  },
  {
    id: "H3",
    what: "a client goes back to an older leader epoch",
    steps: falsified(story, "knows-2", { leaderEpoch: -1 }),
  },
];
