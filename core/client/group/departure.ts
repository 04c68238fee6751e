/**
 * How a consumer leaves its group: because its user closes it or unsubscribes, or because the application
 * does not poll any more (AbstractCoordinator.close, maybeLeaveGroup).
 */
import type { FactOf } from "../../facts.ts";
import { NO_MEMBER_ID } from "../../ids.ts";
import type { Ports } from "../../ports.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import { CLIENT_LANE } from "../client-network.ts";
import { DeadlineTimer } from "../deadline-timer.ts";
import type { AutoCommit } from "./auto-commit.ts";
import type { CoordinatorLookup } from "./coordinator-lookup.ts";
import type { Heartbeats } from "./heartbeats.ts";
import { REASON_LIMIT } from "./join-round.ts";
import type { Member } from "./member.ts";
import type { MembershipRules } from "./membership-rules.ts";
import type { OffsetCommits } from "./offset-commits.ts";
import type { Rebalance } from "./rebalance.ts";
import type { Subscription } from "./subscription.ts";

export interface DepartureOptions {
  readonly clientId: string;
  readonly settings: ConsumerSettings;
  readonly rules: MembershipRules;
  readonly member: Member;
  readonly lookup: CoordinatorLookup;
  readonly heartbeats: Heartbeats;
  readonly subscription: Subscription;
  readonly rebalance: Rebalance;
  readonly commits: OffsetCommits;
  readonly autoCommit: AutoCommit;
}

export class Departure {
  readonly #ports: Ports;
  readonly #options: DepartureOptions;
  readonly #timer: DeadlineTimer;
  #deadlineMs = Infinity;
  /** What closing waits for, and what it does then. */
  #waiting: { readonly isOver: () => boolean; readonly then: () => void } | null = null;
  #isClosing = false;

  constructor(ports: Ports, options: DepartureOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#timer = new DeadlineTimer(
      ports.timers.timer(CLIENT_LANE, `close ${options.clientId}`, () => {
        this.#timer.fired();
        this.progress();
      }),
    );
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Tells the coordinator, if that is of use and possible at once; nobody waits for the answer. */
  leave(reason: string, why: FactOf<"member-left">["why"]): void {
    const { rules, member, lookup } = this.#options;
    const { channel } = lookup;
    const { memberId } = member.membership;
    const isMember = member.state !== "unjoined" && memberId !== NO_MEMBER_ID;
    const isTold = rules.tellsLeaving(member.instanceId !== null) && channel !== null && isMember;
    if (isTold) {
      const told = { memberId, groupInstanceId: null, reason: reason.slice(0, REASON_LIMIT) };
      const request = { groupId: member.groupId, members: [told] };
      channel.send(ApiKeys.LEAVE_GROUP, request, (outcome) => {
        if (outcome.kind !== "response") lookup.markUnknown();
        this.progress();
      });
    }
    member.left(why, isTold);
    member.reset(reason, false);
  }

  /** Gives up everything and leaves. */
  unsubscribe(then: () => void): void {
    this.#surrender(() => {
      this.leave("the consumer unsubscribed from all topics", "unsubscribed");
      then();
    });
  }

  /** Commits, gives up, leaves, and waits for what is under way, at most for `timeoutMs` in all. */
  close(timeoutMs: number, closed: () => void): void {
    const { autoCommit, commits } = this.#options;
    this.#isClosing = true;
    this.#deadlineMs = this.#ports.clock.monotonicMs() + timeoutMs;
    const commit = (then: () => void): void => {
      if (!autoCommit.isEnabled) return then();
      commits.commitSync(autoCommit.positions(), "close", timeoutMs, then);
    };
    commit(() =>
      this.#waitFor(
        () => !commits.waitsForCoordinator,
        () => this.#goAway(closed),
      ),
    );
  }

  /** An answer came, or the time is over. */
  progress(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    const nowMs = this.#ports.clock.monotonicMs();
    if (!waiting.isOver() && nowMs < this.#deadlineMs) {
      return this.#timer.armNoLaterThan(this.#deadlineMs, nowMs);
    }
    this.#waiting = null;
    waiting.then();
  }

  #goAway(closed: () => void): void {
    const { settings, heartbeats, member, lookup, commits } = this.#options;
    heartbeats.disable();
    const end = (): void =>
      this.#waitFor(
        () => lookup.inFlightCount === 0 && commits.openCount === 0,
        () => {
          this.#timer.cancel();
          commits.runCallbacks();
          closed();
        },
      );
    if (settings["internal.leave.group.on.close"]) {
      this.#surrender(() => {
        this.leave("the consumer is being closed", "closed");
        end();
      });
    } else {
      member.left("closed", false);
      end();
    }
  }

  #surrender(then: () => void): void {
    const { subscription, rebalance } = this.#options;
    if (subscription.isAutomatic) rebalance.surrenderAll(then);
    else then();
  }

  #waitFor(isOver: () => boolean, then: () => void): void {
    this.#waiting = { isOver, then };
    this.progress();
  }
}
