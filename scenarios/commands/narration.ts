/** `--narrate` and `--lang` of `trial run`: whether they can be had, and for which story. */
import { wrongValue } from "../../properties/plan/wrong-value.ts";
import type { Flow } from "../narrate/flow.ts";
import type { Language } from "../narrate/messages/languages.ts";
import { languages } from "../narrate/messages/languages.ts";
import type { Scenario } from "../scenario.ts";

export interface NarrationArguments {
  readonly narrate?: boolean;
  readonly lang?: string;
  readonly runs?: string;
}

/** Null when nothing is to be told. Throws an InputError for options that do not go together. */
export function parseNarration({ narrate, lang, runs }: NarrationArguments): Language | null {
  if (narrate !== true) {
    if (lang === undefined) return null;
    throw wrongValue("--lang", lang, "is for --narrate, which is not given");
  }
  if (runs !== undefined)
    throw wrongValue("--runs", runs, "is not for --narrate, which tells one run");
  if (lang === undefined) return "en";
  const language = languages.find((known) => known === lang);
  if (language !== undefined) return language;
  throw wrongValue("--lang", lang, `is unknown: there are ${languages.join(", ")}`);
}

/** The steps of a scenario. Throws an InputError for one that is not told in steps. */
export function flowOf(scenario: Scenario, all: readonly Scenario[]): Flow {
  if (scenario.flow !== undefined) return scenario.flow;
  const narrated = all.filter(({ flow }) => flow !== undefined).map(({ name }) => name);
  const complaint = `has no narrator: there is one for ${narrated.join(", ")}`;
  throw wrongValue("--narrate", scenario.name, complaint);
}
