/**
 * One attempt to join a group and to get an assignment: JoinGroup, for the leader the assignment of
 * everyone, SyncGroup (AbstractCoordinator.java). The user's poll looks at how it ended.
 */
import type { MemberId } from "../../ids.ts";
import { Errors, errorName } from "../../errors.ts";
import type { Outcome } from "../../network/client-channel.ts";
import { CONSUMER_PROTOCOL_TYPE } from "../../group/assignors/consumer-protocol.ts";
import type { JoinGroupProtocol, JoinGroupResponse } from "../../protocol/join-group.ts";
import type { ApiKey } from "../../protocol/message.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import type { CoordinatorLookup } from "./coordinator-lookup.ts";
import type { Member, Membership } from "./member.ts";
import type { MembershipRules } from "./membership-rules.ts";

export type MemberAssignments = ReadonlyMap<MemberId, Uint8Array>;

/** What the leader decided, or why it could not. */
export type LeaderDecision =
  | { readonly kind: "assigned"; readonly assignments: MemberAssignments }
  | { readonly kind: "failed"; readonly error: string };

export type JoinOutcome =
  | { readonly kind: "assigned"; readonly assignment: Uint8Array }
  | {
      readonly kind: "failed";
      readonly error: string;
      /** How it goes on: again at once, after a pause, or by an error for the user. */
      readonly next: "at-once" | "later" | "tell";
      readonly wantsRejoin: boolean;
    };

export interface JoinRoundOptions {
  readonly settings: ConsumerSettings;
  readonly rules: MembershipRules;
  readonly member: Member;
  readonly lookup: CoordinatorLookup;
  /** Runs a step now, or when the user calls the consumer: Java's consumer joins only then. */
  readonly whenCalled: (step: () => void) => void;
  /** It is in a generation: heartbeats begin. */
  readonly onJoined: () => void;
  /** It leads the generation; `decided` is called once, now or later. */
  readonly onLead: (
    response: JoinGroupResponse,
    decided: (decision: LeaderDecision) => void,
  ) => void;
  readonly onProgress: () => void;
}

/** A join may wait so much longer than the others may take (JOIN_GROUP_TIMEOUT_LAPSE). */
const JOIN_TIMEOUT_LAPSE_MS = 5000;
/** How many characters of a reason are told (JoinGroupRequest.maybeTruncateReason). */
export const REASON_LIMIT = 255;

export class JoinRound {
  readonly #options: JoinRoundOptions;
  /** Counts the rounds: what belongs to an earlier one is ignored. */
  #round = 0;
  #isPending = false;
  #outcome: JoinOutcome | null = null;

  constructor(options: JoinRoundOptions) {
    this.#options = options;
  }

  /** It was begun and nobody has looked at how it ended. */
  get isOpen(): boolean {
    return this.#isPending || this.#outcome !== null;
  }

  /** Null until it has ended. */
  get outcome(): JoinOutcome | null {
    return this.#outcome;
  }

  clear(): void {
    this.#round += 1;
    this.#isPending = false;
    this.#outcome = null;
  }

  start(protocols: readonly JoinGroupProtocol[]): void {
    const { settings, member, lookup, whenCalled } = this.#options;
    const round = (this.#round += 1);
    this.#isPending = true;
    member.state = "preparing";
    const { channel } = lookup;
    if (channel === null) return this.#failWith(Errors.COORDINATOR_NOT_AVAILABLE);
    const sent = member.membership;
    const rebalanceTimeoutMs = settings["max.poll.interval.ms"];
    const request = {
      groupId: member.groupId,
      sessionTimeoutMs: settings["session.timeout.ms"],
      rebalanceTimeoutMs,
      memberId: sent.memberId,
      groupInstanceId: member.instanceId,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      protocols,
      reason: (member.rejoinReason ?? "").slice(0, REASON_LIMIT),
    };
    const timeoutMs = Math.max(
      settings["request.timeout.ms"],
      rebalanceTimeoutMs + JOIN_TIMEOUT_LAPSE_MS,
    );
    const done = (outcome: Outcome<typeof ApiKeys.JOIN_GROUP>): void =>
      whenCalled(() => {
        if (round === this.#round) this.#joined(sent, outcome);
      });
    channel.send(ApiKeys.JOIN_GROUP, request, done, timeoutMs);
  }

  // ---- JoinGroup ------------------------------------------------------------------------------

  #joined(sent: Membership, outcome: Outcome<typeof ApiKeys.JOIN_GROUP>): void {
    if (outcome.kind !== "response") return this.#gotNoAnswer(outcome);
    const { member, rules, lookup, onJoined } = this.#options;
    const response = outcome.body;
    const error = response.errorCode;
    if (error === Errors.MEMBER_ID_REQUIRED) {
      member.takeId(response.memberId);
    } else if (error === Errors.UNKNOWN_MEMBER_ID) {
      if (member.membership === sent) member.fenceBy(error, "join");
    } else if (error === Errors.FENCED_INSTANCE_ID) {
      member.fence(error, "join", true);
    } else if (rules.losesCoordinator(error)) {
      lookup.markUnknown();
    }
    if (error !== Errors.NONE) return this.#failWith(error);
    if (isForeign(response.protocolType)) {
      return this.#failWith(Errors.INCONSISTENT_GROUP_PROTOCOL);
    }
    if (member.state !== "preparing") return this.#fail("UNJOINED", "later");
    const { memberId, generationId, protocolName, leader } = response;
    member.join({ generation: generationId, memberId, protocol: protocolName }, leader);
    onJoined();
    if (leader === memberId) this.#lead(response);
    else this.#sync(new Map());
  }

  #lead(response: JoinGroupResponse): void {
    const { member, onLead } = this.#options;
    const round = this.#round;
    const { membership } = member;
    onLead(response, (decision) => {
      if (round !== this.#round) return;
      if (member.membership !== membership) this.#failWith(Errors.ILLEGAL_GENERATION);
      else if (decision.kind === "failed") this.#fail(decision.error, "tell");
      else this.#sync(decision.assignments);
    });
  }

  // ---- SyncGroup ------------------------------------------------------------------------------

  #sync(assignments: MemberAssignments): void {
    const { member, lookup } = this.#options;
    const { channel } = lookup;
    if (channel === null) return this.#failWith(Errors.COORDINATOR_NOT_AVAILABLE);
    const round = this.#round;
    const sent = member.membership;
    const request = {
      ...member.identity,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      protocolName: sent.protocol,
      assignments: [...assignments].map(([memberId, assignment]) => ({ memberId, assignment })),
    };
    channel.send(ApiKeys.SYNC_GROUP, request, (outcome) => {
      if (round === this.#round) this.#synced(sent, outcome);
    });
  }

  #synced(sent: Membership, outcome: Outcome<typeof ApiKeys.SYNC_GROUP>): void {
    if (outcome.kind !== "response") return this.#gotNoAnswer(outcome);
    const { member, rules, lookup } = this.#options;
    const { errorCode: error, protocolType, protocolName, assignment } = outcome.body;
    if (error === Errors.UNKNOWN_MEMBER_ID || error === Errors.ILLEGAL_GENERATION) {
      if (member.membership === sent) member.fenceBy(error, "sync");
    } else if (error === Errors.FENCED_INSTANCE_ID) {
      member.fence(error, "sync", true);
    } else if (rules.losesCoordinator(error)) {
      lookup.markUnknown();
    }
    if (error !== Errors.NONE) return this.#failWith(error);
    if (isForeign(protocolType)) return this.#failWith(Errors.INCONSISTENT_GROUP_PROTOCOL);
    if (member.membership !== sent || member.state !== "completing") {
      return this.#failWith(Errors.ILLEGAL_GENERATION);
    }
    if (protocolName !== null && protocolName !== sent.protocol) {
      return this.#failWith(Errors.INCONSISTENT_GROUP_PROTOCOL);
    }
    member.settle();
    this.#end({ kind: "assigned", assignment });
  }

  // ---- how it ends ----------------------------------------------------------------------------

  #gotNoAnswer(outcome: Exclude<Outcome<ApiKey>, { kind: "response" }>): void {
    if (outcome.kind === "unsupported") return this.#failWith(Errors.UNSUPPORTED_VERSION);
    this.#options.lookup.markUnknown();
    this.#failWith(Errors.NETWORK_EXCEPTION);
  }

  #failWith(error: number): void {
    const { rules } = this.#options;
    const next = rules.joinsAgainAtOnce(error)
      ? "at-once"
      : rules.isRetriable(error)
        ? "later"
        : "tell";
    this.#fail(errorName(error), next, error !== Errors.MEMBER_ID_REQUIRED);
  }

  #fail(error: string, next: "at-once" | "later" | "tell", wantsRejoin: boolean = true): void {
    this.#end({ kind: "failed", error, next, wantsRejoin });
  }

  #end(outcome: JoinOutcome): void {
    this.#isPending = false;
    this.#outcome = outcome;
    this.#options.onProgress();
  }
}

function isForeign(protocolType: string | null): boolean {
  return protocolType !== null && protocolType !== CONSUMER_PROTOCOL_TYPE;
}
