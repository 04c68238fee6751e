import { BaseAssignor } from "./base-assignor.ts";
import { NOBODY } from "./group-index.ts";
import type { GroupIndex } from "./group-index.ts";
import { membersInTurn, subscribersOf } from "./member-order.ts";

/**
 * All partitions of all topics, dealt out in turn (RoundRobinAssignor.java). Who does not want a topic
 * is passed over, and has then missed that turn.
 */
export class RoundRobinAssignor extends BaseAssignor {
  readonly name: string = "roundrobin";

  protected ownersOf(index: GroupIndex): Int32Array {
    const order = membersInTurn(index, this.rules);
    const seats = new Int32Array(order.length);
    order.forEach((member, seat) => (seats[member] = seat));
    const owners = new Int32Array(index.partitionCount).fill(NOBODY);
    let nextSeat = 0;
    subscribersOf(index, order).forEach((members, topic) => {
      if (members.length === 0) return;
      const takers = members.map((member) => seats[member]!);
      let at = firstAtOrAfter(takers, nextSeat);
      for (let id = index.firstOf[topic]!; id < index.firstOf[topic + 1]!; id++) {
        const seat = takers[at]!;
        owners[id] = order[seat]!;
        nextSeat = (seat + 1) % order.length;
        at = (at + 1) % takers.length;
      }
    });
    return owners;
  }
}

/** The position of the first seat that is not before `seat`; after the last one comes the first. */
function firstAtOrAfter(seats: readonly number[], seat: number): number {
  let low = 0;
  let high = seats.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (seats[middle]! < seat) low = middle + 1;
    else high = middle;
  }
  return low === seats.length ? 0 : low;
}
