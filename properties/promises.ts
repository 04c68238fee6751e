/** What the clients of a plan may rely on, by their settings. */
import type { ProducerPromise } from "./history/black-box.ts";
import type { ConsumerPromise } from "./invariants/check.ts";
import type { Operation, Plan } from "./plan/plan.ts";
import { effectiveSetting, ownSettings } from "./plan/settings.ts";

export function producerPromises(plan: Plan): ReadonlyMap<string, ProducerPromise> {
  const promises = new Map<string, ProducerPromise>();
  for (const client of plan.clients) {
    if (client.kind !== "producer" && client.kind !== "app") continue;
    const own = ownSettings(client, "producer");
    const setting = (name: string): string => String(effectiveSetting(plan, "producer", own, name));
    const acks = setting("acks");
    promises.set(client.id, {
      acks: acks === "all" ? -1 : Number(acks),
      // Without acks=all or retries a producer is silently not idempotent.
      idempotent:
        setting("enable.idempotence") === "true" &&
        (acks === "all" || acks === "-1") &&
        Number(setting("retries")) > 0,
      maxInFlight: Number(setting("max.in.flight.requests.per.connection")),
    });
  }
  return promises;
}

export function consumerPromises(plan: Plan): ReadonlyMap<string, ConsumerPromise> {
  const promises = new Map<string, ConsumerPromise>();
  for (const client of plan.clients) {
    if (client.kind !== "consumer" && client.kind !== "member") continue;
    const policy = effectiveSetting(plan, "consumer", client.settings, "auto.offset.reset");
    promises.set(client.id, { autoOffsetReset: String(policy) });
  }
  return promises;
}

/**
 * By partition, the consumers that read it from the beginning to the end: they start there, no seek makes
 * them pass over anything, and no pause is their last word.
 */
export function readersOf(plan: Plan): ReadonlyMap<string, readonly string[]> {
  const strays = strayConsumers(plan);
  const readers = new Map<string, string[]>();
  for (const client of plan.clients) {
    if (client.kind !== "consumer" || strays.has(client.id)) continue;
    const policy = effectiveSetting(plan, "consumer", client.settings, "auto.offset.reset");
    const start = client.startAt ?? (policy === "earliest" ? "beginning" : "end");
    if (start !== "beginning" && start !== 0) continue;
    for (const [topic, partition] of client.assign) {
      const name = `${topic}-${partition}`;
      const others = readers.get(name);
      if (others === undefined) readers.set(name, [client.id]);
      else others.push(client.id);
    }
  }
  return readers;
}

function strayConsumers(plan: Plan): ReadonlySet<string> {
  const strays = new Set<string>();
  const lastPollingOperation = new Map<string, Operation>();
  for (const operation of plan.workload) {
    const { op, client } = operation;
    if (op === "seek" && operation.offset !== "beginning" && operation.offset !== 0) {
      strays.add(client);
    }
    if (op !== "pause-polling" && op !== "resume-polling") continue;
    const last = lastPollingOperation.get(client);
    if (last === undefined || operation.at >= last.at) lastPollingOperation.set(client, operation);
  }
  for (const [client, { op }] of lastPollingOperation) {
    if (op === "pause-polling") strays.add(client);
  }
  return strays;
}
