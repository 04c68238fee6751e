/**
 * Judges what a group of consumers did with the records of its topics by the effects in the store outside.
 * "at-least-once": each record that a producer with acks=all was told of has an effect in the end, from
 * where the group began to read. "at-most-once": none has two. "as-configured" promises neither.
 *
 * Records are counted by their offsets: one that its producer wrote twice is two.
 */
import type { GroupId, Offset, PartitionName } from "../../core/ids.ts";
import type { Findings, Moment, Observer } from "../observation.ts";

export type DeliveryPromise = "at-least-once" | "at-most-once" | "exactly-once" | "as-configured";
export const deliveryPromises: readonly DeliveryPromise[] = [
  "at-least-once",
  "at-most-once",
  "exactly-once",
  "as-configured",
];

export interface PromisedEffectsOptions {
  readonly promise: DeliveryPromise;
  readonly findings: Findings;
  /** Clients whose acknowledged records must not be lost. */
  readonly durableClients: ReadonlySet<string>;
}

/** What a group has done in a partition. */
interface Share {
  readonly group: GroupId;
  readonly partition: PartitionName;
  /** The lowest offset at which one of its members began; null while none has. */
  begin: Offset | null;
  committed: Offset;
  readonly effects: Set<Offset>;
  /** Of the acknowledged records before that place in their list, each has its effect. */
  judged: number;
}

interface Acked {
  readonly offset: Offset;
  readonly at: number;
}

/** So long nothing may have come of what is committed before it counts as never to come. */
const QUIET_US = 5_000_000;

/** Where a consumer goes on of its own accord, in contrast to a seek. */
const beginnings: readonly string[] = ["assigned", "committed"];

export class PromisedEffects implements Observer {
  readonly #options: PromisedEffectsOptions;
  readonly #acked: Map<PartitionName, Acked[]> = new Map();
  readonly #shares: Map<string, Share> = new Map();
  /** By node, the group of its consumer. */
  readonly #groups: Map<string, GroupId> = new Map();
  /** By node, what its commit under way says. */
  readonly #commits: Map<string, readonly { partition: PartitionName; offset: Offset }[]> =
    new Map();
  #lastAt = 0;

  constructor(options: PromisedEffectsOptions) {
    this.#options = options;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "send-acked": ({ partition, offset }, { node, at }) => {
      if (offset < 0 || !this.#options.durableClients.has(node)) return;
      const acked = this.#acked.get(partition);
      if (acked === undefined) this.#acked.set(partition, [{ offset, at }]);
      else acked.push({ offset, at });
    },
    "partitions-assigned": ({ group, owned }, { node }) => {
      this.#groups.set(node, group);
      for (const partition of owned) this.#share(group, partition);
    },
    "position-set": ({ partition, offset, why }, { node }) => {
      const group = this.#groups.get(node);
      if (group === undefined || !beginnings.includes(why)) return;
      const share = this.#share(group, partition);
      // The records before are of no concern, unless some member begins there.
      if (share.begin === null || offset < share.begin) {
        share.begin = offset;
        share.judged = 0;
      }
    },
    "commit-sent": ({ offsets }, { node }) => void this.#commits.set(node, offsets),
    "commit-done": ({ group, error }, { node, at }) => {
      this.#lastAt = at;
      if (error !== 0) return;
      for (const { partition, offset } of this.#commits.get(node) ?? []) {
        this.#share(group, partition).committed = offset;
      }
    },
    "effect-put": ({ group, partition, offset }, moment) => {
      this.#lastAt = moment.at;
      const share = this.#share(group, partition);
      if (share.effects.has(offset)) this.#repeated(share, offset, moment);
      share.effects.add(offset);
    },
  };

  /** Records of that partition from this offset on are legally lost. */
  lost(partition: PartitionName, from: Offset): void {
    const acked = this.#acked.get(partition);
    if (acked === undefined) return;
    const left = acked.filter(({ offset }) => offset < from);
    acked.splice(0, acked.length, ...left);
    for (const share of this.#shares.values()) if (share.partition === partition) share.judged = 0;
  }

  /** Effects may still come: what of, for the sake of people; null when there is nothing to wait for. */
  pending(nowUs: number): string | null {
    if (!this.#promisesEach) return null;
    const isQuiet = nowUs >= this.#lastAt + QUIET_US;
    for (const share of this.#shares.values()) {
      const missing = this.#firstMissing(share);
      if (missing === null) continue;
      // What is committed is not read again, once nobody is at work any more.
      if (isQuiet && share.committed > missing.offset) continue;
      return `group ${share.group} has not worked on ${share.partition} offset ${missing.offset}`;
    }
    return null;
  }

  atEnd(moment: Moment): void {
    if (!this.#promisesEach) return;
    const { findings } = this.#options;
    for (const share of this.#shares.values()) {
      const acked = this.#wanted(share);
      findings.checked("at-least-once", acked.length);
      const missing = acked.filter(({ offset }) => !share.effects.has(offset));
      const [first] = missing;
      if (first !== undefined) this.#missed(share, first, missing.length - 1, moment);
    }
  }

  get #promisesEach(): boolean {
    const { promise } = this.#options;
    return promise === "at-least-once" || promise === "exactly-once";
  }

  #missed(share: Share, { offset, at }: Acked, more: number, moment: Moment): void {
    const { group, partition, committed } = share;
    const others = more === 0 ? "" : ` (and ${more} more)`;
    const place =
      committed > offset
        ? `it has committed offset ${committed}, so nobody will read it again`
        : `it has committed offset ${committed}, and did not get so far`;
    this.#options.findings.violation({
      invariant: "at-least-once",
      at: moment.at,
      node: moment.node,
      partition,
      offset,
      message:
        `the record at offset ${offset} of ${partition}, acknowledged at ${(at / 1e6).toFixed(3)} s, ` +
        `has no effect of group ${group}${others}: ${place}`,
    });
  }

  #repeated({ group, partition }: Share, offset: Offset, moment: Moment): void {
    const { promise, findings } = this.#options;
    if (promise !== "at-most-once" && promise !== "exactly-once") return;
    findings.violation({
      invariant: "at-most-once",
      at: moment.at,
      node: moment.node,
      partition,
      offset,
      message: `the record at offset ${offset} of ${partition} has a second effect of group ${group}`,
    });
  }

  #wanted({ partition, begin }: Share): readonly Acked[] {
    if (begin === null) return [];
    return (this.#acked.get(partition) ?? []).filter(({ offset }) => offset >= begin);
  }

  /** Asked for often: goes on where it was. */
  #firstMissing(share: Share): Acked | null {
    const { begin, effects } = share;
    if (begin === null) return null;
    const acked = this.#acked.get(share.partition) ?? [];
    for (; share.judged < acked.length; share.judged += 1) {
      const one = acked[share.judged]!;
      if (one.offset >= begin && !effects.has(one.offset)) return one;
    }
    return null;
  }

  #share(group: GroupId, partition: PartitionName): Share {
    const key = `${group}/${partition}`;
    let share = this.#shares.get(key);
    if (share === undefined) {
      share = { group, partition, begin: null, committed: -1, effects: new Set(), judged: 0 };
      this.#shares.set(key, share);
    }
    return share;
  }
}
