import { describe, expect, it } from "vitest";
import type { StorageError } from "../ports.ts";
import type { RuleClasses } from "../rules.ts";
import { makeRules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import { brokerSettings } from "../settings/broker-settings.ts";
import { resolveSettings } from "../settings/definition.ts";
import type { TopicSettings } from "../settings/topic-settings.ts";
import { topicSettings } from "../settings/topic-settings.ts";
import type { ManualNode } from "../testkit/manual-ports.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import { LogManager } from "./log-manager.ts";
import { LogRules } from "./log-rules.ts";
import { body } from "./log.testkit.ts";

interface Started {
  readonly logs: LogManager;
  readonly failures: StorageError[];
  isLoaded: boolean;
}

function start(
  node: ManualNode,
  options: { clusterId?: string; nodeId?: number; rules?: Partial<RuleClasses> } = {},
): Started {
  const failures: StorageError[] = [];
  const logs = new LogManager({
    ports: node.ports,
    rules: makeRules(options.rules),
    settings: resolveSettings<BrokerSettings>(brokerSettings as never, {}),
    clusterId: options.clusterId ?? "cluster",
    nodeId: options.nodeId ?? 1,
    topicSettings: () => resolveSettings<TopicSettings>(topicSettings, {}),
    onFailure: (error) => failures.push(error),
  });
  const started: Started = { logs, failures, isLoaded: false };
  logs.start(() => (started.isLoaded = true));
  node.world.run(0);
  return started;
}

function restart(node: ManualNode, options: Parameters<typeof start>[1] = {}): Started {
  node.restart();
  return start(node, options);
}

describe("LogManager", () => {
  it("formats an empty directory and knows it again, and refuses another's by name", () => {
    const node = new ManualWorld().node("b1");
    const first = start(node).logs.directoryId;
    expect(first).toHaveLength(22);
    expect(restart(node).logs.directoryId).toBe(first);
    node.restart();
    node.perform(() => start(node, { clusterId: "other" }));
    expect(node.exitReason).toContain("InconsistentClusterId");
    node.restart();
    node.perform(() => start(node, { nodeId: 2 }));
    expect(node.exitReason).toContain("foreign node.id");
  });

  it("loads every log of the directory but the metadata log, after any stop", () => {
    const node = new ManualWorld().node("b1");
    const { logs } = start(node);
    logs.getOrCreate("orders", 0).appendAsLeader(body(), 0, "client");
    logs.getOrCreate("dashed-name-7", 12).appendAsLeader(body(), 0, "client");
    node.ports.storage.makeDirectory("data/__cluster_metadata-0");
    const again = restart(node);
    expect(again.isLoaded).toBe(true);
    expect([...again.logs.all()].map((log) => [log.name, log.endOffset])).toEqual([
      ["dashed-name-7-12", 1],
      ["orders-0", 1],
    ]);
  });

  it("writes checkpoints of high watermark and recovery point from time to time", () => {
    const node = new ManualWorld().node("b1");
    const log = start(node).logs.getOrCreate("t", 0);
    log.appendAsLeader(body(), 0, "client");
    log.flush();
    log.appendAsLeader(body(), 0, "client");
    log.setHighWatermark(2);
    node.world.run(60000);
    node.losePower();
    const after = restart(node).logs.get("t-0");
    expect(after?.endOffset).toBe(1);
    expect(after?.recoveryPoint).toBe(1);
    expect(after?.highWatermark).toBe(1);
  });

  it("lowers the recovery point on disk when a log is cut", () => {
    const node = new ManualWorld().node("b1");
    const log = start(node).logs.getOrCreate("t", 0);
    for (let index = 0; index < 4; index++) log.appendAsLeader(body(), 0, "client");
    log.flush();
    node.world.run(60000);
    log.truncateTo(2, "diverging", 1);
    expect(restart(node).logs.get("t-0")?.recoveryPoint).toBe(2);
  });

  it("tells the broker epoch of a clean stop once, and skips recovery once", () => {
    const node = new ManualWorld().node("b1");
    const first = start(node).logs;
    expect(first.previousBrokerEpoch).toBe(-1);
    first.getOrCreate("t", 0).appendAsLeader(body(), 0, "client");
    first.shutDown(42);
    const second = restart(node).logs;
    expect(second.previousBrokerEpoch).toBe(42);
    expect(second.get("t-0")?.recoveryPoint).toBe(1);
    const loaded = (): boolean[] => node.factsOf("log-loaded").map((fact) => fact.clean);
    expect(loaded()).toEqual([false, true]);
    expect(restart(node).logs.previousBrokerEpoch).toBe(-1);
    expect(loaded()).toEqual([false, true, false]);
  });

  it("believes a clean-shutdown file for ever when the rule does not consume it", () => {
    const log = class extends LogRules {
      override consumesCleanShutdownFile(): boolean {
        return false;
      }
    };
    const node = new ManualWorld().node("b1");
    start(node).logs.shutDown(42);
    restart(node, { rules: { log } });
    expect(restart(node).logs.previousBrokerEpoch).toBe(42);
  });

  it("says nothing of a clean stop when the logs were never loaded", () => {
    const node = new ManualWorld().node("b1");
    start(node).logs.shutDown(42);
    node.restart();
    const options = { clusterId: "cluster", nodeId: 1 };
    const logs = new LogManager({
      ports: node.ports,
      rules: makeRules(),
      settings: resolveSettings<BrokerSettings>(brokerSettings as never, {}),
      ...options,
      topicSettings: () => resolveSettings<TopicSettings>(topicSettings, {}),
      onFailure: () => undefined,
    });
    logs.shutDown(43);
    expect(restart(node).logs.previousBrokerEpoch).toBe(42);
  });

  it("reports a disk error of its own work once and stops working", () => {
    const node = new ManualWorld().node("b1");
    const { logs, failures } = start(node);
    const log = logs.getOrCreate("t", 0);
    log.appendAsLeader(body(), 0, "client");
    node.disk.failure = { under: "data", code: "ENOSPC" };
    expect(() => log.appendAsLeader(body(), 0, "client")).toThrow("ENOSPC");
    log.setHighWatermark(1);
    node.world.run(120000);
    expect(failures.map((failure) => failure.code)).toEqual(["ENOSPC"]);
    expect(log.endOffset).toBe(1);
  });
});
