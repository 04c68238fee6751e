/**
 * The coordinator of the groups of one partition of `__consumer_offsets`, for one leadership
 * (CoordinatorContext in CoordinatorRuntime.java, GroupCoordinatorShard.java): it loads what the log
 * holds, and then handles one request or timer after the other.
 */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { GroupId, LeaderEpoch, MemberId, Offset, PartitionName } from "../../ids.ts";
import type { Lane, Ports } from "../../ports.ts";
import { PartitionStateMachine } from "../../replicated-state/partition-state-machine.ts";
import type { Expiring } from "../../replication/deadline-queue.ts";
import { DeadlineQueue } from "../../replication/deadline-queue.ts";
import type { BrokerSettings } from "../../settings/broker-settings.ts";
import { randomUuid } from "../../uuid.ts";
import type { StoredRecord } from "../records/coordinator-record.ts";
import { joinError, syncError } from "./answers.ts";
import { answerSync } from "./assignments.ts";
import type { ClassicGroup } from "./classic-group.ts";
import type { CoordinatedPartition } from "./coordinated-partition.ts";
import { CoordinatorLog } from "./coordinator-log.ts";
import type { CoordinatorRecord } from "./coordinator-state.ts";
import { CoordinatorState } from "./coordinator-state.ts";
import { CoordinatorTimers } from "./coordinator-timers.ts";
import { Expiration } from "./expiration.ts";
import type { Effect, GroupContext } from "./group-context.ts";
import { transition } from "./group-context.ts";
import type { GroupRules } from "./group-rules.ts";
import { answerJoin, prepareRebalance, sessionIsOver } from "./join-phase.ts";
import { resetSession } from "./sessions.ts";

export interface GroupShardOptions {
  readonly ports: Ports;
  readonly rules: GroupRules;
  readonly settings: BrokerSettings;
  readonly lane: Lane;
  readonly partition: CoordinatedPartition;
  readonly leaderEpoch: LeaderEpoch;
}

export class GroupShard implements GroupContext {
  readonly ports: Ports;
  readonly rules: GroupRules;
  readonly settings: BrokerSettings;
  readonly partition: PartitionName;
  readonly timers: CoordinatorTimers;
  leaderEpoch: LeaderEpoch;
  readonly #log: CoordinatorLog;
  readonly #machine: PartitionStateMachine<CoordinatorRecord, CoordinatorState>;
  readonly #timeouts: DeadlineQueue;
  readonly #expiration: Expiration;
  /** What the ids of members are drawn for: no two shards share it. */
  readonly #idPurpose: string;
  #idsGiven = 0;

  constructor(options: GroupShardOptions) {
    const { ports, rules, settings, lane, partition, leaderEpoch } = options;
    this.ports = ports;
    this.rules = rules;
    this.settings = settings;
    this.partition = partition.name;
    this.leaderEpoch = leaderEpoch;
    this.timers = new CoordinatorTimers(ports, lane);
    this.#log = new CoordinatorLog(ports, rules, partition);
    this.#machine = new PartitionStateMachine({
      log: this.#log,
      initial: new CoordinatorState(),
      rules,
      notOwner: Errors.NOT_COORDINATOR,
    });
    this.#timeouts = new DeadlineQueue(ports, lane, `writes of ${this.partition}`, () => undefined);
    this.#expiration = new Expiration(this);
    this.#idPurpose = `member of ${this.partition} since ${ports.clock.monotonicMs()}`;
  }

  get state(): CoordinatorState {
    return this.#machine.state;
  }

  get committedState(): CoordinatorState {
    return this.#machine.committedState;
  }

  /** All records below are in the committed state. */
  get committedUpTo(): Offset {
    return this.#machine.committedUpTo;
  }

  get endOffset(): Offset {
    return this.#log.nextOffset;
  }

  get isActive(): boolean {
    return this.#machine.isActive;
  }

  // ---- its life -----------------------------------------------------------------------------------

  load(stored: StoredRecord, offset: Offset, epoch: LeaderEpoch): void {
    this.#machine.load({ stored, group: null }, offset, epoch);
  }

  /** All that the log holds was loaded: coordinates from here on. */
  activate(highWatermark: Offset): void {
    this.#machine.activate(this.leaderEpoch, highWatermark);
    const { probe } = this.ports;
    if (probe !== null) {
      const { partition, leaderEpoch, endOffset } = this;
      const groups = [...this.state.groups.keys()];
      probe.emit({ kind: "coordinator-loaded", partition, leaderEpoch, endOffset, groups });
    }
    for (const group of this.state.groups.values()) this.#resume(group);
    this.#expiration.wake();
  }

  /** The log is committed below it. */
  advance(highWatermark: Offset): void {
    this.#machine.advance(highWatermark);
  }

  /** Another broker coordinates: whoever waits has to ask it. */
  unload(): void {
    this.timers.close();
    const wasActive = this.isActive;
    const groups = wasActive ? [...this.state.groups.values()] : [];
    this.#machine.deactivate();
    this.#timeouts.close();
    for (const group of groups) this.#bury(group);
    if (!wasActive) return;
    const { partition, leaderEpoch } = this;
    this.ports.probe?.emit({ kind: "coordinator-unloaded", partition, leaderEpoch });
  }

  // ---- its work -----------------------------------------------------------------------------------

  /**
   * Lets `operation` decide, and writes what it wants written. `answer` is called once: when that,
   * and all that was written before, is committed, or when it failed. An operation that gives null
   * has answered by itself.
   */
  write(operation: () => Effect | null, answer: (error: ErrorCode | null) => void): void {
    if (!this.isActive) return answer(Errors.NOT_COORDINATOR);
    const effect = operation();
    if (effect === null) return;
    if (effect.mayBeSplit !== true || effect.records.length < 2) {
      this.#write(effect, answer);
      return;
    }
    const runs = [...this.#log.inBatches(effect.records)];
    for (const [at, records] of runs.entries()) {
      if (at < runs.length - 1) this.#write({ records }, () => undefined);
      else this.#write({ ...effect, records }, answer);
    }
  }

  run(operation: () => Effect): void {
    this.write(operation, () => undefined);
  }

  sessionEnded(group: GroupId, member: MemberId): void {
    this.run(() => sessionIsOver(this, group, member));
  }

  newMemberId(prefix: string): MemberId {
    this.#idsGiven += 1;
    return `${prefix}-${randomUuid(this.ports.random, `${this.#idPurpose}, ${this.#idsGiven}`)}`;
  }

  #write(effect: Effect, answer: (error: ErrorCode | null) => void): void {
    const pending = new PendingWrite(this.#timeouts, effect, answer);
    const { records, written } = effect;
    this.#machine.run(
      () => ({ records, response: null, ...(written === undefined ? {} : { written }) }),
      (outcome) => pending.end(outcome.kind === "done" ? null : outcome.error),
    );
    if (!pending.isOver) this.#timeouts.add(pending, this.settings["offsets.commit.timeout.ms"]);
    if (records.length > 0) this.#expiration.wake();
  }

  /** Sessions begin anew; who was about to join has to ask again. */
  #resume(group: ClassicGroup): void {
    for (const member of group.members.values()) resetSession(this, group, member);
    if (group.members.size <= this.settings["group.max.size"]) return;
    this.run(() => prepareRebalance(this, group, "the group is larger than group.max.size"));
  }

  #bury(group: ClassicGroup): void {
    const { state } = group;
    transition(this, group, "Dead", "unloaded");
    for (const member of group.members.values()) {
      if (state === "PreparingRebalance") {
        answerJoin(group, member, joinError(Errors.NOT_COORDINATOR, member.memberId));
      } else {
        answerSync(member, syncError(Errors.NOT_COORDINATOR));
      }
    }
  }
}

/** A write that waits for the high watermark, at most for offsets.commit.timeout.ms. */
class PendingWrite implements Expiring {
  deadlineMs = 0;
  heapIndex = -1;
  heapSequence = 0;
  isOver = false;
  readonly #timeouts: DeadlineQueue;
  readonly #effect: Effect;
  readonly #answer: (error: ErrorCode | null) => void;

  constructor(timeouts: DeadlineQueue, effect: Effect, answer: (error: ErrorCode | null) => void) {
    this.#timeouts = timeouts;
    this.#effect = effect;
    this.#answer = answer;
  }

  /** It stays in the log, and may be committed later. */
  expire(): void {
    this.end(Errors.REQUEST_TIMED_OUT);
  }

  end(error: ErrorCode | null): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#timeouts.remove(this);
    this.#effect.ended?.(error);
    this.#answer(error);
  }
}
