import { Admin } from "../../core/client/admin.ts";
import { Errors } from "../../core/errors.ts";
import type { Ports } from "../../core/ports.ts";
import { adminSettings } from "../../core/settings/client-settings.ts";
import type { AdminSettings } from "../../core/settings/client-settings.ts";
import { resolveSettings } from "../../core/settings/definition.ts";
import type { Plan, TopicPlan } from "../plan/plan.ts";
import { nodeIdOf } from "../plan/plan.ts";
import { foundingBrokers } from "../plan/read-topology.ts";
import { settingsFor } from "../plan/settings.ts";

/** How long it waits before it asks again. */
const RETRY_MS = 100;

/**
 * The admin who makes the plan's topics: asks again while brokers are missing, stops when all topics
 * are there. A topic with a given assignment waits for just its brokers, others for all of them.
 */
export function startTopicMaker(ports: Ports, plan: Plan, bootstrap: readonly string[]): void {
  const settings = resolveSettings<AdminSettings>(adminSettings, settingsFor(plan, "admin", {}));
  const admin = new Admin(ports, { clientId: "setup", bootstrap, settings });
  let missing = plan.topics.map(withAssignment(plan)).map((topic) => {
    return { ...topic, settings: settingsFor(plan, "topic", topic.settings) };
  });
  const attempt = (): void => {
    admin.createTopics(missing.map(newTopic), (result) => {
      if (result.kind === "done") {
        const there = new Set(
          result.value.filter(({ errorCode }) => isThere(errorCode)).map(({ name }) => name),
        );
        missing = missing.filter(({ name }) => !there.has(name));
      }
      if (missing.length === 0) admin.close();
      else retry.set(RETRY_MS);
    });
  };
  const retry = ports.timers.timer("client", "create topics again", attempt);
  if (missing.length > 0) attempt();
}

function isThere(errorCode: number): boolean {
  return errorCode === Errors.NONE || errorCode === Errors.TOPIC_ALREADY_EXISTS;
}

/**
 * Spreads the replicas of a topic without an assignment over all brokers that are there from the
 * beginning, so that its placement does not depend on which of them happened to be up first.
 */
function withAssignment(plan: Plan): (topic: TopicPlan, index: number) => TopicPlan {
  const brokers = foundingBrokers(plan.topology.nodes).map(({ id }) => id);
  return (topic, index) => {
    if (topic.assignment !== undefined) return topic;
    const assignment: string[][] = [];
    for (let partition = 0; partition < topic.partitions; partition += 1) {
      const replicas: string[] = [];
      for (let replica = 0; replica < topic.replicationFactor; replica += 1) {
        replicas.push(brokers[(index + partition + replica) % brokers.length]!);
      }
      assignment.push(replicas);
    }
    return { ...topic, assignment };
  };
}

function newTopic(topic: TopicPlan): Parameters<Admin["createTopics"]>[0][number] {
  return {
    name: topic.name,
    assignment: (topic.assignment ?? []).map((replicas) => replicas.map(nodeIdOf)),
    configs: topic.settings,
  };
}
