import type { RuleClasses, Rules } from "../../core/rules.ts";
import { correctRules, makeRules } from "../../core/rules.ts";
import { knownBug } from "./registry.ts";

type AnyClass = (new () => object) & { readonly prototype: object };

/**
 * One set of rules with just the given known bugs built in. Two bugs of one component are combined:
 * each overrides its own methods.
 */
export function rulesWith(bugs: readonly string[]): Rules {
  const replaced: Partial<Record<keyof RuleClasses, AnyClass>> = {};
  for (const id of bugs) {
    const bug = knownBug(id);
    if (bug === undefined) throw new Error(`no known bug ${id}`);
    for (const [component, wrong] of Object.entries(bug.rules) as [keyof RuleClasses, AnyClass][]) {
      replaced[component] = combined(replaced[component] ?? correctRules[component], wrong);
    }
  }
  return makeRules(replaced as Partial<RuleClasses>);
}

/** The bugs and all bugs that they need, each once. */
export function withPartners(bugs: readonly string[]): readonly string[] {
  const all = new Set<string>();
  for (const id of bugs) {
    for (const partner of knownBug(id)?.needs ?? []) all.add(partner);
    all.add(id);
  }
  return [...all];
}

/** A subclass of `base` that has the methods which `wrong` itself overrides. */
function combined(base: AnyClass, wrong: AnyClass): AnyClass {
  const result = class extends base {};
  for (const name of Object.getOwnPropertyNames(wrong.prototype)) {
    if (name === "constructor") continue;
    const method = Object.getOwnPropertyDescriptor(wrong.prototype, name);
    if (method !== undefined) Object.defineProperty(result.prototype, name, method);
  }
  return result;
}
