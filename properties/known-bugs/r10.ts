import type { ErrorCode } from "../../core/errors.ts";
import { Errors } from "../../core/errors.ts";
import { AlterPartitionRules } from "../../core/controller/alter-partition-rules.ts";
import type { KnownBug } from "./known-bug.ts";

class WrongAlterPartitionRules extends AlterPartitionRules {
  override partitionEpochError(): ErrorCode {
    return Errors.NONE;
  }
}

/**
 * The controller accepts an ISR change that was made of an older state of the partition.
 */
export const R10: KnownBug = {
  id: "R10",
  name: "alter-partition-without-partition-epoch",
  origin: "KIP-497",
  rules: { alterPartition: WrongAlterPartitionRules },
  needs: [],
  violates: ["B3", "B2"],
  visible: [],
  easy: false,
  schedule: null,
};
