/** Where a command writes, so that tests can read it; and how it ends. */
export interface Console {
  out(line: string): void;
  err(line: string): void;
  /** Progress is shown to people only: never when piped, in CI or beside JSON. */
  readonly interactive: boolean;
}

/** 0 held, 1 a violation, 2 unusable arguments or input, 3 the harness itself failed. */
export type ExitStatus = 0 | 1 | 2 | 3;

export function exitStatusOf(verdict: "pass" | "fail" | "unproven"): ExitStatus {
  switch (verdict) {
    case "pass":
      return 0;
    case "fail":
      return 1;
    case "unproven":
      return 3;
  }
}
