/** What a narrator says, in English. `{name}` is a value; the other languages have the same of them. */
import type { Catalogue } from "./catalogue.ts";

export const en: Catalogue = {
  // What a record is called.
  "record.keyed": "{value} of {key}",
  "record.plain": "{value}",

  "handed.keyed":
    "From {from} s to {to} s {producer} is given {count} records for the topic {topic}: {keys}.",
  "handed.key": "{count} with the key {key} ({values})",
  "handed.plain":
    "At {at} s {producer} is given {count} records for the topic {topic}, none with a key: {values}.",

  "metadata.learned":
    "{producer} does not know {topic} yet and asks {broker}, for any broker can tell. The " +
    "answer comes at {at} s and stays in the cache of {producer}: {count} partitions; " +
    "{leaders}.",
  "metadata.leader": "{leader} leads {partition}",
  "partition.key": "The key decides on the partition.",

  "partition.hash":
    "murmur2({key}) without its sign is {hash}, and {hash} % {count} = {partition}: all " +
    "{records} records of {key} belong in partition {partition}.",
  "partition.cycle":
    "The partitioner goes round, whatever the records are: {places}. That makes {count} " +
    "partitions with {count} leaders.",
  "partition.place": "{value} to partition {partition} (leader {leader})",
  "partition.sticky":
    "{producer} chooses a partition once, {partition}, and stays with it for all {count} records: " +
    "the next choice is due when {bytes} bytes (batch.size) have gone there.",

  "leader.cached":
    "{producer} asks nobody again. Who leads these partitions is in its cache: {leaders}.",
  "leader.cached.one":
    "{producer} asks nobody again. By its cache, filled at {at} s, {leader} leads partition " +
    "{partition}.",

  "produce.one":
    "{producer} sends {what} to {leader}, where it arrives at {arrivedAt} s. {leader}, leader of " +
    "partition {partition}, appends it at offset {offset}, its followers {followers} fetch it, the " +
    "high watermark passes {offset} ({passedAt} s), and only then {leader} answers {producer} " +
    "({ackedAt} s).",
  "produce.more": "The other {count} go the same way: {places}.",
  "produce.place": "{what} to offset {offset} of partition {partition} ({at} s)",
  "produce.each":
    "linger.ms is {linger}, so nothing waits for company: {producer} sends {count} produce " +
    "requests to {count} brokers, in each one batch of one record.",
  "produce.append":
    "{leader} appends {what} at offset {offset} of partition {partition}, {followers} fetch " +
    "it, the high watermark passes {offset}, and {producer} has its answer at {at} s.",
  "produce.batch":
    "linger.ms lets the batch wait for {linger} ms. At {sentAt} s it leaves, in a single " +
    "produce request: {count} records in {bytes} bytes. {leader} appends them at the " +
    "offsets {first} to {last}, its followers {followers} fetch them, the high watermark " +
    "passes {last} ({passedAt} s), and {leader} acknowledges all {count} at once ({ackedAt} " +
    "s).",

  "group.joined":
    "{members} join the group {group} at its coordinator {coordinator}, which makes them " +
    "generation {generation}. {leader} leads it and deals the partitions out ({assignor}): " +
    "{shares}. Each learns its share by SyncGroup, the last at {at} s.",
  "group.share": "{partition} to {member}",
  "group.owner": "Partition {partition}, and {key} with it, belongs to {member} alone.",
  "group.owner.plain": "Partition {partition} belongs to {member} alone.",

  "read.polled":
    "{member} fetches partition {partition} from its leader {leader}, from its position " +
    "{position} on, and the poll returns {offsets} ({at} s).",
  "read.rule": "A leader gives out only what is below the high watermark.",
  "read.offset": "offset {offset}",
  "read.offsets": "the offsets {offsets}",
  "read.range": "the offsets {first} to {last} in order",

  "work.key": "What happens to {key} is work for {member} and nobody else: {works}.",
  "work.order": "For each key that is the order of the offsets, and the order of sending.",
  "work.offset": "{value} (offset {offset}, done at {at} s)",
  "work.parallel":
    "{count} members work at once, {work} ms on each record: {works}. From {from} s to {to} s all " +
    "{count} are busy.",
  "work.interval": "{member} on {value} from {from} s to {to} s",
  "work.row":
    "{member} works on all {count}, one after the other in the order of their offsets, from {from} s " +
    "to {to} s.",
  "work.later":
    "Later {producer} chooses partition {partition}: {value} gets offset {offset} there, and is work " +
    "for {member}, who owns that one ({at} s).",

  "story.broken": "Here the story breaks off: {violation} says what is missing.",
};
