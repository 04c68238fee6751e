/**
 * What asynchronous user code costs: a client that sleeps again and again, once with callbacks and once
 * with await. Both do the same, to the trace hash; the difference is the price of the await.
 *
 *   node dist/properties/bench/async-step.js [steps]
 */
import { rulesWith } from "../known-bugs/infect.ts";
import { AppHost } from "../apps/app-host.ts";
import type { Steps } from "../apps/drain.ts";
import { drained } from "../apps/drain.ts";
import type { ClientContext, ClientNode } from "../cluster/client-node.ts";
import { Cluster } from "../cluster/cluster.ts";
import { RunFindings } from "../findings.ts";
import { producer } from "../generate/cluster-parts.ts";
import { storyPlan } from "../generate/story-plan.ts";
import { SECOND } from "../generate/time.ts";
import type { ClientPlan } from "../plan/plan.ts";

const REPEATS = 9;
const plan = storyPlan({
  scenario: "async-step",
  seed: "1",
  clients: [producer("p1")],
  workload: [],
  healAt: 1000 * SECOND,
});

interface Measured {
  readonly cpuUs: number;
  readonly events: number;
  readonly hash: string;
}

function clusterOf(
  startClient: (client: ClientPlan, context: ClientContext) => ClientNode,
  fact: () => void = () => undefined,
): Cluster {
  return new Cluster(plan, {
    rules: rulesWith([]),
    maxEvents: Infinity,
    fact,
    nodeEvent: () => undefined,
    role: () => -1,
    startClient,
  });
}

function withCallbacks(steps: number): Measured {
  let isDone = false;
  const cluster = clusterOf((_client, { ports }) => {
    let slept = 0;
    const next = (): void => {
      if (slept === steps) {
        isDone = true;
        return;
      }
      slept += 1;
      ports.work.later("client", "app calls", () => {
        ports.timers.timer("client", `sleep ${slept}`, next).set(0.01);
      });
    };
    next();
    return { perform: () => undefined };
  });
  const from = process.cpuUsage();
  cluster.world.runUntil(Infinity, () => isDone);
  return measured(from, cluster);
}

async function withAwait(steps: number, isPortable: boolean): Promise<Measured> {
  let isDone = false;
  const main = async ({ sleep }: { sleep(ms: number): Promise<void> }): Promise<void> => {
    for (let slept = 0; slept < steps; slept += 1) await sleep(0.01);
    isDone = true;
  };
  const findings = new RunFindings();
  const host = new AppHost(plan, { p1: main }, { findings, nowUs: () => cluster.world.nowUs });
  const cluster: Cluster = clusterOf((client, context) => host.start(client.id, context, 1));
  function* run(): Steps<void> {
    while (!isDone) {
      cluster.world.runUntil(Infinity, () => host.isDirty);
      host.resume();
      host.resumed(yield);
    }
  }
  const from = process.cpuUsage();
  await drained(run, isPortable);
  return measured(from, cluster);
}

function measured(from: NodeJS.CpuUsage, { world }: Cluster): Measured {
  const { user, system } = process.cpuUsage(from);
  return { cpuUs: user + system, events: world.events, hash: world.hash.digest() };
}

const steps = Number(process.argv[2] ?? 100_000);
const rows: Record<string, Measured[]> = { callbacks: [], await: [], portable: [] };
for (let repeat = 0; repeat < REPEATS; repeat += 1) {
  rows["callbacks"]!.push(withCallbacks(steps));
  rows["await"]!.push(await withAwait(steps, false));
  rows["portable"]!.push(await withAwait(steps, true));
}
const medianNs = (name: string): number => {
  const sorted = rows[name]!.map(({ cpuUs }) => cpuUs).sort((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length / 2)]! * 1000) / steps);
};
const least = medianNs("callbacks");
for (const name of Object.keys(rows)) {
  const [{ events, hash }] = rows[name] as [Measured];
  const ns = medianNs(name);
  console.log(
    `${name.padEnd(10)} ${ns} ns a step, +${ns - least} ns; ${events} events, trace ${hash}`,
  );
}
