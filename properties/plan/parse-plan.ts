/**
 * A plan from its JSON text. Everything that a run relies on is checked here: a plan that parses can
 * be run. What may be left out is filled in, so that two ways of writing one plan have one hash.
 */
import { parseLatency } from "../../sim/network/latency.ts";
import { Fields, textAt } from "./fields.ts";
import { InputError } from "../../sim/input-error.ts";
import { wrongValue } from "./wrong-value.ts";
import { grownTopics } from "./grown-topics.ts";
import { parseJson } from "./json.ts";
import { MAX_TIME_MS, PLAN_VERSION, profiles } from "./plan.ts";
import type { Expectation, Plan } from "./plan.ts";
import { readFaults } from "./read-faults.ts";
import { readHeal } from "./read-heal.ts";
import { refuseFewBrokers } from "./read-member.ts";
import { readClients, readNodes, readTopics } from "./read-topology.ts";
import { readWorkload } from "./read-workload.ts";
import { checkProducerSettings, ownSettings, readPlanSettings } from "./settings.ts";

/** Part of file names. */
const SCENARIO = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/;
const SEED = /^[\x20-\x7e]{1,200}$/;
const HASH = /^[0-9a-f]{16}$/;
/** An id of the catalogue, an anomaly, a scenario's own, "app:" and a client, or a step of a story. */
const INVARIANT = /^([A-Za-z0-9-]{1,64}|app:[A-Za-z0-9._-]{1,100}|flow:[a-z0-9-]{1,64}:\d{1,2})$/;
const BUG = /^[A-Z]\d{2}$/;

const planFields = [
  "version",
  "scenario",
  "seed",
  "profile",
  "bugs",
  "startMs",
  "settings",
  "horizon",
  "shuffleTies",
  "topology",
  "topics",
  "clients",
  "workload",
  "faults",
  "heal",
  "expect",
];

/** What a plan may name that this module does not know by itself. */
export interface PlanVocabulary {
  /** Ids of the known bugs that can be built in. */
  readonly bugs: readonly string[];
}

/** `name` is what messages call the text. Throws an {@link InputError}. */
export function parsePlan(text: string, name: string, vocabulary: PlanVocabulary): Plan {
  return readPlan(parseJson(text, name), vocabulary);
}

/** A plan from a JSON value. Throws an {@link InputError}. */
export function readPlan(value: unknown, vocabulary: PlanVocabulary): Plan {
  refuseOtherVersions(value);
  const fields = new Fields(value, "", planFields);
  fields.value("version");
  const topology = new Fields(fields.value("topology"), "topology", ["nodes", "latency"]);
  const nodes = readNodes(topology.value("nodes"), "topology.nodes");
  const settings = readPlanSettings(fields.value("settings"), "settings");
  const topics = readTopics(fields.value("topics"), "topics", nodes);
  const grown = grownTopics(topics, fields.value("workload"));
  const clients = readClients(fields.value("clients"), "clients", grown, nodes, settings);
  for (const [index, client] of clients.entries()) {
    if (client.kind !== "producer" && client.kind !== "app") continue;
    const own = ownSettings(client, "producer");
    checkProducerSettings({ settings }, own, `clients[${index}].settings`);
  }
  const around = { settings, nodes, topics: grown, clients };
  refuseFewBrokers(around);
  const faults = readFaults(fields.value("faults"), "faults", around);
  const plan = {
    version: PLAN_VERSION,
    scenario: fields.text("scenario", SCENARIO),
    seed: fields.text("seed", SEED),
    profile: fields.choice("profile", profiles),
    bugs: readBugs(fields, vocabulary),
    startMs: fields.integer("startMs", 0, MAX_TIME_MS),
    settings,
    horizon: fields.integer("horizon", 1),
    shuffleTies: fields.has("shuffleTies") && fields.flag("shuffleTies"),
    topology: { nodes, latency: parseLatency(topology.value("latency"), "topology.latency") },
    topics,
    clients,
    workload: readWorkload(fields.value("workload"), "workload", around),
    faults,
    heal: readHeal(fields.value("heal"), "heal", { nodes, faults }),
  } as const;
  if (plan.profile === "calm" && plan.faults.length > 0) {
    throw wrongValue("faults", plan.faults, "is not empty, but the profile is calm");
  }
  return fields.has("expect") ? { ...plan, expect: readExpectation(fields) } : plan;
}

/** First of all: what a newer version means by its fields is not known here. */
function refuseOtherVersions(value: unknown): void {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "version")) return;
  const { version } = value as { version: unknown };
  if (typeof version === "number" && Number.isSafeInteger(version) && version > PLAN_VERSION) {
    throw wrongValue("version", version, `is newer than ${PLAN_VERSION}, the newest known`);
  }
  if (version !== PLAN_VERSION) throw wrongValue("version", version, `is not ${PLAN_VERSION}`);
}

function readBugs(fields: Fields, vocabulary: PlanVocabulary): string[] {
  const bugs = fields.list("bugs", (bug, at) => {
    const id = textAt(bug, at, BUG);
    if (!vocabulary.bugs.includes(id)) throw wrongValue(at, id, "is not a known bug");
    return id;
  });
  if (new Set(bugs).size !== bugs.length) {
    throw new InputError(`bugs: ${bugs.join(", ").slice(0, 60)} names one twice`);
  }
  return bugs;
}

function readExpectation(plan: Fields): Expectation {
  const known = ["verdict", "invariant", "at", "traceHash"];
  const fields = new Fields(plan.value("expect"), "expect", known);
  return {
    verdict: fields.choice("verdict", ["pass", "fail"]),
    ...(fields.has("invariant") && { invariant: fields.text("invariant", INVARIANT) }),
    ...(fields.has("at") && { at: fields.integer("at") }),
    ...(fields.has("traceHash") && { traceHash: fields.text("traceHash", HASH) }),
  };
}
