/**
 * JSON as plans need it: RFC 8259 as `JSON.parse` reads it, but a field that is given twice is an
 * error instead of a silent choice, and so is nesting that no plan has. Work is linear in the text
 * and uses no recursion, so that hostile input costs no more than its size.
 */
import { InputError, showValue } from "../../sim/input-error.ts";

const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/** The value of a JSON text. `name` is what messages call the text, e.g. its file. */
export function parseJson(text: string, name: string): unknown {
  checkDepth(text, name);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new InputError(`${name}: ${showValue(text)} is not JSON`);
  }
  checkFields(text, name);
  return value;
}

/** Skips a string token that starts at `at`; returns the index after its closing quote. */
function afterString(text: string, at: number): number {
  let end = at + 1;
  for (; end < text.length; end += 1) {
    const code = text.charCodeAt(end);
    if (code === BACKSLASH) end += 1;
    else if (code === QUOTE) return end + 1;
  }
  return text.length;
}

function checkDepth(text: string, name: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = afterString(text, at) - 1;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1;
    if (depth > MAX_DEPTH) {
      throw new InputError(`${name}: nested deeper than ${MAX_DEPTH} at character ${at}`);
    }
  }
}

interface Level {
  /** Field names so far; null for a list. */
  readonly seen: Set<string> | null;
  /** Name or index of the value being read. */
  at: string | number;
  expectsName: boolean;
}

/** The text is known to be JSON: only names of fields are looked at. */
function checkFields(text: string, name: string): void {
  const levels: Level[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const level = levels.at(-1);
    if (code === QUOTE) {
      const end = afterString(text, at);
      if (level !== undefined && level.seen !== null && level.expectsName) {
        nameField(levels, level.seen, JSON.parse(text.slice(at, end)) as string, name);
      }
      at = end - 1;
    } else if (code === OPEN_BRACE) {
      levels.push({ seen: new Set(), at: "", expectsName: true });
    } else if (code === OPEN_BRACKET) {
      levels.push({ seen: null, at: 0, expectsName: false });
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      levels.pop();
    } else if (level !== undefined && code === COMMA) {
      if (level.seen !== null) level.expectsName = true;
      else level.at = (level.at as number) + 1;
    } else if (level !== undefined && code === COLON) {
      level.expectsName = false;
    }
  }
}

function nameField(levels: Level[], seen: Set<string>, field: string, name: string): void {
  const level = levels.at(-1)!;
  level.at = field;
  if (seen.has(field)) {
    throw new InputError(`${name}: ${clip(pathOf(levels))} is given twice`);
  }
  seen.add(field);
}

function pathOf(levels: readonly Level[]): string {
  let path = "";
  for (const { at } of levels) {
    if (typeof at === "number") path += `[${at}]`;
    else path += path === "" ? at : `.${at}`;
  }
  return path;
}

function clip(path: string): string {
  const line = JSON.stringify(path).slice(1, -1);
  return line.length > 100 ? `${line.slice(0, 100)}...` : line;
}
