import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import type { LeaderEpoch, Offset } from "../ids.ts";
import { RaftRules } from "../raft/raft-rules.ts";
import type { Answer, ReplicatedLog, ReplicatedState } from "./replicated-state-machine.ts";
import { ReplicatedStateMachine } from "./replicated-state-machine.ts";

class Sum implements ReplicatedState<number, Sum> {
  total: number;

  constructor(total: number = 0) {
    this.total = total;
  }

  apply(record: number): void {
    this.total += record;
  }

  copy(): Sum {
    return new Sum(this.total);
  }
}

/** A log of numbers that commits when the test says so. */
class ManualLog implements ReplicatedLog<number> {
  readonly records: { readonly record: number; readonly epoch: LeaderEpoch }[] = [];
  epoch: LeaderEpoch = 1;
  committed: Offset = 0;

  get nextOffset(): Offset {
    return this.records.length;
  }

  append(records: readonly number[], epoch: LeaderEpoch): Offset | null {
    if (epoch !== this.epoch) return null;
    const baseOffset = this.records.length;
    for (const record of records) this.records.push({ record, epoch });
    return baseOffset;
  }

  commit(machine: ReplicatedStateMachine<number, Sum>, upTo: Offset): void {
    for (; this.committed < upTo; this.committed++) {
      const entry = this.records[this.committed] as { record: number; epoch: number };
      machine.applyCommitted(entry.record, this.committed, entry.epoch);
    }
    machine.advance(this.committed);
  }
}

function newMachine(log: ManualLog): ReplicatedStateMachine<number, Sum> {
  return new ReplicatedStateMachine({
    log,
    initial: new Sum(),
    rules: new RaftRules(),
    notOwner: Errors.NOT_CONTROLLER,
  });
}

describe("ReplicatedStateMachine", () => {
  it("decides on what it has appended and answers when that is committed", () => {
    const log = new ManualLog();
    const machine = newMachine(log);
    machine.activate(1);
    const answers: Answer<number>[] = [];
    const add = (records: number[]): void =>
      machine.run(
        (state) => ({ records, response: state.total }),
        (answer) => answers.push(answer),
      );
    add([1, 2]);
    add([4]);
    // A mere read waits for what it saw.
    add([]);
    expect(machine.state.total).toBe(7);
    expect(machine.committedState.total).toBe(0);
    expect(answers).toEqual([]);
    log.commit(machine, 2);
    expect(answers).toEqual([{ kind: "done", response: 0 }]);
    log.commit(machine, 3);
    expect(answers).toEqual([
      { kind: "done", response: 0 },
      { kind: "done", response: 3 },
      { kind: "done", response: 7 },
    ]);
  });

  it("answers a read at once when nothing is under way", () => {
    const machine = newMachine(new ManualLog());
    machine.activate(1);
    let answered = false;
    machine.run(
      () => ({ records: [], response: null }),
      () => (answered = true),
    );
    expect(answered).toBe(true);
  });

  it("goes back to what is committed and fails what waits when it is deposed", () => {
    const log = new ManualLog();
    const machine = newMachine(log);
    machine.activate(1);
    const answers: Answer<null>[] = [];
    const add = (record: number): void =>
      machine.run(
        () => ({ records: [record], response: null }),
        (answer) => answers.push(answer),
      );
    add(1);
    log.commit(machine, 1);
    add(2);
    log.epoch = 2;
    add(4);
    const failed = { kind: "failed", error: Errors.NOT_CONTROLLER };
    expect(answers).toEqual([{ kind: "done", response: null }, failed, failed]);
    expect(machine.isOwner).toBe(false);
    expect(machine.state.total).toBe(1);
    add(8);
    expect(answers).toHaveLength(4);
    expect(log.records).toHaveLength(2);
  });

  it("has the state that its committed records make, whatever happened", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("add" as const),
        records: fc.array(fc.integer(), { maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant("commit" as const), count: fc.nat(3) }),
      fc.record({ kind: fc.constant("depose" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const log = new ManualLog();
        const machine = newMachine(log);
        machine.activate(1);
        let asked = 0;
        let answered = 0;
        for (const one of steps) {
          if (one.kind === "add") {
            asked += 1;
            machine.run(
              () => ({ records: one.records, response: null }),
              () => (answered += 1),
            );
          } else if (one.kind === "commit") {
            log.commit(machine, Math.min(log.records.length, log.committed + one.count));
          } else {
            // The next owner keeps only what was committed.
            machine.deactivate();
            log.records.length = log.committed;
            log.epoch += 1;
            machine.activate(log.epoch);
          }
          const sum = (upTo: number): number =>
            log.records.slice(0, upTo).reduce((total, { record }) => total + record, 0);
          expect(machine.committedState.total).toBe(sum(log.committed));
          expect(machine.state.total).toBe(sum(log.records.length));
        }
        machine.deactivate();
        expect(answered).toBe(asked);
      }),
    );
  });
});
