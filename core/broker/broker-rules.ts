import type { NodeId, Offset, ProducerId, Uuid } from "../ids.ts";
import { NO_NODE } from "../ids.ts";

/**
 * What a broker does at start and stop (BrokerLifecycleManager.scala,
 * BrokerMetadataPublisher.scala).
 */
export class BrokerRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    wantsFence: "BrokerServer.scala",
    hasCaughtUp: "MetadataLoader.java (stillNeedToCatchUp)",
    mayPublish: "KIP-631, but see metadata-publisher.ts",
    reportedOffset: "MetadataLoader.java (lastAppliedOffset)",
    isUnfenced: "BrokerLifecycleManager.scala",
    waitsForPermission: "KIP-631; BrokerLifecycleManager.scala",
    mayStop: "KIP-631; BrokerLifecycleManager.scala",
    listsBroker: "KRaftMetadataCache.scala",
    hasUsableLeader: "KRaftMetadataCache.scala",
    autoCreatesTopic: "KafkaApis.scala (getTopicMetadata)",
    prefetchesProducerIds: "KIP-730; RPCProducerIdManager.java",
    mayUseProducerIds: "KIP-730; RPCProducerIdManager.java",
    effectiveSetting: "KIP-226; ConfigHelper.scala",
    mustAssignDirectory: "KIP-858; AssignmentsManager.java",
    askedAgain: "NodeToControllerRequestThread.java; KAFKA-15353",
  };

  /**
   * The broker asks to stay fenced until the controller has told it that it knows its own
   * registration, and until it has acted on what it knows for the first time.
   */
  wantsFence(toldCaughtUp: boolean, hasPublished: boolean): boolean {
    return !(toldCaughtUp && hasPublished);
  }

  /** Nothing is published before the broker has all metadata that was committed when it looked. */
  hasCaughtUp(lastOffset: Offset, highWatermark: Offset): boolean {
    return highWatermark > 0 && lastOffset >= highWatermark - 1;
  }

  /** What was decided before the controller knew of this process may be about what it has lost. */
  mayPublish(knowsItself: boolean): boolean {
    return knowsItself;
  }

  /** A heartbeat tells the metadata that was acted on, not what was merely received. */
  reportedOffset(publishedOffset: Offset, _committedOffset: Offset): Offset {
    return publishedOffset;
  }

  /** Clients are served only after the controller has unfenced the broker. */
  isUnfenced(isFenced: boolean, _isCaughtUp: boolean): boolean {
    return !isFenced;
  }

  /** Before a running broker stops it asks the controller to take its leaderships. */
  waitsForPermission(controlledShutdownEnabled: boolean, isRunning: boolean): boolean {
    return controlledShutdownEnabled && isRunning;
  }

  /** In a controlled shutdown the broker stops when the controller says so, not earlier. */
  mayStop(shouldShutDown: boolean): boolean {
    return shouldShutDown;
  }

  /** The controller must know where a replica is kept: on another disk it may have lost its log. */
  mustAssignDirectory(assigned: Uuid, actual: Uuid): boolean {
    return assigned !== actual;
  }

  /** Clients are told of brokers that serve. */
  listsBroker(isFenced: boolean): boolean {
    return !isFenced;
  }

  /** A client is sent to a leader only when there is one and it is registered. */
  hasUsableLeader(leader: NodeId, isRegistered: boolean): boolean {
    return leader !== NO_NODE && isRegistered;
  }

  /** An unknown topic is made only when both the broker and the client allow it. */
  autoCreatesTopic(enabledByBroker: boolean, allowedByClient: boolean): boolean {
    return enabledByBroker && allowedByClient;
  }

  /** The next block is asked for when nine tenths of this one are given out. */
  prefetchesProducerIds(givenOut: number, blockLength: number): boolean {
    return givenOut === Math.floor((blockLength * 9) / 10) + 1;
  }

  /** A block that starts below an id already given out would give it out twice. */
  mayUseProducerIds(blockStart: ProducerId, lastGiven: ProducerId): boolean {
    return blockStart > lastGiven;
  }

  /**
   * The nearest wins: the topic's own, this broker's, that of all brokers, the configuration
   * file's.
   */
  effectiveSetting<Value>(
    ofTopic: Value | undefined,
    ofBroker: Value | undefined,
    ofAllBrokers: Value | undefined,
    inFile: Value,
  ): Value {
    return ofTopic ?? ofBroker ?? ofAllBrokers ?? inFile;
  }

  /** A request to the controller that has to be sent again asks for the same as the first time. */
  askedAgain<B extends object>(body: B): B {
    return body;
  }
}
