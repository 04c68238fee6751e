/** What a module of one's own scenarios is written with; load it with `trial run --import`. */
export type { AppAdmin } from "../properties/apps/admin-api.ts";
export type {
  App,
  AppEffects,
  AppHeader,
  AppKafka,
  AppMain,
  AppMessage,
  AppProducer,
  AppRandom,
  Apps,
  ProducerSend,
  RecordMetadata,
} from "../properties/apps/app.ts";
export type {
  AppConsumer,
  AppRebalanceListener,
  ConsumerConfig,
  EachBatchPayload,
  EachMessagePayload,
  ReceivedBatch,
  ReceivedMessage,
} from "../properties/apps/consumer-api.ts";
export type { ConsumerEvent } from "../properties/apps/consumer-events.ts";
export {
  KafkaError,
  NonRetriableError,
  RetriesExceededError,
} from "../properties/apps/kafka-error.ts";
export type { DeliveryPromise } from "../properties/apps/promised-effects.ts";
export {
  brokerNames,
  consumer,
  servers,
  noAutoCreation,
  producer,
  shortTimeouts,
} from "../properties/generate/cluster-parts.ts";
export { spread, subset, weighted } from "../properties/generate/draw.ts";
export type { Draw } from "../properties/generate/draw.ts";
export { drawFaults } from "../properties/generate/faults.ts";
export type { InputEvent } from "../properties/generate/input-event.ts";
export { drawLatency } from "../properties/generate/latency.ts";
export { planArbitrary } from "../properties/generate/plan-arbitrary.ts";
export { storyPlan, stream } from "../properties/generate/story-plan.ts";
export { MS, SECOND } from "../properties/generate/time.ts";
export type { Findings, Moment, Observer, Violation } from "../properties/observation.ts";
export { parsePlan, readPlan } from "../properties/plan/parse-plan.ts";
export type { Plan } from "../properties/plan/plan.ts";
export { run, runAsync } from "../properties/run.ts";
export type { RunAsyncOptions, RunOptions } from "../properties/run.ts";
export type { Verdict } from "../properties/verdict.ts";
export { defineScenario } from "./scenario.ts";
export type { PlanOptions, Scenario } from "./scenario.ts";
export { appScenario } from "./short-scenario.ts";
export type { ShortScenario } from "./short-scenario.ts";
