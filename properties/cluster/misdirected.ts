import type { Operation } from "../plan/plan.ts";

/** The reader of plans gives each kind of client only its own operations. */
export function misdirected(operation: Operation): never {
  throw new Error(`operation ${operation.id} (${operation.op}) is not for ${operation.client}`);
}
