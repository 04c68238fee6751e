import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/** What a client knows of a partition's leadership. */
interface Known {
  incarnation: number;
  leaderEpoch: number;
}

/**
 * H3, client metadata: what a client knows of a partition never goes back to an older leader epoch,
 * whichever broker it asks. (Topics cannot be made anew yet; then it holds per topic id.)
 *
 * Broken by: taking over whatever a lagging broker answers.
 *   1. the client learns leader B, epoch 4   2. a broker that was cut off answers A, epoch 3
 */
export class ClientMetadata extends Check {
  readonly id = "H3";
  /** By node, then by client and partition: a process may be several clients. */
  readonly #known: Map<string, Map<string, Known>> = new Map();

  override readonly before: Handlers = {
    "client-metadata": (fact, moment) => {
      const key = `${fact.client} ${fact.partition}`;
      let partitions = this.#known.get(moment.node);
      if (partitions === undefined) this.#known.set(moment.node, (partitions = new Map()));
      const { incarnation } = moment;
      const { leaderEpoch } = fact;
      const known = partitions.get(key);
      if (known === undefined || known.incarnation !== incarnation) {
        partitions.set(key, { incarnation, leaderEpoch });
        return;
      }
      this.evaluations += 1;
      if (leaderEpoch < known.leaderEpoch) {
        const message = `${moment.node} went back from leader epoch ${known.leaderEpoch} to ${leaderEpoch}`;
        this.fail(moment, message, fact.partition);
      }
      known.leaderEpoch = leaderEpoch;
    },
    "consumer-closed": (_fact, moment) => {
      this.#known.delete(moment.node);
    },
  };
}
