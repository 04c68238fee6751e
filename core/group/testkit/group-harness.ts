/**
 * One coordinator on a {@link ManualPartition}, and the requests of its members: what is written is
 * committed a millisecond later, unless `commits` is false.
 */
import type { Fact, FactKind, FactOf } from "../../facts.ts";
import type { Call } from "../../network/request-server.ts";
import type {
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetFetchResponse,
} from "../../protocol/group-offsets.ts";
import type { HeartbeatResponse, LeaveGroupResponse } from "../../protocol/group-membership.ts";
import type { JoinGroupRequest, JoinGroupResponse } from "../../protocol/join-group.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../../protocol/message.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { SyncGroupRequest, SyncGroupResponse } from "../../protocol/sync-group.ts";
import { MetadataDelta, MetadataImage } from "../../metadata/image.ts";
import { utf8Encode } from "../../record/utf8.ts";
import type { Rules } from "../../rules.ts";
import { makeRules } from "../../rules.ts";
import { resolveBrokerSettings } from "../../settings/broker-settings.ts";
import type { BrokerSettings } from "../../settings/broker-settings.ts";
import type { SettingValue } from "../../settings/definition.ts";
import type { ManualNode } from "../../testkit/manual-ports.ts";
import { ManualWorld } from "../../testkit/manual-ports.ts";
import { AdminRequests } from "../coordinator/admin-requests.ts";
import type { Coordinators } from "../coordinator/coordinators.ts";
import { CoordinatorLoader } from "../coordinator/coordinator-loader.ts";
import { GroupShard } from "../coordinator/group-shard.ts";
import { MemberRequests } from "../coordinator/member-requests.ts";
import { OffsetRequests } from "../coordinator/offset-requests.ts";
import { ManualPartition } from "./manual-partition.ts";
import { joinRequest } from "./member-client.ts";

export const GROUP = "g";

export interface Sent<T> {
  /** Null while it is not answered. */
  answer: T | null;
}

export interface HarnessOptions {
  readonly settings?: Readonly<Record<string, SettingValue>>;
  readonly rules?: Rules;
}

export class GroupHarness {
  readonly world: ManualWorld = new ManualWorld();
  readonly node: ManualNode = this.world.node("b1");
  readonly partition: ManualPartition = new ManualPartition();
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  commits = true;
  shard: GroupShard;
  readonly #members: MemberRequests;
  readonly #offsets: OffsetRequests;
  readonly #admin: AdminRequests;

  constructor(options: HarnessOptions = {}) {
    this.settings = resolveBrokerSettings({
      "group.min.session.timeout.ms": 1000,
      ...options.settings,
    });
    this.rules = options.rules ?? makeRules();
    const { ports } = this.node;
    const rules = this.rules.group;
    this.partition.appended = () => {
      if (this.commits) this.world.later(this.node, 1, () => this.partition.commit());
    };
    this.partition.addListener({ highWatermarkMoved: (upTo) => this.shard.advance(upTo) });
    const coordinators: Coordinators = {
      partitionFor: () => 0,
      partitions: [0],
      perform: (_partition, step) => step(this.shard),
    };
    const image = imageOf({ orders: 4, other: 1 });
    this.#members = new MemberRequests({ ports, rules, settings: this.settings, coordinators });
    this.#offsets = new OffsetRequests({ ports, rules, image, coordinators });
    this.#admin = new AdminRequests(coordinators);
    this.shard = this.#newShard();
    this.shard.activate(0);
  }

  get facts(): readonly Fact[] {
    return this.node.facts;
  }

  factsOf<K extends FactKind>(kind: K): FactOf<K>[] {
    return this.node.factsOf(kind);
  }

  pass(ms: number): void {
    this.world.run(ms);
  }

  /** Another broker coordinates for a moment, and this one loads anew. */
  failOver(keepsUncommitted = true): void {
    this.shard.unload();
    this.partition.lead(this.partition.leaderEpoch + 1, keepsUncommitted);
    this.shard = this.#newShard();
    const { shard, partition } = this;
    const loader = new CoordinatorLoader({
      ports: this.node.ports,
      chunkBytes: 1,
      onStorageError: () => undefined,
    });
    let isLoaded = false;
    loader.add({
      partition,
      shard,
      isCancelled: false,
      ended: (succeeded) => (isLoaded = succeeded),
    });
    this.world.runUntil(() => isLoaded);
    shard.activate(partition.log.highWatermark);
  }

  send<K extends ApiKey>(
    apiKey: K,
    body: RequestBody<K>,
    clientId = "client",
  ): Sent<ResponseBody<K>> {
    const sent: Sent<ResponseBody<K>> = { answer: null };
    const call = {
      request: { apiKey, apiVersion: 0, correlationId: 0, clientId, body },
      peer: "host",
      connectionId: 1,
      isOpen: true,
      respond: (response: ResponseBody<K>) => {
        if (sent.answer !== null) throw new Error(`request ${apiKey} answered twice`);
        sent.answer = response;
      },
      finish: () => undefined,
      disconnect: () => undefined,
    } as unknown as Call;
    this.#handle(apiKey, call);
    return sent;
  }

  /** Sends, and lets a few milliseconds pass. */
  ask<K extends ApiKey>(apiKey: K, body: RequestBody<K>, clientId?: string): ResponseBody<K> {
    const sent = this.send(apiKey, body, clientId);
    if (sent.answer === null) this.pass(2);
    if (sent.answer === null) throw new Error(`request ${apiKey} waits`);
    return sent.answer;
  }

  // ---- what members do ------------------------------------------------------------------------------

  join(memberId: string, given: Partial<JoinGroupRequest> = {}): Sent<JoinGroupResponse> {
    return this.send(ApiKeys.JOIN_GROUP, joinRequest(GROUP, { memberId, ...given }));
  }

  /** An id for a dynamic member. */
  newId(given: Partial<JoinGroupRequest> = {}): string {
    return this.ask(ApiKeys.JOIN_GROUP, joinRequest(GROUP, given)).memberId;
  }

  sync(
    memberId: string,
    generationId: number,
    assigned: Readonly<Record<string, string>> = {},
    given: Partial<SyncGroupRequest> = {},
  ): Sent<SyncGroupResponse> {
    return this.send(ApiKeys.SYNC_GROUP, {
      groupId: GROUP,
      generationId,
      memberId,
      groupInstanceId: null,
      protocolType: "consumer",
      protocolName: "range",
      assignments: Object.entries(assigned).map(([id, text]) => ({
        memberId: id,
        assignment: utf8Encode(text),
      })),
      ...given,
    });
  }

  heartbeat(
    memberId: string,
    generationId: number,
    groupInstanceId: string | null = null,
  ): Sent<HeartbeatResponse> {
    const body = { groupId: GROUP, generationId, memberId, groupInstanceId };
    return this.send(ApiKeys.HEARTBEAT, body);
  }

  leave(...memberIds: readonly string[]): Sent<LeaveGroupResponse> {
    const members = memberIds.map((memberId) => ({
      memberId,
      groupInstanceId: null,
      reason: null,
    }));
    return this.send(ApiKeys.LEAVE_GROUP, { groupId: GROUP, members });
  }

  commit(
    memberId: string,
    generation: number,
    offset: number,
    given: Partial<OffsetCommitRequest> & { readonly metadata?: string } = {},
  ): Sent<OffsetCommitResponse> {
    const { metadata, ...rest } = given;
    const partition = {
      partitionIndex: 0,
      committedOffset: offset,
      committedLeaderEpoch: 0,
      committedMetadata: metadata ?? "",
    };
    return this.send(ApiKeys.OFFSET_COMMIT, {
      groupId: GROUP,
      generationIdOrMemberEpoch: generation,
      memberId,
      groupInstanceId: null,
      topics: [{ name: "orders", partitions: [partition] }],
      ...rest,
    });
  }

  fetch(requireStable = true, groupId: string = GROUP): Sent<OffsetFetchResponse> {
    return this.send(ApiKeys.OFFSET_FETCH, {
      groups: [{ groupId, memberId: null, memberEpoch: -1, topics: null }],
      requireStable,
    });
  }

  /** Committed offsets of `orders`, by partition. */
  offsets(requireStable = true, groupId: string = GROUP): Readonly<Record<number, number>> {
    const sent = this.fetch(requireStable, groupId);
    if (sent.answer === null) this.pass(2);
    const topic = sent.answer?.groups[0]?.topics.find(({ name }) => name === "orders");
    const entries = topic?.partitions.map((one) => [one.partitionIndex, one.committedOffset]);
    return Object.fromEntries(entries ?? []) as Record<number, number>;
  }

  /** Members that have joined, synced and are stable, in order; the first one leads. */
  stable(count: number, given: Partial<JoinGroupRequest> = {}): string[] {
    const ids = Array.from({ length: count }, () => this.newId(given));
    const joins = ids.map((id) => this.join(id, given));
    this.pass(this.settings["group.initial.rebalance.delay.ms"] * 2 + 10);
    const generation = joins[0]?.answer?.generationId ?? -1;
    const leader = joins[0]?.answer?.leader ?? "";
    const assigned = Object.fromEntries(ids.map((id) => [id, `to ${id}`]));
    for (const id of ids) this.sync(id, generation, id === leader ? assigned : {});
    this.pass(2);
    return ids;
  }

  get state(): string {
    return this.shard.state.groups.get(GROUP)?.state ?? "none";
  }

  #handle(apiKey: ApiKey, call: Call): void {
    switch (apiKey) {
      case ApiKeys.JOIN_GROUP:
        return this.#members.join(call);
      case ApiKeys.SYNC_GROUP:
        return this.#members.sync(call);
      case ApiKeys.HEARTBEAT:
        return this.#members.heartbeat(call);
      case ApiKeys.LEAVE_GROUP:
        return this.#members.leave(call);
      case ApiKeys.OFFSET_COMMIT:
        return this.#offsets.commit(call);
      case ApiKeys.OFFSET_FETCH:
        return this.#offsets.fetch(call);
      case ApiKeys.OFFSET_DELETE:
        return this.#offsets.delete(call);
      case ApiKeys.LIST_GROUPS:
        return this.#admin.list(call);
      case ApiKeys.DESCRIBE_GROUPS:
        return this.#admin.describe(call);
      case ApiKeys.DELETE_GROUPS:
        return this.#admin.delete(call);
      default:
        throw new Error(`no handler of ${apiKey}`);
    }
  }

  #newShard(): GroupShard {
    return new GroupShard({
      ports: this.node.ports,
      rules: this.rules.group,
      settings: this.settings,
      lane: "group-coordinator-0",
      partition: this.partition,
      leaderEpoch: this.partition.leaderEpoch,
    });
  }
}

function imageOf(topics: Readonly<Record<string, number>>): MetadataImage {
  const image = new MetadataImage();
  const delta = new MetadataDelta();
  let offset = 0;
  for (const [name, count] of Object.entries(topics)) {
    const topicId = `id of ${name}`;
    image.apply({ type: "Topic", name, topicId }, offset++, 0, delta);
    for (let partitionId = 0; partitionId < count; partitionId++) {
      const record = {
        type: "Partition",
        topicId,
        partitionId,
        replicas: [1],
        isr: [1],
        leader: 1,
        leaderRecoveryState: 0,
        leaderEpoch: 0,
        partitionEpoch: 0,
      } as const;
      image.apply(record, offset++, 0, delta);
    }
  }
  return image;
}
