/**
 * A guess of how far compression shrinks the next batch of a topic: it follows a worse ratio at once
 * and a better one slowly (CompressionRatioEstimator.java).
 */
const IMPROVING_STEP = 0.005;
const DETERIORATING_STEP = 0.05;
/** A batch is closed a little early, rather than a little late (MemoryRecordsBuilder.java). */
const SAFETY_FACTOR = 1.05;

export class CompressionRatio {
  #ratio = 1;

  /** Expected size of so many bytes of records. */
  estimate(uncompressedBytes: number): number {
    return Math.floor(uncompressedBytes * this.#ratio * SAFETY_FACTOR);
  }

  observe(uncompressedBytes: number, compressedBytes: number): void {
    if (uncompressedBytes === 0) return;
    const observed = compressedBytes / uncompressedBytes;
    this.#ratio =
      observed > this.#ratio
        ? Math.max(this.#ratio + DETERIORATING_STEP, observed)
        : Math.max(this.#ratio - IMPROVING_STEP, observed);
  }

  /** A batch turned out too large for the broker: no better than this from now on. */
  reset(ratio: number): void {
    this.#ratio = Math.max(1, ratio);
  }
}
