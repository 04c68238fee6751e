/**
 * What each client was last told of the cluster, and by whom: its answers to Metadata requests, as they
 * reach it. Constant work per frame; answers are few.
 */
import type { LeaderEpoch, PartitionName } from "../../core/ids.ts";
import type { MetadataResponse } from "../../core/protocol/metadata.ts";
import { ApiKeys } from "../../core/protocol/message.ts";
import type { Response } from "../../core/protocol/message.ts";
import type { Moment, NodeEvent } from "../observation.ts";
import type { FrameObserver } from "../observe.ts";

/** What one client process was told. */
export interface Told {
  /** Name of the broker whose answer came last. */
  readonly by: string;
  readonly at: number;
  /** Highest leader epoch that any answer named. */
  readonly epochs: ReadonlyMap<PartitionName, LeaderEpoch>;
}

interface Answers extends Told {
  by: string;
  at: number;
  readonly epochs: Map<PartitionName, LeaderEpoch>;
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
      for (const { partitionIndex, leaderEpoch } of partitions) {
        const partition = `${name}-${partitionIndex}`;
        const known = told.epochs.get(partition) ?? -1;
        told.epochs.set(partition, Math.max(known, leaderEpoch));
      }
    }
  }

  nodeEvent(event: NodeEvent, { node }: Moment): void {
    if (event.kind === "ended") this.#told.delete(node);
  }
}
