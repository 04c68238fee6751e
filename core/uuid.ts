/** Random ids as Kafka prints them (Uuid.java): 128 bits in 22 characters of base64url. */
import type { Uuid } from "./ids.ts";
import type { Random } from "./ports.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const WHOLE_CHARACTERS = 21;

/** A new id, drawn for `purpose`. Never begins with "-", which tools would take for an option. */
export function randomUuid(random: Random, purpose: string): Uuid {
  let id = "";
  for (let at = 0; at < WHOLE_CHARACTERS; at++) {
    id += ALPHABET[random.below(purpose, at === 0 ? 62 : 64)];
  }
  // The last character holds the two bits that are left, followed by zeros.
  return id + ALPHABET[random.below(purpose, 4) * 16];
}
