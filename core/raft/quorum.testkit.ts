/** Voters of a metadata quorum on a manual world, and a witness of all that they promise. */
import type { Fact, FactOf } from "../facts.ts";
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import type { MetadataImage } from "../metadata/image.ts";
import { MetadataDelta, MetadataImage as Image } from "../metadata/image.ts";
import { recordsOf } from "../metadata/snapshot-records.ts";
import { serveRequests } from "../network/request-server.ts";
import { ApiKeys, supportedVersions } from "../protocol/message.ts";
import type { Rules } from "../rules.ts";
import { makeRules } from "../rules.ts";
import { resolveBrokerSettings } from "../settings/broker-settings.ts";
import type { SettingValue } from "../settings/definition.ts";
import type { ManualNode } from "../testkit/manual-ports.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import type { CommittedRecord, LeaderAndEpoch, MetadataLogListener } from "./committed-reader.ts";
import { MetadataLog } from "./metadata-log.ts";
import { METADATA_PARTITION } from "./metadata-store.ts";

export const quickQuorum: Readonly<Record<string, SettingValue>> = {
  "controller.quorum.election.timeout.ms": 300,
  "controller.quorum.fetch.timeout.ms": 600,
  "controller.quorum.request.timeout.ms": 500,
  "controller.quorum.append.linger.ms": 5,
};

/** What a listener of one node has been handed. */
export class Replayed implements MetadataLogListener {
  state: MetadataImage = new Image();
  readonly records: Map<Offset, string> = new Map();
  readonly leaders: LeaderAndEpoch[] = [];
  snapshots = 0;
  lastOffset: Offset = -1;

  committed(records: readonly CommittedRecord[], epoch: LeaderEpoch, lastOffset: Offset): void {
    for (const { record, offset } of records) {
      this.records.set(offset, JSON.stringify(record));
      this.state.apply(record, offset, epoch, new MetadataDelta());
    }
    this.lastOffset = lastOffset;
  }

  leaderChanged(leader: LeaderAndEpoch): void {
    this.leaders.push(leader);
  }

  snapshotLoaded(image: MetadataImage): void {
    this.state = image;
    this.lastOffset = image.offset;
    this.snapshots += 1;
  }

  image(): MetadataImage {
    return this.state;
  }
}

export interface RunningVoter {
  readonly log: MetadataLog;
  readonly heard: Replayed;
}

export class QuorumCluster {
  readonly world: ManualWorld = new ManualWorld();
  readonly ids: readonly NodeId[];
  readonly running: Map<NodeId, RunningVoter> = new Map();
  readonly #given: Readonly<Record<string, SettingValue>>;
  readonly #rules: Rules;
  readonly #disks: Map<NodeId, number> = new Map();
  readonly #voters: readonly NodeId[];
  #appended = 0;

  constructor(
    voters: number,
    options: {
      readonly given?: Readonly<Record<string, SettingValue>>;
      readonly rules?: Rules;
      readonly observers?: number;
    } = {},
  ) {
    this.#given = { ...quickQuorum, ...options.given };
    this.#rules = options.rules ?? makeRules();
    this.#voters = Array.from({ length: voters }, (_, at) => 101 + at);
    const observers = Array.from({ length: options.observers ?? 0 }, (_, at) => 1 + at);
    this.ids = [...this.#voters, ...observers];
    for (const id of this.ids) this.start(id);
  }

  node(id: NodeId): ManualNode {
    return this.world.node(hostOf(id));
  }

  log(id: NodeId): MetadataLog {
    return this.voter(id).log;
  }

  voter(id: NodeId): RunningVoter {
    const found = this.running.get(id);
    if (found === undefined) throw new Error(`no node ${id}`);
    return found;
  }

  isAlive(id: NodeId): boolean {
    return this.node(id).isAlive;
  }

  /** Starts the process, again after it ended. */
  start(id: NodeId): void {
    const node = this.node(id);
    if (this.running.has(id)) node.restart();
    const settings = resolveBrokerSettings(this.#given);
    node.ports.storage.makeDirectory(settings["log.dir"]);
    const heard = new Replayed();
    node.perform(() => {
      const log = new MetadataLog({
        ports: node.ports,
        rules: this.#rules,
        settings,
        nodeId: id,
        directoryId: `dir-${id}-${this.#disks.get(id) ?? 0}`,
        clusterId: "test-cluster",
        voters: this.#voters.map((voter) => ({ id: voter, host: hostOf(voter) })),
        listener: heard,
      });
      this.running.set(id, { log, heard });
      serveRequests(node.ports, "network", (call) => {
        if (call.request.apiKey === ApiKeys.API_VERSIONS) {
          call.respond<typeof ApiKeys.API_VERSIONS>({ errorCode: 0, apiKeys: supportedVersions });
        } else if (call.request.apiKey === ApiKeys.FETCH) log.handleFetch(call);
        else log.handle(call);
      });
      log.start();
    });
  }

  /** A new, empty disk for a node that is down. */
  replaceDisk(id: NodeId): void {
    this.node(id).disk.files.clear();
    this.node(id).disk.directories.clear();
    this.#disks.set(id, (this.#disks.get(id) ?? 0) + 1);
  }

  /** Those that think they lead. */
  leaders(): readonly NodeId[] {
    return this.ids.filter(
      (id) => this.isAlive(id) && this.running.get(id)?.log.ownEpochStart !== null,
    );
  }

  /** Runs until exactly one of `among` leads with a high watermark of its own epoch. */
  elect(among: readonly NodeId[] = this.ids, limitMs: number = 20000): NodeId {
    const settled = (): NodeId | undefined =>
      among.find((id) => {
        const start = this.isAlive(id) ? this.log(id).ownEpochStart : null;
        return start !== null && this.log(id).highWatermark > start;
      });
    this.world.runUntil(() => settled() !== undefined, limitMs);
    return settled() as NodeId;
  }

  /** Makes `id` the leader, by silencing the others for a while. */
  makeLeader(id: NodeId): void {
    for (let tries = 0; tries < 30; tries++) {
      const leader = this.elect();
      if (leader === id) return;
      const others = this.ids.filter((other) => other !== leader);
      for (const other of others) this.world.cut(hostOf(leader), hostOf(other));
      this.world.run(2500);
      for (const other of others) this.world.mend(hostOf(leader), hostOf(other));
      this.world.run(1000);
    }
    throw new Error(`node ${id} was never elected`);
  }

  /** Appends a record, distinct from all others, at a leader. False when it leads no more. */
  append(id: NodeId): boolean {
    const { log } = this.voter(id);
    const name = `feature-${this.#appended}`;
    let isTaken = false;
    this.node(id).perform(() => {
      const record = { type: "FeatureLevel", name, featureLevel: this.#appended } as const;
      isTaken = log.append([record], log.leader.epoch) !== null;
    });
    this.#appended += 1;
    return isTaken;
  }

  cut(a: NodeId, b: NodeId): void {
    this.world.cut(hostOf(a), hostOf(b));
  }

  mend(a: NodeId, b: NodeId): void {
    this.world.mend(hostOf(a), hostOf(b));
  }

  isolate(id: NodeId): void {
    for (const other of this.ids) if (other !== id) this.cut(id, other);
  }

  mendAll(): void {
    for (const a of this.ids) for (const b of this.ids) if (a < b) this.mend(a, b);
  }

  /** Heals everything and starts whoever is down; then all must agree. */
  recover(): void {
    this.mendAll();
    for (const id of this.ids) if (!this.isAlive(id)) this.start(id);
    this.world.run(8000);
  }

  /** The first promise that was broken; null when all were kept. */
  broken(): string | null {
    return brokenPromise(this.world.nodes);
  }

  /** What differs between the nodes once everything is healed; null when they agree. */
  disagreement(): string | null {
    const leader = this.leaders();
    if (leader.length !== 1) return `leaders: ${leader.join()}`;
    const owner = this.voter(leader[0] as NodeId);
    const wanted = JSON.stringify(recordsOf(owner.heard.state));
    for (const id of this.ids) {
      const { log, heard } = this.voter(id);
      if (!this.isAlive(id)) return `node ${id} is down: ${this.node(id).exitReason}`;
      if (log.log.endOffset !== owner.log.log.endOffset) return `the log of ${id} ends elsewhere`;
      if (JSON.stringify(recordsOf(heard.state)) !== wanted) return `the state of ${id} differs`;
    }
    return this.#lost(owner.heard.state);
  }

  /** A record that some leader committed and that is not there at the end. */
  #lost({ features }: MetadataImage): string | null {
    for (const { facts } of this.world.nodes.values()) {
      for (const fact of facts) {
        if (fact.kind !== "metadata-committed" || fact.record.type !== "FeatureLevel") continue;
        const { name } = fact.record;
        if (!features.has(name)) return `${name} was committed at ${fact.offset} and is lost`;
      }
    }
    return null;
  }
}

export function hostOf(id: NodeId): string {
  return id > 100 ? `c${id}` : `b${id}`;
}

/**
 * Election safety, one vote an epoch, log matching, and what was committed once stays what it was and
 * where it was; by the facts that the nodes told.
 */
export function brokenPromise(nodes: ReadonlyMap<string, ManualNode>): string | null {
  const witness = new Witness();
  for (const [name, { facts, exitReason }] of nodes) {
    if (exitReason !== null && /two leaders|differs from/.test(exitReason)) {
      return `${name}: ${exitReason}`;
    }
    for (const fact of facts) {
      const broken = witness.see(name, fact);
      if (broken !== null) return broken;
    }
  }
  return null;
}

class Witness {
  readonly #leaders: Map<LeaderEpoch, string> = new Map();
  readonly #votes: Map<string, NodeId> = new Map();
  readonly #batches: Map<string, number> = new Map();
  readonly #committed: Map<Offset, string> = new Map();

  see(node: string, fact: Fact): string | null {
    switch (fact.kind) {
      case "raft-state":
        if (fact.state !== "leader") return null;
        return this.#once(this.#leaders, fact.epoch, node, `leaders of epoch ${fact.epoch}`);
      case "vote-granted": {
        if (fact.preVote) return null;
        const key = `${node} in epoch ${fact.epoch}`;
        return this.#once(this.#votes, key, fact.candidate, `votes of ${key}`);
      }
      case "appended": {
        if (fact.partition !== METADATA_PARTITION) return null;
        const { baseOffset, leaderEpoch, body } = fact.batch;
        const key = `${baseOffset} of epoch ${leaderEpoch}`;
        return this.#once(this.#batches, key, body.crc, `batches at ${key}`);
      }
      case "metadata-committed":
        return this.#commits(fact);
      default:
        return null;
    }
  }

  #commits({ offset, record }: FactOf<"metadata-committed">): string | null {
    return this.#once(this.#committed, offset, JSON.stringify(record), `commits at ${offset}`);
  }

  #once<K, V>(seen: Map<K, V>, key: K, value: V, what: string): string | null {
    const before = seen.get(key);
    if (before !== undefined && before !== value) return `two ${what}: ${before} and ${value}`;
    seen.set(key, value);
    return null;
  }
}

/** What was committed, by the leaders that committed it. */
export function committedRecords(cluster: QuorumCluster): ReadonlyMap<Offset, string> {
  const committed = new Map<Offset, string>();
  for (const { facts } of cluster.world.nodes.values()) {
    for (const fact of facts) {
      if (fact.kind === "metadata-committed") {
        committed.set(fact.offset, JSON.stringify(fact.record));
      }
    }
  }
  return committed;
}
