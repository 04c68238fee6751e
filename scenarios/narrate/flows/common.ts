/** Steps that more than one story has. */
import type { Group, Joined } from "../links/joining.ts";
import { groupChains } from "../links/joining.ts";
import type { Journey } from "../links/producing.ts";
import type { Read } from "../links/reading.ts";
import { readChain } from "../links/reading.ts";
import type { Handed, LookedUp } from "../links/sending.ts";
import { atSeconds } from "../render.ts";
import type { Sentence, Step } from "../step.ts";
import { chain, say } from "../step.ts";

export function recordName({ key, value }: Handed): Sentence {
  return key === null ? say("record.plain", { value }) : say("record.keyed", { key, value });
}

export function plainHandedStep(records: readonly Handed[]): Step {
  const [first] = records as [Handed, ...Handed[]];
  const { producer, topic } = first;
  const values = records.map(({ value }) => value);
  const at = atSeconds(first.started.at);
  return {
    says: [say("handed.plain", { at, producer, topic, count: records.length, values })],
    chains: [chain(records.map(({ started }) => started))],
  };
}

export function leaderOf({ partition, leader }: { partition: number; leader: string }): Sentence {
  return say("metadata.leader", { partition, leader });
}

export function lookUpChains(lookUps: readonly LookedUp[]): Step["chains"] {
  return lookUps.map(({ cached, sent }) => chain(cached, sent));
}

export function followersOf({ copies }: Journey): string[] {
  return copies.map(({ follower }) => follower);
}

/** All members with what they own; `owners` says more about some of it. */
export function groupStep(group: Group, owners: readonly Sentence[]): Step {
  const { id, generation, coordinator, assignor, leader, members } = group;
  const last = Math.max(...members.map(({ assigned }) => assigned.at));
  return {
    says: [
      say("group.joined", {
        members: members.map(({ node }) => node),
        group: id,
        coordinator,
        generation,
        leader,
        assignor,
        at: atSeconds(last),
        shares: members.flatMap(share),
      }),
      ...owners,
    ],
    chains: groupChains(group),
  };
}

function share({ node, partitions }: Joined): Sentence[] {
  return partitions.map((partition) => say("group.share", { partition, member: node }));
}

export function readStep(reads: readonly Read[]): Step {
  return {
    says: [...reads.map(readTold), say("read.rule", {})],
    chains: reads.map(readChain),
  };
}

function readTold(read: Read): Sentence {
  const { member, partition, leader, polled } = read;
  const { position } = polled.fact;
  const at = atSeconds(polled.at);
  const offsets = offsetsTold(read.offsets);
  return say("read.polled", { member, partition, leader, position, offsets, at });
}

function offsetsTold(offsets: readonly number[]): Sentence {
  const [first = -1] = offsets;
  const last = offsets.at(-1) ?? -1;
  if (offsets.length === 1) return say("read.offset", { offset: first });
  if (offsets.length > 3) return say("read.range", { first, last });
  return say("read.offsets", { offsets });
}
