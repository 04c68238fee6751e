/** Keys keep their order: one partition, one owner, one order from send() to the effect. */
import { murmur2 } from "../../../core/client/murmur2.ts";
import type { Flow } from "../flow.ts";
import type { Joined } from "../links/joining.ts";
import { joinedGroup, ownerOf } from "../links/joining.ts";
import type { Journey } from "../links/producing.ts";
import { journey, produceChain } from "../links/producing.ts";
import type { Read } from "../links/reading.ts";
import { reads, workChain, worked } from "../links/reading.ts";
import type { Handed, Placed } from "../links/sending.ts";
import { handedOver, learned, lookedUpInCache, placed } from "../links/sending.ts";
import { atSeconds } from "../render.ts";
import type { Step } from "../step.ts";
import { chain, demand, say } from "../step.ts";
import type { Trace } from "../trace.ts";
import { followersOf, groupStep, leaderOf, lookUpChains, readStep, recordName } from "./common.ts";

const LEAST_KEYS = 2;
const LEAST_RECORDS = 3;

export const keyedOrderSteps: Flow = { name: "keyed-order-flow", steps: 8, tell };

/** What is known of one key. */
interface Keyed {
  readonly key: string;
  readonly records: readonly Handed[];
}

interface PlacedKey {
  readonly key: string;
  readonly partition: number;
  readonly records: readonly Placed[];
}

function* tell(trace: Trace): Generator<Step> {
  const records = handedOver(trace);
  const keys = byKey(records);
  yield handedStep(records, keys);

  const first = records[0] as Handed;
  const known = learned(trace, first);
  const { producer, topic } = first;
  yield {
    says: [
      say("metadata.learned", {
        producer,
        topic,
        broker: known.request.node,
        at: atSeconds(known.answer.at),
        count: known.cached.length,
        leaders: known.cached.map(({ fact }, partition) =>
          leaderOf({ partition, leader: trace.broker(fact.leader) }),
        ),
      }),
    ],
    chains: [chain(first.started, known.request, known.answer, known.cached)],
  };

  const places = keys.map((keyed) => hashed(trace, keyed, known.cached.length));
  yield {
    says: [
      say("partition.key", {}),
      ...places.map(({ key, partition, records: { length } }) => {
        const hash = positiveHash(key);
        const values = { key, hash, count: known.cached.length, partition, records: length };
        return say("partition.hash", values);
      }),
    ],
    chains: places.flatMap((place) => place.records.map((one) => chain(one.started, one.batched))),
  };

  const inOrder = places.flatMap((place) => place.records).sort(bySending);
  const lookUps = inOrder.map((record) => lookedUpInCache(trace, record));
  const leaders = new Map(lookUps.map((lookUp) => [lookUp.partition, lookUp]));
  yield {
    says: [say("leader.cached", { producer, leaders: [...leaders.values()].map(leaderOf) })],
    chains: lookUpChains(lookUps),
  };

  const journeys = lookUps.map((lookUp) => journey(trace, lookUp));
  yield producedStep(inOrder, journeys);

  const group = joinedGroup(trace, topic);
  const owners = places.map(({ partition }) => ownerOf(group, partition));
  yield groupStep(
    group,
    places.map(({ key, partition }, index) =>
      say("group.owner", { key, partition, member: (owners[index] as Joined).node }),
    ),
  );

  const offsets = new Map(
    inOrder.map((record, index) => [record.id, offsetIn(journeys[index]!, record)]),
  );
  const readings = places.map((place, index): readonly Read[] =>
    reads(trace, {
      member: (owners[index] as Joined).node,
      topic,
      partition: place.partition,
      leader: leaders.get(place.partition)!.leader,
      offsets: place.records.map(({ id }) => offsets.get(id)!),
    }),
  );
  yield readStep(readings.flat());

  yield workedStep(trace, places, readings, offsets);
}

function byKey(records: readonly Handed[]): Keyed[] {
  const keys = new Map<string, Handed[]>();
  for (const record of records) {
    demand(record.key !== null, () => `${record.id} was sent without a key`);
    const others = keys.get(record.key!);
    if (others === undefined) keys.set(record.key!, [record]);
    else others.push(record);
  }
  demand(keys.size >= LEAST_KEYS, () => `there are ${keys.size} keys`);
  return [...keys].map(([key, ofKey]) => {
    demand(ofKey.length >= LEAST_RECORDS, () => `${key} has ${ofKey.length} records`);
    return { key, records: ofKey };
  });
}

function handedStep(records: readonly Handed[], keys: readonly Keyed[]): Step {
  const { producer, topic, started } = records[0] as Handed;
  const told = keys.map(({ key, records: ofKey }) =>
    say("handed.key", { key, count: ofKey.length, values: ofKey.map(({ value }) => value) }),
  );
  const from = atSeconds(started.at);
  const to = atSeconds(records.at(-1)!.started.at);
  const values = { from, to, producer, topic, count: records.length, keys: told };
  return {
    says: [say("handed.keyed", values)],
    chains: [chain(records.map((one) => one.started))],
  };
}

/** Java's hash is signed; the partitioner takes it without the sign bit. */
function positiveHash(key: string): number {
  return murmur2(new TextEncoder().encode(key)) & 0x7fffffff;
}

function hashed(trace: Trace, { key, records }: Keyed, count: number): PlacedKey {
  const partition = positiveHash(key) % count;
  const all = records.map((record) => placed(trace, record));
  for (const { id, partition: actual } of all) {
    demand(
      actual === partition,
      () => `murmur2 of ${key} gives partition ${partition}, and ${id} went to ${actual}`,
    );
  }
  return { key, partition, records: all };
}

function bySending(one: Handed, other: Handed): number {
  return one.started.id - other.started.id;
}

function offsetIn({ baseOffset, sendIds }: Journey, { id }: Handed): number {
  return baseOffset + sendIds.indexOf(id);
}

/** The first record's way in full, then where the others got. */
function producedStep(records: readonly Placed[], journeys: readonly Journey[]): Step {
  const [first] = records as [Placed, ...Placed[]];
  const way = journeys[0] as Journey;
  const more = records.slice(1).map((record, index) => {
    const { partition, answer } = journeys[index + 1] as Journey;
    const offset = offsetIn(journeys[index + 1] as Journey, record);
    const at = atSeconds(answer.at);
    return say("produce.place", { what: recordName(record), offset, partition, at });
  });
  const { producer, leader, partition, request, passed, answer } = way;
  return {
    says: [
      say("produce.one", {
        producer,
        what: recordName(first),
        leader,
        arrivedAt: atSeconds(request.at),
        partition,
        offset: offsetIn(way, first),
        followers: followersOf(way),
        passedAt: atSeconds(passed.at),
        ackedAt: atSeconds(answer.at),
      }),
      say("produce.more", { count: more.length, places: more }),
    ],
    chains: journeys.map(produceChain),
  };
}

function workedStep(
  trace: Trace,
  places: readonly PlacedKey[],
  readings: readonly (readonly Read[])[],
  offsets: ReadonlyMap<string, number>,
): Step {
  const told = places.map(({ key, records }, index) => {
    const works = (readings[index] as readonly Read[])
      .flatMap((read) => worked(trace, read))
      .sort((a, b) => a.effect.id - b.effect.id);
    // The records are in the order of sending.
    const sent = records.map(({ id }) => offsets.get(id)!);
    const done = works.map(({ offset }) => offset);
    demand(
      sent.every((offset, at) => at === 0 || offset > sent[at - 1]!),
      () => `${key} was sent in another order than that of its offsets ${sent.join(", ")}`,
    );
    demand(
      sent.join() === done.join(),
      () => `${key} was worked on in the order ${done.join(", ")}, and sent as ${sent.join(", ")}`,
    );
    const each = works.map(({ offset, endedUs }, at) => {
      const { value } = records[at] as Placed;
      return say("work.offset", { value, offset, at: atSeconds(endedUs) });
    });
    const { member } = works[0]!;
    return { says: say("work.key", { key, member, works: each }), chain: workChain(works) };
  });
  return {
    says: [...told.map(({ says }) => says), say("work.order", {})],
    chains: told.map((one) => one.chain),
  };
}
