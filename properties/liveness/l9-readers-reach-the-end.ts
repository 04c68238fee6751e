/**
 * L9: consumers reach the end: what was acknowledged and is committed is read by some consumer of the
 * partition. A record that readers went past is for the clients' history to judge.
 *
 * Broken by a client that keeps the leader it knows, whatever newer metadata say (`ClientRules.acceptsLeader`):
 *   1. r1 reads from b1, which is cut off from the controller; b2 is elected in the next epoch
 *   2. b3 tells r1 so, which goes on asking b1
 */
import type { NodeId, Offset } from "../../core/ids.ts";
import type { Progress } from "../progress.ts";
import { firstOf, frozenExcuse, staleClients } from "./excuses.ts";
import type { StaleClient } from "./excuses.ts";
import type { HealView, LivePartition } from "./heal-view.ts";
import type { Pending } from "./pending.ts";
import { LivenessCheck } from "./pending.ts";
import { epochTold } from "./reader-watch.ts";
import type { ReaderWatch } from "./reader-watch.ts";

export interface ReadersOptions {
  readonly progress: Progress;
  readonly watch: ReaderWatch;
  /** By partition, the clients that read it from the beginning to the end. */
  readonly readers: ReadonlyMap<string, readonly string[]>;
}

export class ReadersReachTheEnd extends LivenessCheck {
  readonly id = "L9";
  readonly #options: ReadersOptions;

  constructor(options: ReadersOptions) {
    super();
    this.#options = options;
  }

  *pending(view: HealView): Iterable<Pending> {
    const { progress, readers } = this.#options;
    for (const live of view.partitions()) {
      const { name, trueHighWatermark } = live.partition;
      const clients = readers.get(name);
      if (clients === undefined) continue;
      this.evaluations += 1;
      const offset = progress.aheadOfReaders(name);
      if (offset === null || offset >= trueHighWatermark) continue;
      yield this.#unread(view, live, clients, offset);
    }
  }

  /** `offset`: the first that no reader has come to. */
  #unread(
    view: HealView,
    live: LivePartition,
    clients: readonly string[],
    offset: Offset,
  ): Pending {
    const { progress, watch } = this.#options;
    const { partition, registration } = live;
    const { name } = partition;
    const stale = (): readonly StaleClient[] | null => staleClients(view, live, clients, watch);
    return {
      object: name,
      partition: name,
      nodes: [...clients, ...view.names(registration.replicas)],
      waitsFor: () =>
        `it is read up to ${progress.readTo(name)} of ${partition.trueHighWatermark}, ` +
        `${progress.unreadOf(name)} acknowledged records are unread, and ` +
        `${nameOf(view, registration.leader)} leads in epoch ${registration.leaderEpoch}; ` +
        clients.map((client) => this.#knowledge(view, live, client)).join("; "),
      excuse: () =>
        firstOf(
          () => (stale() === null ? null : "stale-metadata"),
          // Nobody reads beyond the leader's high watermark: L12 is about that.
          () => (isBeyondLeader(live, offset) ? frozenExcuse(view, live) : null),
        ),
      excusedBy: () => stale()?.[0]?.fault ?? null,
    };
  }

  #knowledge(view: HealView, { partition, registration }: LivePartition, client: string): string {
    const told = this.#options.watch.lastAnswer(client);
    if (told === undefined) return `${client} was told nothing`;
    const epoch = epochTold(told, partition);
    const last = `last by ${told.by} ${view.ago(told.at)}`;
    if (epoch >= registration.leaderEpoch) return `${client} was told so, ${last}`;
    return `${client} waits for newer metadata than epoch ${epoch}, as told ${last}`;
  }
}

function isBeyondLeader({ partition, registration }: LivePartition, offset: Offset): boolean {
  const leading = partition.replica(registration.leader);
  return leading !== undefined && offset >= leading.highWatermark;
}

function nameOf(view: HealView, leader: NodeId): string {
  return leader < 0 ? "nobody" : view.name(leader);
}
