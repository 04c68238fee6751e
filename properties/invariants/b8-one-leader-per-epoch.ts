import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B8, one leader per epoch: at most one broker ever acts as leader of a partition in a leader epoch:
 * takes up leadership, appends, acknowledges or serves. It is the one whom the controller chose.
 *
 * Broken by: a controller that changes the leader without raising the leader epoch.
 *   1. A leads in epoch 3   2. the controller names B, still in epoch 3   3. B takes up leadership
 */
export class OneLeaderPerEpoch extends Check {
  readonly id = "B8";
  readonly #leaders: Map<string, (number | undefined)[]> = new Map();

  override readonly before: Handlers = {
    "became-leader": (fact, moment) => this.#acts(fact.partition, fact.leaderEpoch, moment),
    appended: (fact, moment) => {
      if (fact.as === "leader") this.#acts(fact.partition, fact.leaderEpoch, moment);
    },
    "ack-sent": (fact, moment) => this.#acts(fact.partition, fact.leaderEpoch, moment),
    "fetch-served": (fact, moment) => this.#acts(fact.partition, fact.leaderEpoch, moment),
  };

  #acts(partition: string, epoch: number, moment: Moment): void {
    let leaders = this.#leaders.get(partition);
    if (leaders === undefined) this.#leaders.set(partition, (leaders = []));
    this.evaluations += 1;
    const leader = leaders[epoch];
    if (leader === moment.nodeId) return;
    const chosen = this.ghost.partition(partition).electedIn[epoch];
    if (leader === undefined && (chosen === undefined || chosen === moment.nodeId)) {
      leaders[epoch] = moment.nodeId;
      return;
    }
    const message = `${moment.node} acts as leader of epoch ${epoch}, in which broker ${leader ?? chosen} leads`;
    this.fail(moment, message, partition);
  }
}
