import { stableHash } from "./hash.ts";
import { InputError, showValue } from "./input-error.ts";
import { byCodeUnit } from "./order.ts";

const MAX_DEPTH = 64;

/**
 * The one way to write a value as JSON: keys sorted by code unit, no white space, integers only.
 * Equal values give equal text. Fields that are undefined are left out. Throws an InputError for
 * what has no such form.
 */
export function canonicalJson(value: unknown): string {
  return write(value, "value", 0);
}

/** 16 hex digits that depend on the canonical form only. */
export function canonicalHash(value: unknown): string {
  return stableHash(canonicalJson(value));
}

function write(value: unknown, path: string, depth: number): string {
  if (depth > MAX_DEPTH) throw new InputError(`${path}: nested deeper than ${MAX_DEPTH} levels`);
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (!Number.isSafeInteger(value)) {
        throw new InputError(`${path}: expected an integer, got ${showValue(value)}`);
      }
      // Minus zero is written as zero.
      return String(value === 0 ? 0 : value);
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return writeArray(value, path, depth);
      return writeObject(value as Readonly<Record<string, unknown>>, path, depth);
    default:
      throw new InputError(`${path}: ${typeof value} has no JSON form`);
  }
}

function writeArray(items: readonly unknown[], path: string, depth: number): string {
  const parts: string[] = [];
  // By index, so that a hole is refused instead of skipped.
  for (let i = 0; i < items.length; i++) {
    parts.push(write(items[i], `${path}[${i}]`, depth + 1));
  }
  return `[${parts.join(",")}]`;
}

function writeObject(
  fields: Readonly<Record<string, unknown>>,
  path: string,
  depth: number,
): string {
  const parts: string[] = [];
  for (const name of Object.keys(fields).sort(byCodeUnit)) {
    const field = fields[name];
    if (field === undefined) continue;
    parts.push(`${JSON.stringify(name)}:${write(field, `${path}.${name}`, depth + 1)}`);
  }
  return `{${parts.join(",")}}`;
}
