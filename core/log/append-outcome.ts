import type { ErrorCode } from "../errors.ts";
import type { Offset } from "../ids.ts";
import type { Batch } from "../record/batch.ts";

/** What came of a leader's append. */
export type LeaderAppend =
  | { readonly kind: "appended"; readonly batch: Batch }
  | { readonly kind: "duplicate"; readonly baseOffset: Offset; readonly lastOffset: Offset }
  | { readonly kind: "refused"; readonly error: ErrorCode };

/** What came of a follower's append of `count` batches. */
export type FollowerAppend =
  | { readonly kind: "appended"; readonly count: number }
  | { readonly kind: "refused"; readonly error: ErrorCode };

export function refused(error: ErrorCode): FollowerAppend {
  return { kind: "refused", error };
}
