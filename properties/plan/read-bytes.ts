/** Bytes in JSON: a text field, or its base64 sibling where they are no text. */
import type { Fields } from "./fields.ts";
import { textAt } from "./fields.ts";
import { InputError, showValue } from "../../sim/input-error.ts";
import { wrongValue } from "./wrong-value.ts";

const NOT_BASE64 = /[^A-Za-z0-9+/]/;

export interface Bytes {
  readonly name: string;
  readonly given: Readonly<Record<string, string | null>>;
  readonly sizeBytes: number;
}

/** Exactly one of a text field (null allowed) and its base64 sibling. */
export function readBytes(
  fields: Fields,
  plain: "key" | "value",
  encoded: "keyBase64" | "valueBase64",
): Bytes {
  if (fields.has(plain) === fields.has(encoded)) {
    throw new InputError(
      fields.has(plain)
        ? `${fields.at(encoded)}: ${showValue(fields.value(encoded))} is given beside ${plain}`
        : `${fields.at(plain)}: is missing`,
    );
  }
  if (fields.has(encoded)) {
    const text = fields.text(encoded);
    if (!isBase64(text)) throw wrongValue(fields.at(encoded), text, "is not base64");
    return { name: encoded, given: { [encoded]: text }, sizeBytes: base64Bytes(text) };
  }
  const value = fields.value(plain);
  const text = value === null ? null : textAt(value, fields.at(plain));
  const sizeBytes = text === null ? 0 : Buffer.byteLength(text, "utf8");
  return { name: plain, given: { [plain]: text }, sizeBytes };
}

/** With padding, as RFC 4648 has it; no regular expression that could backtrack over megabytes. */
function isBase64(text: string): boolean {
  const digits = text.slice(0, text.length - paddingOf(text));
  return text.length % 4 === 0 && !NOT_BASE64.test(digits);
}

function paddingOf(text: string): number {
  return text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
}

function base64Bytes(text: string): number {
  return (text.length / 4) * 3 - paddingOf(text);
}
