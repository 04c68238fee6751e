import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Errors } from "../errors.ts";
import type { LeaderEpoch, Offset } from "../ids.ts";
import { PartitionStateMachine } from "./partition-state-machine.ts";
import type { AppendRefusal, ReplicatedLog, ReplicatedState } from "./replicated-state-machine.ts";

class Sum implements ReplicatedState<number, Sum> {
  total: number;

  constructor(total = 0) {
    this.total = total;
  }

  apply(record: number): void {
    this.total += record;
  }

  copy(): Sum {
    return new Sum(this.total);
  }
}

class ManualLog implements ReplicatedLog<number> {
  readonly records: number[] = [];
  refuses = false;

  get nextOffset(): Offset {
    return this.records.length;
  }

  append(records: readonly number[], _epoch: LeaderEpoch): Offset | AppendRefusal {
    if (this.refuses) return { refused: Errors.MESSAGE_TOO_LARGE };
    const base = this.records.length;
    this.records.push(...records);
    return base;
  }
}

function newMachine(log: ManualLog): PartitionStateMachine<number, Sum> {
  return new PartitionStateMachine({
    log,
    initial: new Sum(),
    rules: { mayReply: (last, highWatermark) => last < highWatermark },
    notOwner: Errors.NOT_COORDINATOR,
  });
}

describe("PartitionStateMachine", () => {
  it("takes what is above the high watermark for newest, not for committed", () => {
    const log = new ManualLog();
    log.records.push(1, 2, 4);
    const machine = newMachine(log);
    for (const [offset, record] of log.records.entries()) machine.load(record, offset, 0);
    machine.activate(1, 2);
    expect([machine.state.total, machine.committedState.total]).toEqual([7, 3]);
    let answered = false;
    machine.run(
      () => ({ records: [], response: null }),
      () => (answered = true),
    );
    // It saw what is not committed yet.
    expect(answered).toBe(false);
    machine.advance(3);

    expect(answered).toBe(true);
    expect(machine.committedState.total).toBe(7);
  });

  it("goes on after a batch that the log refused, as if it had not been asked", () => {
    const log = new ManualLog();
    const machine = newMachine(log);
    machine.activate(1, 0);
    log.refuses = true;
    const answers: unknown[] = [];
    const add = (record: number): void =>
      machine.run(
        () => ({ records: [record], response: null }),
        (answer) => answers.push(answer),
      );
    add(1);
    log.refuses = false;
    add(2);
    machine.advance(1);

    expect(answers).toEqual([
      { kind: "failed", error: Errors.MESSAGE_TOO_LARGE },
      { kind: "done", response: null },
    ]);
    expect([machine.isActive, machine.state.total]).toEqual([true, 2]);
  });

  it("has at each moment what the log's records make, and answers in their order", () => {
    const step = fc.oneof(
      fc.record({ add: fc.array(fc.integer(), { maxLength: 3 }) }),
      fc.record({ commit: fc.nat(3) }),
      fc.record({ refuse: fc.boolean() }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { maxLength: 5 }),
        fc.nat(5),
        fc.array(step),
        (...given) => {
          const [loaded, highWatermark, steps] = given;
          const log = new ManualLog();
          log.records.push(...loaded);
          const machine = newMachine(log);
          for (const [offset, record] of loaded.entries()) machine.load(record, offset, 0);
          let committed = Math.min(highWatermark, loaded.length);
          machine.activate(1, committed);
          const answered: number[] = [];
          let asked = 0;
          for (const one of steps) {
            if ("refuse" in one) log.refuses = one.refuse;
            else if ("commit" in one) {
              committed = Math.min(log.records.length, committed + one.commit);
              machine.advance(committed);
            } else {
              const id = asked++;
              machine.run(
                () => ({ records: one.add, response: id }),
                (answer) => {
                  if (answer.kind === "done") answered.push(answer.response);
                },
              );
            }
            const sum = (upTo: number): number =>
              log.records.slice(0, upTo).reduce((total, record) => total + record, 0);
            expect(machine.state.total).toBe(sum(log.records.length));
            expect(machine.committedState.total).toBe(sum(committed));
          }
          expect(answered).toEqual([...answered].sort((a, b) => a - b));
        },
      ),
    );
  });
});
