/** How one Kafka setting is written, checked and defaulted. */
export type Definition =
  | {
      readonly kind: "integer";
      readonly default: number;
      readonly min: number;
      readonly max: number;
    }
  | { readonly kind: "boolean"; readonly default: boolean }
  | { readonly kind: "choice"; readonly default: string; readonly choices: readonly string[] }
  | { readonly kind: "text"; readonly default: string };

/** A definition for each setting of `Settings`, of the kind that its type asks for. */
export type TableOf<Settings> = {
  readonly [Name in keyof Settings]-?: Settings[Name] extends number
    ? IntegerDefinition
    : Settings[Name] extends boolean
      ? BooleanDefinition
      : ChoiceDefinition | TextDefinition;
};

export type SettingValue = string | number | boolean;

/** A setting that does not exist, or a value that it cannot have. The message is one line. */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

type IntegerDefinition = Extract<Definition, { kind: "integer" }>;
type BooleanDefinition = Extract<Definition, { kind: "boolean" }>;
type ChoiceDefinition = Extract<Definition, { kind: "choice" }>;
type TextDefinition = Extract<Definition, { kind: "text" }>;

export function integer(
  byDefault: number,
  min: number = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): IntegerDefinition {
  return { kind: "integer", default: byDefault, min, max };
}

export function flag(byDefault: boolean): BooleanDefinition {
  return { kind: "boolean", default: byDefault };
}

export function choice(byDefault: string, choices: readonly string[]): ChoiceDefinition {
  return { kind: "choice", default: byDefault, choices };
}

export function text(byDefault: string): TextDefinition {
  return { kind: "text", default: byDefault };
}

/** The value of one setting, from a string (as an admin client sends it) or from JSON. */
export function parseSetting(
  name: string,
  definition: Definition,
  given: SettingValue,
): SettingValue {
  const problem = settingProblem(name, definition, given);
  if (problem !== null) throw new SettingError(problem);
  switch (definition.kind) {
    case "integer":
      return Number(given);
    case "boolean":
      return given === true || given === "true";
    case "choice":
    case "text":
      return String(given);
  }
}

/** What is wrong with a value, in one line; null when the setting can have it. */
export function settingProblem(
  name: string,
  definition: Definition,
  given: SettingValue,
): string | null {
  const isNot = (expected: string): string =>
    `setting ${name}: ${JSON.stringify(given)} is not ${expected}`;
  switch (definition.kind) {
    case "integer": {
      const isNumeral = typeof given === "string" && /^-?\d{1,16}$/.test(given);
      const value = isNumeral ? Number(given) : given;
      const { min, max } = definition;
      if (typeof value !== "number" || !Number.isSafeInteger(value)) return isNot("an integer");
      return value < min || value > max ? isNot(`between ${min} and ${max}`) : null;
    }
    case "boolean":
      return /^(true|false)$/.test(String(given)) ? null : isNot("true or false");
    case "choice":
      return definition.choices.includes(String(given))
        ? null
        : isNot(`one of ${definition.choices.join(", ")}`);
    case "text":
      return null;
  }
}

/**
 * All settings of a table: the given values checked, the others at their defaults.
 * Throws a {@link SettingError} for an unknown name or a bad value.
 */
export function resolveSettings<Settings>(
  table: TableOf<Settings>,
  given: Readonly<Record<string, SettingValue>>,
): Settings {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(table, name)) {
      throw new SettingError(`setting ${name}: there is no such setting`);
    }
  }
  const values: Record<string, SettingValue> = {};
  for (const [name, definition] of Object.entries<Definition>(table)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    values[name] = value === undefined ? definition.default : parseSetting(name, definition, value);
  }
  return values as Settings;
}
