/** `trial list` and `trial show`: what scenarios there are, and what one of them does. */
import { appClients } from "../../properties/apps/app-host.ts";
import type { Console, ExitStatus } from "../console.ts";
import { formatPlan } from "../../properties/plan/saved-plan.ts";
import { planOf, prepareJob } from "../job.ts";
import { parseSeed } from "../options.ts";
import { loadScenarios } from "../registry.ts";
import { listCounts } from "../report/run-report.ts";
import { NO_CHANGES } from "../trial.ts";

export interface ListArguments {
  readonly import?: string;
  readonly json?: boolean;
}

export async function listCommand(given: ListArguments, console: Console): Promise<ExitStatus> {
  const scenarios = [...(await loadScenarios(given.import ?? null)).entries()];
  if (given.json === true) {
    const list = scenarios.map(([name, { story }]) => ({ name, story }));
    console.out(JSON.stringify({ scenarios: list }));
    return 0;
  }
  const width = Math.max(...scenarios.map(([name]) => name.length));
  for (const [name, { story }] of scenarios) console.out(`${name.padEnd(width)}  ${story}`);
  return 0;
}

export interface ShowArguments extends ListArguments {
  readonly scenario: string;
  readonly seed?: string;
}

/** The story, and the plan of one seed: all of it with `--json`, else its outline. */
export async function showCommand(given: ShowArguments, console: Console): Promise<ExitStatus> {
  const seed = given.seed === undefined ? "1" : parseSeed(given.seed);
  const prepared = await prepareJob({
    scenario: given.scenario,
    changes: NO_CHANGES,
    inputFile: null,
    importedModule: given.import ?? null,
    isolate: false,
  });
  const plan = planOf(prepared, seed);
  if (given.json === true) {
    console.out(formatPlan(plan).trimEnd());
    return 0;
  }
  const faults: Record<string, number> = {};
  for (const { kind } of plan.faults) faults[kind] = (faults[kind] ?? 0) + 1;
  console.out(`scenario   ${given.scenario}`);
  console.out(`story      ${prepared.scenario.story}`);
  console.out(`plan       of seed ${seed}:`);
  console.out(`nodes      ${plan.topology.nodes.map(({ id }) => id).join(", ")}`);
  for (const { name, partitions, replicationFactor } of plan.topics) {
    const replicas = `replication factor ${replicationFactor}`;
    console.out(`topic      ${name}, partitions ${partitions}, ${replicas}`);
  }
  const apps = new Set(appClients(plan));
  const clients = plan.clients.map(({ id, kind }) =>
    apps.has(id) ? `${id} (${kind}, async code)` : `${id} (${kind})`,
  );
  console.out(`clients    ${clients.join(", ")}`);
  console.out(`workload   ${plan.workload.length} operations`);
  console.out(`faults     ${listCounts(faults)}`);
  const settings = Object.entries(plan.settings).map(([name, value]) => `${name}=${value}`);
  console.out(`settings   ${settings.join(" ")}`);
  return 0;
}
