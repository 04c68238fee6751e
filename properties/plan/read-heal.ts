/** How a plan ends: when it is healed, who is in the core, and what is left standing in it. */
import type { Fault } from "../../sim/faults/fault.ts";
import { Fields, textAt } from "./fields.ts";
import type { Heal, NodePlan } from "./plan.ts";
import { wrongValue } from "./wrong-value.ts";

export interface HealSurroundings {
  readonly nodes: readonly NodePlan[];
  readonly faults: readonly Fault[];
}

export function readHeal(value: unknown, path: string, around: HealSurroundings): Heal {
  const fields = new Fields(value, path, ["at", "core", "leave", "deadline"]);
  const words: readonly ("viable" | "all")[] = ["viable", "all"];
  const heal: Heal = {
    at: fields.integer("at"),
    core: Array.isArray(fields.value("core"))
      ? names(fields, "core", around.nodes, "is no server of the plan")
      : fields.choice("core", words),
    deadline: fields.integer("deadline"),
  };
  const late = around.nodes.find(({ startAt = 0 }) => startAt >= heal.at);
  if (late?.startAt !== undefined) {
    throw wrongValue(fields.at("at"), heal.at, `is not after ${late.id} starts, ${late.startAt}`);
  }
  if (!fields.has("leave")) return heal;
  return { ...heal, leave: names(fields, "leave", around.faults, "is no fault of the plan") };
}

function names(
  fields: Fields,
  name: string,
  known: readonly { readonly id: string }[],
  complaint: string,
): readonly string[] {
  const given = fields.list(name, (value, at) => {
    const id = textAt(value, at);
    if (!known.some((one) => one.id === id)) throw wrongValue(at, id, complaint);
    return id;
  });
  if (new Set(given).size < given.length) {
    throw wrongValue(fields.at(name), given, "names one twice");
  }
  return given;
}
