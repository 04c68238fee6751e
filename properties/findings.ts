import type { Findings, Violation } from "./observation.ts";

/** Collects what the checkers of one run report. */
export class RunFindings implements Findings {
  /** In the order in which they were found. */
  readonly violations: Violation[] = [];
  readonly checks: Map<string, number> = new Map();
  readonly situations: Map<string, number> = new Map();

  /** Of violations in these partitions nothing is made: see {@link RunFindings.situations}. */
  isBeyondPromise: (partition: string) => boolean = () => false;

  violation(violation: Violation): void {
    const { partition } = violation;
    if (partition !== undefined && this.isBeyondPromise(partition)) {
      this.situation("damage-without-crc");
      return;
    }
    this.violations.push(violation);
  }

  checked(invariant: string, n: number = 1): void {
    this.checks.set(invariant, (this.checks.get(invariant) ?? 0) + n);
  }

  situation(name: string): void {
    this.situations.set(name, (this.situations.get(name) ?? 0) + 1);
  }
}
