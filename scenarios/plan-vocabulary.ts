import { knownBugs } from "../properties/known-bugs/registry.ts";
import type { PlanVocabulary } from "../properties/plan/parse-plan.ts";

/** What the plans of this program may name. */
export const planVocabulary: PlanVocabulary = { bugs: knownBugs.map(({ id }) => id) };
