/** `trial rules`: every decision of core that can be replaced, its source, and who replaces it. */
import { correctRules } from "../../core/rules.ts";
import type { Rules } from "../../core/rules.ts";
import { knownBugs } from "../../properties/known-bugs/registry.ts";
import type { Console, ExitStatus } from "../console.ts";

export interface Rule {
  /** "isr.mayJoin" */
  readonly name: string;
  /** A KIP, or a file of apache/kafka. */
  readonly source: string;
  /** Ids of the known bugs that override it. */
  readonly bugs: readonly string[];
}

export function allRules(): Rule[] {
  const rules: Rule[] = [];
  for (const component of Object.keys(correctRules) as (keyof Rules)[]) {
    const { prototype, sources } = correctRules[component];
    for (const method of methodsOf(prototype)) {
      const bugs = knownBugs
        .filter((bug) => overridden(bug.rules[component]).includes(method))
        .map(({ id }) => id);
      rules.push({ name: `${component}.${method}`, source: sources[method] ?? "", bugs });
    }
  }
  return rules;
}

export function rulesCommand(given: { readonly json?: boolean }, console: Console): ExitStatus {
  const rules = allRules();
  if (given.json === true) {
    console.out(JSON.stringify({ rules }));
    return 0;
  }
  const width = Math.max(0, ...rules.map(({ name }) => name.length));
  for (const { name, source, bugs } of rules) {
    console.out(
      `${name.padEnd(width)}  ${source}${bugs.length === 0 ? "" : ` [${bugs.join(" ")}]`}`,
    );
  }
  return 0;
}

function overridden(replacement: { readonly prototype: object } | undefined): string[] {
  return replacement === undefined ? [] : methodsOf(replacement.prototype);
}

function methodsOf(prototype: object): string[] {
  return Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor");
}
