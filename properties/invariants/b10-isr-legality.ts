import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B10, legality of the ISR: judged at the end of each atomic batch of metadata records. The leader,
 * if there is one, is in the ISR; the ISR is not empty, has nobody twice and nobody outside the
 * replicas; an ISR of more than one has no fenced broker and none that is shutting down.
 *
 * Broken by: an unclean election that leaves the old ISR as it was.
 *   1. ISR is A   2. A is fenced, B is elected uncleanly   3. leader B, ISR A
 */
export class IsrLegality extends Check {
  readonly id = "B10";

  override readonly after: Handlers = {
    "metadata-committed": (fact, moment) => {
      const { metadata } = this.ghost;
      if (!metadata.fresh || !fact.endsBatch) return;
      for (const partition of metadata.touchedPartitions) this.#judge(partition, moment);
      for (const broker of metadata.touchedBrokers) {
        for (const partition of this.ghost.partitions.values()) {
          if (partition.inCommittedIsr(broker)) this.#judge(partition, moment);
        }
      }
    },
  };

  #judge(partition: PartitionGhost, moment: Moment): void {
    const { registration } = partition;
    if (registration === null) return;
    const { leader, isr, replicas } = registration;
    this.evaluations += isr.length + 1;
    const wrong = this.#wrong(leader, isr, replicas);
    if (wrong === null) return;
    const message = `leader ${leader} and ISR [${isr.join(", ")}] of replicas [${replicas.join(", ")}]: ${wrong}`;
    this.fail(moment, message, partition.name);
  }

  #wrong(leader: number, isr: readonly number[], replicas: readonly number[]): string | null {
    if (isr.length === 0) return "the ISR is empty";
    if (leader !== -1 && !isr.includes(leader)) return "the leader is not in the ISR";
    for (const [index, member] of isr.entries()) {
      if (isr.indexOf(member) !== index) return `broker ${member} is in the ISR twice`;
      if (!replicas.includes(member)) return `broker ${member} has no replica`;
      if (isr.length === 1) continue;
      const broker = this.ghost.metadata.brokers.get(member);
      if (broker?.fenced === true) return `broker ${member} is fenced`;
      if (broker?.inControlledShutdown === true) return `broker ${member} is shutting down`;
    }
    return null;
  }
}
