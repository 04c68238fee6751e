/**
 * UTF-8 without the platform's TextEncoder, which core may not use. A lone surrogate and every
 * broken sequence becomes U+FFFD, one for each maximal broken part, as the platform's coders do.
 */
import type { ByteSlab } from "./byte-slab.ts";

const REPLACEMENT = 0xfffd;
/** Arguments of one call at most. */
const MAX_RUN = 4096;

/** The bytes of `text`, taken from `slab` where there is one. */
export function utf8Encode(text: string, slab?: ByteSlab): Uint8Array {
  // Nearly all texts are ASCII and take one pass; the rest is measured and done over.
  const { length } = text;
  const plain = slab === undefined ? new Uint8Array(length) : slab.take(length);
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) return encodeAny(text);
    plain[index] = code;
  }
  return plain;
}

function encodeAny(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Size(text));
  let at = 0;
  for (let index = 0; index < text.length; index++) {
    const code = codePointAt(text, index);
    if (code > 0xffff) index += 1;
    if (code < 0x80) {
      bytes[at++] = code;
    } else if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
      bytes[at++] = 0x80 | (code & 0x3f);
    } else {
      if (code < 0x10000) {
        bytes[at++] = 0xe0 | (code >> 12);
      } else {
        bytes[at++] = 0xf0 | (code >> 18);
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
      }
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[at++] = 0x80 | (code & 0x3f);
    }
  }
  return bytes;
}

/** How many bytes {@link utf8Encode} makes. */
export function utf8Size(text: string): number {
  let size = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) {
      size += 1;
      continue;
    }
    const code = codePointAt(text, index);
    if (code > 0xffff) index += 1;
    size += code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return size;
}

/** The text of `bytes[from, to)`. */
export function utf8Decode(bytes: Uint8Array, from: number = 0, to: number = bytes.length): string {
  let text = "";
  let at = from;
  while (at < to) {
    // Runs of ASCII go over in one piece.
    let end = at;
    const limit = Math.min(to, at + MAX_RUN);
    while (end < limit && (bytes[end] as number) < 0x80) end += 1;
    if (end > at) {
      text += String.fromCharCode.apply(null, bytes.subarray(at, end) as unknown as number[]);
      at = end;
      continue;
    }
    const lead = bytes[at++] as number;
    const more = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    let code = more === 0 ? REPLACEMENT : lead & (0x3f >> more);
    for (let count = 0; count < more; count++) {
      const next = at < to ? (bytes[at] as number) : 0;
      if (next < lowest(lead, count) || next > highest(lead, count)) {
        code = REPLACEMENT;
        break;
      }
      code = (code << 6) | (next & 0x3f);
      at += 1;
    }
    text += String.fromCodePoint(code);
  }
  return text;
}

/** The code point at `index`, a lone surrogate being U+FFFD. */
function codePointAt(text: string, index: number): number {
  const code = text.codePointAt(index) as number;
  return code >= 0xd800 && code <= 0xdfff ? REPLACEMENT : code;
}

/** Bounds of a continuation byte: the first one also rules out overlong forms and surrogates. */
function lowest(lead: number, count: number): number {
  if (count > 0) return 0x80;
  return lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
}

function highest(lead: number, count: number): number {
  if (count > 0) return 0xbf;
  return lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
}
