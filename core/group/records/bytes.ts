/**
 * Kafka's plain (not flexible) encoding of records: big-endian integers, texts behind 16 bits of
 * length, bytes behind 32; a length of -1 is null.
 */
import { getInt64, setInt64 } from "../../record/encode.ts";
import { utf8Decode, utf8Encode } from "../../record/utf8.ts";

const INT16_MAX = 0x7fff;
const FIRST_BYTES = 256;

export class RecordWriter {
  /** A text was too long for its length field: what was written is of no use. */
  isTooLong = false;
  #bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  #view: DataView = new DataView(this.#bytes.buffer);
  #at = 0;

  int16(value: number): this {
    const at = this.#room(2);
    this.#view.setInt16(at, value);
    return this;
  }

  int32(value: number): this {
    const at = this.#room(4);
    this.#view.setInt32(at, value);
    return this;
  }

  int64(value: number): this {
    const at = this.#room(8);
    setInt64(this.#view, at, value);
    return this;
  }

  text(value: string | null): this {
    if (value === null) return this.int16(-1);
    const bytes = utf8Encode(value);
    if (bytes.length > INT16_MAX) this.isTooLong = true;
    return this.int16(bytes.length).#raw(bytes);
  }

  bytes(value: Uint8Array): this {
    return this.int32(value.length).#raw(value);
  }

  /** What was written; null when it has no encoding. */
  done(): Uint8Array | null {
    return this.isTooLong ? null : this.#bytes.slice(0, this.#at);
  }

  #raw(value: Uint8Array): this {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** Where `size` more bytes go; bytes and view may be new ones then. */
  #room(size: number): number {
    const from = this.#at;
    this.#at += size;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#at, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return from;
  }
}

/**
 * Reads what {@link RecordWriter} wrote. What does not fit is no exception: the first problem is
 * kept, and everything read from there on is empty.
 */
export class RecordReader {
  problem: string | null = null;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  int16(what: string): number {
    return this.#has(2, what) ? this.#view.getInt16(this.#at - 2) : 0;
  }

  int32(what: string): number {
    return this.#has(4, what) ? this.#view.getInt32(this.#at - 4) : 0;
  }

  int64(what: string): number {
    return this.#has(8, what) ? getInt64(this.#view, this.#at - 8) : 0;
  }

  nullableText(what: string): string | null {
    const size = this.int16(what);
    if (size === -1) return null;
    if (size < 0) return this.#fail(`${what} has a length of ${size}`, "");
    return this.#has(size, what) ? utf8Decode(this.#bytes, this.#at - size, this.#at) : "";
  }

  text(what: string): string {
    return this.nullableText(what) ?? this.#fail(`${what} is null`, "");
  }

  /** A copy. */
  bytes(what: string): Uint8Array {
    const size = this.int32(what);
    if (size < 0) return this.#fail(`${what} has a length of ${size}`, new Uint8Array(0));
    return this.#has(size, what) ? this.#bytes.slice(this.#at - size, this.#at) : new Uint8Array(0);
  }

  /** The length of a list, each element of which takes at least `elementBytes`. */
  count(what: string, elementBytes: number): number {
    const count = this.int32(what);
    if (count < 0) return this.#fail(`there are ${count} ${what}`, 0);
    const left = this.#bytes.length - this.#at;
    return count * elementBytes <= left ? count : this.#fail(`${what} end too early`, 0);
  }

  /** Nothing may follow. */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) this.#fail(`${left} bytes follow`, 0);
  }

  #has(size: number, what: string): boolean {
    if (this.problem !== null) return false;
    if (this.#at + size > this.#bytes.length) return this.#fail(`${what} ends too early`, false);
    this.#at += size;
    return true;
  }

  #fail<T>(problem: string, instead: T): T {
    this.problem ??= problem;
    return instead;
  }
}
