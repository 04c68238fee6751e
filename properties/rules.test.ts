/** What `trial rules` prints must be true: each decision has its source, each known bug is one of them. */
import { describe, expect, it } from "vitest";
import { correctRules, makeRules } from "../core/rules.ts";
import type { RuleClasses, Rules } from "../core/rules.ts";
import { rulesWith, withPartners } from "./known-bugs/infect.ts";
import { knownBugs } from "./known-bugs/registry.ts";

type Component = keyof RuleClasses;

const components = Object.keys(correctRules) as Component[];

/** Methods that a class has of its own, not those that it inherits. */
function methodsOf(rules: { readonly prototype: object }): string[] {
  const names = Object.getOwnPropertyNames(rules.prototype);
  return names.filter((name) => name !== "constructor").sort();
}

/** "isr.mayJoin" of each method that a bug overrides. */
function overriddenBy(bug: (typeof knownBugs)[number]): string[] {
  return components.flatMap((component) => {
    const wrong = bug.rules[component];
    return wrong === undefined ? [] : methodsOf(wrong).map((method) => `${component}.${method}`);
  });
}

describe("the rules of", () => {
  it.each(components)(
    "%s: each is named with its source, and no source is without a rule",
    (name) => {
      const { sources } = correctRules[name];

      expect(Object.keys(sources).sort()).toEqual(methodsOf(correctRules[name]));
      for (const source of Object.values(sources)) {
        expect(source).toMatch(/KIP-\d+|\w+\.java|\w+\.scala/);
      }
    },
  );

  it.each(components)("%s have no state", (name) => {
    expect(Object.keys(makeRules()[name])).toEqual([]);
  });
});

describe("the known bug", () => {
  it.each(knownBugs)(
    "$id overrides exactly one rule that there is in each class that it replaces",
    (bug) => {
      const overridden = overriddenBy(bug).map((rule) => rule.split(".") as [Component, string]);

      expect(overridden.map(([component]) => component).sort()).toEqual(
        Object.keys(bug.rules).sort(),
      );
      for (const [component, method] of overridden) {
        expect(methodsOf(correctRules[component])).toContain(method);
        expect(bug.rules[component]!.prototype).toBeInstanceOf(correctRules[component]);
      }
    },
  );

  it("replaces two classes only where the rule of each masks that of the other", () => {
    const twofold = knownBugs.filter(({ rules }) => Object.keys(rules).length > 1);

    expect(twofold.map(({ id }) => id)).toEqual(["R13", "K29"]);
  });

  it.each(knownBugs)("$id changes its own rule alone, and with its partners theirs too", (bug) => {
    const together = withPartners([bug.id]);
    const partners = knownBugs.filter(({ id }) => together.includes(id));

    expect(changedIn(rulesWith([bug.id]))).toEqual(overriddenBy(bug).sort());
    expect(partners).toHaveLength(together.length);
    expect(changedIn(rulesWith(together))).toEqual(partners.flatMap(overriddenBy).sort());
  });

  it("has an id of its own", () => {
    expect(new Set(knownBugs.map(({ id }) => id)).size).toBe(knownBugs.length);
  });
});

/** The rules that are not Kafka's in this set. */
function changedIn(rules: Rules): string[] {
  const correct = makeRules();
  const differs = (component: Component, method: string): boolean =>
    methodOf(rules[component], method) !== methodOf(correct[component], method);
  const changed = components.flatMap((component) =>
    methodsOf(correctRules[component])
      .filter((method) => differs(component, method))
      .map((method) => `${component}.${method}`),
  );
  return changed.sort();
}

function methodOf(rules: object, name: string): unknown {
  return (rules as Readonly<Record<string, unknown>>)[name];
}
