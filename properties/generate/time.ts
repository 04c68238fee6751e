/** Durations in the microseconds that plans count in. */
export const MS = 1_000;
export const SECOND = 1_000_000;
