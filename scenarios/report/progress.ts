import cliProgress from "cli-progress";

export interface Progress {
  step(failed: number): void;
  stop(): void;
}

/** A bar on stderr, so that stdout stays clean; nothing at all unless somebody watches. */
export function showProgress(total: number, watched: boolean): Progress {
  if (!watched) return { step: () => undefined, stop: () => undefined };
  const bar = new cliProgress.SingleBar({
    format: "{bar} {value}/{total} seeds, {failed} failed, {eta_formatted} left",
    barCompleteChar: "=",
    barIncompleteChar: "-",
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
    fps: 10,
  });
  bar.start(total, 0, { failed: 0 });
  return {
    step: (failed) => bar.increment(1, { failed }),
    stop: () => bar.stop(),
  };
}
