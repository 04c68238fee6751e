/**
 * Every decision of core that a maintainer could plausibly get wrong, by component. A cluster is given
 * one set; a known bug is a set in which one class is replaced by a subclass.
 */
import { BrokerRules } from "./broker/broker-rules.ts";
import { ClientRules } from "./client/client-rules.ts";
import { ConsumerRules } from "./client/consumer-rules.ts";
import { ProducerRules } from "./client/producer-rules.ts";
import { MembershipRules } from "./client/group/membership-rules.ts";
import { AlterPartitionRules } from "./controller/alter-partition-rules.ts";
import { ElectionRules } from "./controller/election-rules.ts";
import { LifecycleRules } from "./controller/lifecycle-rules.ts";
import { AssignorRules } from "./group/assignors/assignor-rules.ts";
import { GroupRules } from "./group/coordinator/group-rules.ts";
import { DedupRules } from "./log/dedup-rules.ts";
import { EpochRules } from "./log/epoch-rules.ts";
import { LogRules } from "./log/log-rules.ts";
import { RaftRules } from "./raft/raft-rules.ts";
import { IsrRules } from "./replication/isr-rules.ts";
import { ReplicaRules } from "./replication/replica-rules.ts";
import { ServingRules } from "./replication/serving-rules.ts";

export interface Rules {
  readonly log: LogRules;
  readonly epochs: EpochRules;
  readonly dedup: DedupRules;
  readonly replica: ReplicaRules;
  readonly isr: IsrRules;
  readonly serving: ServingRules;
  readonly election: ElectionRules;
  readonly alterPartition: AlterPartitionRules;
  readonly lifecycle: LifecycleRules;
  readonly raft: RaftRules;
  readonly broker: BrokerRules;
  readonly client: ClientRules;
  readonly producer: ProducerRules;
  readonly consumer: ConsumerRules;
  readonly group: GroupRules;
  readonly membership: MembershipRules;
  readonly assignor: AssignorRules;
}

export type RuleClass<T> = (new () => T) & { readonly sources: Readonly<Record<string, string>> };
export type RuleClasses = { readonly [K in keyof Rules]: RuleClass<Rules[K]> };

/** The rules as Kafka has them. */
export const correctRules: RuleClasses = {
  log: LogRules,
  epochs: EpochRules,
  dedup: DedupRules,
  replica: ReplicaRules,
  isr: IsrRules,
  serving: ServingRules,
  election: ElectionRules,
  alterPartition: AlterPartitionRules,
  lifecycle: LifecycleRules,
  raft: RaftRules,
  broker: BrokerRules,
  client: ClientRules,
  producer: ProducerRules,
  consumer: ConsumerRules,
  group: GroupRules,
  membership: MembershipRules,
  assignor: AssignorRules,
};

/** One set of rules: Kafka's, with the given classes in place of some. */
export function makeRules(replaced: Partial<RuleClasses> = {}): Rules {
  const classes = { ...correctRules, ...replaced };
  const rules: Partial<Record<keyof Rules, object>> = {};
  for (const name of Object.keys(classes) as (keyof Rules)[]) rules[name] = new classes[name]();
  return rules as unknown as Rules;
}
