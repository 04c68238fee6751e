/**
 * Puts core into sim: one simulated world with the brokers, controllers and clients of a plan in it.
 * Nodes share nothing but the rules, which have no state, and the immutable batches in their messages.
 */
import type { Fact } from "../../core/facts.ts";
import { startNode } from "../../core/node.ts";
import type { Ports, Probe } from "../../core/ports.ts";
import type { Rules } from "../../core/rules.ts";
import type { DiskView } from "../../sim/disk/disk.ts";
import type { NodeView } from "../../sim/node.ts";
import type { NodePorts, Program } from "../../sim/ports.ts";
import type { EventFields } from "../../sim/vocabulary.ts";
import { World } from "../../sim/world.ts";
import type { WorldOptions } from "../../sim/world.ts";
import type { Moment, NodeEvent } from "../observation.ts";
import type { ClientPlan, NodePlan, Operation, Plan } from "../plan/plan.ts";
import { CLUSTER_ID, nodeIdOf } from "../plan/plan.ts";
import { probeDeliveryMs } from "../liveness/deadline.ts";
import { PROBE_CLIENT } from "../liveness/probe-client.ts";
import { clientSettings, settingsFor } from "../plan/settings.ts";
import type { ClientContext, ClientNode } from "./client-node.ts";
import { startClient } from "./client-node.ts";
import { codecs } from "./codecs.ts";
import { FactHash } from "./fact-hash.ts";
import { startTopicMaker } from "./topic-maker.ts";
import type { RoleName } from "./vocabulary.ts";
import { eventFields, roleNames } from "./vocabulary.ts";

/** Name of the client that makes the plan's topics before anything else happens. */
export const TOPIC_MAKER = "setup";

/**
 * Unless the plan says otherwise, brokers leave it to the plan's admin to make topics: a client that
 * asks for one too early would have it made with a broker's defaults.
 */
const brokerDefaults = { "auto.create.topics.enable": false };

/** Clients start when the cluster has begun to come up. */
const CLIENT_BOOT_US = 100_000;

/** The client is up by then. */
const PROBE_AFTER_US = 1000;

/** What the plan says of its own producers is not for the probes: they ask for all that Kafka promises. */
const probeSettings = { acks: "all", "enable.idempotence": true, retries: 2147483647 };

/** Where and when; one object serves a whole run. */
export interface MutableMoment {
  at: number;
  seq: number;
  node: string;
  nodeId: number;
  incarnation: number;
}

export interface ClusterOptions {
  readonly rules: Rules;
  /** The run is cut off after so many events. */
  readonly maxEvents: number;
  /** Told of everything, in order. */
  readonly fact: (fact: Fact, moment: MutableMoment) => void;
  readonly nodeEvent: (event: NodeEvent, moment: MutableMoment) => void;
  /** Node id in a role, -1 for nobody. */
  readonly role: (role: RoleName, of: string | undefined) => number;
  readonly mayStrike?: NonNullable<WorldOptions["mayStrike"]>;
  /** Instead of core's own clients, driven by the plan. */
  readonly startClient?: (client: ClientPlan, context: ClientContext) => ClientNode;
  /** Copies each frame when it is delivered. */
  readonly cloneFrame?: (frame: unknown) => unknown;
}

export class Cluster {
  readonly world: World;
  readonly #plan: Plan;
  readonly #options: ClusterOptions;
  readonly #moment: MutableMoment = { at: 0, seq: 0, node: "", nodeId: -1, incarnation: 0 };
  readonly #names: Map<number, string> = new Map();
  readonly #ids: Map<string, number> = new Map();
  readonly #places: Map<string, { readonly nodeId: number; readonly view: NodeView }> = new Map();
  readonly #factHash: FactHash;
  readonly #clients: Map<string, ClientNode> = new Map();

  constructor(plan: Plan, options: ClusterOptions) {
    this.#plan = plan;
    this.#options = options;
    this.world = new World({
      seed: plan.seed,
      startMs: plan.startMs,
      latency: plan.topology.latency,
      shuffleTies: plan.shuffleTies,
      maxEvents: options.maxEvents,
      vocabulary: { events: eventFields, roles: this.#roles() },
      ...(options.mayStrike === undefined ? {} : { mayStrike: options.mayStrike }),
      ...(options.cloneFrame === undefined ? {} : { cloneFrame: options.cloneFrame }),
    });
    this.#factHash = new FactHash(this.world.hash);
    this.#listen();
    for (const node of plan.topology.nodes) this.#addNode(node);
    this.#addTopicMaker();
    for (const client of plan.clients) this.#addClient(client);
    for (const operation of plan.workload) this.#schedule(operation);
    this.world.loadFaults(plan.faults);
  }

  diskOf(node: string): DiskView {
    return this.world.node(node).disk;
  }

  /** Sends one record to a partition, by a client of the harness's own that starts with the first. */
  probe(partition: string, sendId: string): void {
    const { world } = this;
    if (!world.nodes().some(({ id }) => id === PROBE_CLIENT)) {
      const timeoutMs = probeDeliveryMs(this.#plan);
      const settings = { ...probeSettings, "max.block.ms": timeoutMs };
      this.#addClient({ id: PROBE_CLIENT, kind: "producer", settings });
    }
    const cut = partition.lastIndexOf("-");
    this.#schedule({
      id: sendId,
      at: world.nowUs + PROBE_AFTER_US,
      client: PROBE_CLIENT,
      op: "send",
      topic: partition.slice(0, cut),
      partition: Number(partition.slice(cut + 1)),
      key: null,
      value: sendId,
      timestamp: this.#plan.startMs + Math.floor(world.nowUs / 1000),
    });
  }

  /** Tells of each frame that a node takes; the moment is the receiver's. */
  listenToFrames(
    listener: (connection: number, frame: unknown, moment: Moment, from: string) => void,
  ): void {
    this.world.listen({
      frameDelivered: (connection, from, to, _channel, frame) =>
        listener(connection, frame, this.#momentAt(to), from),
    });
  }

  /** Hosts that clients may ask first. */
  get #bootstrap(): readonly string[] {
    return this.#plan.topology.nodes
      .filter(({ roles }) => roles.includes("broker"))
      .map(({ id }) => id);
  }

  #addNode(node: NodePlan): void {
    const plan = this.#plan;
    const nodeId = nodeIdOf(node.id);
    this.#names.set(nodeId, node.id);
    this.#ids.set(node.id, nodeId);
    const voters = plan.topology.nodes
      .filter(({ roles }) => roles.includes("controller"))
      .map(({ id }) => ({ id: nodeIdOf(id), host: id }));
    const config = {
      clusterId: node.clusterId ?? CLUSTER_ID,
      nodeId,
      host: node.id,
      roles: node.roles,
      rack: node.rack,
      voters,
      settings: { ...brokerDefaults, ...settingsFor(plan, "broker", node.settings) },
    };
    this.world.addNode({
      id: node.id,
      rack: node.rack,
      ...(node.startAt === undefined ? {} : { bootAtUs: node.startAt }),
      boot: (ports): Program =>
        startNode(this.#ports(ports, node.id, nodeId), config, this.#options.rules),
    });
  }

  #addTopicMaker(): void {
    this.world.addNode({
      id: TOPIC_MAKER,
      bootAtUs: CLIENT_BOOT_US,
      boot: (ports): Program => {
        startTopicMaker(this.#ports(ports, TOPIC_MAKER, -1), this.#plan, this.#bootstrap);
        return {};
      },
    });
  }

  #addClient(client: ClientPlan): void {
    this.world.addNode({
      id: client.id,
      bootAtUs: CLIENT_BOOT_US,
      boot: (ports): Program => {
        const context = {
          ports: this.#ports(ports, client.id, -1),
          rules: this.#options.rules,
          bootstrap: this.#bootstrap,
          settingsOf: clientSettings(this.#plan, client),
          topics: this.#plan.topics.map(({ name }) => name),
          isOpen: isOpen(this.#plan, client, this.world.nowUs),
        };
        const start = this.#options.startClient ?? startClient;
        const started = start(client, context);
        this.#clients.set(client.id, started);
        return started.terminate === undefined
          ? {}
          : { terminate: (): void => started.terminate?.() };
      },
    });
  }

  #schedule(operation: Operation): void {
    const { at, client, id } = operation;
    this.world.schedule(at, client, "client", id, () => {
      this.#clients.get(client)?.perform(operation);
    });
  }

  /** The ports of one process: the world's, the codecs, and a probe that knows who speaks. */
  #ports(ports: NodePorts, node: string, nodeId: number): Ports {
    const incarnation = this.world.node(node).incarnation;
    const probe: Probe = { emit: (fact) => this.#told(fact, node, nodeId, incarnation) };
    return { ...ports, codecs, probe };
  }

  #told(fact: Fact, node: string, nodeId: number, incarnation: number): void {
    const moment = this.#momentOf(node, nodeId, incarnation);
    this.#factHash.add(fact);
    this.#options.fact(fact, moment);
    if (this.world.wants(fact.kind)) {
      this.world.occurred(node, fact.kind, fact as unknown as EventFields);
    }
  }

  #momentOf(node: string, nodeId: number, incarnation: number): MutableMoment {
    const moment = this.#moment;
    moment.at = this.world.nowUs;
    moment.seq += 1;
    moment.node = node;
    moment.nodeId = nodeId;
    moment.incarnation = incarnation;
    return moment;
  }

  #momentAt(node: string): MutableMoment {
    let place = this.#places.get(node);
    if (place === undefined) {
      place = { nodeId: this.#ids.get(node) ?? -1, view: this.world.node(node) };
      this.#places.set(node, place);
    }
    return this.#momentOf(node, place.nodeId, place.view.incarnation);
  }

  #listen(): void {
    const tell = (node: string, event: NodeEvent): void =>
      this.#options.nodeEvent(event, this.#momentAt(node));
    this.world.listen({
      booted: (node, disk) => tell(node, { kind: "booted", disk }),
      ended: (node, cause, reason) => tell(node, { kind: "ended", cause, reason }),
      lostPower: (node) => tell(node, { kind: "lost-power" }),
      paused: (node) => tell(node, { kind: "paused" }),
      resumed: (node) => tell(node, { kind: "resumed" }),
      damaged: (node, how, path, from, to) =>
        tell(node, { kind: "disk-damaged", how, path, from, to }),
    });
  }

  #roles(): Record<string, (of: string | undefined) => string | null> {
    const roles: Record<string, (of: string | undefined) => string | null> = {};
    for (const role of roleNames) {
      roles[role] = (of) => this.#names.get(this.#options.role(role, of)) ?? null;
    }
    return roles;
  }
}

/** What the last operation before that time says, else what the plan says. */
function isOpen(plan: Plan, client: ClientPlan, nowUs: number): boolean {
  let last: Operation | null = null;
  for (const operation of plan.workload) {
    if (operation.op !== "open-consumer" && operation.op !== "close-consumer") continue;
    if (operation.client !== client.id || operation.at >= nowUs) continue;
    if (last === null || operation.at >= last.at) last = operation;
  }
  return last === null ? !(client.kind === "member" && client.closed) : last.op === "open-consumer";
}
