import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B13, clean election: where unclean.leader.election.enable was false when the record was written,
 * every elected leader was in the ISR before. The creation of a partition is excepted.
 *
 * Broken by: electing the first live replica.
 *   1. ISR is A, B; C lags   2. A and B are fenced   3. C is elected
 */
export class CleanElection extends Check {
  readonly id = "B13";

  override readonly before: Handlers = {
    "partition-decided": (fact, moment) => {
      const { leader, why, previousIsr } = fact;
      if (why === "created" || leader === -1 || leader === fact.previousLeader) return;
      this.evaluations += 1;
      if (previousIsr.includes(leader) || (fact.unclean && fact.uncleanAllowed)) return;
      const message = `broker ${leader} was elected in epoch ${fact.leaderEpoch}, the ISR was [${previousIsr.join(", ")}]`;
      this.fail(moment, message, fact.partition);
    },
  };
}
