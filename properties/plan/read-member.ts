/** Members of groups in a plan: read, checked, and completed with what may be left out. */
import { wrongValue } from "./wrong-value.ts";
import { Fields } from "./fields.ts";
import type {
  ClientPlan,
  CommitMode,
  MemberPlan,
  NodePlan,
  SettingValues,
  Subscribed,
  TopicPlan,
} from "./plan.ts";
import { commitModes } from "./plan.ts";
import { ownBrokers, topicAt } from "./read-topology.ts";
import { effectiveSetting, readPartySettings } from "./settings.ts";

export const memberFields: readonly string[] = [
  "id",
  "kind",
  "settings",
  "subscribe",
  "workUs",
  "commit",
  "handOff",
  "closed",
];

/** An hour: far above any max.poll.interval.ms that a short run can wait for. */
const MAX_WORK_US = 3_600_000_000;

/** `fields` are those of the client; `planSettings` may name the group too. */
export function readMember(
  fields: Fields,
  id: string,
  topics: readonly TopicPlan[],
  planSettings: SettingValues,
): MemberPlan {
  const own = fields.has("settings") ? fields.value("settings") : {};
  const settings = readPartySettings(own, fields.at("settings"), "consumer");
  const setting = (name: string): string =>
    String(effectiveSetting({ settings: planSettings }, "consumer", settings, name));
  if (setting("group.id") === "") {
    throw wrongValue(fields.at("settings"), settings, "has no group.id, which a member needs");
  }
  const usual: CommitMode = setting("enable.auto.commit") === "true" ? "none" : "sync";
  return {
    id,
    kind: "member",
    settings,
    subscribe: readSubscribed(fields, topics),
    workUs: fields.has("workUs") ? fields.integer("workUs", 0, MAX_WORK_US) : 0,
    commit: fields.has("commit") ? fields.choice("commit", commitModes) : usual,
    handOff: fields.has("handOff") && fields.flag("handOff"),
    closed: fields.has("closed") && fields.flag("closed"),
  };
}

/**
 * Groups live in `__consumer_offsets`, which Kafka does not make while it has too few brokers for it: a
 * group would wait for ever.
 */
export function refuseFewBrokers(plan: {
  readonly settings: SettingValues;
  readonly nodes: readonly NodePlan[];
  readonly clients: readonly ClientPlan[];
}): void {
  const member = plan.clients.findIndex(({ kind }) => kind === "member");
  if (member === -1) return;
  const name = "offsets.topic.replication.factor";
  const brokers = ownBrokers(plan.nodes);
  for (const { settings } of brokers) {
    const needed = Number(effectiveSetting(plan, "broker", settings, name));
    if (needed <= brokers.length) continue;
    const problem = `needs ${needed} brokers for ${name}, but there are ${brokers.length}`;
    throw wrongValue(`clients[${member}]`, plan.clients[member]?.id, problem);
  }
}

/** Topics need not be the plan's: one that does not exist is made, or warned of, as the settings say. */
export function readSubscribed(parent: Fields, topics: readonly TopicPlan[]): Subscribed {
  const path = parent.at("subscribe");
  const fields = new Fields(parent.value("subscribe"), path, ["topics", "pattern"]);
  if (fields.has("topics") === fields.has("pattern")) {
    throw wrongValue(path, parent.value("subscribe"), "needs either topics or pattern");
  }
  if (fields.has("pattern")) {
    const pattern = fields.text("pattern");
    if (!isPattern(pattern)) {
      throw wrongValue(fields.at("pattern"), pattern, "is not a regular expression");
    }
    return { pattern };
  }
  const names = fields.list("topics", (name, at) => topicAt(name, at, topics).name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw wrongValue(fields.at("topics"), repeated, "is given twice");
  return { topics: names };
}

function isPattern(pattern: string): boolean {
  try {
    new RegExp(pattern, "u");
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
