import type { Subscription, TopicPartition } from "./assignor.ts";
import { NO_GENERATION } from "./assignor.ts";
import type { AssignorRules } from "./assignor-rules.ts";
import { NO_PARTITION, NOBODY } from "./group-index.ts";
import type { GroupIndex } from "./group-index.ts";

/** What a member says that it had. Null: it does not know in which generation. */
export interface Claim {
  readonly partitions: readonly TopicPartition[];
  readonly generationId: number | null;
}

/** What members had, and which of them is to be believed. */
export class MemberClaims {
  /** By member: what it claims and still exists, and its generation (NO_GENERATION for null). */
  readonly partitions: readonly (readonly number[])[];
  readonly generations: Int32Array;
  /** By partition: the member whose claim holds, or NOBODY. */
  readonly owners: Int32Array;
  /** By partition: 1 where two members claimed it in the same generation. */
  readonly contested: Uint8Array;
  /** The newest generation of all claims. */
  readonly newestGeneration: number;

  constructor(
    index: GroupIndex,
    claimOf: (subscription: Subscription) => Claim,
    rules: AssignorRules,
  ) {
    const claims = index.subscriptions.map(claimOf);
    this.generations = Int32Array.from(claims, ({ generationId }) => generationId ?? NO_GENERATION);
    this.newestGeneration = this.generations.reduce((a, b) => Math.max(a, b), NO_GENERATION);
    this.partitions = claims.map(({ partitions }) =>
      partitions
        .map(({ topic, partition }) => index.find(topic, partition))
        .filter((partition) => partition !== NO_PARTITION),
    );
    this.owners = new Int32Array(index.partitionCount).fill(NOBODY);
    this.contested = new Uint8Array(index.partitionCount);
    this.#resolve(index, rules);
  }

  /** One claim after the other, each against the last one that was not older. */
  #resolve(index: GroupIndex, rules: AssignorRules): void {
    const rivals = new Int32Array(index.partitionCount).fill(NOBODY);
    for (const member of index.walk) {
      for (const partition of this.partitions[member]!) {
        const rival = rivals[partition]!;
        if (rival === NOBODY) {
          this.owners[partition] = rivals[partition] = member;
          continue;
        }
        const rivalGeneration = rules.rivalGeneration(
          index.subscriptions[rival]!.generationId,
          this.generations[rival]!,
        );
        const winner = rules.winningClaim(rivalGeneration, this.generations[member]!);
        // Who names a partition twice has only one claim to it.
        if (winner === "first" || (winner === "second" && rival === member)) continue;
        rivals[partition] = member;
        this.owners[partition] = winner === "second" ? member : NOBODY;
        if (winner === "neither") this.contested[partition] = 1;
      }
    }
  }
}
