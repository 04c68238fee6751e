/** One member of a group, as its coordinator knows it (ClassicGroupMember.java). */
import { assert } from "../../assert.ts";
import type { InstanceId, MemberId } from "../../ids.ts";
import type { JoinGroupProtocol, JoinGroupResponse } from "../../protocol/join-group.ts";
import type { SyncGroupResponse } from "../../protocol/sync-group.ts";

export const NO_ASSIGNMENT: Uint8Array = new Uint8Array(0);

export type JoinAnswer = (response: JoinGroupResponse) => void;
export type SyncAnswer = (response: SyncGroupResponse) => void;

export class GroupMember {
  readonly memberId: MemberId;
  readonly instanceId: InstanceId | null;
  readonly clientId: string;
  readonly clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  /** Best first. */
  protocols: readonly JoinGroupProtocol[];
  assignment: Uint8Array;
  /** It never got an answer to a Join, so it cannot send heartbeats. */
  isNew = false;
  /** Joined, and waits for the others. */
  awaitingJoin: JoinAnswer | null = null;
  /** Waits for the leader's assignment. */
  awaitingSync: SyncAnswer | null = null;

  constructor(of: {
    readonly memberId: MemberId;
    readonly instanceId: InstanceId | null;
    readonly clientId: string;
    readonly clientHost: string;
    readonly rebalanceTimeoutMs: number;
    readonly sessionTimeoutMs: number;
    readonly protocols: readonly JoinGroupProtocol[];
    readonly assignment?: Uint8Array;
  }) {
    this.memberId = of.memberId;
    this.instanceId = of.instanceId;
    this.clientId = of.clientId;
    this.clientHost = of.clientHost;
    this.rebalanceTimeoutMs = of.rebalanceTimeoutMs;
    this.sessionTimeoutMs = of.sessionTimeoutMs;
    this.protocols = of.protocols;
    this.assignment = of.assignment ?? NO_ASSIGNMENT;
  }

  get isStatic(): boolean {
    return this.instanceId !== null;
  }

  /** Its subscription, as it gave it for that assignor. */
  metadata(protocol: string): Uint8Array {
    const known = this.protocols.find(({ name }) => name === protocol);
    assert(known !== undefined, `member ${this.memberId} knows no assignor ${protocol}`);
    return known.metadata;
  }

  /** The assignor that it likes best among those that all know. */
  vote(candidates: ReadonlySet<string>): string {
    const best = this.protocols.find(({ name }) => candidates.has(name));
    assert(best !== undefined, `member ${this.memberId} knows none of the candidates`);
    return best.name;
  }

  /** The same assignors in the same order, with the same subscriptions. */
  matches(protocols: readonly JoinGroupProtocol[]): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every(({ name, metadata }, at) => {
        const own = this.protocols[at] as JoinGroupProtocol;
        return own.name === name && isSame(own.metadata, metadata);
      })
    );
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, at) => byte === b[at]));
}
