/** Steps in words. Values are the same in every language; only what stands around them differs. */
import type { Narration } from "./flow.ts";
import { flowInvariant } from "./flow.ts";
import type { Language } from "./messages/languages.ts";
import { catalogues } from "./messages/languages.ts";
import { particle } from "./messages/particles.ts";
import type { Sentence, Step, Value } from "./step.ts";
import { say } from "./step.ts";

const PLACEHOLDER = /\{(\w+)(?::([^}]+))?\}/g;

export function render({ key, values }: Sentence, language: Language): string {
  return catalogues[language][key].replace(PLACEHOLDER, (_, name: string, pair?: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`message ${key} has no value for ${name}`);
    const text = renderValue(value, language);
    return pair === undefined ? text : text + particle(text, pair);
  });
}

function renderValue(value: Value, language: Language): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  if (isList(value))
    return listed(
      value.map((one) => renderValue(one, language)),
      language,
    );
  return render(value, language);
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function listed(texts: readonly string[], language: Language): string {
  if (language === "ko" || texts.length < 2) return texts.join(", ");
  return `${texts.slice(0, -1).join(", ")} and ${texts.at(-1)}`;
}

export function textOf(step: Step, language: Language): string {
  return step.says.map((sentence) => render(sentence, language)).join(" ");
}

/** What stands in the place of the first step that is missing; null when none is. */
export function brokenOff({ flow, missing }: Narration, language: Language): string | null {
  if (missing === null) return null;
  const violation = flowInvariant(flow, missing.step);
  return render(say("story.broken", { violation }), language);
}

/** Seconds to the millisecond: "3.012". */
export function atSeconds(us: number): string {
  return (us / 1_000_000).toFixed(3);
}
