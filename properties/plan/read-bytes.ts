/** Bytes in JSON: a text field, or its base64 sibling where they are no text. */
import { InputError, showValue } from "../../sim/input-error.ts";
import type { Fields } from "./fields.ts";
import { textAt } from "./fields.ts";
import { wrongValue } from "./wrong-value.ts";

const NOT_BASE64 = /[^A-Za-z0-9+/]/;

/**
 * Checks that exactly one of a text field (null allowed) and its base64 sibling is there, and returns
 * how many bytes it stands for.
 */
export function checkBytes(
  fields: Fields,
  plain: "key" | "value",
  encoded: "keyBase64" | "valueBase64",
): number {
  if (!fields.has(encoded)) {
    const value = fields.value(plain);
    if (value === null) return 0;
    const text = textAt(value, fields.at(plain));
    return Buffer.byteLength(text, "utf8");
  }
  const text = fields.text(encoded);
  if (fields.has(plain)) {
    throw new InputError(`${fields.at(encoded)}: ${showValue(text)} is given beside ${plain}`);
  }
  if (!isBase64(text)) throw wrongValue(fields.at(encoded), text, "is not base64");
  return (text.length / 4) * 3 - paddingOf(text);
}

/** With padding, as RFC 4648 has it; no regular expression that could backtrack over megabytes. */
function isBase64(text: string): boolean {
  const digits = text.slice(0, text.length - paddingOf(text));
  return text.length % 4 === 0 && !NOT_BASE64.test(digits);
}

function paddingOf(text: string): number {
  return text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
}
