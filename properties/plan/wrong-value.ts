import { InputError, showValue } from "../../sim/input-error.ts";

/**
 * An {@link InputError} on one line: `field` as in "faults[2].for", then the value, then what is
 * wrong with it, as in "is not an integer".
 */
export function wrongValue(field: string, value: unknown, complaint: string): InputError {
  return new InputError(`${field}: ${showValue(value)} ${complaint}`);
}
