import type { SettingValues, Plan } from "../plan/plan.ts";
import type { Schedule } from "./schedule.ts";
import { schedule } from "./schedule.ts";

/** Voters stand for election in the order of their names: a voter that hears nothing waits so long. */
const waits: Readonly<Record<string, SettingValues>> = {
  c100: {
    "controller.quorum.election.timeout.ms": 100,
    "controller.quorum.fetch.timeout.ms": 1000,
  },
  c101: {
    "controller.quorum.election.timeout.ms": 400,
    "controller.quorum.fetch.timeout.ms": 1500,
  },
  c102: {
    "controller.quorum.election.timeout.ms": 1500,
    "controller.quorum.fetch.timeout.ms": 3000,
  },
};

/** A schedule with three voters, of which c100 leads first unless the story says otherwise. */
export function quorumStory(name: string, story: Schedule): Plan {
  const nodeSettings: Record<string, SettingValues> = {};
  for (const [voter, usual] of Object.entries(waits)) {
    nodeSettings[voter] = { ...usual, ...story.nodeSettings?.[voter] };
  }
  return schedule(name, { ...story, controllers: 3, nodeSettings });
}
