/** What the user code of one process is given. */
import type { ClientContext } from "../cluster/client-node.ts";
import type { App, AppKafka } from "./app.ts";
import { PromisedAdmin } from "./app-admin.ts";
import { GroupConsumer } from "./app-consumer.ts";
import { Effects } from "./app-effects.ts";
import type { AppProcess } from "./app-process.ts";
import { PromisedProducer } from "./app-producer.ts";
import { AppTimers } from "./app-timers.ts";
import { known } from "./consumer-config.ts";
import { Lookups } from "./lookups.ts";

export function appFor(process: AppProcess, context: ClientContext, incarnation: number): App {
  const { ports } = context;
  const timers = new AppTimers(process, ports);
  const lookups = new Lookups(process, context, timers);
  const origins = new WeakMap();
  const producer = new PromisedProducer(process, context, incarnation);
  let runs = 0;
  const around = {
    process,
    context,
    timers,
    lookups,
    origins,
    running: new Set<string>(),
    nextRun: (): number => (runs += 1),
  };
  const kafka: AppKafka = {
    producer(config = {}) {
      known("producer(): the plan has the producer's settings", config, []);
      return producer;
    },
    consumer: (config) => new GroupConsumer(config, around),
    admin: () => new PromisedAdmin(lookups),
  };
  return {
    id: process.client,
    kafka,
    producer,
    consumer: kafka.consumer,
    admin: kafka.admin,
    effects: new Effects(ports, timers, origins),
    random: { below: (purpose, bound) => timers.below(purpose, bound) },
    sleep: (ms) => timers.sleep(ms),
    now: () => timers.wallMs(),
  };
}
