import type { AssignorRules } from "./assignor-rules.ts";
import type { BaseAssignor } from "./base-assignor.ts";
import { CooperativeStickyAssignor } from "./cooperative-sticky.ts";
import { RangeAssignor } from "./range.ts";
import { RoundRobinAssignor } from "./round-robin.ts";
import { StickyAssignor } from "./sticky.ts";

/** The assignors that come with Kafka, as partition.assignment.strategy may name them. */
export const ASSIGNOR_NAMES = ["range", "roundrobin", "sticky", "cooperative-sticky"] as const;

export type AssignorName = (typeof ASSIGNOR_NAMES)[number];

/** A new one, which belongs to one consumer. */
export function makeAssignor(name: AssignorName, rules: AssignorRules): BaseAssignor {
  switch (name) {
    case "range":
      return new RangeAssignor(rules);
    case "roundrobin":
      return new RoundRobinAssignor(rules);
    case "sticky":
      return new StickyAssignor(rules);
    case "cooperative-sticky":
      return new CooperativeStickyAssignor(rules);
  }
}
