/** The scenarios that there are: those of the program, and those of a module that a user names. */
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { wrongValue } from "../properties/plan/wrong-value.ts";
import { asyncProducer } from "./named/async-producer.ts";
import { calm } from "./named/calm.ts";
import { dense } from "./named/dense.ts";
import { clockSkew } from "./named/clock-skew.ts";
import { controllerFailover } from "./named/controller-failover.ts";
import { diskFull } from "./named/disk-full.ts";
import { diskRot } from "./named/disk-rot.ts";
import { gcPause } from "./named/gc-pause.ts";
import { lastReplicaStanding } from "./named/last-replica-standing.ts";
import { keyedOrderFlow } from "./named/keyed-order-flow.ts";
import { leaderCrash } from "./named/leader-crash.ts";
import { oneWayPartition } from "./named/one-way-partition.ts";
import { orderEvents } from "./named/order-events.ts";
import { partialPartition } from "./named/partial-partition.ts";
import { partitionAndHeal } from "./named/partition-and-heal.ts";
import { powerLoss } from "./named/power-loss.ts";
import { quorumLoss } from "./named/quorum-loss.ts";
import { roundRobinFlow } from "./named/round-robin-flow.ts";
import { rollingRestart } from "./named/rolling-restart.ts";
import { slowFollower } from "./named/slow-follower.ts";
import { stickyFlow } from "./named/sticky-flow.ts";
import { twoOfThreeDown } from "./named/two-of-three-down.ts";
import { zombieLeader } from "./named/zombie-leader.ts";
import { rebalanceStorm } from "./named/rebalance-storm.ts";
import { coordinatorFailover } from "./named/coordinator-failover.ts";
import { staticRollingRestart } from "./named/static-rolling-restart.ts";
import { cooperativeScaleOut } from "./named/cooperative-scale-out.ts";
import { zombieMember } from "./named/zombie-member.ts";
import { twoGroups } from "./named/two-groups.ts";
import { slowConsumer } from "./named/slow-consumer.ts";
import { scaleOut } from "./named/scale-out.ts";
import { isScenario } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";

export const namedScenarios: readonly Scenario[] = [
  calm,
  powerLoss,
  diskFull,
  orderEvents,
  dense,
  leaderCrash,
  partitionAndHeal,
  slowFollower,
  twoOfThreeDown,
  asyncProducer,
  controllerFailover,
  zombieLeader,
  oneWayPartition,
  partialPartition,
  clockSkew,
  rollingRestart,
  gcPause,
  quorumLoss,
  lastReplicaStanding,
  diskRot,
  keyedOrderFlow,
  roundRobinFlow,
  stickyFlow,
  rebalanceStorm,
  coordinatorFailover,
  staticRollingRestart,
  cooperativeScaleOut,
  zombieMember,
  twoGroups,
  slowConsumer,
  scaleOut,
];

export class ScenarioRegistry {
  /** By what the command line may call them: "name", or "path#export" for imported ones. */
  readonly #byName: Map<string, Scenario> = new Map();

  constructor(scenarios: Iterable<readonly [string, Scenario]>) {
    for (const [name, scenario] of scenarios) this.#byName.set(name, scenario);
  }

  entries(): Iterable<readonly [string, Scenario]> {
    return this.#byName;
  }

  /** Throws an InputError for a name that nobody has. */
  find(name: string): Scenario {
    const scenario = this.#byName.get(name);
    if (scenario !== undefined) return scenario;
    throw wrongValue("scenario", name, `is not one of ${[...this.#byName.keys()].join(", ")}`);
  }

  /** The scenario that a plan was made by, if it is known here; an imported one comes first. */
  ofPlan(name: string): Scenario | null {
    return [...this.#byName.values()].findLast((scenario) => scenario.name === name) ?? null;
  }
}

/** `importedModule` is the only thing that makes this program execute somebody else's code. */
export async function loadScenarios(importedModule: string | null): Promise<ScenarioRegistry> {
  const named = namedScenarios.map((scenario) => [scenario.name, scenario] as const);
  if (importedModule === null) return new ScenarioRegistry(named);
  let exported: Readonly<Record<string, unknown>>;
  try {
    exported = (await import(pathToFileURL(resolve(importedModule)).href)) as typeof exported;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw wrongValue("--import", importedModule, `cannot be imported (${reason})`);
  }
  const imported = Object.entries(exported).flatMap(([name, value]) =>
    isScenario(value) ? [[`${importedModule}#${name}`, value] as const] : [],
  );
  if (imported.length === 0) {
    throw wrongValue("--import", importedModule, "exports nothing made by defineScenario");
  }
  return new ScenarioRegistry([...named, ...imported]);
}
