import type {
  Assignment,
  ConsumerGroupMetadata,
  RebalanceProtocol,
  Subscription,
} from "./assignor.ts";
import { NO_GENERATION } from "./assignor.ts";
import { NOBODY } from "./group-index.ts";
import type { Claim } from "./member-claims.ts";
import { StickyBase } from "./sticky-base.ts";
import type { StickyResult } from "./sticky-base.ts";
import { decodeGeneration, encodeGeneration } from "./sticky-user-data.ts";

/**
 * Sticky for members that keep what they have while they join (CooperativeStickyAssignor.java, KIP-429).
 * What has to move is taken from its owner in one round, and given to the next one in the round after.
 */
export class CooperativeStickyAssignor extends StickyBase {
  #generationId: number = NO_GENERATION;
  readonly name: string = "cooperative-sticky";
  override readonly supportedProtocols: readonly RebalanceProtocol[] = ["cooperative", "eager"];

  override subscriptionUserData(): Uint8Array {
    return encodeGeneration(this.#generationId);
  }

  override onAssignment(_assignment: Assignment, { generationId }: ConsumerGroupMetadata): void {
    this.#generationId = generationId;
  }

  protected claimOf({ ownedPartitions, generationId, userData }: Subscription): Claim {
    const told = userData === null ? null : decodeGeneration(userData);
    return {
      partitions: ownedPartitions,
      generationId: this.rules.cooperativeGeneration(generationId, told),
    };
  }

  protected released(result: StickyResult): Int32Array {
    const moving = result.moving ?? movingOf(result);
    return result.owners.map((member, partition) =>
      this.rules.withholds(moving[partition] === 1) ? NOBODY : member,
    );
  }
}

/** By partition: 1 where a member gets it that does not say that it has it, while another one does. */
function movingOf({ index, claims, owners }: StickyResult): Uint8Array {
  const isHeld = new Uint8Array(index.partitionCount);
  const isKept = new Uint8Array(index.partitionCount);
  claims.partitions.forEach((partitions, member) => {
    for (const partition of partitions) {
      if (owners[partition] === member) isKept[partition] = 1;
      else isHeld[partition] = 1;
    }
  });
  return isHeld.map((held, partition) => (held === 1 && isKept[partition] === 0 ? 1 : 0));
}
