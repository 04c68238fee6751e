/** `trial run`: one run, or a campaign of them; each failing plan is saved with its replay line. */
import { checkedInvariants } from "../../properties/invariants/registry.ts";
import { livenessInvariants } from "../../properties/liveness/registry.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import { wrongValue } from "../../properties/plan/wrong-value.ts";
import type { MustSee } from "../scenario.ts";
import type { Verdict } from "../../properties/verdict.ts";
import { replayCommand, savePlan, withExpectation } from "../../properties/plan/saved-plan.ts";
import { Campaign } from "../campaign.ts";
import type { CampaignVerdict, Failure } from "../campaign.ts";
import type { Console, ExitStatus } from "../console.ts";
import { exitStatusOf } from "../console.ts";
import { planOf, prepareJob, runTask } from "../job.ts";
import type { Job, Outcome, PreparedJob, Task } from "../job.ts";
import {
  defaultJobs,
  freshSeed,
  parseBugs,
  parseJobs,
  parseProfile,
  parseRuns,
  parseSeed,
  parseSettings,
} from "../options.ts";
import { narrate } from "../narrate/narrate.ts";
import type { Flow } from "../narrate/flow.ts";
import type { Language } from "../narrate/messages/languages.ts";
import { namedScenarios } from "../registry.ts";
import { narratedSteps, reportNarration } from "../report/narration-report.ts";
import { flowOf, parseNarration } from "./narration.ts";
import { planVocabulary } from "../plan-vocabulary.ts";
import { runAll } from "../pool.ts";
import { showProgress } from "../report/progress.ts";
import { reportCampaign } from "../report/campaign-report.ts";
import { describeCluster, reportRun } from "../report/run-report.ts";

/** As the command line gives them; all strings still. */
export interface RunArguments {
  readonly scenario: string;
  readonly seed?: string;
  readonly runs?: string;
  readonly jobs?: string;
  readonly set: readonly string[];
  readonly profile?: string;
  readonly bug: readonly string[];
  readonly input?: string;
  readonly import?: string;
  readonly isolate?: boolean;
  readonly json?: boolean;
  readonly narrate?: boolean;
  readonly lang?: string;
}

/** A story to tell of a run. */
interface ToTell {
  readonly flow: Flow;
  readonly language: Language;
}

/** One run in this many is done twice, whatever its verdict, to see that it comes out the same. */
const RECHECK_EVERY = 50;

const MAX_TRIED_PLANS = 50;

/** Throws an InputError before anything is run or written. */
export async function runCommand(given: RunArguments, console: Console): Promise<ExitStatus> {
  const seed = given.seed === undefined ? freshSeed() : parseSeed(given.seed);
  const runs = given.runs === undefined ? null : parseRuns(given.runs);
  const jobs = given.jobs === undefined ? defaultJobs() : parseJobs(given.jobs);
  const language = parseNarration(given);
  const job: Job = {
    scenario: given.scenario,
    changes: {
      settings: parseSettings(given.set),
      profile: given.profile === undefined ? null : parseProfile(given.profile),
      bugs: parseBugs(given.bug, planVocabulary),
    },
    inputFile: given.input ?? null,
    importedModule: given.import ?? null,
    isolate: given.isolate === true,
  };
  const prepared = await prepareJob(job);
  if (given.input !== undefined && prepared.input === null) {
    throw wrongValue("--input", given.input, `is not for ${given.scenario}, which takes no events`);
  }
  const toTell =
    language === null ? null : { language, flow: flowOf(prepared.scenario, namedScenarios) };
  const firstPlan = tryPlans(prepared, seed, runs);
  const json = given.json === true;
  if (runs === null) return runOnce(prepared, seed, toTell, json, console);
  if (!json) console.out(describeCluster(firstPlan));
  const startedAt = performance.now();
  const campaign = await runCampaign(prepared, seed, runs, jobs, json, console);
  if (json) {
    console.out(JSON.stringify(campaign));
  } else {
    const replay = (path: string): string => replayCommand(path, job.importedModule);
    for (const line of reportCampaign(campaign, performance.now() - startedAt, replay)) {
      console.out(line);
    }
  }
  return exitStatusOf(campaign.verdict);
}

/**
 * Finds settings that no plan can have before anything is run, and returns the first plan. Plans of a
 * scenario differ in their own settings, so that one alone may go together with `--set` by luck.
 */
function tryPlans(prepared: PreparedJob, seed: string, runs: number | null): Plan {
  if (runs === null) return planOf(prepared, seed);
  const hasSettings = Object.keys(prepared.job.changes.settings).length > 0;
  const tried = hasSettings ? Math.min(runs, MAX_TRIED_PLANS) : 1;
  for (let run = tried; run > 1; run -= 1) planOf(prepared, `${seed}/${run}`);
  return planOf(prepared, `${seed}/1`);
}

async function runOnce(
  prepared: PreparedJob,
  seed: string,
  toTell: ToTell | null,
  json: boolean,
  console: Console,
): Promise<ExitStatus> {
  const outcome = await runTask(prepared, { seed, recheck: true });
  if (outcome.kind === "crashed") return reportCrash(prepared, outcome, console);
  const { verdict } = outcome;
  const plan = planOf(prepared, seed);
  const told = toTell === null ? null : narrate(plan, toTell.flow, verdict.traceHash);
  if (json) {
    const narration = told && { narration: narratedSteps(told, toTell!.language) };
    console.out(JSON.stringify({ ...verdict, ...narration }));
  } else {
    const story = told === null ? [] : reportNarration(told, toTell!.language);
    for (const line of [...story, ...reportRun(verdict)]) console.out(line);
  }
  if (verdict.violations.length > 0) {
    const path = savePlan(withExpectation(plan, verdict));
    const say = json ? console.err : console.out;
    say(`plan       ${path}`);
    say(`replay     ${replayCommand(path, prepared.job.importedModule)}`);
  }
  return exitStatusOf(verdict.verdict);
}

/** Runs `seed`/1 to `seed`/`runs`. */
export async function runCampaign(
  prepared: PreparedJob,
  seed: string,
  runs: number,
  jobs: number,
  json: boolean,
  console: Console,
): Promise<CampaignVerdict> {
  const { scenario } = prepared;
  const campaign = new Campaign(scenario.name, seed);
  const tasks: Task[] = Array.from({ length: runs }, (_, index) => ({
    seed: `${seed}/${index + 1}`,
    recheck: index % RECHECK_EVERY === 0,
  }));
  const progress = showProgress(runs, console.interactive && !json);
  await runAll(prepared, tasks, jobs, (outcome) => {
    if (outcome.kind === "crashed") {
      reportCrash(prepared, outcome, console);
      campaign.crashed(outcome.seed, firstLine(outcome.error));
    } else {
      campaign.add(outcome.verdict, saveFailure(planOf.bind(null, prepared), outcome.verdict));
    }
    progress.step(campaign.failed);
  });
  progress.stop();
  const isCalm = prepared.job.changes.profile === "calm";
  const mustSee = isCalm ? CALM_MUST_SEE : scenario.mustSee;
  return campaign.finish(mustSee, [...checkedInvariants, ...livenessInvariants]);
}

/** Where nothing strikes nothing has to be seen but records that got through. */
const CALM_MUST_SEE: MustSee = { situations: {}, invariantsFrom: Infinity };

/** Null for a run without a violation. */
function saveFailure(plan: (seed: string) => Plan, verdict: Verdict): Failure | null {
  const first = verdict.violations[0];
  if (first === undefined) return null;
  const path = savePlan(withExpectation(plan(verdict.seed), verdict));
  const { invariant, at, message } = first;
  return { seed: verdict.seed, plan: path, invariant, at, message };
}

function reportCrash(
  prepared: PreparedJob,
  outcome: Extract<Outcome, { kind: "crashed" }>,
  console: Console,
): ExitStatus {
  const path = savePlan(planOf(prepared, outcome.seed));
  console.err(`harness: seed ${outcome.seed} broke the program itself: ${outcome.error}`);
  console.err(`replay: ${replayCommand(path, prepared.job.importedModule)}`);
  return 3;
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}
