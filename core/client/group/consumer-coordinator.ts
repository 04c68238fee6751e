/**
 * A consumer's side of its group (ConsumerCoordinator.java): what its poll has to do before records are
 * returned, and what goes on while nobody polls.
 *
 * Differs from Kafka: while the coordinator is looked for, a poll returns the records that it has at once,
 * and not at the end of its time; a member that lost its place gives up its partitions in its next poll even
 * when no coordinator is known. Racks play no part in assignments.
 */
import type { Ports } from "../../ports.ts";
import { assert } from "../../assert.ts";
import { Errors, errorName } from "../../errors.ts";
import type { ConsumerPartitionAssignor } from "../../group/assignors/assignor.ts";
import { ASSIGNOR_NAMES, makeAssignor } from "../../group/assignors/assignors.ts";
import type { Rules } from "../../rules.ts";
import type { ConsumerSettings } from "../../settings/client-settings.ts";
import type { AssignedPartitions } from "../assigned-partitions.ts";
import type { ClientMetadata } from "../client-metadata.ts";
import { CLIENT_LANE } from "../client-network.ts";
import { DeadlineTimer } from "../deadline-timer.ts";
import { AutoCommit } from "./auto-commit.ts";
import { CommittedOffsets } from "./committed-offsets.ts";
import { CoordinatorLookup } from "./coordinator-lookup.ts";
import { Departure } from "./departure.ts";
import type { RunUserCode } from "./group-leader.ts";
import { GroupLeader } from "./group-leader.ts";
import type { HeartbeatMode } from "./heartbeats.ts";
import { Heartbeats } from "./heartbeats.ts";
import { JoinRound } from "./join-round.ts";
import { Joining } from "./joining.ts";
import { Member } from "./member.ts";
import { InitialPositions } from "./initial-positions.ts";
import { OffsetCommits } from "./offset-commits.ts";
import { Rebalance } from "./rebalance.ts";
import { ListenerCalls } from "./rebalance-listener.ts";
import { Subscription } from "./subscription.ts";

export interface ConsumerCoordinatorOptions {
  readonly clientId: string;
  readonly settings: ConsumerSettings;
  readonly rules: Rules;
  readonly metadata: ClientMetadata;
  readonly partitions: AssignedPartitions;
  /** The user's own, which partition.assignment.strategy names. */
  readonly assignors: readonly ConsumerPartitionAssignor[];
  readonly runUserCode: RunUserCode;
  readonly heartbeats: HeartbeatMode;
  /** The user waits inside a call of the consumer. */
  readonly isCalled: () => boolean;
  readonly onError: (error: string) => void;
  readonly onProgress: () => void;
}

export class ConsumerCoordinator {
  readonly subscription: Subscription;
  readonly member: Member;
  readonly commits: OffsetCommits;
  readonly committed: CommittedOffsets;
  readonly listeners: ListenerCalls;
  readonly heartbeats: Heartbeats;
  readonly #ports: Ports;
  readonly #options: ConsumerCoordinatorOptions;
  readonly #isCooperative: boolean;
  readonly #lookup: CoordinatorLookup;
  readonly #joining: Joining;
  readonly #autoCommit: AutoCommit;
  readonly #initialReads: CommittedOffsets;
  readonly #initial: InitialPositions;
  readonly #rebalance: Rebalance;
  readonly #departure: Departure;
  readonly #timer: DeadlineTimer;
  /** Answers to joins that came while the user was outside of the consumer. */
  #deferred: (() => void)[] = [];
  /** When an error that stays may be told again. */
  #tellAgainAtMs = -Infinity;
  /** In this step, such an error was met. */
  #isStuck = false;

  constructor(ports: Ports, options: ConsumerCoordinatorOptions) {
    const { clientId, settings, metadata, partitions, onError, onProgress } = options;
    const { runUserCode } = options;
    const rules = options.rules.membership;
    const groupId = settings["group.id"];
    this.#ports = ports;
    this.#options = options;
    const assignors = assignorsOf(options);
    const cooperate = assignors.every((one) => one.supportedProtocols.includes("cooperative"));
    const isCooperative = rules.cooperates(cooperate);
    this.#isCooperative = isCooperative;
    this.subscription = new Subscription(metadata);
    const { subscription } = this;
    const member = new Member(ports, rules, groupId, settings["group.instance.id"] || null);
    this.member = member;
    const lookup = new CoordinatorLookup(ports, {
      clientId,
      groupId,
      settings,
      rules,
      metadata,
      onFound: () => this.heartbeats.coordinatorFound(),
      onProgress,
    });
    this.#lookup = lookup;
    const common = { clientId, settings, rules, member, lookup };
    this.heartbeats = new Heartbeats(ports, {
      ...common,
      mode: options.heartbeats,
      onPollTimeout: () => this.#departure.leave("the poll timeout has expired", "poll-interval"),
      onError: (error) => onError(errorName(error)),
      onProgress,
    });
    this.commits = new OffsetCommits(ports, {
      ...common,
      isMember: () => subscription.isAutomatic,
      onProgress,
      onAnswer: () => this.#departure.progress(),
    });
    this.committed = new CommittedOffsets(ports, "committed", common);
    this.#initialReads = new CommittedOffsets(ports, "initial position", common);
    this.listeners = new ListenerCalls(ports, onError, onProgress);
    const leader = new GroupLeader(ports, {
      rules,
      member,
      subscription,
      metadata,
      isCooperative,
      runUserCode,
    });
    const round = new JoinRound({
      ...common,
      whenCalled: (step) => (options.isCalled() ? step() : this.#deferred.push(step)),
      onJoined: () => this.heartbeats.enable(),
      onLead: (response, decided) =>
        leader.lead(this.#joining.assignor(response.protocolName), response, decided),
      onProgress,
    });
    const { commits, listeners } = this;
    this.#autoCommit = new AutoCommit(ports, {
      clientId,
      settings,
      rules,
      partitions,
      commits,
      onDue: onProgress,
    });
    const autoCommit = this.#autoCommit;
    this.#initial = new InitialPositions({
      rules,
      member,
      partitions,
      committed: this.#initialReads,
      onError,
      onProgress,
    });
    this.#rebalance = new Rebalance(ports, {
      ...common,
      subscription,
      partitions,
      metadata,
      listeners,
      commits,
      autoCommit,
      isCooperative,
      runUserCode,
      onError,
      onStuck: (error) => this.#tellAgain(error),
      wakeAt: (atMs) => this.#wakeAt(atMs),
    });
    const [heartbeats, rebalance] = [this.heartbeats, this.#rebalance];
    this.#joining = new Joining({
      ...common,
      subscription,
      partitions,
      metadata,
      round,
      leader,
      rebalance,
      listeners,
      assignors,
      runUserCode,
      onError,
      wakeAt: (atMs) => this.#wakeAt(atMs),
    });
    this.#departure = new Departure(ports, {
      ...common,
      heartbeats,
      subscription,
      rebalance,
      commits,
      autoCommit,
    });
    this.#timer = new DeadlineTimer(
      ports.timers.timer(CLIENT_LANE, `group ${clientId}`, () => {
        this.#timer.fired();
        onProgress();
      }),
    );
  }

  // ---- polls ----------------------------------------------------------------------------------

  /** The user's poll begins or has ended. */
  polled(isPolling: boolean): void {
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.subscription.isAutomatic) this.heartbeats.polled(nowMs, isPolling);
    if (isPolling) this.#autoCommit.watch(nowMs);
  }

  /** Whether a poll may look for records without a step before. */
  get isQuiet(): boolean {
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.#deferred.length > 0 || this.commits.hasCompleted || this.commits.isFenced)
      return false;
    if (this.#autoCommit.isDue(nowMs) || this.#options.partitions.initializing.size > 0)
      return false;
    if (!this.subscription.isAutomatic) return true;
    return this.#joining.isQuiet && this.#lookup.channel !== null;
  }

  /**
   * What has to be done before a poll may return records; it may call the user's listener. False when
   * no records may be returned: the listener runs, or an error stays for good.
   */
  step(): boolean {
    if (this.listeners.isRunning) return false;
    const nowMs = this.#ports.clock.monotonicMs();
    this.#isStuck = false;
    this.#doStep(nowMs);
    // The application is not in its poll while its listener runs.
    if (this.listeners.isRunning) this.heartbeats.polled(nowMs, false);
    return !this.listeners.isRunning && !this.#isStuck;
  }

  #doStep(nowMs: number): void {
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const step of deferred) step();
    if (this.commits.isFenced) {
      if (this.#keepsNothingLost()) this.#tellAgain(errorName(Errors.FENCED_INSTANCE_ID));
      return;
    }
    this.commits.runCallbacks();
    if (this.#departure.isClosing) return;
    if (this.subscription.isAutomatic && !this.#takePart(nowMs)) return;
    if (this.#options.rules.membership.commitsBeforeRecords()) this.#autoCommit.maybeCommit(nowMs);
    this.#autoCommit.watch(nowMs);
    this.#initial.run();
  }

  /** Records were taken out of the buffer and are about to be returned. */
  collected(): void {
    if (this.#options.rules.membership.commitsBeforeRecords()) return;
    this.#autoCommit.maybeCommit(this.#ports.clock.monotonicMs());
  }

  /** Commits before an assignment by hand, as there will be no rebalance. */
  maybeAutoCommit(): void {
    this.#autoCommit.maybeCommit(this.#ports.clock.monotonicMs());
  }

  /** Something happened that somebody may wait for. */
  progress(): void {
    this.commits.progress();
    this.committed.progress();
    this.#initialReads.progress();
    this.#departure.progress();
  }

  metadataUpdated(): void {
    this.#joining.metadataUpdated();
  }

  brokerReady(): void {
    this.#lookup.brokerReady();
  }

  // ---- leaving --------------------------------------------------------------------------------

  unsubscribe(then: () => void): void {
    this.listeners.whenIdle(() =>
      this.#departure.unsubscribe(() => {
        this.#joining.stop();
        this.#initial.forget();
        this.subscription.clear();
        then();
      }),
    );
  }

  close(timeoutMs: number, closed: () => void): void {
    this.listeners.whenIdle(() =>
      this.#departure.close(timeoutMs, () => {
        this.#joining.stop();
        this.heartbeats.disable();
        this.#autoCommit.close();
        this.commits.close();
        this.committed.close();
        this.#initialReads.close();
        this.#timer.cancel();
        this.#lookup.close();
        closed();
      }),
    );
  }

  // ---- membership -----------------------------------------------------------------------------

  /** False while positions are better left alone: it is not, or not yet, a member. */
  #takePart(nowMs: number): boolean {
    this.heartbeats.polled(nowMs, true);
    this.#joining.lookAtMetadata();
    if (!this.#keepsNothingLost()) return false;
    const fatal = this.#lookup.takeFatal();
    if (fatal !== null) {
      this.#options.onError(fatal);
      return false;
    }
    if (this.#lookup.channel === null) {
      this.#lookup.find();
      return false;
    }
    return this.#joining.joinIfNeeded(nowMs);
  }

  /** Gives up everything if it lost its place; false while the listener is being told. */
  #keepsNothingLost(): boolean {
    const { rules, partitions } = this.#options;
    if (this.member.isLost && partitions.size > 0) {
      const surrender = rules.membership.surrender(this.#isCooperative, true);
      if (surrender === "lose-all") this.#rebalance.loseAll(() => undefined);
    }
    return !this.listeners.isRunning;
  }

  /** What every poll tells, but not faster than retry.backoff.ms: a loop of polls costs no time. */
  #tellAgain(error: string): void {
    const nowMs = this.#ports.clock.monotonicMs();
    this.#isStuck = true;
    if (nowMs < this.#tellAgainAtMs) return this.#wakeAt(this.#tellAgainAtMs);
    this.#tellAgainAtMs = nowMs + this.#options.settings["retry.backoff.ms"];
    this.#options.onError(error);
  }

  #wakeAt(atMs: number): void {
    this.#timer.armNoLaterThan(atMs, this.#ports.clock.monotonicMs());
  }
}

/** By the names in partition.assignment.strategy, best first; the user's own come before Kafka's. */
function assignorsOf({
  settings,
  rules,
  assignors,
}: ConsumerCoordinatorOptions): readonly ConsumerPartitionAssignor[] {
  const names = settings["partition.assignment.strategy"].split(",").map((name) => name.trim());
  return names.map((name) => {
    const own = assignors.find((one) => one.name === name);
    if (own !== undefined) return own;
    const known = ASSIGNOR_NAMES.find((one) => one === name);
    assert(known !== undefined, `partition.assignment.strategy names ${name}, which is not there`);
    return makeAssignor(known, rules.assignor);
  });
}
