/** A story on a terminal, or as JSON: numbered steps, each with the events that prove it. */
import { eventsOf, lineOf } from "../narrate/evidence.ts";
import type { EvidenceEvent } from "../narrate/evidence.ts";
import type { Narration } from "../narrate/flow.ts";
import type { Language } from "../narrate/messages/languages.ts";
import { brokenOff, textOf } from "../narrate/render.ts";
import { colors } from "./colors.ts";
import { wrapped } from "./wrapped.ts";

/** What `--narrate --json` adds to the verdict. */
export interface NarratedStep {
  readonly step: number;
  readonly text: string;
  readonly events: readonly EvidenceEvent[];
}

const COLUMNS = 100;

export function narratedSteps({ steps }: Narration, language: Language): NarratedStep[] {
  return steps.map((step, index) => ({
    step: index + 1,
    text: textOf(step, language),
    events: eventsOf(step),
  }));
}

export function reportNarration(narration: Narration, language: Language): string[] {
  const lines = narration.steps.flatMap((step, index) => [
    ...told(index + 1, textOf(step, language)),
    ...step.chains.flatMap((chain) =>
      wrapped(lineOf(chain), COLUMNS, "   - ", "     ").map((line) => colors.dim(line)),
    ),
    "",
  ]);
  const broken = brokenOff(narration, language);
  if (broken === null) return lines;
  return [...lines, ...told(narration.steps.length + 1, broken), ""];
}

function told(number: number, text: string): string[] {
  return wrapped(text, COLUMNS, `${number}. `, "   ");
}
