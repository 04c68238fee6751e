import { Batch, BatchBody } from "../../core/record/batch.ts";
import { crcIsValid } from "../../core/record/decode.ts";

/**
 * Runs frames through a copier, so that nothing a node sent can be reached by the node that gets it:
 * a run under isolation must leave the same trace as one without. Each copied batch has its CRC
 * checked, and at the end every original is checked to be as it was.
 */
export class Isolation {
  readonly #originals: Map<BatchBody, boolean> = new Map();

  /** A deep copy of a frame. */
  copyFrame(frame: unknown): unknown {
    return this.#copy(frame);
  }

  /** Throws when a batch that went over the network was written to afterwards. */
  assertUntouched(): void {
    for (const [body, wasValid] of this.#originals) {
      if (crcIsValid(copyOf(body)) !== wasValid) {
        throw new Error(`a shared batch with CRC ${body.crc} was written to`);
      }
    }
  }

  #copy(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof Batch) {
      return new Batch(value.baseOffset, value.leaderEpoch, this.#copyBody(value.body));
    }
    if (value instanceof BatchBody) return this.#copyBody(value);
    if (value instanceof Uint8Array) return value.slice();
    if (Array.isArray(value)) return value.map((element) => this.#copy(element));
    const copy: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(value)) copy[name] = this.#copy(field);
    return copy;
  }

  #copyBody(body: BatchBody): BatchBody {
    const copy = copyOf(body);
    const isValid = crcIsValid(copy);
    this.#originals.set(body, isValid);
    return copy;
  }
}

function copyOf(body: BatchBody): BatchBody {
  return new BatchBody(body.encoded.slice(), body);
}
