/** From a batch that leaves its producer to its acknowledgement: request, append, replicas, answer. */
import { ApiKeys } from "../../../core/protocol/message.ts";
import type { BatchBody } from "../../../core/record/batch.ts";
import type { Chain } from "../step.ts";
import { chain, demand, need } from "../step.ts";
import type { Answered, Asked, Told, Trace } from "../trace.ts";
import type { LookedUp } from "./sending.ts";

export interface Journey {
  readonly producer: string;
  readonly partition: number;
  readonly leader: string;
  readonly body: BatchBody;
  readonly sendIds: readonly string[];
  readonly baseOffset: number;
  readonly sent: Told<"batch-sent">;
  readonly request: Asked<typeof ApiKeys.PRODUCE>;
  readonly appended: Told<"appended">;
  readonly copies: readonly Copy[];
  /** The first one beyond the batch. */
  readonly passed: Told<"high-watermark">;
  readonly acked: Told<"ack-sent">;
  readonly answer: Answered<typeof ApiKeys.PRODUCE>;
  /** In the order of the batch. */
  readonly resolved: readonly Told<"send-acked">[];
}

/** A follower's append of the batch, and the leader's note of it. */
export interface Copy {
  readonly follower: string;
  readonly appended: Told<"appended">;
  readonly noted: Told<"follower-fetched">;
}

/** The same batch, whoever has a copy of its bytes. */
export function isSame(one: BatchBody, other: BatchBody): boolean {
  return (
    one.crc === other.crc &&
    one.producerId === other.producerId &&
    one.producerEpoch === other.producerEpoch &&
    one.baseSequence === other.baseSequence
  );
}

export function bodiesOf(request: Asked<typeof ApiKeys.PRODUCE>): readonly BatchBody[] {
  return request.asks.topicData.flatMap(({ partitionData }) =>
    partitionData.flatMap(({ records }) => records),
  );
}

export function journey(trace: Trace, { leader, partition, sent }: LookedUp): Journey {
  const { node: producer } = sent;
  const { body, sendIds, partition: name } = sent.fact;
  const what = `the batch of ${sendIds.join(", ")}`;
  const request = need(
    trace
      .asked(ApiKeys.PRODUCE, producer)
      .find((one) => one.id > sent.id && bodiesOf(one).some((other) => isSame(body, other))),
    () => `${what} reached no broker`,
  );
  demand(request.node === leader, () => `${what} went to ${request.node}, not to ${leader}`);
  const appends = trace.told(
    "appended",
    ({ id, fact }) => id > request.id && fact.partition === name && isSame(fact.batch.body, body),
  );
  const appended = need(
    appends.find(({ node, fact }) => node === leader && fact.as === "leader"),
    () => `${leader} did not append ${what}`,
  );
  const { baseOffset, nextOffset } = appended.fact.batch;
  const passed = need(
    trace.told(
      "high-watermark",
      ({ id, node, fact }) =>
        id > appended.id &&
        node === leader &&
        fact.as === "leader" &&
        fact.partition === name &&
        fact.highWatermark >= nextOffset,
    )[0],
    () => `the high watermark of ${name} never passed ${what}`,
  );
  const followers = passed.fact.counted
    .map((nodeId) => trace.broker(nodeId))
    .filter((node) => node !== leader);
  const copies = followers.map((follower): Copy => {
    const copy = need(
      appends.find(({ id, node }) => node === follower && id < passed.id),
      () => `${follower} counted for the high watermark without ${what}`,
    );
    const noted = need(
      trace.told(
        "follower-fetched",
        ({ id, node, fact }) =>
          id > copy.id &&
          id < passed.id &&
          node === leader &&
          fact.partition === name &&
          trace.broker(fact.follower) === follower &&
          fact.fetchOffset >= nextOffset,
      )[0],
      () => `${leader} did not see that ${follower} has ${what}`,
    );
    return { follower, appended: copy, noted };
  });
  copies.sort((a, b) => a.noted.id - b.noted.id);
  demand(copies.length > 0, () => `no follower of ${name} had ${what}`);
  const acked = need(
    trace.told(
      "ack-sent",
      ({ id, node, fact }) =>
        id > passed.id &&
        node === leader &&
        fact.partition === name &&
        fact.client === producer &&
        fact.baseOffset === baseOffset,
    )[0],
    () => `${leader} did not acknowledge ${what} behind the high watermark`,
  );
  const answer = need(trace.answerTo(request), () => `${producer} got no answer for ${what}`);
  const resolved = sendIds.map((sendId, index) => {
    const [done] = trace.told(
      "send-acked",
      ({ id, node, fact }) => id > answer.id && node === producer && fact.sendId === sendId,
    );
    const found = need(done, () => `${sendId} was not acknowledged`);
    const { offset } = found.fact;
    demand(offset === baseOffset + index, () => `${sendId} was acknowledged at ${offset}`);
    return found;
  });
  const places = { producer, partition, leader, body, sendIds, baseOffset };
  return { ...places, sent, request, appended, copies, passed, acked, answer, resolved };
}

/** From the batch to its acknowledgement, each because of what went before. */
export function produceChain(journey: Journey): Chain {
  const { sent, request, appended, copies, passed, acked, answer, resolved } = journey;
  return [
    ...chain(sent, request, appended),
    ...copies.flatMap(({ appended: copy, noted }) => [
      { entry: copy, cause: appended },
      { entry: noted, cause: copy },
    ]),
    // The last of them moves the high watermark.
    { entry: passed, cause: copies.at(-1)?.noted ?? appended },
    ...chain(passed, acked, answer, resolved).slice(1),
  ];
}
