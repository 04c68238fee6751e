/** Members of a fake group that poll in a loop, and everything that they were told, for unit tests. */
import type { FactKind, FactOf } from "../../facts.ts";
import { BatchBody } from "../../record/batch.ts";
import { encodeBatch } from "../../record/encode.ts";
import { utf8Decode, utf8Encode } from "../../record/utf8.ts";
import type { Rules } from "../../rules.ts";
import { makeRules } from "../../rules.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import { consumerSettings } from "../../settings/client-settings.ts";
import type { SettingValue } from "../../settings/definition.ts";
import { resolveSettings } from "../../settings/definition.ts";
import type { ManualNode } from "../../testkit/manual-ports.ts";
import type {
  ConsumerOptions,
  PollResult,
  RebalanceListener,
  TopicPartition,
} from "../consumer.ts";
import { Consumer } from "../consumer.ts";
import { FakeCluster } from "../fake-cluster.testkit.ts";
import { FakeGroup } from "./fake-group.testkit.ts";

const quick: Readonly<Record<string, SettingValue>> = {
  "group.id": "g",
  "auto.offset.reset": "earliest",
  "retry.backoff.ms": 20,
  "retry.backoff.max.ms": 100,
  "request.timeout.ms": 800,
  "fetch.max.wait.ms": 50,
  "heartbeat.interval.ms": 100,
  "session.timeout.ms": 1000,
  "max.poll.interval.ms": 3000,
  "auto.commit.interval.ms": 500,
  "partition.assignment.strategy": "range",
};

export interface GroupBench {
  readonly cluster: FakeCluster;
  readonly group: FakeGroup;
  /** A new consumer on a node of its own. */
  member(name: string, settings?: Record<string, SettingValue>, more?: MemberOptions): BenchMember;
}

export interface MemberOptions {
  readonly rules?: Rules;
  readonly options?: Partial<ConsumerOptions>;
}

export function groupBench(topics: Record<string, number> = { t: 2 }): GroupBench {
  const cluster = new FakeCluster(2, topics);
  const group = new FakeGroup(cluster);
  return {
    cluster,
    group,
    member: (name, settings = {}, more = {}) => new BenchMember(cluster, name, settings, more),
  };
}

export class BenchMember {
  readonly node: ManualNode;
  readonly consumer: Consumer;
  readonly results: PollResult[] = [];
  /** "assigned t-0,t-1", "revoked ", "lost t-0" in the order in which they came. */
  readonly events: string[] = [];
  /** What the listener does before it is done; by default nothing. */
  during: (event: string, done: () => void) => void = (_event, done) => done();
  /** How long the application works on what a poll has returned. */
  workMs = 0;
  /** The loop is to stop before the next poll. */
  isStopped = false;
  #isPolling = false;

  constructor(
    cluster: FakeCluster,
    name: string,
    settings: Record<string, SettingValue>,
    { rules = makeRules(), options = {} }: MemberOptions,
  ) {
    this.node = cluster.world.node(name);
    this.consumer = new Consumer(this.node.ports, {
      clientId: name,
      bootstrap: cluster.hosts,
      settings: resolveSettings<ConsumerSettings>(consumerSettings, { ...quick, ...settings }),
      rules,
      ...options,
    });
  }

  get listener(): RebalanceListener {
    const tell =
      (event: string) =>
      (partitions: readonly TopicPartition[], done: () => void): void => {
        const entry = `${event} ${namesOf(partitions).join(",")}`;
        this.events.push(entry);
        this.during(entry, done);
      };
    return { assigned: tell("assigned"), revoked: tell("revoked"), lost: tell("lost") };
  }

  subscribe(...topics: string[]): this {
    this.consumer.subscribe(topics, this.listener);
    return this;
  }

  /** Polls for ever, as the loop of an application. */
  loop(timeoutMs: number = 100): this {
    this.isStopped = false;
    const again = (): void => {
      if (this.isStopped || this.#isPolling) return;
      this.#isPolling = true;
      this.consumer.poll(timeoutMs, (result) => {
        this.results.push(result);
        const goOn = (): void => {
          this.#isPolling = false;
          again();
        };
        const isWork = result.kind === "records" && result.records.length > 0;
        if (isWork && this.workMs > 0) this.node.world.later(this.node, this.workMs, goOn);
        else goOn();
      });
    };
    again();
    return this;
  }

  /** Values of all records so far. */
  get values(): string[] {
    return this.results.flatMap((result) =>
      result.kind === "error"
        ? []
        : result.records.map((record) => utf8Decode(record.value as Uint8Array)),
    );
  }

  get errors(): string[] {
    return this.results.flatMap((result) => (result.kind === "error" ? [result.error] : []));
  }

  get owned(): string[] {
    return namesOf(this.consumer.assignment);
  }

  factsOf<K extends FactKind>(kind: K): FactOf<K>[] {
    return this.node.factsOf(kind);
  }
}

export function namesOf(partitions: readonly TopicPartition[]): string[] {
  return partitions.map(({ topic, partition }) => `${topic}-${partition}`);
}

export function batchOf(...values: string[]): BatchBody {
  const records = values.map((value) => ({
    timestamp: 1000,
    key: null,
    value: utf8Encode(value),
    headers: [],
  }));
  return encodeBatch(records, {
    compression: "none",
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    codecs: { compress: () => new Uint8Array(), decompress: () => new Uint8Array() },
  });
}
