/**
 * What a story promises beside the invariants: that it really happens as it is told. A story whose
 * fault does nothing would hold for the wrong reason.
 */
import type { FactKind, FactOf } from "../../core/facts.ts";
import type { Findings, Moment, Observer } from "../../properties/observation.ts";
import type { MustSee } from "../scenario.ts";

/** Runs of one story from which each of its situations must have been seen. */
const STORY_RUNS = 20;

/** Situations that belong to a story. A story need not exercise every invariant there is. */
export function mustSee(...situations: readonly string[]): MustSee {
  return {
    situations: Object.fromEntries(situations.map((name) => [name, STORY_RUNS])),
    invariantsFrom: Infinity,
  };
}

/** Some node's process ends by this cause. */
export function nodeEnds(
  findings: Findings,
  scenario: string,
  cause: "kill" | "power-loss" | "exit",
): Observer {
  let seen = false;
  return {
    nodeEvent(event) {
      if (event.kind === "ended" && event.cause === cause) seen = true;
    },
    atEnd: (moment) => report(findings, scenario, seen, `no node ended by ${cause}`, moment),
  };
}

/** Some fact of this kind comes true for `holds`. `what` names it in the complaint. */
export function factOccurs<K extends FactKind>(
  findings: Findings,
  scenario: string,
  kind: K,
  what: string,
  holds: (fact: FactOf<K>, moment: Moment) => boolean,
): Observer {
  let seen = false;
  const handler = (fact: FactOf<K>, moment: Moment): void => {
    if (!seen && holds(fact, moment)) seen = true;
  };
  return {
    on: { [kind]: handler } as NonNullable<Observer["on"]>,
    atEnd: (moment) => report(findings, scenario, seen, `never happened: ${what}`, moment),
  };
}

export function report(
  findings: Findings,
  scenario: string,
  held: boolean,
  complaint: string,
  moment: Moment,
): void {
  findings.checked(scenario);
  if (held) return;
  findings.violation({
    invariant: scenario,
    at: moment.at,
    node: moment.node,
    message: `the story did not happen as told: ${complaint}`,
  });
}
