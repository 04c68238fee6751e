/** Without keys records stay together: one choice, one batch, one request, one owner. */
import { ApiKeys } from "../../../core/protocol/message.ts";
import type { Flow } from "../flow.ts";
import type { Group, Joined } from "../links/joining.ts";
import { joinedGroup, ownerOf } from "../links/joining.ts";
import type { Journey } from "../links/producing.ts";
import { bodiesOf, isSame, journey, produceChain } from "../links/producing.ts";
import { reads, workChain, worked } from "../links/reading.ts";
import type { Worked } from "../links/reading.ts";
import type { Handed, Placed } from "../links/sending.ts";
import { handedOver, lookedUp, lookedUpInCache, placed } from "../links/sending.ts";
import { indexOf } from "../partition-names.ts";
import { atSeconds } from "../render.ts";
import type { Chain, Step } from "../step.ts";
import { chain, demand, need, say } from "../step.ts";
import type { Told, Trace } from "../trace.ts";
import { followersOf, groupStep, plainHandedStep, readStep } from "./common.ts";
import { settingOf } from "./settings.ts";

/** So many records at one instant begin the story; those behind them are its end. */
const COUNT = 10;

export const stickySteps: Flow = { name: "sticky-flow", steps: 7, tell };

function* tell(trace: Trace): Generator<Step> {
  const all = handedOver(trace);
  const records = all.slice(0, COUNT);
  demand(records.length === COUNT, () => `${records.length} records were sent`);
  const [first] = records as [Handed, ...Handed[]];
  const { producer, topic } = first;
  for (const { id, key, started } of records) {
    demand(key === null, () => `${id} was sent with a key`);
    demand(started.at === first.started.at, () => `${id} was sent later than ${first.id}`);
  }
  yield plainHandedStep(records);

  const places = records.map((record) => placed(trace, record));
  const choice = onlyChoice(trace, places);
  const partition = indexOf(choice.fact.partition);
  const bytes = settingOf(trace, producer, "batch.size");
  yield {
    says: [say("partition.sticky", { producer, partition, count: COUNT, bytes })],
    chains: [
      chain(
        choice,
        places.map(({ batched }) => batched),
      ),
    ],
  };

  const lookUp = lookedUpInCache(trace, places[0]!);
  const { leader, cached, sent } = lookUp;
  yield {
    says: [say("leader.cached.one", { producer, at: atSeconds(cached.at), leader, partition })],
    chains: [chain(cached, sent)],
  };

  const way = journey(trace, lookUp);
  yield batchStep(trace, places, way);

  const group = joinedGroup(trace, topic);
  const owner = ownerOf(group, partition);
  yield groupStep(group, [say("group.owner.plain", { partition, member: owner.node })]);

  const offsets = places.map((_, index) => way.baseOffset + index);
  const readings = reads(trace, { member: owner.node, topic, partition, leader, offsets });
  demand(readings.length === 1, () => `it took ${owner.node} ${readings.length} polls`);
  const [reading] = readings as [(typeof readings)[0]];
  demand(
    reading.offsets.join() === offsets.join(),
    () => `the poll returned ${reading.offsets.join(", ")}`,
  );
  yield readStep([reading]);

  const works = worked(trace, reading);
  const done = works.map(({ offset }) => offset);
  demand(done.join() === offsets.join(), () => `${owner.node} worked on ${done.join(", ")}`);
  yield workedStep(works, elsewhere(trace, all.slice(COUNT), { group, owner, partition }));
}

/** The choice that all records followed: none was made between the first record and the last. */
function onlyChoice(trace: Trace, places: readonly Placed[]): Told<"sticky-partition-chosen"> {
  const [first] = places as [Placed, ...Placed[]];
  const last = places.at(-1) as Placed;
  const { producer, topic } = first;
  const choices = trace.told(
    "sticky-partition-chosen",
    ({ id, node, fact }) => node === producer && fact.topic === topic && id < last.batched.id,
  );
  const choice = need(
    choices.findLast(({ id }) => id < first.batched.id),
    () => `${producer} chose no partition before ${first.id}`,
  );
  const again = choices.filter(({ id }) => id > choice.id);
  demand(again.length === 0, () => `${producer} chose ${again.length} times more`);
  for (const { id, batched } of places) {
    const { partition } = batched.fact;
    demand(partition === choice.fact.partition, () => `${id} went to ${partition}`);
  }
  return choice;
}

function batchStep(trace: Trace, places: readonly Placed[], way: Journey): Step {
  const { producer } = places[0]!;
  const { leader, body, sendIds, baseOffset, sent, passed, answer } = way;
  const requests = trace
    .asked(ApiKeys.PRODUCE, producer)
    .filter((request) => bodiesOf(request).some((one) => isSame(one, body)));
  demand(requests.length === 1, () => `${requests.length} requests took the batch`);
  const [request] = requests as [(typeof requests)[0]];
  const batches = bodiesOf(request).length;
  demand(batches === 1, () => `the request has ${batches} batches`);
  const ids = places.map(({ id }) => id);
  demand(sendIds.join() === ids.join(), () => `the batch has ${sendIds.join(", ")}`);
  const { recordsCount: count, sizeBytes } = body;
  demand(count === places.length, () => `the batch has ${count} records`);
  const limit = Number(settingOf(trace, producer, "batch.size"));
  demand(sizeBytes < limit, () => `the batch has ${sizeBytes} bytes, and batch.size is ${limit}`);
  const linger = settingOf(trace, producer, "linger.ms");
  const waitedUs = sent.at - places[0]!.batched.at;
  demand(waitedUs >= Number(linger) * 1000, () => `the batch left after ${waitedUs} us`);
  const values = { linger, count, bytes: sizeBytes, sentAt: atSeconds(sent.at) };
  return {
    says: [
      say("produce.batch", {
        ...values,
        leader,
        first: baseOffset,
        last: baseOffset + count - 1,
        followers: followersOf(way),
        passedAt: atSeconds(passed.at),
        ackedAt: atSeconds(answer.at),
      }),
    ],
    chains: [produceChain(way)],
  };
}

/** A later record in another partition, worked on by another member. */
interface Later {
  readonly record: Placed;
  readonly work: Worked;
  readonly chain: Chain;
}

function elsewhere(
  trace: Trace,
  later: readonly Handed[],
  before: { readonly group: Group; readonly owner: Joined; readonly partition: number },
): Later {
  const records = later.map((record) => placed(trace, record));
  const record = need(
    records.find(({ partition }) => partition !== before.partition),
    () => `all later records went to partition ${before.partition} too`,
  );
  const { topic, partition, producer, batched } = record;
  const owner = ownerOf(before.group, partition);
  demand(owner !== before.owner, () => `${owner.node} owns partition ${partition} too`);
  const way = journey(trace, lookedUp(trace, record));
  const offsets = [way.baseOffset + way.sendIds.indexOf(record.id)];
  const { leader } = way;
  const [reading] = reads(trace, { member: owner.node, topic, partition, leader, offsets });
  const [work] = worked(trace, reading!);
  const [choice] = trace
    .told("sticky-partition-chosen", ({ id, node }) => node === producer && id < batched.id)
    .slice(-1);
  const chosen = need(choice, () => `${producer} chose no partition for ${record.id}`);
  return {
    record,
    work: work!,
    chain: [...chain(chosen, batched, way.sent), ...produceChain(way).slice(1)],
  };
}

function workedStep(works: readonly Worked[], later: Later): Step {
  const { member, beganUs } = works[0]!;
  const { record, work } = later;
  const { producer, partition, value } = record;
  const to = atSeconds(works.at(-1)!.endedUs);
  const row = { member, count: works.length, from: atSeconds(beganUs), to };
  const { offset, endedUs } = work;
  const at = atSeconds(endedUs);
  return {
    says: [
      say("work.row", row),
      say("work.later", { producer, partition, value, offset, member: work.member, at }),
    ],
    chains: [workChain(works), later.chain, workChain([work])],
  };
}
