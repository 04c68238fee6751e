/** What a worker thread of the pool does: some runs of a job, in order. */
import { prepareJob, runTask } from "./job.ts";
import type { Job, Outcome, PreparedJob, Task } from "./job.ts";

/** A pool serves one job; its scenario and input are loaded once in each worker. */
const prepared: Map<string, Promise<PreparedJob>> = new Map();

export async function runTasks(work: {
  readonly job: Job;
  readonly tasks: readonly Task[];
}): Promise<Outcome[]> {
  const key = JSON.stringify(work.job);
  let job = prepared.get(key);
  if (job === undefined) prepared.set(key, (job = prepareJob(work.job)));
  const ready = await job;
  const outcomes: Outcome[] = [];
  for (const task of work.tasks) outcomes.push(await runTask(ready, task));
  return outcomes;
}
