/** The faults of a plan: their shape is sim's to check; whom they aim at must exist in the plan. */
import { OFFSETS_TOPIC } from "../../core/ids.ts";
import type { Fault, RoleTarget, Target } from "../../sim/faults/fault.ts";
import { parseFaults } from "../../sim/faults/parse.ts";
import { InputError } from "../../sim/input-error.ts";
import { eventFields, roleNames } from "../cluster/vocabulary.ts";
import { MAX_PARTITIONS } from "./grown-topics.ts";
import type { ClientPlan, NodePlan, SettingValues, TopicPlan } from "./plan.ts";
import { effectiveSetting } from "./settings.ts";
import { wrongValue } from "./wrong-value.ts";

const LONGEST_MESSAGE = 300;

/** Who and what a plan has that a fault may strike. */
export interface FaultSurroundings {
  readonly settings: SettingValues;
  readonly nodes: readonly NodePlan[];
  readonly clients: readonly ClientPlan[];
  readonly topics: readonly TopicPlan[];
}

const roles = Object.fromEntries(roleNames.map((name) => [name, true]));

export function readFaults(
  value: unknown,
  path: string,
  around: FaultSurroundings,
): readonly Fault[] {
  const nodes = [...around.nodes, ...around.clients].map(({ id }) => id);
  const faults = parse(value, path, nodes);
  const known = new Set(nodes);
  for (const { name, partitions } of [...around.topics, offsetsTopic(around)]) {
    for (let index = 0; index < partitions; index += 1) known.add(`${name}-${index}`);
  }
  for (const [index, { target, of }] of faults.entries()) {
    const at = `${path}[${index}].target`;
    if (of !== undefined) refuseDisk(of, target, `${path}[${index}].of`, around);
    if ("role" in target) refuseUnknown(target, at, known);
    if (!("link" in target)) continue;
    for (const [side, end] of target.link.entries()) {
      if (typeof end !== "string") refuseUnknown(end, `${at}.link[${side}]`, known);
    }
  }
  return faults;
}

/** Groups make it when they need it. */
function offsetsTopic({ settings }: FaultSurroundings): { name: string; partitions: number } {
  const setting = "offsets.topic.num.partitions";
  const partitions = Number(effectiveSetting({ settings }, "broker", {}, setting));
  return { name: OFFSETS_TOPIC, partitions: Math.min(partitions, MAX_PARTITIONS) };
}

function parse(value: unknown, path: string, nodes: readonly string[]): readonly Fault[] {
  try {
    return parseFaults(value, { nodes, vocabulary: { events: eventFields, roles } }, path);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    // The message may repeat a name that somebody made megabytes long.
    if (error.message.length <= LONGEST_MESSAGE) throw error;
    throw new InputError(`${error.message.slice(0, LONGEST_MESSAGE)}...`);
  }
}

/** A disk to mount elsewhere has to be a server's, and another one's. */
function refuseDisk(of: string, target: Target, path: string, around: FaultSurroundings): void {
  if (!around.nodes.some(({ id }) => id === of)) {
    throw wrongValue(path, of, "is a client, which has no disk");
  }
  if ("node" in target && target.node === of) {
    throw wrongValue(path, of, "is the node itself: that is disk same");
  }
}

function refuseUnknown({ of }: RoleTarget, path: string, known: ReadonlySet<string>): void {
  if (of === undefined || known.has(of)) return;
  throw wrongValue(`${path}.of`, of, "is neither a partition nor a node of the plan");
}
