import type {
  Assignment,
  ConsumerGroupMetadata,
  Subscription,
  TopicPartition,
} from "./assignor.ts";
import type { Claim } from "./member-claims.ts";
import { StickyBase } from "./sticky-base.ts";
import type { StickyResult } from "./sticky-base.ts";
import { decodeStickyUserData, encodeStickyUserData } from "./sticky-user-data.ts";

/**
 * Sticky, though members give up everything before they join (StickyAssignor.java, KIP-54): each tells in
 * its user data what it had, and in which generation (KIP-341).
 */
export class StickyAssignor extends StickyBase {
  #last: { readonly partitions: readonly TopicPartition[]; readonly generationId: number } | null =
    null;
  readonly name: string = "sticky";

  override subscriptionUserData(): Uint8Array | null {
    return this.#last === null
      ? null
      : encodeStickyUserData(this.#last.partitions, this.#last.generationId);
  }

  override onAssignment({ partitions }: Assignment, { generationId }: ConsumerGroupMetadata): void {
    this.#last = { partitions, generationId };
  }

  protected claimOf({ userData }: Subscription): Claim {
    if (userData === null || userData.length === 0) return { partitions: [], generationId: null };
    return decodeStickyUserData(userData);
  }

  protected released({ owners }: StickyResult): Int32Array {
    return owners;
  }
}
