import { crc32 } from "node:zlib";
import { gunzipSync } from "fflate";
import type { Codecs, CompressionType } from "../../core/ports.ts";
import { deflate } from "./deflate.ts";

/** Magic, deflate, no flags, no modification time, no hint, unknown system (RFC 1952). */
const GZIP_HEADER: readonly number[] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/** CRC and size of what was compressed. */
const GZIP_TRAILER_BYTES = 8;

/** Compression in plain JavaScript: the same bytes on every machine and every version of Node. */
export const codecs: Codecs = {
  compress(type: CompressionType, bytes: Uint8Array): Uint8Array {
    return type === "gzip" ? gzip(bytes) : bytes;
  },

  decompress(type: CompressionType, bytes: Uint8Array, limitBytes: number): Uint8Array {
    if (type === "none") return bytes;
    if (bytes.length < 18) throw new RangeError(`gzip: ${bytes.length} bytes are no stream`);
    // The last four bytes tell the size, so that a bomb is refused before it is inflated.
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const told = view.getUint32(bytes.length - 4, true);
    if (told > limitBytes) throw new RangeError(`gzip: ${told} bytes exceed ${limitBytes}`);
    try {
      return gunzipSync(bytes, { out: new Uint8Array(told) });
    } catch (error) {
      throw new RangeError(`gzip: ${error instanceof Error ? error.message : String(error)}`);
    }
  },
};

function gzip(bytes: Uint8Array): Uint8Array {
  const body = deflate(bytes);
  const stream = new Uint8Array(GZIP_HEADER.length + body.length + GZIP_TRAILER_BYTES);
  stream.set(GZIP_HEADER);
  stream.set(body, GZIP_HEADER.length);
  const trailer = new DataView(stream.buffer, GZIP_HEADER.length + body.length);
  trailer.setUint32(0, crc32(bytes), true);
  trailer.setUint32(4, bytes.length, true);
  return stream;
}
