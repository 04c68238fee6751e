/** Round robin spreads the work: three records, three partitions, three brokers, three members at once. */
import { ApiKeys } from "../../../core/protocol/message.ts";
import type { Flow } from "../flow.ts";
import { joinedGroup } from "../links/joining.ts";
import type { Joined } from "../links/joining.ts";
import type { Journey } from "../links/producing.ts";
import { bodiesOf, isSame, journey, produceChain } from "../links/producing.ts";
import type { Read, Worked } from "../links/reading.ts";
import { reads, workChain, worked } from "../links/reading.ts";
import type { LookedUp, Placed } from "../links/sending.ts";
import { handedOver, lookedUp, placed } from "../links/sending.ts";
import { atSeconds } from "../render.ts";
import type { Step } from "../step.ts";
import { chain, demand, need, say } from "../step.ts";
import type { Trace } from "../trace.ts";
import { followersOf, groupStep, plainHandedStep, readStep, recordName } from "./common.ts";
import { settingOf } from "./settings.ts";

const COUNT = 3;

export const roundRobinSteps: Flow = { name: "round-robin-flow", steps: 6, tell };

function* tell(trace: Trace): Generator<Step> {
  const records = handedOver(trace);
  demand(records.length === COUNT, () => `${records.length} records were sent`);
  for (const { id, key } of records) demand(key === null, () => `${id} was sent with a key`);
  yield plainHandedStep(records);
  const { topic } = records[0]!;

  const places = records.map((record) => placed(trace, record));
  const lookUps = places.map((place) => lookedUp(trace, place));
  yield cycleStep(places, lookUps);

  const journeys = lookUps.map((lookUp) => journey(trace, lookUp));
  yield requestsStep(trace, places, journeys);

  const group = joinedGroup(trace, topic);
  const owners = group.members.map((member): Joined => {
    const { node, partitions } = member;
    demand(partitions.length === 1, () => `${node} owns ${partitions.length} partitions`);
    return member;
  });
  demand(owners.length === COUNT, () => `the group has ${owners.length} members`);
  const owned = new Set(owners.map(({ partitions }) => partitions[0]));
  demand(owned.size === COUNT, () => `two members own one partition`);
  yield groupStep(group, []);

  const readings = places.map(({ partition }, index) => {
    const { leader, baseOffset } = journeys[index] as Journey;
    const { node: member } = need(
      owners.find(({ partitions }) => partitions.includes(partition)),
      () => `nobody owns partition ${partition}`,
    );
    return reads(trace, { member, topic, partition, leader, offsets: [baseOffset] })[0] as Read;
  });
  yield readStep(readings);

  yield parallelStep(trace, places, readings);
}

/** Each goes to the partition behind that of the record before, and each has a leader of its own. */
function cycleStep(places: readonly Placed[], lookUps: readonly LookedUp[]): Step {
  const first = places[0]!.partition;
  for (const [turn, { id, partition }] of places.entries()) {
    const due = (first + turn) % COUNT;
    demand(partition === due, () => `it was the turn of ${due}, and ${id} went to ${partition}`);
  }
  const leaders = new Set(lookUps.map(({ leader }) => leader));
  demand(leaders.size === COUNT, () => `the partitions are led by ${[...leaders].join(" and ")}`);
  const told = places.map(({ value, partition }, index) =>
    say("partition.place", { value, partition, leader: lookUps[index]!.leader }),
  );
  return {
    says: [say("partition.cycle", { count: places.length, places: told })],
    chains: places.map(({ started, batched }, index) => [
      ...chain(started, batched),
      { entry: lookUps[index]!.cached, cause: null },
    ]),
  };
}

function requestsStep(trace: Trace, places: readonly Placed[], journeys: readonly Journey[]): Step {
  const { producer } = places[0]!;
  const requests = trace
    .asked(ApiKeys.PRODUCE, producer)
    .filter((request) =>
      bodiesOf(request).some((body) => journeys.some((one) => isSame(body, one.body))),
    );
  demand(requests.length === COUNT, () => `${requests.length} produce requests took the records`);
  for (const request of requests) {
    const bodies = bodiesOf(request);
    demand(bodies.length === 1, () => `a request to ${request.node} has ${bodies.length} batches`);
    const count = bodies[0]?.recordsCount;
    demand(count === 1, () => `the batch for ${request.node} has ${count} records`);
  }
  const brokers = new Set(requests.map(({ node }) => node));
  demand(brokers.size === COUNT, () => `the requests went to ${[...brokers].join(" and ")}`);
  const appends = places.map((place, index) => {
    const way = journeys[index] as Journey;
    const { leader, partition, baseOffset: offset, answer } = way;
    const followers = followersOf(way);
    const at = atSeconds(answer.at);
    const what = recordName(place);
    return say("produce.append", { leader, what, offset, partition, followers, producer, at });
  });
  const linger = settingOf(trace, producer, "linger.ms");
  return {
    says: [say("produce.each", { linger, producer, count: requests.length }), ...appends],
    chains: journeys.map(produceChain),
  };
}

function parallelStep(trace: Trace, places: readonly Placed[], readings: readonly Read[]): Step {
  const works = readings.map((one) => worked(trace, one)[0] as Worked);
  const members = new Set(works.map(({ member }) => member));
  demand(members.size === COUNT, () => `only ${[...members].join(" and ")} worked`);
  const from = Math.max(...works.map(({ beganUs }) => beganUs));
  const to = Math.min(...works.map(({ endedUs }) => endedUs));
  demand(from < to, () => {
    const spans = works.map(({ member, beganUs, endedUs }) => `${member} ${beganUs} to ${endedUs}`);
    return `the work does not overlap (µs): ${spans.join(", ")}`;
  });
  const told = works.map(({ member, beganUs, endedUs }, index) => {
    const { value } = places[index] as Placed;
    return say("work.interval", {
      member,
      value,
      from: atSeconds(beganUs),
      to: atSeconds(endedUs),
    });
  });
  const count = works.length;
  const values = { count, work: workMs(trace, works), works: told };
  return {
    says: [say("work.parallel", { ...values, from: atSeconds(from), to: atSeconds(to) })],
    chains: works.map((one) => workChain([one])),
  };
}

/** How long the work on one record takes, as the plan has it. */
function workMs({ plan }: Trace, works: readonly Worked[]): number {
  const member = plan.clients.find(({ id }) => id === works[0]?.member);
  return member?.kind === "member" ? member.workUs / 1000 : 0;
}
