import type { Subscription } from "./assignor.ts";
import { NO_GENERATION } from "./assignor.ts";
import { BaseAssignor } from "./base-assignor.ts";
import type { GroupIndex } from "./group-index.ts";
import { MemberClaims } from "./member-claims.ts";
import type { Claim } from "./member-claims.ts";
import { RackTable } from "./rack-table.ts";
import { assignEqually } from "./sticky-equal.ts";
import { assignUnequally } from "./sticky-unequal.ts";

/** Partitions shared out, before anything is held back. */
export interface StickyResult {
  readonly index: GroupIndex;
  readonly claims: MemberClaims;
  /** By partition. */
  readonly owners: Int32Array;
  /** By partition: 1 where another member has to give it up first. Null where that is not known. */
  readonly moving: Uint8Array | null;
}

/**
 * Balance first, then as little movement as possible (AbstractStickyAssignor.java). One way to get there
 * is for groups in which all want the same, another for the rest.
 */
export abstract class StickyBase extends BaseAssignor {
  /** Of all that this assignor ever saw: Kafka never forgets it either. */
  #newestGeneration: number = NO_GENERATION;

  /** What a member says that it had. */
  protected abstract claimOf(subscription: Subscription): Claim;
  /** By partition: who gets it in this round. */
  protected abstract released(result: StickyResult): Int32Array;

  protected ownersOf(index: GroupIndex): Int32Array {
    const claims = new MemberClaims(
      index,
      (subscription) => this.claimOf(subscription),
      this.rules,
    );
    this.#newestGeneration = Math.max(this.#newestGeneration, claims.newestGeneration);
    const racks = new RackTable(index, this.rules);
    const racksMatter = racks.matters(index.walk, 0, index.partitionCount) ? racks : null;
    const result = index.allWantTheSame()
      ? assignEqually(index, claims, racksMatter, this.rules)
      : assignUnequally(index, claims, this.#newestGeneration, racksMatter, this.rules);
    return this.released({ index, claims, ...result });
  }
}
