/** Name of the client that sends probes after the heal; no client of a plan may have it. */
export const PROBE_CLIENT = "probe";
