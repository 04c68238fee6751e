import { assert } from "../assert.ts";
import type { NodeId } from "../ids.ts";
import type { MetadataImage, PartitionRegistration } from "../metadata/image.ts";
import { directoryOf } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { Ports } from "../ports.ts";
import type { Decision } from "../replicated-state/replicated-state-machine.ts";
import type { Rules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { TopicSettingName } from "../settings/topic-settings.ts";
import { brokerSynonyms, topicSettings } from "../settings/topic-settings.ts";
import { parseSetting } from "../settings/definition.ts";
import type { Changes } from "./changes.ts";
import type { Sessions } from "./sessions.ts";

/** What the handlers of the active controller work with. */
export interface ControllerContext {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  readonly clusterId: string;
  readonly sessions: Sessions;
}

/** A handler's result: its changes, and the answer once they are committed. */
export function decide<T>(
  changes: Changes,
  response: T,
  written?: (lastOffset: number) => void,
): Decision<MetadataRecord, T> {
  return {
    records: changes.records,
    response,
    written: (baseOffset) => {
      changes.written(baseOffset);
      written?.(baseOffset + changes.records.length - 1);
    },
  };
}

/** A topic's unclean.leader.election.enable: its own, else that of the cluster, else this node's. */
export function isUncleanElectionEnabled(
  { settings }: ControllerContext,
  image: MetadataImage,
  topic: string,
): boolean {
  const name: TopicSettingName = "unclean.leader.election.enable";
  const synonym = brokerSynonyms[name];
  const dynamic =
    image.topicConfigs.get(topic)?.get(name) ?? image.brokerConfigs.get("")?.get(synonym);
  const value = dynamic ?? settings[synonym];
  assert(value !== undefined, `${synonym} has a default`);
  return parseSetting(name, topicSettings[name], value) === true;
}

/** Whether the log directory that holds a broker's replica is among those that the broker has. */
export function hasOnlineDirectory(
  { rules }: ControllerContext,
  image: MetadataImage,
  partition: PartitionRegistration,
  broker: NodeId,
): boolean {
  const ofBroker = image.brokers.get(broker)?.logDirs ?? [];
  return rules.election.hasOnlineDirectory(directoryOf(partition, broker), ofBroker);
}

/** Whether the broker leads a partition. */
export function leadsAnything(image: MetadataImage, broker: NodeId): boolean {
  for (const topic of image.topicsById.values()) {
    for (const partition of topic.partitions) if (partition.leader === broker) return true;
  }
  return false;
}
