import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import { ApiKeys } from "../protocol/message.ts";
import { makeRules } from "../rules.ts";
import { ControllerCluster } from "./controller-node.testkit.ts";
import { LifecycleRules } from "./lifecycle-rules.ts";

const SHORT = { "broker.session.timeout.ms": 3000 };

/** Lets time pass while the given brokers send heartbeats. */
function runWith(cluster: ControllerCluster, ms: number, ...ids: number[]): void {
  const endMs = cluster.world.nowMs + ms;
  while (cluster.world.nowMs < endMs) {
    cluster.world.run(400);
    for (const id of ids) cluster.heartbeat(id);
  }
}

describe("registration", () => {
  it("gives the offset of the registration record as broker epoch", () => {
    const cluster = new ControllerCluster();
    const { brokerEpoch } = cluster.register(1);
    const record = cluster.node
      .factsOf("metadata-committed")
      .find((fact) => fact.record.type === "RegisterBroker");
    expect(record?.offset).toBe(brokerEpoch);
    expect(cluster.image.brokers.get(1)).toMatchObject({ epoch: brokerEpoch, fenced: true });
  });

  it("keeps the epoch of the same incarnation and refuses another while the session is valid", () => {
    const cluster = new ControllerCluster(SHORT);
    cluster.join(1);
    const epoch = cluster.epochOf(1);
    expect(cluster.register(1).brokerEpoch).toBe(epoch);
    expect(cluster.image.brokers.get(1)?.fenced).toBe(false);
    const refused = cluster.register(1, { incarnation: "new" });
    expect(refused.errorCode).toBe(Errors.DUPLICATE_BROKER_REGISTRATION);
    cluster.world.run(3100);
    expect(cluster.register(1, { incarnation: "new" }).brokerEpoch).toBeGreaterThan(epoch);
  });

  it("takes a new incarnation out of all ISRs before it is registered", () => {
    const cluster = new ControllerCluster(SHORT);
    cluster.join(1, 2);
    cluster.createTopic("t", [[1, 2]]);
    cluster.createTopic("alone", [[1]]);
    // Its session ends with the controller's first one, while 2 stays.
    cluster.restart();
    runWith(cluster, 2000, 2);
    cluster.world.run(2000);
    cluster.heartbeat(2);
    const answer = cluster.register(1, { incarnation: "new", previousEpoch: cluster.epochOf(1) });
    expect(answer.errorCode).toBe(Errors.NONE);
    expect(cluster.partition("t")).toMatchObject({ leader: 2, isr: [2], leaderEpoch: 1 });
    expect(cluster.partition("alone")).toMatchObject({ leader: -1, isr: [1], leaderEpoch: 1 });
    cluster.heartbeat(1);
    expect(cluster.partition("alone")).toMatchObject({ leader: 1, isr: [1], leaderEpoch: 2 });
    expect(cluster.partition("t")).toMatchObject({ leader: 2, isr: [2] });
    expect(cluster.node.factsOf("broker-registered").at(-1)?.cleanly).toBe(true);
  });

  it("leaves an incarnation in its ISRs when both rules against it are broken", () => {
    class Broken extends LifecycleRules {
      override registrationError(): 0 {
        return Errors.NONE;
      }
      override leavesIsrs(): boolean {
        return false;
      }
    }
    const cluster = new ControllerCluster(SHORT, makeRules({ lifecycle: Broken }));
    cluster.join(1, 2);
    cluster.createTopic("t", [[1, 2]]);
    expect(cluster.register(1, { incarnation: "new" }).errorCode).toBe(Errors.NONE);
    expect(cluster.partition("t")).toMatchObject({ leader: 1, isr: [1, 2], leaderEpoch: 0 });
  });

  it("refuses a broker of another cluster", () => {
    const cluster = new ControllerCluster();
    const answer = cluster.ask(ApiKeys.BROKER_REGISTRATION, {
      brokerId: 1,
      clusterId: "another",
      incarnationId: "i",
      host: "b1",
      rack: null,
      logDirs: [],
      previousBrokerEpoch: -1,
    });
    expect(answer.errorCode).toBe(Errors.INCONSISTENT_CLUSTER_ID);
  });
});

describe("heartbeats", () => {
  it("unfence a broker only when it has applied its registration", () => {
    const cluster = new ControllerCluster();
    cluster.register(1);
    const epoch = cluster.epochOf(1);
    expect(cluster.heartbeat(1, { offset: epoch - 1 })).toMatchObject({
      isCaughtUp: false,
      isFenced: true,
    });
    expect(cluster.heartbeat(1, { offset: epoch, fence: true })).toMatchObject({
      isCaughtUp: true,
      isFenced: true,
    });
    expect(cluster.heartbeat(1, { offset: epoch })).toMatchObject({ isFenced: false });
    expect(cluster.image.brokers.get(1)?.fenced).toBe(false);
  });

  it("are refused from another incarnation", () => {
    const cluster = new ControllerCluster();
    cluster.register(1);
    const answer = cluster.ask(ApiKeys.BROKER_HEARTBEAT, {
      brokerId: 1,
      brokerEpoch: cluster.epochOf(1) + 1,
      currentMetadataOffset: 99,
      wantFence: false,
      wantShutDown: false,
      offlineLogDirs: [],
    });
    expect(answer.errorCode).toBe(Errors.STALE_BROKER_EPOCH);
    expect(cluster.node.factsOf("stale-epoch-refused")).toHaveLength(1);
  });

  it("keep a session alive; without them the broker is fenced at its end", () => {
    const cluster = new ControllerCluster(SHORT);
    cluster.join(1, 2, 3);
    cluster.createTopic("t", [[1, 2, 3]]);
    runWith(cluster, 2800, 2, 3);
    expect(cluster.partition("t").leader).toBe(1);
    runWith(cluster, 800, 2, 3);
    expect(cluster.partition("t")).toMatchObject({ leader: 2, isr: [2, 3], leaderEpoch: 1 });
    expect(cluster.image.brokers.get(1)?.fenced).toBe(true);
    expect(cluster.node.factsOf("broker-fenced").map((fact) => fact.broker)).toEqual([1]);
    // Only the ISR is lost: unfenced again it leads nothing that has a leader.
    cluster.heartbeat(1);
    expect(cluster.partition("t")).toMatchObject({ leader: 2, isr: [2, 3] });
  });

  it("start anew for all brokers when a controller becomes active", () => {
    const cluster = new ControllerCluster(SHORT);
    cluster.join(1);
    cluster.world.run(2500);
    cluster.restart();
    cluster.world.run(2500);
    expect(cluster.image.brokers.get(1)?.fenced).toBe(false);
    cluster.world.run(1000);
    expect(cluster.image.brokers.get(1)?.fenced).toBe(true);
  });

  it("keep the last member of an ISR in it, and elect it cleanly when it is back", () => {
    const cluster = new ControllerCluster(SHORT);
    cluster.join(1, 2);
    cluster.createTopic("t", [[1, 2]]);
    runWith(cluster, 3600, 2);
    cluster.world.run(3500);
    expect(cluster.partition("t")).toMatchObject({ leader: -1, isr: [2] });
    cluster.heartbeat(1);
    expect(cluster.partition("t")).toMatchObject({ leader: -1, isr: [2] });
    cluster.heartbeat(2);
    expect(cluster.partition("t")).toMatchObject({ leader: 2, isr: [2], leaderRecoveryState: 0 });
  });
});

describe("controlled shutdown", () => {
  it("moves leaderships away, then waits until the active brokers know", () => {
    const cluster = new ControllerCluster();
    cluster.join(1, 2);
    cluster.createTopic("t", [[1, 2]]);
    expect(cluster.heartbeat(1, { shutDown: true }).shouldShutDown).toBe(false);
    expect(cluster.partition("t")).toMatchObject({ leader: 2, isr: [2] });
    expect(cluster.image.brokers.get(1)?.inControlledShutdown).toBe(true);
    cluster.heartbeat(2, { offset: cluster.epochOf(2) });
    expect(cluster.heartbeat(1, { shutDown: true }).shouldShutDown).toBe(false);
    cluster.heartbeat(2);
    expect(cluster.heartbeat(1, { shutDown: true }).shouldShutDown).toBe(true);
    expect(cluster.image.brokers.get(1)?.fenced).toBe(true);
    expect(cluster.node.factsOf("controlled-shutdown-granted")).toHaveLength(1);
    // Its session ended with the permission: a new process registers at once.
    expect(cluster.register(1, { incarnation: "new" }).errorCode).toBe(Errors.NONE);
    expect(cluster.image.brokers.get(1)?.inControlledShutdown).toBe(false);
  });

  it("is granted at once to a broker that leads nothing, and to a fenced one", () => {
    const cluster = new ControllerCluster();
    cluster.join(1);
    cluster.register(2);
    expect(cluster.heartbeat(1, { shutDown: true }).shouldShutDown).toBe(true);
    expect(cluster.heartbeat(2, { shutDown: true, fence: true }).shouldShutDown).toBe(true);
  });
});
