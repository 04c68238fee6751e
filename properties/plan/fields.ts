/** The fields of one JSON object, read one by one, each complaint naming the field and its value. */
import { InputError, showValue } from "../../sim/input-error.ts";
import { wrongValue } from "./wrong-value.ts";

export class Fields {
  readonly path: string;
  readonly #values: Readonly<Record<string, unknown>>;

  /** `path` is "" for the whole document; `known` are the fields that may occur. */
  constructor(value: unknown, path: string, known: readonly string[]) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrongValue(path === "" ? "plan" : path, value, "is not an object");
    }
    this.path = path;
    this.#values = value as Record<string, unknown>;
    for (const name of Object.keys(this.#values)) {
      if (!known.includes(name)) {
        const field = showValue(path === "" ? name : `${path}.${name}`).slice(1, -1);
        throw new InputError(`${field}: there is no such field (${showValue(this.#values[name])})`);
      }
    }
  }

  /** Path of a field, as messages name it. */
  at(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name);
  }

  /** The raw value; the field must be there. */
  value(name: string): unknown {
    if (!this.has(name)) throw new InputError(`${this.at(name)}: is missing`);
    return this.#values[name];
  }

  integer(name: string, min: number = 0, max: number = Number.MAX_SAFE_INTEGER): number {
    return integerAt(this.value(name), this.at(name), min, max);
  }

  text(name: string, shape?: RegExp): string {
    return textAt(this.value(name), this.at(name), shape);
  }

  flag(name: string): boolean {
    const value = this.value(name);
    if (typeof value !== "boolean") throw wrongValue(this.at(name), value, "is not true or false");
    return value;
  }

  choice<T extends string>(name: string, choices: readonly T[]): T {
    return choiceAt(this.value(name), this.at(name), choices);
  }

  /** Each element read by `read`, which is given the element and its path. */
  list<T>(name: string, read: (value: unknown, path: string) => T): T[] {
    return listAt(this.value(name), this.at(name), read);
  }
}

export function integerAt(value: unknown, path: string, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw wrongValue(path, value, "is not an integer");
  }
  if (value < min || value > max) {
    const bounds = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `${min} to ${max}`;
    throw wrongValue(path, value, `is not ${bounds}`);
  }
  // -0 would be hashed and printed as 0, yet compare differently.
  return value === 0 ? 0 : value;
}

export function textAt(value: unknown, path: string, shape?: RegExp): string {
  if (typeof value !== "string") throw wrongValue(path, value, "is not a string");
  if (shape !== undefined && !shape.test(value)) {
    throw wrongValue(path, value, `does not look like ${shape.source}`);
  }
  return value;
}

export function choiceAt<T extends string>(value: unknown, path: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw wrongValue(path, value, `is not one of ${choices.join(", ")}`);
  return found;
}

export function listAt<T>(
  value: unknown,
  path: string,
  read: (value: unknown, path: string) => T,
): T[] {
  if (!Array.isArray(value)) throw wrongValue(path, value, "is not a list");
  return value.map((element: unknown, index) => read(element, `${path}[${index}]`));
}

/** Refuses an id that occurs twice among `elements` of the list at `path`. */
export function refuseRepeats(elements: readonly { readonly id: string }[], path: string): void {
  const seen = new Set<string>();
  for (let index = 0; index < elements.length; index += 1) {
    const { id } = elements[index]!;
    seen.add(id);
    if (seen.size === index) throw wrongValue(`${path}[${index}].id`, id, "is given twice");
  }
}
