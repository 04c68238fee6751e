import type { Offset, PartitionName } from "../../core/ids.ts";
import type { Moment } from "../observation.ts";

export interface Position {
  incarnation: number;
  /** Null until the client tells of it. */
  next: Offset | null;
  /** Losses of committed records that this consumer may not ask to be excused for any more. */
  losses: number;
}

/** Where consumers stand; a new process of a client knows nothing of the old one's positions. */
export class Positions {
  readonly #clients: Map<string, Map<PartitionName, Position>> = new Map();

  /** The client has closed its consumer. */
  forget(client: string): void {
    this.#clients.delete(client);
  }

  of(moment: Moment, partition: PartitionName): Position {
    let partitions = this.#clients.get(moment.node);
    if (partitions === undefined) this.#clients.set(moment.node, (partitions = new Map()));
    let position = partitions.get(partition);
    if (position === undefined) {
      position = { incarnation: moment.incarnation, next: null, losses: 0 };
      partitions.set(partition, position);
    } else if (position.incarnation !== moment.incarnation) {
      position.incarnation = moment.incarnation;
      position.next = null;
    }
    return position;
  }
}
