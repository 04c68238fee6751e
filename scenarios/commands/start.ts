/** `npm start`: 200 seeds of order-events on the events that come with the program. */
import type { Console, ExitStatus } from "../console.ts";
import { exitStatusOf } from "../console.ts";
import { replayCommand } from "../../properties/plan/saved-plan.ts";
import { planOf, prepareJob } from "../job.ts";
import { defaultJobs } from "../options.ts";
import { reportCampaign } from "../report/campaign-report.ts";
import { describeCluster } from "../report/run-report.ts";
import { NO_CHANGES } from "../trial.ts";
import { runCampaign } from "./run.ts";

const SEED = "start";
const RUNS = 200;

export async function startCommand(console: Console): Promise<ExitStatus> {
  const prepared = await prepareJob({
    scenario: "order-events",
    changes: NO_CHANGES,
    inputFile: null,
    importedModule: null,
    isolate: false,
  });
  console.out(describeCluster(planOf(prepared, `${SEED}/1`)));
  const startedAt = performance.now();
  const campaign = await runCampaign(prepared, SEED, RUNS, defaultJobs(), false, console);
  const replay = (path: string): string => replayCommand(path, null);
  const tookMs = performance.now() - startedAt;
  for (const line of reportCampaign(campaign, tookMs, replay)) console.out(line);
  return exitStatusOf(campaign.verdict);
}
