/**
 * Events from a file: one JSON object a line, `{"key": string|null, "value": string, "timestamp": ms}`.
 * `keyBase64` and `valueBase64` stand for bytes that are no text. Complaints name file and line.
 */
import { fileURLToPath } from "node:url";
import type { InputEvent } from "../properties/generate/input-event.ts";
import { Fields } from "../properties/plan/fields.ts";
import { InputError } from "../sim/input-error.ts";
import { MAX_TIME_MS } from "../properties/plan/plan.ts";
import { wrongValue } from "../properties/plan/wrong-value.ts";
import { readText } from "../properties/plan/read-text.ts";
import { parseJson } from "../properties/plan/json.ts";
import { checkBytes } from "../properties/plan/read-bytes.ts";

const FIELDS = ["key", "keyBase64", "value", "valueBase64", "timestamp"];

/** The events of a file. Throws an {@link InputError}. */
export function readInput(path: string): InputEvent[] {
  return parseInput(readText(path, "--input"), path);
}

/** `name` is what messages call the text. */
export function parseInput(text: string, name: string): InputEvent[] {
  const events: InputEvent[] = [];
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    const content = line.trim();
    // Only the end of the file may be blank: a hole elsewhere is more likely a mistake.
    if (content === "" && lines.slice(index).every((rest) => rest.trim() === "")) break;
    events.push(readEvent(content, `${name} line ${index + 1}`));
  }
  if (events.length === 0) throw wrongValue("--input", name, "is empty");
  return events;
}

function readEvent(line: string, where: string): InputEvent {
  const value = parseJson(line, where);
  try {
    const fields = new Fields(value, "event", FIELDS);
    checkBytes(fields, "key", "keyBase64");
    if (fields.has("value")) fields.text("value");
    checkBytes(fields, "value", "valueBase64");
    fields.integer("timestamp", 0, MAX_TIME_MS);
    return value as InputEvent;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${where}: ${error.message}`);
  }
}

/** The events that come with the program, from the sources as well as from the built command. */
export function shippedInput(): string {
  const beside = import.meta.url.includes("/dist/scenarios/") ? "../../scenarios/" : "./";
  return fileURLToPath(new URL(`${beside}data/order-events.ndjson`, import.meta.url));
}
