/** Thrown when core finds its own state broken: always a bug, never a protocol error. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws an {@link AssertionError} unless `condition` holds. `message` names what had to hold. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Throws with both values unless they are the same. */
export function assertEqual(actual: unknown, expected: unknown, message: string): void {
  if (actual !== expected) {
    throw new AssertionError(`${message}: got ${String(actual)}, want ${String(expected)}`);
  }
}

/** Ends an exhaustive switch: the compiler proves that nothing gets here. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
