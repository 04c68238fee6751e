/** A member of a group as a test plays it: a connection of its own to each broker, and raw requests. */
import { ClientChannel } from "../../network/client-channel.ts";
import type { JoinGroupRequest, JoinGroupResponse } from "../../protocol/join-group.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../../protocol/message.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { ManualCluster } from "../../testkit/manual-cluster.ts";
import { RecordWriter } from "../records/bytes.ts";

/** A request on its way. */
export interface Sent<T> {
  /** Null while it is not answered. */
  answer: T | null;
  failed: string | null;
}

export class MemberClient {
  readonly #cluster: ManualCluster;
  readonly #name: string;
  readonly #channels: Map<string, ClientChannel> = new Map();

  constructor(cluster: ManualCluster, name: string) {
    this.#cluster = cluster;
    this.#name = name;
  }

  send<K extends ApiKey>(broker: string, apiKey: K, body: RequestBody<K>): Sent<ResponseBody<K>> {
    const sent: Sent<ResponseBody<K>> = { answer: null, failed: null };
    this.#channel(broker).send(apiKey, body, (outcome) => {
      if (outcome.kind === "response") sent.answer = outcome.body;
      else sent.failed = outcome.kind;
    });
    return sent;
  }

  /** Sends and waits. */
  ask<K extends ApiKey>(broker: string, apiKey: K, body: RequestBody<K>): ResponseBody<K> {
    return this.wait(this.send(broker, apiKey, body));
  }

  wait<T>(sent: Sent<T>): T {
    this.#cluster.world.runUntil(() => sent.answer !== null || sent.failed !== null);
    if (sent.answer === null) throw new Error(`${this.#name}: ${sent.failed}`);
    return sent.answer;
  }

  join(
    broker: string,
    groupId: string,
    given: Partial<JoinGroupRequest> = {},
  ): Sent<JoinGroupResponse> {
    return this.send(broker, ApiKeys.JOIN_GROUP, joinRequest(groupId, given));
  }

  #channel(broker: string): ClientChannel {
    let channel = this.#channels.get(broker);
    if (channel === undefined) {
      channel = new ClientChannel(this.#cluster.node("client").ports, {
        lane: "client",
        host: broker,
        channel: this.#name,
        clientId: this.#name,
        requestTimeoutMs: 60000,
        reconnectBackoffMs: 50,
        reconnectBackoffMaxMs: 100,
      });
      this.#channels.set(broker, channel);
    }
    return channel;
  }
}

/** A consumer of `orders` that knows one assignor. */
export function joinRequest(
  groupId: string,
  given: Partial<JoinGroupRequest> = {},
): JoinGroupRequest {
  return {
    groupId,
    sessionTimeoutMs: 10000,
    rebalanceTimeoutMs: 30000,
    memberId: "",
    groupInstanceId: null,
    protocolType: "consumer",
    protocols: [{ name: "range", metadata: subscriptionTo("orders") }],
    reason: null,
    ...given,
  };
}

export function subscriptionTo(...topics: readonly string[]): Uint8Array {
  const writer = new RecordWriter().int16(3).int32(topics.length);
  for (const topic of topics) writer.text(topic);
  return writer.int32(-1).done() ?? new Uint8Array(0);
}
