/**
 * State that is a replicated log's records, applied in order: the one mechanism under the controller
 * and under coordinators (QuorumController.java, CoordinatorRuntime.java).
 *
 * The owner of the log handles a request on state that already holds what it has appended and what is
 * not committed yet; the answer waits until all of that is committed. When the owner is deposed, or an
 * append is refused, it goes back to what is committed and what waits fails.
 */
import { assert } from "../assert.ts";
import type { ErrorCode } from "../errors.ts";
import type { LeaderEpoch, Offset } from "../ids.ts";
import { NO_EPOCH } from "../ids.ts";

/** The log underneath: the metadata log, or one partition. */
export interface ReplicatedLog<R> {
  /** Offset that the next appended record gets. Owner only. */
  readonly nextOffset: Offset;
  /**
   * One atomic batch; null when this node does not own the log in `epoch` any more, which ends its
   * ownership; a refusal concerns this batch alone.
   */
  append(records: readonly R[], epoch: LeaderEpoch): Offset | AppendRefusal | null;
}

export interface AppendRefusal {
  readonly refused: ErrorCode;
}

/** A record with its place in the log. */
export interface LoggedRecord<R> {
  readonly record: R;
  readonly offset: Offset;
  readonly epoch: LeaderEpoch;
}

/** What the records make. */
export interface ReplicatedState<R, S> {
  apply(record: R, offset: Offset, epoch: LeaderEpoch): void;
  /** A state that goes its own way from here. */
  copy(): S;
}

/** What a handler makes of a request. */
export interface Decision<R, T> {
  /** Written as one atomic batch; none for a mere read. */
  readonly records: readonly R[];
  readonly response: T;
  /** Called right after the records got their offsets and were applied. */
  readonly written?: (baseOffset: Offset) => void;
}

export type Answer<T> =
  | { readonly kind: "done"; readonly response: T }
  | { readonly kind: "failed"; readonly error: ErrorCode };

export interface ReplicatedStateMachineOptions<R, S> {
  readonly log: ReplicatedLog<R>;
  readonly initial: S;
  readonly rules: { mayReply(lastOffset: Offset, highWatermark: Offset): boolean };
  /** What waiting requests fail with when this node is not the owner any more. */
  readonly notOwner: ErrorCode;
}

interface Waiting {
  readonly lastOffset: Offset;
  readonly end: (error: ErrorCode | null) => void;
}

export class ReplicatedStateMachine<R, S extends ReplicatedState<R, S>> {
  readonly #options: ReplicatedStateMachineOptions<R, S>;
  #committed: S;
  /** What is committed, and what was appended since; null while this node is not the owner. */
  #speculative: S | null = null;
  #epoch: LeaderEpoch = NO_EPOCH;
  #highWatermark: Offset = 0;
  /** Of the last record that this owner appended. */
  #lastAppended: Offset = -1;
  /** In the order of their offsets. */
  #waiting: Waiting[] = [];

  constructor(options: ReplicatedStateMachineOptions<R, S>) {
    this.#options = options;
    this.#committed = options.initial;
  }

  /** What the owner decides on; what is committed while this node is not the owner. */
  get state(): S {
    return this.#speculative ?? this.#committed;
  }

  get committedState(): S {
    return this.#committed;
  }

  /** Of this node's ownership; -1 while it is not the owner. */
  get epoch(): LeaderEpoch {
    return this.#epoch;
  }

  get isOwner(): boolean {
    return this.#speculative !== null;
  }

  /**
   * This node owns the log from here on; all that was committed before has been applied.
   * `uncommitted` is what the log holds beyond that, in order.
   */
  activate(epoch: LeaderEpoch, uncommitted: readonly LoggedRecord<R>[] = []): void {
    assert(this.#speculative === null, "a node becomes the owner once in an epoch");
    this.#epoch = epoch;
    this.#lastAppended = uncommitted[uncommitted.length - 1]?.offset ?? -1;
    const state = this.#committed.copy();
    for (const { record, offset, epoch: of } of uncommitted) state.apply(record, offset, of);
    this.#speculative = state;
  }

  /** This node is the owner no more: back to what is committed; what waits fails. */
  deactivate(): void {
    this.#speculative = null;
    this.#epoch = NO_EPOCH;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { end } of waiting) end(this.#options.notOwner);
  }

  /**
   * Lets `handle` decide on the present state and writes what it decided. `answer` is called once:
   * when that is committed, or when it failed.
   */
  run<T>(
    handle: (state: S, nextOffset: Offset) => Decision<R, T>,
    answer: (answer: Answer<T>) => void,
  ): void {
    const { log, notOwner } = this.#options;
    if (this.#speculative === null) {
      answer({ kind: "failed", error: notOwner });
      return;
    }
    const { records, response, written } = handle(this.#speculative, log.nextOffset);
    const refused = records.length > 0 ? this.#append(records, written) : null;
    if (refused !== null) {
      if (refused === notOwner) this.deactivate();
      answer({ kind: "failed", error: refused });
      return;
    }
    this.#waiting.push({
      lastOffset: this.#lastAppended,
      end: (error) =>
        answer(error === null ? { kind: "done", response } : { kind: "failed", error }),
    });
    this.#answerCommitted();
  }

  /** Takes over a record below the high watermark, in order. */
  applyCommitted(record: R, offset: Offset, epoch: LeaderEpoch): void {
    this.#committed.apply(record, offset, epoch);
  }

  /** What is committed came as a snapshot, which replaces all that was applied. */
  replaceCommitted(state: S): void {
    assert(this.#speculative === null, "an owner has applied all that came before its ownership");
    this.#committed = state;
  }

  /** The log is committed below `highWatermark`, and all of it was applied. */
  advance(highWatermark: Offset): void {
    this.#highWatermark = highWatermark;
    this.#answerCommitted();
  }

  /** Why nothing was appended; null when it was. What was not appended is not applied either. */
  #append(records: readonly R[], written?: (baseOffset: Offset) => void): ErrorCode | null {
    const state = this.#speculative;
    assert(state !== null, "only the owner appends");
    const { log, notOwner } = this.#options;
    const baseOffset = log.append(records, this.#epoch);
    if (baseOffset === null) return notOwner;
    if (typeof baseOffset !== "number") {
      assert(baseOffset.refused !== notOwner, "who is deposed is told by null");
      return baseOffset.refused;
    }
    for (const [at, record] of records.entries()) {
      state.apply(record, baseOffset + at, this.#epoch);
    }
    this.#lastAppended = baseOffset + records.length - 1;
    written?.(baseOffset);
    return null;
  }

  #answerCommitted(): void {
    const { rules } = this.#options;
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined || !rules.mayReply(first.lastOffset, this.#highWatermark)) return;
      this.#waiting.shift();
      first.end(null);
    }
  }
}
