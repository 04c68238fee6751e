/**
 * Keeps the log of a node that does not lead up to date: one fetch after the other, each held back by
 * the leader until there is news (KafkaRaftClient.java, pollFollowerAsObserver). Lane "raft".
 *
 * Differs from Kafka: an observer that gets no answer asks a drawn voter at the next attempt, without
 * waiting for controller.quorum.fetch.timeout.ms to pass.
 */
import { assert } from "../assert.ts";
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { LeaderEpoch, NodeId, Offset } from "../ids.ts";
import { METADATA_TOPIC_ID, NO_EPOCH, NO_NODE } from "../ids.ts";
import type { Outcome } from "../network/client-channel.ts";
import { ClientChannel } from "../network/client-channel.ts";
import type { Ports, Timer } from "../ports.ts";
import type { FetchPartitionResponse, FetchRequest } from "../protocol/fetch.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { LeaderAndEpoch } from "./committed-reader.ts";
import type { Voter } from "./control-records.ts";

/** How long the leader may hold a fetch back (MAX_FETCH_WAIT_MS in KafkaRaftClient.java). */
const MAX_WAIT_MS = 500;
const RECONNECT_BACKOFF_MS = 50;
const RECONNECT_BACKOFF_MAX_MS = 500;

/** The node whose log is kept up to date. */
export interface FetchingReplica {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  readonly leader: LeaderAndEpoch;
  readonly voters: readonly Voter[];
  readonly endOffset: Offset;
  /** Epoch of the last record; -1 for an empty log. */
  readonly lastEpoch: LeaderEpoch;
  /** Handles a partition's answer; false when the next fetch should wait a little. */
  fetched(answer: FetchPartitionResponse): boolean;
}

export class ObserverFetcher {
  readonly #ports: Ports;
  readonly #settings: BrokerSettings;
  readonly #replica: FetchingReplica;
  readonly #retry: Timer;
  readonly #channels: Map<string, ClientChannel> = new Map();
  /** Of the fetch under way; an answer to an earlier one is void. */
  #attempt = 0;
  #lastFailed = false;
  #isRunning = false;

  constructor(ports: Ports, settings: BrokerSettings, replica: FetchingReplica) {
    this.#ports = ports;
    this.#settings = settings;
    this.#replica = replica;
    this.#retry = ports.timers.timer("raft", "metadata-fetch-backoff", () => this.#fetch());
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#fetch();
  }

  stop(): void {
    this.#isRunning = false;
    this.#attempt += 1;
    this.#retry.cancel();
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #fetch(): void {
    if (!this.#isRunning) return;
    const attempt = ++this.#attempt;
    this.#channelTo(this.#target()).send(ApiKeys.FETCH, this.#request(), (outcome) => {
      if (this.#isRunning && attempt === this.#attempt) this.#answered(outcome);
    });
  }

  #answered(outcome: Outcome<typeof ApiKeys.FETCH>): void {
    const isServed = this.#handle(outcome);
    this.#lastFailed = outcome.kind !== "response";
    // What was handled may have stopped us.
    if (!this.#isRunning) return;
    if (isServed) this.#fetch();
    else this.#retry.set(this.#settings["controller.quorum.retry.backoff.ms"]);
  }

  #handle(outcome: Outcome<typeof ApiKeys.FETCH>): boolean {
    if (outcome.kind !== "response") return false;
    const { errorCode, responses } = outcome.body;
    if ((errorCode as ErrorCode) === Errors.INCONSISTENT_CLUSTER_ID) {
      this.#ports.host.exit("the controllers belong to another cluster");
    }
    const answer = responses[0]?.partitions[0];
    return errorCode === Errors.NONE && answer !== undefined && this.#replica.fetched(answer);
  }

  /** The leader; a drawn voter while none is known or the last attempt did not reach it. */
  #target(): string {
    const { leader, voters } = this.#replica;
    const known = voters.find((voter) => voter.id === leader.id);
    if (known !== undefined && leader.id !== NO_NODE && !this.#lastFailed) return known.host;
    const at = voters.length > 1 ? this.#ports.random.below("fetch voter", voters.length) : 0;
    const drawn = voters[at];
    assert(drawn !== undefined, "the metadata log has a voter");
    return drawn.host;
  }

  #channelTo(host: string): ClientChannel {
    let channel = this.#channels.get(host);
    if (channel === undefined) {
      channel = new ClientChannel(this.#ports, {
        lane: "raft",
        host,
        channel: "raft",
        clientId: `raft-client-${this.#replica.nodeId}`,
        requestTimeoutMs: this.#settings["controller.quorum.request.timeout.ms"],
        reconnectBackoffMs: RECONNECT_BACKOFF_MS,
        reconnectBackoffMaxMs: RECONNECT_BACKOFF_MAX_MS,
      });
      this.#channels.set(host, channel);
    }
    return channel;
  }

  #request(): FetchRequest {
    const { nodeId, clusterId, leader, endOffset, lastEpoch } = this.#replica;
    return {
      clusterId,
      replicaState: { replicaId: nodeId, replicaEpoch: NO_EPOCH },
      maxWaitMs: MAX_WAIT_MS,
      minBytes: 0,
      maxBytes: this.#settings["controller.quorum.fetch.max.bytes"],
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: NO_EPOCH,
      topics: [
        {
          topicId: METADATA_TOPIC_ID,
          partitions: [
            {
              partition: 0,
              currentLeaderEpoch: leader.epoch,
              fetchOffset: endOffset,
              lastFetchedEpoch: lastEpoch,
              logStartOffset: 0,
              partitionMaxBytes: this.#settings["controller.quorum.fetch.max.bytes"],
            },
          ],
        },
      ],
      forgottenTopicsData: [],
      rackId: "",
    };
  }
}
