/**
 * Which settings of a plan reach whom. A name in the plan's own `settings` applies to every kind of
 * party that has a setting of that name and takes that value; a party's own `settings` win.
 */
import { resolveProducerSettings } from "../../core/client/producer-settings.ts";
import { brokerSettings } from "../../core/settings/broker-settings.ts";
import {
  adminSettings,
  consumerSettings,
  producerSettings,
} from "../../core/settings/client-settings.ts";
import type { Definition, SettingValue } from "../../core/settings/definition.ts";
import { parseSetting, SettingError } from "../../core/settings/definition.ts";
import { topicSettings } from "../../core/settings/topic-settings.ts";
import { InputError, showValue } from "../../sim/input-error.ts";
import { wrongValue } from "./wrong-value.ts";
import type { ClientPlan, Plan, SettingValues } from "./plan.ts";

export type Party = "broker" | "topic" | "producer" | "consumer" | "admin";

type Table = Readonly<Record<string, Definition>>;

const tables: Readonly<Record<Party, Table>> = {
  broker: brokerSettings,
  topic: topicSettings as Table,
  producer: producerSettings as Table,
  consumer: consumerSettings as Table,
  admin: adminSettings as Table,
};

const parties = Object.keys(tables) as Party[];

/** What a client can be: an app is all of them. */
const clientParties: readonly Party[] = ["producer", "consumer", "admin"];

/** What a client that the plan drives is. */
function partyOf({ kind }: Exclude<ClientPlan, { readonly kind: "app" }>): Party {
  return kind === "member" ? "consumer" : kind;
}

/** A client's own settings, as far as they concern what it is as that party. */
export function ownSettings(client: ClientPlan, party: Party): SettingValues {
  if (client.kind !== "app") return partyOf(client) === party ? client.settings : {};
  const own = Object.entries(client.settings);
  return Object.fromEntries(own.filter(([name, value]) => accepts(tables[party], name, value)));
}

/** All settings to give to a client, by what it acts as: its own, and the plan's. */
export function clientSettings(
  plan: Pick<Plan, "settings">,
  client: ClientPlan,
): (party: Party) => SettingValues {
  return (party) => settingsFor(plan, party, ownSettings(client, party));
}

/** Settings to give to one party of `plan` whose own settings are `own`. Defaults are left out. */
export function settingsFor(
  plan: Pick<Plan, "settings">,
  party: Party,
  own: SettingValues,
): SettingValues {
  const given: Record<string, SettingValue> = {};
  for (const [name, value] of Object.entries(plan.settings)) {
    if (accepts(tables[party], name, value)) given[name] = value;
  }
  return { ...given, ...own };
}

/** The value that a setting has for a party of `plan`: given, or Kafka's default. */
export function effectiveSetting(
  plan: Pick<Plan, "settings">,
  party: Party,
  own: SettingValues,
  name: string,
): SettingValue {
  const definition = tables[party][name];
  if (definition === undefined) throw new SettingError(`setting ${name}: a ${party} has none`);
  const given = settingsFor(plan, party, own)[name];
  return given === undefined ? definition.default : parseSetting(name, definition, given);
}

/** Reads the `settings` of a plan: each name must exist and its value suit some party. */
export function readPlanSettings(value: unknown, path: string): SettingValues {
  return readSettingsOf(parties, value, path);
}

/** Reads the `settings` of an app: each must suit a producer, a consumer or an admin client. */
export function readAppSettings(value: unknown, path: string): SettingValues {
  return readSettingsOf(clientParties, value, path);
}

function readSettingsOf(some: readonly Party[], value: unknown, path: string): SettingValues {
  return readSettings(value, path, (name, given) => {
    const having = some.filter((party) => Object.hasOwn(tables[party], name));
    const first = having[0];
    if (first === undefined) {
      const lack = some === parties ? "there is no such setting" : "no client has such a setting";
      throw unknownSetting(name, given, lack);
    }
    if (having.some((party) => accepts(tables[party], name, given))) return;
    parseSetting(name, tables[first][name]!, given);
  });
}

/** Reads the `settings` of one party of a plan. */
export function readPartySettings(value: unknown, path: string, party: Party): SettingValues {
  return readSettings(value, path, (name, given) => {
    if (!Object.hasOwn(tables[party], name)) {
      throw unknownSetting(name, given, `a ${party} has no such setting`);
    }
    parseSetting(name, tables[party][name]!, given);
  });
}

/**
 * Refuses what each setting allows and all of them together do not, e.g. acks=0 with
 * enable.idempotence=true. `path` is where the producer's own settings stand.
 */
export function checkProducerSettings(
  plan: Pick<Plan, "settings">,
  own: SettingValues,
  path: string,
): void {
  refusedAt(path, () => resolveProducerSettings(settingsFor(plan, "producer", own)));
}

/** One `name=value` as a command line gives it, for the plan's own `settings`. */
export function parseAssignment(text: string): readonly [name: string, value: SettingValue] {
  const at = text.indexOf("=");
  if (at <= 0) throw wrongValue("--set", text, "is not setting=value");
  const name = text.slice(0, at);
  const written = text.slice(at + 1);
  const party = parties.find((candidate) => accepts(tables[candidate], name, written));
  if (party === undefined) {
    readPlanSettings({ [name]: written }, "--set");
    throw wrongValue("--set", text, "is not usable");
  }
  return [name, parseSetting(name, tables[party][name]!, written)];
}

function unknownSetting(name: string, given: SettingValue, complaint: string): SettingError {
  return new SettingError(`setting ${name}=${String(given)}: ${complaint}`);
}

function accepts(table: Table, name: string, value: SettingValue): boolean {
  if (!Object.hasOwn(table, name)) return false;
  try {
    parseSetting(name, table[name]!, value);
    return true;
  } catch (error) {
    if (error instanceof SettingError) return false;
    throw error;
  }
}

function readSettings(
  value: unknown,
  path: string,
  check: (name: string, value: SettingValue) => void,
): SettingValues {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrongValue(path, value, "is not an object");
  }
  for (const [name, given] of Object.entries(value as Record<string, unknown>)) {
    const shown = showValue(name).slice(1, -1);
    if (typeof given !== "string" && typeof given !== "number" && typeof given !== "boolean") {
      throw wrongValue(`${path}.${shown}`, given, "is not a setting's value");
    }
    refusedAt(path, () => check(name, given));
  }
  return value as SettingValues;
}

/** What `check` has to say against a setting becomes a complaint about `path`. */
function refusedAt(path: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    throw new InputError(`${path}: ${oneLine(error.message)}`);
  }
}

/** Settings' names and values are a stranger's text: no line breaks, not endless. */
function oneLine(message: string): string {
  const line = message.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
}
