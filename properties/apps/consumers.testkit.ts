/** A small cluster with a program that sends and one that consumes, and the run of both. */
import type { Fact } from "../../core/facts.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import { STORY_TOPIC, storyPlan } from "../generate/story-plan.ts";
import { SECOND } from "../generate/time.ts";
import type { ClientPlan, Plan, SettingValues, TopicPlan } from "../plan/plan.ts";
import type { RunAsyncOptions } from "../run.ts";
import { runAsync } from "../run.ts";
import type { Verdict } from "../verdict.ts";
import type { App, AppMain, Apps } from "./app.ts";
import type { ConsumerEvent } from "./consumer-events.ts";
import { consumerEvents } from "./consumer-events.ts";
import type { AppConsumer } from "./consumer-api.ts";

export { STORY_TOPIC };

/** Groups settle at once, and their log is small. */
export const groupSettings: SettingValues = {
  "group.initial.rebalance.delay.ms": 0,
  "offsets.topic.num.partitions": 1,
};

export interface Stage {
  readonly partitions?: number;
  readonly faults?: readonly Fault[];
  readonly settings?: SettingValues;
  readonly healAt?: number;
  readonly seed?: string;
}

/** One app client for each of `apps`. */
export function stagePlan(apps: Apps, stage: Stage = {}): Plan {
  const { partitions = 1, faults = [], settings = {}, healAt = 20 * SECOND, seed = "1" } = stage;
  const topics: TopicPlan[] = [
    { name: STORY_TOPIC, partitions, replicationFactor: 3, settings: {} },
  ];
  const clients = Object.keys(apps).map((id): ClientPlan => ({ id, kind: "app", settings: {} }));
  return storyPlan({
    scenario: "apps",
    seed,
    topics,
    clients,
    settings: { ...groupSettings, ...settings },
    workload: [],
    faults,
    healAt,
    core: "all",
  });
}

export interface Played {
  readonly verdict: Verdict;
  /** Facts of these kinds, with their time in ms. */
  readonly facts: readonly (Fact & { readonly atMs: number; readonly node: string })[];
}

const kept: readonly Fact["kind"][] = ["effect-put", "client-error", "commit-done", "commit-sent"];

export async function play(
  apps: Apps,
  stage: Stage = {},
  options: RunAsyncOptions = {},
): Promise<Played> {
  const facts: (Fact & { atMs: number; node: string })[] = [];
  const verdict = await runAsync(stagePlan(apps, stage), {
    ...options,
    apps,
    onFact: (fact, { at, node }) => {
      if (kept.includes(fact.kind)) facts.push({ ...fact, atMs: at / 1000, node });
    },
  });
  return { verdict, facts };
}

/** Sends records with the values "0", "1", ..., in turn to the partitions. */
export function sender(count: number, partitions: number = 1, pauseMs: number = 0): AppMain {
  return async ({ producer, sleep }) => {
    await producer.connect();
    for (let n = 0; n < count; n += 1) {
      const messages = [{ key: `k${n}`, value: String(n), partition: n % partitions }];
      await producer.send({ topic: STORY_TOPIC, messages });
      if (pauseMs > 0) await sleep(pauseMs);
    }
    await producer.disconnect();
  };
}

/** A consumer of the group "g" that reads the topic from its beginning, and is not running yet. */
export async function reader(
  app: App,
  config: Partial<Parameters<App["consumer"]>[0]> = {},
): Promise<AppConsumer> {
  const consumer = app.consumer({ groupId: "g", maxWaitTimeInMs: 500, ...config });
  await consumer.connect();
  await consumer.subscribe({ topic: STORY_TOPIC, fromBeginning: true });
  return consumer;
}

/** Notes the names of the events of a consumer as they come. */
export function listenTo(consumer: AppConsumer, ...except: string[]): ConsumerEvent[] {
  const heard: ConsumerEvent[] = [];
  for (const name of Object.values(consumerEvents)) {
    if (!except.includes(name)) consumer.on(name, (event) => void heard.push(event));
  }
  return heard;
}

/** Waits until something holds; gives up after a minute. */
export async function until(app: App, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 10) {
    if (waited > 60_000) throw new Error("it never came true");
    await app.sleep(10);
  }
}
