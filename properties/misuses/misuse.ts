import type { Plan, SettingValues } from "../plan/plan.ts";

/**
 * No defect of Kafka: settings that promise less than their user may think, and a story in which that
 * shows. The verdict is a pass that names the setting; with the setting corrected nothing happens.
 */
export interface Misuse {
  readonly id: string;
  /** What is set, in a few words, e.g. "acks-1". */
  readonly name: string;
  readonly origin: string;
  readonly shows: "losses" | "duplicates" | "reorders";
  /** The setting that the verdict must name. */
  readonly setting: string;
  /** What corrects it. */
  readonly corrected: SettingValues;
  readonly story: Plan;
}
