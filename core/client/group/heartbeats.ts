/**
 * Shows the coordinator that a member is alive, and leaves the group when the application does not poll
 * any more (Heartbeat.java, AbstractCoordinator.HeartbeatThread). It has a timer of its own: it goes on
 * while the application does something else. Clients of other make have no such thread: their heartbeats
 * are sent "on-call", when the application asks for one, and it is not watched whether it polls.
 */
import { Errors, errorName } from "../../errors.ts";
import type { Outcome } from "../../network/client-channel.ts";
import type { Ports } from "../../ports.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import { ExponentialBackoff } from "../backoff.ts";
import { CLIENT_LANE } from "../client-network.ts";
import { DeadlineTimer } from "../deadline-timer.ts";
import type { CoordinatorLookup } from "./coordinator-lookup.ts";
import type { Member, Membership } from "./member.ts";
import type { MembershipRules } from "./membership-rules.ts";

/** Who sees to heartbeats: a thread of the consumer's own, or whoever works on its records. */
export type HeartbeatMode = "background" | "on-call";

/** "early": it was not time, or there is no generation to show life in. */
export type HeartbeatResult =
  { readonly kind: "sent" | "early" } | { readonly kind: "failed"; readonly error: string };

export interface HeartbeatsOptions {
  readonly clientId: string;
  readonly mode: HeartbeatMode;
  readonly settings: ConsumerSettings;
  readonly rules: MembershipRules;
  readonly member: Member;
  readonly lookup: CoordinatorLookup;
  /** The application did not poll for max.poll.interval.ms. */
  readonly onPollTimeout: () => void;
  /** For the next poll to report. */
  readonly onError: (error: number) => void;
  readonly onProgress: () => void;
}

export class Heartbeats {
  readonly #ports: Ports;
  readonly #options: HeartbeatsOptions;
  readonly #timer: DeadlineTimer;
  readonly #backoff: ExponentialBackoff;
  #isEnabled = false;
  /** A poll waits: the application shows that it is there. */
  #isPolling = false;
  #failures = 0;
  #lastPollMs = -Infinity;
  #lastAnswerMs = -Infinity;
  #nextMs = Infinity;

  constructor(ports: Ports, options: HeartbeatsOptions) {
    this.#ports = ports;
    this.#options = options;
    const { clientId, settings } = options;
    const [initialMs, maxMs] = [settings["retry.backoff.ms"], settings["retry.backoff.max.ms"]];
    this.#backoff = new ExponentialBackoff(ports.random, "heartbeat backoff", initialMs, maxMs);
    this.#timer = new DeadlineTimer(
      ports.timers.timer(CLIENT_LANE, `heartbeat ${clientId}`, () => {
        this.#timer.fired();
        this.#tick();
      }),
    );
  }

  /** The member is in a generation. */
  enable(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    this.#isEnabled = true;
    this.#lastPollMs = nowMs;
    this.#lastAnswerMs = nowMs;
    this.#nextMs = nowMs + this.#options.settings["heartbeat.interval.ms"];
    this.#arm(nowMs);
  }

  disable(): void {
    this.#isEnabled = false;
    this.#timer.cancel();
  }

  /** Whether one that is called for now would be sent. */
  get isDue(): boolean {
    const { rules, member } = this.#options;
    const nowMs = this.#ports.clock.monotonicMs();
    return this.#isEnabled && nowMs >= this.#nextMs && rules.heartbeats(member.hasJoined);
  }

  /** Sends one if it is time; `done` is called when it is answered, never at once. */
  call(done: (result: HeartbeatResult) => void): void {
    const { lookup } = this.#options;
    const end = (result: HeartbeatResult): void =>
      this.#ports.work.later(CLIENT_LANE, "heartbeat done", () => done(result));
    if (!this.isDue) return end({ kind: "early" });
    if (lookup.channel === null) {
      lookup.find();
      return end(failure(Errors.COORDINATOR_NOT_AVAILABLE));
    }
    this.#send(this.#ports.clock.monotonicMs(), end);
  }

  /** The application polls, or its poll was answered. */
  polled(nowMs: number, isPolling: boolean): void {
    this.#lastPollMs = nowMs;
    this.#isPolling = isPolling;
    if (isPolling || !this.#isEnabled || this.#options.mode === "on-call") return;
    const pollMs = nowMs + this.#options.settings["max.poll.interval.ms"];
    this.#timer.armNoLaterThan(pollMs, nowMs);
  }

  /** A coordinator was found: the session begins anew there. */
  coordinatorFound(): void {
    this.#lastAnswerMs = this.#ports.clock.monotonicMs();
  }

  #tick(): void {
    const { settings, rules, member, lookup, onPollTimeout } = this.#options;
    if (!this.#isEnabled) return;
    if (!rules.heartbeats(member.hasJoined)) return this.disable();
    const nowMs = this.#ports.clock.monotonicMs();
    const sessionMs = settings["session.timeout.ms"];
    if (lookup.channel !== null && rules.sessionIsOver(nowMs - this.#lastAnswerMs, sessionMs)) {
      lookup.markUnknown();
    }
    if (lookup.channel === null) {
      lookup.find();
      return this.#timer.arm(nowMs + settings["retry.backoff.ms"], nowMs);
    }
    const sincePollMs = this.#isPolling ? 0 : nowMs - this.#lastPollMs;
    if (!rules.polledInTime(sincePollMs, settings["max.poll.interval.ms"])) {
      onPollTimeout();
      return this.disable();
    }
    if (nowMs >= this.#nextMs) this.#send(nowMs);
    this.#arm(nowMs);
  }

  #arm(nowMs: number): void {
    const { settings, mode } = this.#options;
    if (mode === "on-call") return;
    const sessionMs = this.#lastAnswerMs + settings["session.timeout.ms"];
    // A poll that waits is over by itself, and comes back here.
    const pollMs = this.#isPolling ? Infinity : this.#lastPollMs + settings["max.poll.interval.ms"];
    this.#timer.arm(Math.min(this.#nextMs, sessionMs, pollMs), nowMs);
  }

  #send(nowMs: number, done: ((result: HeartbeatResult) => void) | null = null): void {
    const { settings, member, lookup } = this.#options;
    this.#nextMs = nowMs + settings["heartbeat.interval.ms"];
    const sent = member.membership;
    const { channel } = lookup;
    channel?.send(ApiKeys.HEARTBEAT, member.identity, (outcome) => {
      this.#answered(sent, outcome);
      done?.(resultOf(outcome));
    });
  }

  #answered(sent: Membership, outcome: Outcome<typeof ApiKeys.HEARTBEAT>): void {
    const { lookup, onProgress } = this.#options;
    const nowMs = this.#ports.clock.monotonicMs();
    const isGood = outcome.kind === "response" && this.#isAccepted(sent, outcome.body.errorCode);
    if (outcome.kind === "timeout" || outcome.kind === "disconnected") lookup.markUnknown();
    if (isGood) {
      this.#failures = 0;
      this.#lastAnswerMs = nowMs;
    } else {
      this.#failures += 1;
      this.#nextMs = nowMs + this.#backoff.delayMs(this.#failures);
    }
    if (this.#isEnabled) this.#arm(nowMs);
    onProgress();
  }

  /** Whether an answer shows that the coordinator counts this member as alive. */
  #isAccepted(sent: Membership, error: number): boolean {
    const { rules, member, lookup, onError } = this.#options;
    if (error === Errors.NONE) return true;
    if (error === Errors.REBALANCE_IN_PROGRESS) {
      if (rules.rejoinsOnHeartbeat(error, member.state === "stable")) {
        member.requestRejoin("the group is rebalancing");
      }
      return true;
    }
    if (rules.losesCoordinator(error)) lookup.markUnknown();
    if (rules.resetOn(error) === "nothing") return false;
    // What is said of an earlier generation is of no interest in this one.
    if (member.membership !== sent) return true;
    member.fenceBy(error, "heartbeat");
    if (error === Errors.FENCED_INSTANCE_ID) onError(error);
    return false;
  }
}

function resultOf(outcome: Outcome<typeof ApiKeys.HEARTBEAT>): HeartbeatResult {
  if (outcome.kind === "unsupported") return failure(Errors.UNSUPPORTED_VERSION);
  if (outcome.kind === "timeout") return failure(Errors.REQUEST_TIMED_OUT);
  if (outcome.kind === "disconnected") return failure(Errors.NETWORK_EXCEPTION);
  const { errorCode } = outcome.body;
  return errorCode === Errors.NONE ? { kind: "sent" } : failure(errorCode);
}

function failure(error: number): HeartbeatResult {
  return { kind: "failed", error: errorName(error) };
}
