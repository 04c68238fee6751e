/** One story, told in two languages, with the events that prove it. */
import { describe, expect, it } from "vitest";
import { run } from "../../properties/run.ts";
import { eventsOf } from "./evidence.ts";
import { narrate } from "./narrate.ts";
import { messageKeys } from "./messages/catalogue.ts";
import { catalogues, languages } from "./messages/languages.ts";
import { particle } from "./messages/particles.ts";
import {
  flowOf,
  flowScenarios,
  judge,
  observe,
  planOf,
  tellAgain,
} from "./observed-run.testkit.ts";
import { textOf } from "./render.ts";
import type { Narration } from "./flow.ts";
import type { Scenario } from "../scenario.ts";

function story(scenario: Scenario, seed: string): Narration {
  const plan = planOf(scenario, seed);
  return narrate(plan, flowOf(scenario), judge(scenario, plan).traceHash);
}

function numbersIn(text: string): string[] {
  return (text.match(/\d+(\.\d+)?/g) ?? []).sort();
}

function placeholdersIn(message: string): string[] {
  return [...message.matchAll(/\{(\w+)/g)].map(([, name]) => name!).sort();
}

describe("the catalogues", () => {
  it("have the same messages, with the same values as often", () => {
    for (const language of languages) {
      expect(Object.keys(catalogues[language]).sort()).toEqual([...messageKeys].sort());
    }
    for (const key of messageKeys) {
      expect([key, placeholdersIn(catalogues.ko[key])]).toEqual([
        key,
        placeholdersIn(catalogues.en[key]),
      ]);
    }
  });

  it.each([
    ["b1", "이/가", "이"],
    ["b2", "이/가", "가"],
    ["b3", "은/는", "은"],
    ["m10", "을/를", "을"],
    ["1", "으로/로", "로"],
    ["0", "으로/로", "으로"],
    ["2", "으로/로", "로"],
    ["6", "과/와", "과"],
    ["9", "과/와", "와"],
    ["레코드", "을/를", "를"],
    ["오프셋", "을/를", "을"],
    ["서울", "으로/로", "로"],
    ["book", "을/를", "을"],
    ["table", "을/를", "을"],
    ["table", "으로/로", "로"],
    ["chair", "을/를", "를"],
    ["orders", "은/는", "는"],
  ])("put behind %s, of %s, the particle %s", (text, pair, expected) => {
    expect(particle(text, pair)).toBe(expected);
  });
});

describe.each(flowScenarios.map((scenario) => [scenario.name, scenario] as const))(
  "%s",
  (_, scenario) => {
    it.each(["1", "2", "3"])(
      "has the same numbers and names in both languages (seed %s)",
      (seed) => {
        const { steps, missing } = story(scenario, seed);
        const told = steps.map((step) => ({ en: textOf(step, "en"), ko: textOf(step, "ko") }));

        expect(missing).toBeNull();
        expect(steps).toHaveLength(flowOf(scenario).steps);
        for (const { en, ko } of told) {
          expect(numbersIn(ko)).toEqual(numbersIn(en));
          const namesIn = (text: string): string[] => (text.match(/\b[bmp]\d+/g) ?? []).sort();
          expect(namesIn(ko)).toEqual(namesIn(en));
          expect(en).not.toMatch(/[{}]|undefined|NaN/);
          expect(ko).not.toMatch(/[{}]|undefined|NaN/);
          expect(ko).toMatch(/[가-힣]/);
          expect(en).toMatch(/^[\x20-\x7e]*$/);
        }
      },
    );

    it("is told of one seed in the same words each time, and of another in others", () => {
      const texts = ["1", "1", "2"].map((seed) =>
        story(scenario, seed).steps.map((step) => textOf(step, "en")),
      );

      expect(texts[1]).toEqual(texts[0]);
      expect(texts[2]).not.toEqual(texts[0]);
    });

    it("is told after the fact, from what observers saw, as it is during the run", () => {
      const plan = planOf(scenario, "1");
      const again = tellAgain(flowOf(scenario), plan, observe(plan));

      expect(again.steps.map((step) => textOf(step, "en"))).toEqual(
        story(scenario, "1").steps.map((step) => textOf(step, "en")),
      );
    });

    it("proves each step by events of the run, each behind its cause", () => {
      const known = new Set<number>();
      for (const step of story(scenario, "1").steps) {
        const events = eventsOf(step);
        expect(events.length).toBeGreaterThan(0);
        for (const { id } of events) known.add(id);
        for (const { id, at, node, kind, causedBy } of events) {
          expect(at).toBeGreaterThan(0);
          expect(node).toMatch(/^[bmp]\d$/);
          expect(kind).toMatch(/^[a-z-]+$/);
          if (causedBy === null) continue;
          expect(causedBy).toBeLessThan(id);
          expect(known).toContain(causedBy);
        }
      }
    });

    it("changes nothing in the run by being told", () => {
      const plan = planOf(scenario, "1");

      expect(judge(scenario, plan).traceHash).toBe(run(plan).traceHash);
      expect(() => narrate(plan, flowOf(scenario), "another run's")).toThrow(
        "the run that is told",
      );
    });
  },
);
