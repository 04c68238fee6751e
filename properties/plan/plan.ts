/**
 * A plan: everything that decides a run, as plain data. Replaying a stranger's plan executes no code
 * and needs no second file. All times and durations are integer virtual microseconds, except where a
 * name ends in `Ms` or is Kafka's own. Every element of `workload` and `faults` has an id that stays
 * the same when others are removed.
 */
import type { SettingValue } from "../../core/settings/definition.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import type { LatencyOptions } from "../../sim/network/latency.ts";

export const PLAN_VERSION = 1;

/** 2026-01-01T00:00:00Z: where a run's wall clock starts when no input says otherwise. */
export const DEFAULT_START_MS = 1767225600000;

/** 2100-01-01: a start or a record after it is a mistake of units. */
export const MAX_TIME_MS = 4102444800000;

export type SettingValues = Readonly<Record<string, SettingValue>>;

export interface Plan {
  readonly version: typeof PLAN_VERSION;
  readonly scenario: string;
  /** Keys every draw inside the run. */
  readonly seed: string;
  readonly profile: Profile;
  /** Ids of the known bugs that are built in. */
  readonly bugs: readonly string[];
  /** What the wall clocks show when the run starts. */
  readonly startMs: number;
  /** Apply wherever the name exists: brokers, topics, producers, consumers, admin clients. */
  readonly settings: SettingValues;
  /** The run ends here at the latest. */
  readonly horizon: number;
  /** Events of one microsecond are handled in an order that the seed decides. */
  readonly shuffleTies: boolean;
  readonly topology: Topology;
  readonly topics: readonly TopicPlan[];
  readonly clients: readonly ClientPlan[];
  readonly workload: readonly Operation[];
  readonly faults: readonly Fault[];
  readonly heal: Heal;
  readonly expect?: Expectation;
}

/**
 * "strict": a fault that would endanger what is committed is refused, and nothing may be lost. "chaos":
 * every fault strikes that leaves the committed metadata a majority, and what is lost must be explained.
 * "calm": no faults at all.
 */
export type Profile = "strict" | "chaos" | "calm";
export const profiles: readonly Profile[] = ["strict", "chaos", "calm"];

export interface Topology {
  readonly nodes: readonly NodePlan[];
  readonly latency: LatencyOptions;
}

export interface NodePlan {
  /** Letters and a number: "b1", "c100". The number is its node.id. */
  readonly id: string;
  readonly roles: readonly NodeRole[];
  readonly rack: string | null;
  readonly settings: SettingValues;
  /**
   * Its disk was formatted for this other cluster, while its settings name the controllers of the plan's;
   * absent: for the plan's. Whatever it asks of them, they answer INCONSISTENT_CLUSTER_ID.
   */
  readonly clusterId?: string;
  /** When it first starts: a broker that is added to the running cluster. Absent: at the beginning. */
  readonly startAt?: number;
}

/** Every simulated cluster is its own world, so that one id serves all. */
export const CLUSTER_ID = "kafka-trial-cluster-00";

export type NodeRole = "broker" | "controller";

export interface TopicPlan {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly settings: SettingValues;
  /** Node ids of the replicas of each partition, the preferred leader first. */
  readonly assignment?: readonly (readonly string[])[];
}

export type ClientPlan = ProducerPlan | ConsumerPlan | MemberPlan | AdminPlan | AppPlan;

export interface ProducerPlan {
  readonly id: string;
  readonly kind: "producer";
  readonly settings: SettingValues;
  /** Asynchronous user code drives it, which the scenario brings: the plan alone cannot be run. */
  readonly app?: true;
}

/** Polls for ever, from its start to the end of the run. */
export interface ConsumerPlan {
  readonly id: string;
  readonly kind: "consumer";
  readonly settings: SettingValues;
  /** Topic and partition. Partitions of `topics` are spelled out when the plan is read. */
  readonly assign: readonly (readonly [topic: string, partition: number])[];
  /** Where it seeks to when it starts; absent: what auto.offset.reset says. */
  readonly startAt?: Place;
}

/**
 * A consumer that is a member of the group `group.id`, with the program that most applications have around
 * it: it polls, works on each record, puts its effect into a store outside that survives everything, and
 * commits. Started again after a crash it begins from what the group has committed.
 */
export interface MemberPlan {
  readonly id: string;
  readonly kind: "member";
  /** They name the group. */
  readonly settings: SettingValues;
  readonly subscribe: Subscribed;
  /** How long it works on each record, before its effect is there. */
  readonly workUs: number;
  /** "none" with enable.auto.commit, else "sync", unless a plan says otherwise. */
  readonly commit: CommitMode;
  /** Records go to a queue that is worked off beside the poll loop, which does not wait for it. */
  readonly handOff: boolean;
  /** It joins only when an operation tells it to. */
  readonly closed: boolean;
}

/** Topics by name, or all whose names match a pattern, as their list changes. */
export type Subscribed = { readonly topics: readonly string[] } | { readonly pattern: string };

/**
 * When a program commits what one poll returned, beside what enable.auto.commit does: "sync" and "async"
 * after the work on it, "before" ahead of it (and waiting for the answer), "none" never.
 */
export type CommitMode = "sync" | "async" | "before" | "none";
export const commitModes: readonly CommitMode[] = ["sync", "async", "before", "none"];

export interface AdminPlan {
  readonly id: string;
  readonly kind: "admin";
  readonly settings: SettingValues;
}

/**
 * A program with asynchronous user code, which the scenario brings: the plan alone cannot be run. It may be
 * producer, consumer and admin client at once.
 */
export interface AppPlan {
  readonly id: string;
  readonly kind: "app";
  /** Of producers, consumers and admin clients: each takes those that it has. */
  readonly settings: SettingValues;
}

export type Place = number | "beginning" | "end";

interface OperationBase {
  readonly id: string;
  readonly at: number;
  readonly client: string;
}

export interface SendOperation extends OperationBase {
  readonly op: "send";
  readonly topic: string;
  /** Absent: the producer's partitioner decides. */
  readonly partition?: number;
  /** One of `key` (null: no key) and `keyBase64`; likewise `value`. */
  readonly key?: string | null;
  readonly keyBase64?: string;
  readonly value?: string | null;
  readonly valueBase64?: string;
  /** The record's CreateTime in ms. */
  readonly timestamp: number;
}

export interface FlushOperation extends OperationBase {
  readonly op: "flush";
}

export interface SeekOperation extends OperationBase {
  readonly op: "seek";
  readonly topic: string;
  readonly partition: number;
  readonly offset: Place;
}

export interface PollingOperation extends OperationBase {
  readonly op: "pause-polling" | "resume-polling";
}

/** A member joins its group, or leaves it in order, as a deployment has it do. */
export interface MembershipOperation extends OperationBase {
  readonly op: "open-consumer" | "close-consumer";
}

export interface SubscribeOperation extends OperationBase {
  readonly op: "subscribe";
  readonly subscribe: Subscribed;
}

export interface ElectLeadersOperation extends OperationBase {
  readonly op: "elect-leaders";
  readonly electionType: "preferred" | "unclean";
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface AlterConfigsOperation extends OperationBase {
  readonly op: "alter-configs";
  readonly topic: string;
  /** A null takes the setting back to its default. */
  readonly configs: Readonly<Record<string, SettingValue | null>>;
}

export interface DescribeTopicsOperation extends OperationBase {
  readonly op: "describe-topics";
  /** Absent: all topics of the plan. */
  readonly topics?: readonly string[];
}

export interface CreatePartitionsOperation extends OperationBase {
  readonly op: "create-partitions";
  readonly topic: string;
  /** How many partitions the topic is to have. */
  readonly count: number;
  /** Node ids of the replicas of each new partition; absent: the controller places them. */
  readonly assignment?: readonly (readonly string[])[];
}

export interface ListGroupsOperation extends OperationBase {
  readonly op: "list-groups";
}

export interface GroupsOperation extends OperationBase {
  readonly op: "describe-groups" | "delete-groups";
  readonly groups: readonly string[];
}

export interface DeleteOffsetsOperation extends OperationBase {
  readonly op: "delete-offsets";
  readonly group: string;
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** Commits for the group, as somebody who is no member of it. */
export interface AlterOffsetsOperation extends OperationBase {
  readonly op: "alter-offsets";
  readonly group: string;
  readonly offsets: readonly (readonly [topic: string, partition: number, offset: number])[];
}

export type Operation =
  | SendOperation
  | FlushOperation
  | SeekOperation
  | PollingOperation
  | MembershipOperation
  | SubscribeOperation
  | ElectLeadersOperation
  | AlterConfigsOperation
  | DescribeTopicsOperation
  | CreatePartitionsOperation
  | ListGroupsOperation
  | GroupsOperation
  | DeleteOffsetsOperation
  | AlterOffsetsOperation;

export type OperationKind = Operation["op"];

export interface Heal {
  /** When the standing faults end and what is down comes back. From then on nothing strikes. */
  readonly at: number;
  /**
   * Which servers are well afterwards; all others stay as they are then, for ever. "viable": drawn,
   * enough to serve everything, now and then all; "all"; or their names. Clients always are.
   */
  readonly core: "viable" | "all" | readonly string[];
  /** Faults that go on standing inside the core: what hangs because of them is told as a stall. */
  readonly leave?: readonly string[];
  /** How long after `at` everything must be resolved, at most. */
  readonly deadline: number;
}

/** What an earlier run of this plan showed. */
export interface Expectation {
  readonly verdict: "pass" | "fail";
  readonly invariant?: string;
  readonly at?: number;
  readonly traceHash?: string;
}

/** The node.id in a node's name; names are checked when the plan is read. */
export function nodeIdOf(name: string): number {
  return Number(name.slice(name.search(/\d/)));
}
