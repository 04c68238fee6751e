import { InputError, showValue } from "../input-error.ts";
import type { Vocabulary } from "../vocabulary.ts";
import type { Fault, FaultKind } from "./fault.ts";
import { faultKinds } from "./fault.ts";
import { fieldRules, kindRules, MAX_TIME_US } from "./schema.ts";
import type { FieldRule } from "./schema.ts";

/** What names in a list of faults may refer to. */
export interface FaultNames {
  readonly nodes: readonly string[];
  /** Event names with their fields, and role names. */
  readonly vocabulary: {
    readonly events: Vocabulary["events"];
    readonly roles: Readonly<Record<string, unknown>>;
  };
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Checks a list of faults that came from outside. Throws an {@link InputError} whose one line names
 * the field, by its path below `path`, and its value.
 */
export function parseFaults(
  value: unknown,
  names: FaultNames,
  path: string = "faults",
): readonly Fault[] {
  if (!Array.isArray(value)) throw wrong(path, "an array", value);
  const seen = new Set<string>();
  value.forEach((item: unknown, index) => {
    const at = `${path}[${index}]`;
    const fault = parseFault(item, names, at);
    if (seen.has(fault.id)) throw new InputError(`${at}.id: repeated id ${showValue(fault.id)}`);
    seen.add(fault.id);
  });
  return value as readonly Fault[];
}

/** Checks one fault. */
export function parseFault(value: unknown, names: FaultNames, path: string): Fault {
  const fields = parseObject(value, path);
  parseName(fields["id"], `${path}.id`);
  const kind = fields["kind"];
  if (!faultKinds.includes(kind as FaultKind)) {
    const known = faultKinds.join(", ");
    throw new InputError(`${path}.kind: unknown fault kind ${showValue(kind)}; known: ${known}`);
  }
  const rule = kindRules[kind as FaultKind];
  const common = ["id", "kind", "target", "at", "when"];
  for (const [name, field] of Object.entries(fields)) {
    if (common.includes(name)) continue;
    if (!(rule.takes as readonly string[]).includes(name)) {
      throw new InputError(`${path}.${name}: a fault of kind ${kind as string} has no such field`);
    }
    checkField(field, fieldRules[name as keyof Fault]!, `${path}.${name}`);
  }
  for (const name of rule.needs) {
    if (fields[name] === undefined) {
      throw new InputError(`${path}.${name}: a fault of kind ${kind as string} needs this field`);
    }
  }
  parseTarget(fields["target"], rule.targets === "node", names, `${path}.target`);
  parseTime(fields, names, path);
  parseCombinations(fields, names, path);
  return value as Fault;
}

function parseTime(fields: Fields, names: FaultNames, path: string): void {
  const { at, when } = fields;
  if ((at === undefined) === (when === undefined)) {
    throw new InputError(`${path}: exactly one of "at" and "when" must be given`);
  }
  if (at !== undefined) {
    checkField(at, { type: "integer", least: 0, most: MAX_TIME_US }, `${path}.at`);
  } else {
    parseTrigger(when, names, `${path}.when`);
  }
}

function parseCombinations(fields: Fields, names: FaultNames, path: string): void {
  if (fields["call"] !== undefined && fields["at"] === undefined) {
    throw new InputError(`${path}.call: needs "at"`);
  }
  if (fields["edge"] !== undefined && fields["call"] === undefined) {
    throw new InputError(`${path}.edge: needs "call" (a trigger has its own edge)`);
  }
  const { of } = fields;
  if (of !== undefined) knownNode(of, names, `${path}.of`);
  if ((fields["disk"] === "of") !== (of !== undefined)) {
    throw new InputError(`${path}.of: disk "of" and field "of" need each other`);
  }
}

function parseTrigger(value: unknown, names: FaultNames, path: string): void {
  const trigger = parseObject(value, path);
  onlyFields(trigger, ["event", "where", "nth", "edge"], path);
  const event = parseName(trigger["event"], `${path}.event`);
  const { events } = names.vocabulary;
  if (!Object.hasOwn(events, event)) {
    throw new InputError(`${path}.event: unknown event ${showValue(event)}`);
  }
  if (trigger["nth"] !== undefined) {
    checkField(trigger["nth"], { type: "integer", least: 1, most: 1_000_000_000 }, `${path}.nth`);
  }
  if (trigger["edge"] !== undefined) checkField(trigger["edge"], fieldRules.edge!, `${path}.edge`);
  if (trigger["where"] === undefined) return;
  const known = events[event]!;
  for (const [name, field] of Object.entries(parseObject(trigger["where"], `${path}.where`))) {
    if (name !== "node" && !known.includes(name)) {
      throw new InputError(`${path}.where.${name}: event ${event} has no such field`);
    }
    const simple = typeof field === "string" || typeof field === "boolean" || field === null;
    if (!simple && !Number.isSafeInteger(field)) {
      throw wrong(`${path}.where.${name}`, "a string, an integer, a boolean or null", field);
    }
  }
}

function parseTarget(value: unknown, nodeOnly: boolean, names: FaultNames, path: string): void {
  const target = parseObject(value, path);
  if (target["node"] !== undefined) {
    onlyFields(target, ["node"], path);
    knownNode(target["node"], names, `${path}.node`);
  } else if (target["role"] !== undefined) {
    parseRole(target, names, path);
  } else if (target["link"] !== undefined) {
    if (nodeOnly) throw new InputError(`${path}.link: this kind of fault strikes a node`);
    onlyFields(target, ["link", "both"], path);
    const ends = target["link"];
    if (!Array.isArray(ends) || ends.length !== 2) throw wrong(`${path}.link`, "two ends", ends);
    ends.forEach((end: unknown, i) => parseEnd(end, names, `${path}.link[${i}]`));
    const both = target["both"];
    if (both !== undefined && typeof both !== "boolean") {
      throw wrong(`${path}.both`, "true or false", both);
    }
  } else {
    throw new InputError(`${path}: needs one of "node", "link", "role"`);
  }
}

function parseEnd(end: unknown, names: FaultNames, path: string): void {
  if (typeof end === "object") parseRole(parseObject(end, path), names, path);
  else if (end !== "*") knownNode(end, names, path);
}

function parseRole(target: Fields, names: FaultNames, path: string): void {
  onlyFields(target, ["role", "of"], path);
  const role = parseName(target["role"], `${path}.role`);
  if (!Object.hasOwn(names.vocabulary.roles, role)) {
    throw new InputError(`${path}.role: unknown role ${showValue(role)}`);
  }
  if (target["of"] !== undefined) parseName(target["of"], `${path}.of`);
}

function checkField(value: unknown, rule: FieldRule, path: string): void {
  switch (rule.type) {
    case "integer":
      if (!Number.isSafeInteger(value) || (value as number) < rule.least) {
        throw wrong(path, `an integer of at least ${rule.least}`, value);
      }
      if ((value as number) > rule.most) {
        throw wrong(path, `an integer of at most ${rule.most}`, value);
      }
      return;
    case "string":
      parseName(value, path);
      return;
    case "choice":
      if (typeof value !== "string" || !rule.choices.includes(value)) {
        throw wrong(path, `one of ${rule.choices.join(", ")}`, value);
      }
      return;
    case "choices":
      if (!Array.isArray(value) || value.length === 0) throw wrong(path, "a list of names", value);
      for (const item of value) {
        if (!rule.choices.includes(item as string)) {
          throw wrong(path, `a list of ${rule.choices.join(", ")}`, item);
        }
      }
      return;
  }
}

function knownNode(value: unknown, names: FaultNames, path: string): void {
  if (typeof value !== "string" || !names.nodes.includes(value)) {
    throw new InputError(`${path}: unknown node ${showValue(value)}`);
  }
}

function onlyFields(fields: Fields, known: readonly string[], path: string): void {
  for (const name of Object.keys(fields)) {
    if (!known.includes(name)) throw new InputError(`${path}.${name}: unknown field`);
  }
}

function parseObject(value: unknown, path: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(path, "an object", value);
  }
  return value as Fields;
}

function parseName(value: unknown, path: string): string {
  if (typeof value !== "string" || value === "") throw wrong(path, "a name", value);
  return value;
}

function wrong(path: string, expected: string, value: unknown): InputError {
  return new InputError(`${path}: expected ${expected}, got ${showValue(value)}`);
}
