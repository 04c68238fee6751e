import type { FactKind } from "../../core/facts.ts";
import { factShapes } from "./fact-shapes.ts";

/** What plans may wait for: the kinds of facts, each with the fields that `where` may name. */
export const eventFields: Readonly<Record<FactKind, readonly string[]>> = Object.fromEntries(
  Object.entries(factShapes).map(([kind, { numbers, texts, lists }]) => [
    kind,
    [...numbers, ...texts, ...lists],
  ]),
) as unknown as Record<FactKind, readonly string[]>;

/**
 * Whom faults may strike by role; `of` is a partition, "order-events-1", except for the controller.
 * A role is resolved when the fault strikes; nobody in it makes the fault a no-op.
 */
export const roleNames = [
  /** Leader as the controller decided it. */
  "leader",
  /** Latest to have begun acting as leader, deposed or not. */
  "presumed-leader",
  /** First member of the committed ISR that does not lead. */
  "isr-follower",
  /** First replica outside the committed ISR. */
  "lagging-replica",
  /** The only member of a committed ISR of one. */
  "last-isr-member",
  /** Of the metadata quorum; takes no `of`. */
  "active-controller",
] as const;

export type RoleName = (typeof roleNames)[number];
