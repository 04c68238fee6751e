export type DiskOperation = "read" | "write" | "sync";

/** What standing faults do to the disk of a host. It stays with the host when disks are swapped. */
export class DiskHealth {
  /** Bytes that may still be written, one entry for each standing disk-full. */
  readonly full: { freeBytes: number }[] = [];
  /** Operations that fail, one entry for each standing disk-error. */
  readonly errors: (readonly DiskOperation[])[] = [];
  /** Factors by which everything takes longer. */
  readonly slow: number[] = [];
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

  get slowness(): number {
    let factor = 1;
    for (const more of this.slow) factor *= more;
    return factor;
  }
}
