import { gunzipSync, gzipSync } from "fflate";
import type { Codecs, CompressionType } from "../../core/ports.ts";

/** Compression in plain JavaScript: the same bytes on every machine and every version of Node. */
export const codecs: Codecs = {
  compress(type: CompressionType, bytes: Uint8Array): Uint8Array {
    // A fixed modification time keeps the clock out of the stream; with a fixed amount of memory, the
    // least, there is no logarithm in it and less to set up for each batch.
    return type === "gzip" ? gzipSync(bytes, { mtime: 0, mem: 0 }) : bytes;
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
