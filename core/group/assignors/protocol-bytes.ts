/** The plain (not flexible) types of Kafka's protocol as bytes: int16, int32, strings, arrays, bytes. */
import { assert } from "../../assert.ts";
import { utf8Decode, utf8Encode } from "../../record/utf8.ts";

/** What bytes of unknown origin turned out to be. */
export type Parsed<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: string; readonly value?: undefined };

const LONGEST_STRING = 0x7fff;
const NULL_LENGTH = -1;
const FIRST_CAPACITY = 256;

export class ProtocolWriter {
  #bytes: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  #view: DataView = new DataView(this.#bytes.buffer);
  #at = 0;

  int16(value: number): void {
    const at = this.#take(2);
    this.#view.setInt16(at, value);
  }

  int32(value: number): void {
    const at = this.#take(4);
    this.#view.setInt32(at, value);
  }

  string(text: string): void {
    const bytes = utf8Encode(text);
    assert(bytes.length <= LONGEST_STRING, `a string is too long: ${bytes.length} bytes`);
    this.int16(bytes.length);
    this.#raw(bytes);
  }

  nullableString(text: string | null): void {
    if (text === null) this.int16(NULL_LENGTH);
    else this.string(text);
  }

  nullableBytes(bytes: Uint8Array | null): void {
    this.int32(bytes === null ? NULL_LENGTH : bytes.length);
    if (bytes !== null) this.#raw(bytes);
  }

  array<T>(items: readonly T[], write: (item: T) => void): void {
    this.int32(items.length);
    for (const item of items) write(item);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  #raw(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Where the next `size` bytes go. May replace the buffer. */
  #take(size: number): number {
    const at = this.#at;
    this.#at += size;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#at, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/**
 * Reads one field after the other. The first thing wrong is remembered in `error`; from then on there is
 * nothing but zeros and empty lists, so only the end need be checked.
 */
export class ProtocolReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #error: string | null = null;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get error(): string | null {
    return this.#error;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  int16(field: string): number {
    return this.#has(2, field) ? this.#view.getInt16((this.#at += 2) - 2) : 0;
  }

  int32(field: string): number {
    return this.#has(4, field) ? this.#view.getInt32((this.#at += 4) - 4) : 0;
  }

  string(field: string): string {
    const text = this.nullableString(field);
    if (text === null) this.#fail(`${field} is null`);
    return text ?? "";
  }

  nullableString(field: string): string | null {
    const length = this.int16(field);
    if (length < 0) return null;
    if (!this.#has(length, field)) return null;
    this.#at += length;
    return utf8Decode(this.#bytes, this.#at - length, this.#at);
  }

  /** A view into the bytes. */
  nullableBytes(field: string): Uint8Array | null {
    const length = this.int32(field);
    if (length < 0) return null;
    if (!this.#has(length, field)) return null;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  array<T>(field: string, read: () => T): T[] {
    const count = this.int32(field);
    if (count < 0) this.#fail(`${field} has ${count} entries`);
    else if (count > this.remaining) {
      this.#fail(`${field} has ${count} entries, but only ${this.remaining} bytes are left`);
    }
    const items: T[] = [];
    while (this.#error === null && items.length < count) items.push(read());
    return items;
  }

  #has(size: number, field: string): boolean {
    if (this.#error === null && size > this.remaining) {
      this.#fail(`${field} needs ${size} bytes, but only ${this.remaining} are left`);
    }
    return this.#error === null;
  }

  #fail(what: string): void {
    this.#error ??= what;
  }
}
