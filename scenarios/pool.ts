/** Runs of a job, spread over worker threads, handed on in the order of their numbers. */
import { Tinypool } from "tinypool";
import { runTask } from "./job.ts";
import type { Outcome, PreparedJob, Task } from "./job.ts";

/** Long enough to hide the cost of a message, short enough to keep all workers busy to the end. */
const TASKS_PER_MESSAGE = 4;

/**
 * Calls `done` once for each task, in the order of `tasks`. With one worker everything runs in this
 * process; results are the same for any number.
 */
export async function runAll(
  prepared: PreparedJob,
  tasks: readonly Task[],
  jobs: number,
  done: (outcome: Outcome) => void,
): Promise<void> {
  if (jobs === 1 || tasks.length === 1) {
    for (const task of tasks) {
      done(await runTask(prepared, task));
      // Lets the progress bar and Ctrl-C have their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return;
  }
  await runInPool(prepared, tasks, Math.min(jobs, tasks.length), done);
}

async function runInPool(
  prepared: PreparedJob,
  tasks: readonly Task[],
  threads: number,
  done: (outcome: Outcome) => void,
): Promise<void> {
  const pool = new Tinypool({
    runtime: "worker_threads",
    filename: new URL("./worker.js", import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: 60_000,
  });
  try {
    const waiting: Promise<Outcome[]>[] = [];
    for (let start = 0; start < tasks.length; start += TASKS_PER_MESSAGE) {
      const chunk = tasks.slice(start, start + TASKS_PER_MESSAGE);
      const work = { job: prepared.job, tasks: chunk };
      waiting.push(pool.run(work, { name: "runTasks" }) as Promise<Outcome[]>);
    }
    // The first failure is thrown below, when its turn comes; others must not end the process.
    for (const chunk of waiting) chunk.catch(() => undefined);
    for (const chunk of waiting) for (const outcome of await chunk) done(outcome);
  } finally {
    await pool.destroy();
  }
}
