/**
 * Each topic on its own: its partitions in order are cut into one range for each member in order
 * (RangeAssignor.java). Since each topic is cut alike, members with the same topics get the same
 * partition numbers of those that have equally many.
 *
 * Where racks matter (KIP-881), what can be read locally is given out first, within the same limits;
 * the rest is then cut into ranges as always.
 */
import { BaseAssignor } from "./base-assignor.ts";
import { NOBODY } from "./group-index.ts";
import type { GroupIndex } from "./group-index.ts";
import { membersInTurn, subscribersOf } from "./member-order.ts";
import { RackTable } from "./rack-table.ts";
import { assignByRack } from "./range-racks.ts";
import { RangeTopic } from "./range-topic.ts";

export class RangeAssignor extends BaseAssignor {
  readonly name: string = "range";

  protected ownersOf(index: GroupIndex): Int32Array {
    const owners = new Int32Array(index.partitionCount).fill(NOBODY);
    const topics = subscribersOf(index, membersInTurn(index, this.rules)).map(
      (members, topic) => new RangeTopic(index, topic, members, owners, this.rules),
    );
    const racks = new RackTable(index, this.rules);
    if (racks.hasMembers) assignByRack(topics, racks, this.rules);
    for (const topic of topics) topic.assignRanges();
    return owners;
  }
}
