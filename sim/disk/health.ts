export type DiskOperation = "read" | "write" | "sync";

/** A standing disk-slow. */
export interface Slowness {
  readonly factor: number;
  /** Infinity when only a heal ends it. */
  readonly untilUs: number;
}

/** What standing faults do to the disk of a host. It stays with the host when disks are swapped. */
export class DiskHealth {
  /** Bytes that may still be written, one entry for each standing disk-full. */
  readonly full: { freeBytes: number }[] = [];
  /** Operations that fail, one entry for each standing disk-error. */
  readonly errors: (readonly DiskOperation[])[] = [];
  /** What makes everything take longer, and until when. */
  readonly slow: Slowness[] = [];
  stalls = 0;
  lostSyncs = 0;

  get stalled(): boolean {
    return this.stalls > 0;
  }

  fails(operation: DiskOperation): boolean {
    if (this.errors.length === 0) return false;
    return this.errors.some((operations) => operations.includes(operation));
  }

  /** Room that is left; Infinity when the disk is not full. */
  get freeBytes(): number {
    let least = Infinity;
    for (const { freeBytes } of this.full) least = Math.min(least, freeBytes);
    return least;
  }

  use(bytes: number): void {
    for (const limit of this.full) limit.freeBytes = Math.max(0, limit.freeBytes - bytes);
  }

  /**
   * What an operation costs that begins at `fromUs` and takes `us` on a healthy disk. What is left of it
   * when a fault ends goes on at the speed of the disk from then on: a second of slowness delays nobody by
   * minutes.
   */
  timeFor(us: number, fromUs: number): number {
    let left = us;
    let atUs = fromUs;
    for (;;) {
      let factor = 1;
      let untilUs = Infinity;
      for (const slowness of this.slow) {
        if (slowness.untilUs <= atUs) continue;
        factor *= slowness.factor;
        untilUs = Math.min(untilUs, slowness.untilUs);
      }
      if (atUs + left * factor <= untilUs) return Math.ceil(atUs - fromUs + left * factor);
      left -= (untilUs - atUs) / factor;
      atUs = untilUs;
    }
  }
}
