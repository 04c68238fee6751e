import type { PartitionGhost } from "./ghost/partition-ghost.ts";
import type { Moment, Observer } from "./observation.ts";

/** What a reader stands at, and which leadership it was told of last. */
interface Place {
  position: number;
  leaderEpoch: number;
}

const NOWHERE: Readonly<Place> = { position: 0, leaderEpoch: -1 };

/**
 * Whether a run has told its story: every send resolved, and every acknowledged record read back by
 * some consumer. Only decides how long a run goes on; judging is the checkers' business.
 */
export class Progress implements Observer {
  /** By partition, who reads it from beginning to end; records elsewhere are not waited for. */
  readonly #readers: Map<string, readonly string[]>;
  /** Where these stand, by partition and client. */
  readonly #places: Map<string, Map<string, Place>> = new Map();
  /** Clients whose acknowledged records must survive; those of others may be gone. */
  readonly #durableClients: ReadonlySet<string>;
  /** Sends of each client process that were started and not resolved, and when they were started. */
  readonly #open: Map<string, Map<string, number>> = new Map();
  #openCount = 0;
  readonly #polled: Map<string, Set<number>> = new Map();
  /** Highest offset of each partition that was ever polled. */
  readonly #furthest: Map<string, number> = new Map();
  readonly #awaited: Map<string, Set<number>> = new Map();
  #awaitedCount = 0;
  /** Where committed records were lost: how far what is there now was read. */
  readonly #readTo: Map<string, { readonly partition: PartitionGhost; end: number }> = new Map();

  constructor(
    readers: ReadonlyMap<string, readonly string[]>,
    durableClients: ReadonlySet<string>,
  ) {
    this.#readers = new Map(readers);
    this.#durableClients = durableClients;
  }

  get openSends(): number {
    return this.#openCount;
  }

  get unreadRecords(): number {
    return this.#awaitedCount;
  }

  /** Ids of the sends of each client that are neither acknowledged nor failed, with their start. */
  get openByClient(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    return this.#open;
  }

  /** Acknowledged records of that partition that nobody has read. */
  unreadOf(partition: string): number {
    return this.#awaited.get(partition)?.size ?? 0;
  }

  /** One more than the highest offset of that partition that was ever read. */
  readTo(partition: string): number {
    return (this.#furthest.get(partition) ?? -1) + 1;
  }

  /**
   * An acknowledged record that no reader has got as far as, or, where records were lost, one of those that
   * took their place; null when there is none.
   */
  aheadOfReaders(partition: string): number | null {
    const readTo = this.readTo(partition);
    for (const offset of this.#awaited.get(partition) ?? []) if (offset >= readTo) return offset;
    const anew = this.#readTo.get(partition);
    return anew !== undefined && this.#isReadAnew(anew) ? anew.end : null;
  }

  /** Records of that partition are not waited for any more. */
  giveUp(partition: string): void {
    this.#readers.delete(partition);
    const awaited = setOf(this.#awaited, partition);
    this.#awaitedCount -= awaited.size;
    awaited.clear();
  }

  readonly on: NonNullable<Observer["on"]> = {
    "send-started": (fact, moment) => {
      this.#sendsOf(moment.node).set(fact.sendId, moment.at);
      this.#openCount += 1;
    },
    "send-acked": (fact, moment) => {
      this.#resolved(moment, fact.sendId);
      if (fact.offset < 0 || !this.#readers.has(fact.partition)) return;
      if (!this.#durableClients.has(moment.node)) return;
      // Where records were lost this may be of those; whoever reads all that is there now reads it as well.
      if (this.#readTo.has(fact.partition)) return;
      if (setOf(this.#polled, fact.partition).has(fact.offset)) return;
      const awaited = setOf(this.#awaited, fact.partition);
      if (awaited.has(fact.offset)) return;
      awaited.add(fact.offset);
      this.#awaitedCount += 1;
    },
    "send-failed": (fact, moment) => this.#resolved(moment, fact.sendId),
    polled: (fact, moment) => {
      const polled = setOf(this.#polled, fact.partition);
      const awaited = setOf(this.#awaited, fact.partition);
      let furthest = this.#furthest.get(fact.partition) ?? -1;
      const readTo = this.#readTo.get(fact.partition);
      for (const { offset, leaderEpoch } of fact.records) {
        if (readTo !== undefined) {
          // A poll may still bring what was fetched before the loss, or from a deposed leader.
          if (readTo.partition.committed.batchAt(offset)?.leaderEpoch !== leaderEpoch) continue;
          readTo.end = Math.max(readTo.end, offset + 1);
        }
        polled.add(offset);
        furthest = Math.max(furthest, offset);
        if (awaited.delete(offset)) this.#awaitedCount -= 1;
      }
      this.#furthest.set(fact.partition, furthest);
      const place = this.#placeOf(moment.node, fact.partition);
      if (place !== null) place.position = fact.nextPosition;
    },
    "position-set": (fact, moment) => {
      const place = this.#placeOf(moment.node, fact.partition);
      if (place !== null) place.position = fact.offset;
    },
    "client-metadata": (fact, moment) => {
      const place = this.#placeOf(moment.node, fact.partition);
      if (place !== null) place.leaderEpoch = fact.leaderEpoch;
    },
  };

  /**
   * Committed records are lost. If they were of what everybody reads (`isGone`), and not only what a
   * deposed leader wrote, all from that offset on is: what comes there next is to be read instead.
   */
  lost(partition: PartitionGhost, from: number, isGone: boolean): void {
    if (!isGone && this.#readTo.has(partition.name)) return;
    const polled = setOf(this.#polled, partition.name);
    const awaited = setOf(this.#awaited, partition.name);
    if (isGone) {
      this.#forget(polled, awaited, from);
      // Where a reader has been beyond that is no place in the log any more.
      const furthest = this.#furthest.get(partition.name) ?? -1;
      this.#furthest.set(partition.name, Math.min(furthest, from - 1));
    }
    let end = 0;
    for (const offset of polled) end = Math.max(end, offset + 1);
    this.#readTo.set(partition.name, { partition, end });
  }

  #forget(polled: Set<number>, awaited: Set<number>, from: number): void {
    for (const offset of polled) if (offset >= from) polled.delete(offset);
    for (const offset of awaited) {
      if (offset >= from && awaited.delete(offset)) this.#awaitedCount -= 1;
    }
  }

  /** Where records were lost, all that is committed now has been read. */
  get hasReadAnew(): boolean {
    for (const [name, { partition, end }] of this.#readTo) {
      if (this.#readers.has(name) && this.#isReadAnew({ partition, end })) return false;
    }
    return true;
  }

  /**
   * Somebody is going to read what took the place of lost records: it stands before that, or has not heard
   * of the present leader. Nobody need be: a position is valid where the new leader's log of no later epoch
   * ends at or after it, whatever it holds before (SubscriptionState.maybeCompleteValidation).
   */
  #isReadAnew({ partition, end }: { partition: PartitionGhost; end: number }): boolean {
    if (end >= partition.trueHighWatermark) return false;
    const places = this.#places.get(partition.name);
    const present = partition.registration?.leaderEpoch ?? -1;
    return (this.#readers.get(partition.name) ?? []).some((client) => {
      const { position, leaderEpoch } = places?.get(client) ?? NOWHERE;
      return position <= end || leaderEpoch < present;
    });
  }

  /** Null for a client that does not read the partition back. */
  #placeOf(client: string, partition: string): Place | null {
    if (this.#readers.get(partition)?.includes(client) !== true) return null;
    let places = this.#places.get(partition);
    if (places === undefined) this.#places.set(partition, (places = new Map()));
    let place = places.get(client);
    if (place === undefined) places.set(client, (place = { ...NOWHERE }));
    return place;
  }

  nodeEvent(event: { readonly kind: string }, moment: Moment): void {
    if (event.kind !== "ended") return;
    // Nobody is left who could learn how these sends end.
    const open = this.#open.get(moment.node);
    if (open === undefined) return;
    this.#openCount -= open.size;
    open.clear();
  }

  #sendsOf(client: string): Map<string, number> {
    let open = this.#open.get(client);
    if (open === undefined) this.#open.set(client, (open = new Map()));
    return open;
  }

  #resolved(moment: Moment, sendId: string): void {
    if (this.#sendsOf(moment.node).delete(sendId)) this.#openCount -= 1;
  }
}

function setOf(sets: Map<string, Set<number>>, partition: string): Set<number> {
  let set = sets.get(partition);
  if (set === undefined) sets.set(partition, (set = new Set()));
  return set;
}
