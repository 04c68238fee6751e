/** The part of a range assignment that goes by racks (KIP-881): what somebody can read locally. */
import type { AssignorRules } from "./assignor-rules.ts";
import { NO_RACK } from "./rack-table.ts";
import type { RackTable } from "./rack-table.ts";
import type { RangeTopic } from "./range-topic.ts";

/**
 * Does nothing unless racks matter for some topic. Then topics that go together are given out by
 * partition number, the rest each on its own.
 */
export function assignByRack(
  topics: readonly RangeTopic[],
  racks: RackTable,
  rules: AssignorRules,
): void {
  const needs = new Set(
    topics.filter(({ members, first, end }) => racks.matters(members, first, end)),
  );
  if (needs.size === 0) return;
  for (const group of alikeTopics(topics)) {
    if (rules.goTogether(group.length)) {
      // Kafka does not even look for partners where no member has a rack.
      const hasRacks = group[0]!.members.some((member) => racks.memberRack[member] !== NO_RACK);
      if (hasRacks) assignTogether(group, racks);
      continue;
    }
    for (const topic of group) if (needs.has(topic)) assignAlone(topic, racks);
  }
}

/** Topics with the same members and equally many partitions, in one list each. */
function alikeTopics(topics: readonly RangeTopic[]): Iterable<readonly RangeTopic[]> {
  const groups = new Map<string, RangeTopic[]>();
  for (const topic of topics) {
    const key = `${topic.partitionCount}:${topic.members.join(",")}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [topic]);
    else group.push(topic);
  }
  return groups.values();
}

/** Everyone in turn takes the next partitions that are in his rack. */
function assignAlone(topic: RangeTopic, racks: RackTable): void {
  const all: number[] = [];
  const inRack = Array.from({ length: racks.rackCount }, (): number[] => []);
  for (let partition = topic.first; partition < topic.end; partition++) {
    all.push(partition);
    for (const rack of racks.partitionRacks[partition]!) inRack[rack]!.push(partition);
  }
  const everywhere = new Queue(all);
  const queues = inRack.map((partitions) => new Queue(partitions));
  const isGone = (partition: number): boolean => topic.isAssigned(partition);
  topic.members.forEach((member, seat) => {
    const rack = racks.memberRack[member]!;
    const queue = rack === NO_RACK ? everywhere : queues[rack]!;
    const taken: number[] = [];
    for (let room = topic.room(seat); room > 0; room--) {
      const partition = queue.head(isGone);
      if (partition === undefined) break;
      queue.drop();
      taken.push(partition);
    }
    if (taken.length > 0) topic.give(seat, taken);
  });
}

/**
 * Partition 0 of all these topics goes to the first member that is in a rack with all of them, then
 * partition 1, and so on. All of them are given out alike, so each tells what room there is.
 */
function assignTogether(topics: readonly RangeTopic[], racks: RackTable): void {
  const [model] = topics as readonly [RangeTopic, ...RangeTopic[]];
  const homeless: number[] = [];
  const inRack = Array.from({ length: racks.rackCount }, (): number[] => []);
  model.members.forEach((member, seat) => {
    const rack = racks.memberRack[member]!;
    (rack === NO_RACK ? homeless : inRack[rack]!).push(seat);
  });
  const anywhere = new Queue(homeless);
  const queues = inRack.map((seats) => new Queue(seats));
  const isFull = (seat: number): boolean => model.room(seat) === 0;
  for (let number = 0; number < model.partitionCount; number++) {
    let seat = anywhere.head(isFull) ?? Infinity;
    for (const rack of commonRacks(topics, number, racks)) {
      seat = Math.min(seat, queues[rack]!.head(isFull) ?? Infinity);
    }
    if (seat === Infinity) continue;
    for (const topic of topics) topic.give(seat, [topic.first + number]);
  }
}

function commonRacks(topics: readonly RangeTopic[], number: number, racks: RackTable): number[] {
  const [model, ...others] = topics as readonly [RangeTopic, ...RangeTopic[]];
  return racks.partitionRacks[model.first + number]!.filter((rack) =>
    others.every(({ first }) => racks.partitionRacks[first + number]!.includes(rack)),
  );
}

/** A list that is only ever looked at from where the last look ended. */
class Queue {
  readonly #items: readonly number[];
  #at = 0;

  constructor(items: readonly number[]) {
    this.#items = items;
  }

  /** The first item left that is not `gone`; what is gone must stay so. */
  head(gone: (item: number) => boolean): number | undefined {
    while (this.#at < this.#items.length && gone(this.#items[this.#at]!)) this.#at += 1;
    return this.#items[this.#at];
  }

  drop(): void {
    this.#at += 1;
  }
}
