/** Words in which tests tell stories about one partition: each becomes a fact of some node. */
import type { Fact } from "../../core/facts.ts";
import type { Batch } from "../../core/record/batch.ts";
import type { NodeEvent } from "../observation.ts";

export const PARTITION = "t-0";
export const START_MS = 1767225600000;

export interface Step {
  readonly name: string;
  /** "b1", "c100", "p1", "r1"; its number is the node id of brokers and controllers. */
  readonly node: string;
  readonly fact?: Fact;
  readonly event?: NodeEvent;
  /** Before the step, this node's file is replaced by these batches. */
  readonly disk?: readonly Batch[];
  /** Before the step, these are the other files of this node. */
  readonly files?: readonly string[];
  readonly frame?: { readonly connection: number; readonly content: unknown };
}

export const diskPath: string = "/data/t-0/00000000000000000000.log";

/** What most facts of a story begin with. */
export const base: { readonly partition: string } = { partition: PARTITION };

export class Story {
  readonly steps: Step[] = [];
  /** The first record of the log says who leads. */
  #metadataOffset = 1;

  tell(name: string, node: string, fact: Fact): void {
    this.steps.push({ name, node, fact });
  }

  commit(
    name: string,
    record: Extract<Fact, { kind: "metadata-committed" }>["record"],
    endsBatch: boolean = true,
  ): void {
    const offset = this.#metadataOffset++;
    this.tell(name, "c100", { kind: "metadata-committed", offset, epoch: 1, record, endsBatch });
  }

  decide(
    name: string,
    fact: Pick<
      Extract<Fact, { kind: "partition-decided" }>,
      "leader" | "leaderEpoch" | "partitionEpoch" | "isr" | "previousIsr" | "previousLeader" | "why"
    > & { readonly unclean?: boolean; readonly uncleanAllowed?: boolean },
  ): void {
    this.tell(name, "c100", {
      kind: "partition-decided",
      ...base,
      offset: this.#metadataOffset,
      replicas: [1, 2, 3],
      unclean: false,
      uncleanAllowed: false,
      ...fact,
    });
    const created = fact.why === "created";
    if (created) return;
    this.commit(`${name}-committed`, {
      type: "PartitionChange",
      topicId: "T",
      partitionId: 0,
      isr: fact.isr,
      leader: fact.leader === fact.previousLeader ? null : fact.leader,
      leaderRecoveryState: null,
    });
  }

  append(name: string, node: string, batch: Batch, as: "leader" | "follower", epoch: number): void {
    this.tell(name, node, { kind: "appended", ...base, as, leaderEpoch: epoch, batch });
  }

  fetched(name: string, leader: string, follower: number, from: number, epoch: number): void {
    this.tell(name, leader, {
      kind: "follower-fetched",
      ...base,
      leaderEpoch: epoch,
      follower,
      brokerEpoch: follower,
      fetchOffset: from,
      requestLeaderEpoch: epoch,
    });
  }

  leaderMark(name: string, node: string, mark: number, counted: number[], epoch: number): void {
    this.tell(name, node, {
      kind: "high-watermark",
      ...base,
      as: "leader",
      leaderEpoch: epoch,
      highWatermark: mark,
      endOffset: mark,
      counted,
      told: mark,
    });
  }

  followerMark(name: string, node: string, mark: number, epoch: number): void {
    this.tell(name, node, {
      kind: "high-watermark",
      ...base,
      as: "follower",
      leaderEpoch: epoch,
      highWatermark: mark,
      endOffset: mark,
      counted: [],
      told: mark,
    });
  }
}
