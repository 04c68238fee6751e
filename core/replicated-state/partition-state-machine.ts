/**
 * A {@link ReplicatedStateMachine} over the log of one partition (CoordinatorRuntime.java). Nobody
 * hands it what is committed: it keeps what it read or appended until the high watermark has passed
 * that. One of these serves one leadership; the next one loads anew.
 */
import { assert } from "../assert.ts";
import type { LeaderEpoch, Offset } from "../ids.ts";
import type {
  Answer,
  Decision,
  LoggedRecord,
  ReplicatedState,
  ReplicatedStateMachineOptions,
} from "./replicated-state-machine.ts";
import { ReplicatedStateMachine } from "./replicated-state-machine.ts";

export class PartitionStateMachine<R, S extends ReplicatedState<R, S>> {
  readonly #machine: ReplicatedStateMachine<R, S>;
  /** Not applied to the committed state yet, in the order of their offsets. */
  #uncommitted: LoggedRecord<R>[] = [];
  /** Those before it were applied. */
  #head = 0;
  #committedUpTo: Offset = 0;

  constructor(options: ReplicatedStateMachineOptions<R, S>) {
    this.#machine = new ReplicatedStateMachine(options);
  }

  /** What its owner decides on; what was loaded and is committed, while it loads. */
  get state(): S {
    return this.#machine.state;
  }

  get committedState(): S {
    return this.#machine.committedState;
  }

  /** The committed state has all records below it. */
  get committedUpTo(): Offset {
    return this.#committedUpTo;
  }

  get isActive(): boolean {
    return this.#machine.isOwner;
  }

  /** A record that the log holds, before this node is active; in order. */
  load(record: R, offset: Offset, epoch: LeaderEpoch): void {
    assert(!this.isActive, "nothing is loaded into an active state machine");
    this.#uncommitted.push({ record, offset, epoch });
  }

  /** All of the log was loaded: decides from here on. */
  activate(epoch: LeaderEpoch, highWatermark: Offset): void {
    this.advance(highWatermark);
    this.#machine.activate(epoch, this.#uncommitted.slice(this.#head));
  }

  deactivate(): void {
    this.#machine.deactivate();
  }

  /** As {@link ReplicatedStateMachine.run}. */
  run<T>(handle: (state: S) => Decision<R, T>, answer: (answer: Answer<T>) => void): void {
    this.#machine.run((state) => {
      const decision = handle(state);
      const { records, written } = decision;
      if (records.length === 0) return decision;
      return {
        records,
        response: decision.response,
        written: (baseOffset) => {
          const { epoch } = this.#machine;
          for (let at = 0; at < records.length; at++) {
            this.#uncommitted.push({ record: records[at] as R, offset: baseOffset + at, epoch });
          }
          written?.(baseOffset);
        },
      };
    }, answer);
  }

  /** The log is committed below `highWatermark`: answers who waited for that. */
  advance(highWatermark: Offset): void {
    while (this.#head < this.#uncommitted.length) {
      const { record, offset, epoch } = this.#uncommitted[this.#head] as LoggedRecord<R>;
      if (offset >= highWatermark) break;
      this.#machine.applyCommitted(record, offset, epoch);
      this.#head += 1;
    }
    this.#forgetApplied();
    this.#committedUpTo = Math.max(this.#committedUpTo, highWatermark);
    this.#machine.advance(this.#committedUpTo);
  }

  #forgetApplied(): void {
    if (this.#head === this.#uncommitted.length) {
      this.#uncommitted = [];
      this.#head = 0;
    } else if (this.#head > 64 && this.#head * 2 > this.#uncommitted.length) {
      this.#uncommitted = this.#uncommitted.slice(this.#head);
      this.#head = 0;
    }
  }
}
