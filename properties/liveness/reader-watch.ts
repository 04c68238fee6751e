/**
 * What each client was last told of the cluster, and by whom: its answers to Metadata requests, as they
 * reach it. Constant work per frame; answers are few.
 */
import type { LeaderEpoch } from "../../core/ids.ts";
import type { MetadataResponse } from "../../core/protocol/metadata.ts";
import { ApiKeys } from "../../core/protocol/message.ts";
import type { Response } from "../../core/protocol/message.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { Moment, NodeEvent } from "../observation.ts";
import type { FrameObserver } from "../observe.ts";

/** What one client process was told. */
export interface Told {
  /** Name of the broker whose answer came last. */
  readonly by: string;
  readonly at: number;
  /** Highest leader epoch that any answer named, by topic and partition. */
  readonly epochs: ReadonlyMap<string, readonly (LeaderEpoch | undefined)[]>;
}

interface Answers extends Told {
  by: string;
  at: number;
  readonly epochs: Map<string, (LeaderEpoch | undefined)[]>;
}

/** The highest leader epoch of that partition that a client was told; -1 for none. */
export function epochTold({ epochs }: Told, { topic, index }: PartitionGhost): LeaderEpoch {
  return epochs.get(topic)?.[index] ?? -1;
}

export class ReaderWatch implements FrameObserver {
  readonly #told: Map<string, Answers> = new Map();

  /** Undefined until its process got an answer. */
  lastAnswer(client: string): Told | undefined {
    return this.#told.get(client);
  }

  frameDelivered(_connection: number, frame: unknown, moment: Moment, from: string): void {
    const { node, nodeId, at } = moment;
    if (nodeId >= 0 || (frame as Response).apiKey !== ApiKeys.METADATA) return;
    let told = this.#told.get(node);
    if (told === undefined) this.#told.set(node, (told = { by: from, at, epochs: new Map() }));
    told.by = from;
    told.at = at;
    const { topics } = (frame as Response).body as MetadataResponse;
    for (const { name, partitions } of topics) {
      let known = told.epochs.get(name);
      if (known === undefined) told.epochs.set(name, (known = []));
      for (const { partitionIndex, leaderEpoch } of partitions) {
        if (leaderEpoch > (known[partitionIndex] ?? -1)) known[partitionIndex] = leaderEpoch;
      }
    }
  }

  nodeEvent(event: NodeEvent, { node }: Moment): void {
    if (event.kind === "ended") this.#told.delete(node);
  }
}
