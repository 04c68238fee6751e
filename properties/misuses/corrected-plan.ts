import type { Plan, SettingValues } from "../plan/plan.ts";

/** The plan with these settings, wherever it has others of those names: its own, topics, clients. */
export function correctedPlan(plan: Plan, corrected: SettingValues): Plan {
  const fix = (own: SettingValues): SettingValues => {
    const names = Object.keys(own).filter((name) => Object.hasOwn(corrected, name));
    return { ...own, ...Object.fromEntries(names.map((name) => [name, corrected[name]!])) };
  };
  return {
    ...plan,
    settings: { ...plan.settings, ...corrected },
    topics: plan.topics.map((topic) => ({ ...topic, settings: fix(topic.settings) })),
    clients: plan.clients.map((client) => ({ ...client, settings: fix(client.settings) })),
  };
}

/** What keeps records, by the setting that a verdict names. */
export const cures: Readonly<Record<string, SettingValues>> = {
  acks: { acks: "all" },
  "min.insync.replicas": { "min.insync.replicas": 2 },
  "unclean.leader.election.enable": { "unclean.leader.election.enable": false },
  "flush.messages": { "flush.messages": 1 },
};
