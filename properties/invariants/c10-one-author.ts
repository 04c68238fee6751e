import type { FactOf } from "../../core/facts.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import type { Registration } from "../ghost/partition-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

interface Decision extends Pick<Registration, "leader" | "isr"> {
  /** The controller that decided, and its epoch then. */
  readonly epoch: number;
  readonly partition: string;
}

/**
 * C10, one author: only the elected leader of an epoch writes records of that epoch; and the record
 * that is committed at an offset is the one that the controller of its epoch decided to put there.
 *
 * Broken by: a controller that writes in a new epoch what it decided in an old one.
 *   1. K1 decides in epoch 1 that A leads, and is deposed   2. K1 is elected again in epoch 3
 *   3. it writes the decision, though K2 has made B leader in epoch 2
 */
export class OneAuthor extends Check {
  readonly id = "C10";
  /** By offset: what is decided and not committed. Overwritten by whoever decides there next. */
  readonly #decisions: Map<number, Decision> = new Map();

  override readonly before: Handlers = {
    appended: (fact, moment) => {
      if (fact.partition !== METADATA_PARTITION || fact.as !== "leader") return;
      const { state, epoch } = this.ghost.quorum.member(moment.nodeId);
      const elected = this.ghost.quorum.leaderIn[fact.batch.leaderEpoch];
      this.evaluations += 1;
      // A leader begins its epoch in the log just before it says that it leads.
      const leads = state === "leader" && epoch === fact.batch.leaderEpoch;
      if (elected === moment.nodeId && leads) return;
      const message = `${moment.node}, ${state ?? "starting"} in epoch ${epoch}, wrote metadata of epoch ${fact.batch.leaderEpoch}`;
      this.fail(moment, message, METADATA_PARTITION, fact.batch.baseOffset);
    },
    "partition-decided": (fact, moment) => {
      const { epoch } = this.ghost.quorum.member(moment.nodeId);
      const { partition, leader, isr } = fact;
      const { quorum } = this.ghost;
      // A deposed controller decides on, until it learns; its offsets are another's now.
      if (quorum.leader !== null && quorum.leader.epoch > epoch) return;
      this.#decisions.set(fact.offset, { epoch, partition, leader, isr });
    },
    "metadata-committed": (fact) => {
      if (fact.record.type === "NoOp") this.#decisions.delete(fact.offset);
    },
  };

  override readonly after: Handlers = {
    "metadata-committed": (fact, moment) => {
      if (fact.record.type === "PartitionChange") this.#judge(fact, moment);
    },
  };

  #judge(fact: FactOf<"metadata-committed">, moment: Moment): void {
    const decision = this.#decisions.get(fact.offset);
    if (!this.ghost.metadata.fresh || decision === undefined) return;
    this.#decisions.delete(fact.offset);
    if (decision.epoch !== fact.epoch || fact.record.type !== "PartitionChange") return;
    const committed = this.ghost.partitions.get(decision.partition)?.registration;
    if (committed === undefined || committed === null) return;
    this.evaluations += 1;
    const { leader, isr } = decision;
    const isSame =
      committed.leader === leader &&
      committed.isr.length === isr.length &&
      committed.isr.every((member, at) => member === isr[at]);
    if (isSame) return;
    const message = `leader ${committed.leader} and ISR [${committed.isr.join(", ")}] were committed at metadata offset ${fact.offset}, where the controller of epoch ${decision.epoch} decided leader ${leader} and ISR [${isr.join(", ")}]`;
    this.fail(moment, message, decision.partition);
  }
}
