/**
 * Broker 1 leads, alone in the ISR, and sleeps through what the controller decides without it. When it
 * wakes up it commits a record, by itself, before it hears that it was deposed: lost, if that was legal.
 */
import { describe, expect, test } from "vitest";
import { Batch } from "../../core/record/batch.ts";
import { batches, beforeFailOver, bodyOf, leads } from "../invariants/honest-story.testkit.ts";
import { runStory } from "../invariants/run-story.testkit.ts";
import type { Found } from "../invariants/run-story.testkit.ts";
import { PARTITION } from "../invariants/story.testkit.ts";
import type { Story } from "../invariants/story.testkit.ts";
import { lossJudge } from "../oracle/loss-judge.ts";
import { FaultRecord } from "./fault-record.ts";

const { x, y } = batches;

interface Unclean {
  readonly unclean?: true;
  readonly uncleanAllowed?: true;
}

/** All replicas have x and y, committed, when broker 1 falls asleep, which leads in epoch 0. */
class Sleep {
  readonly #story: Story = beforeFailOver();
  #isr: readonly number[] = [1];
  #leader = 1;
  #partitionEpoch = 1;

  constructor() {
    this.#decide(1, 0, [1], "alter-partition", {});
    const told = { leaderEpoch: 0, partitionEpoch: 1, isr: [1], added: [], removed: [2, 3] };
    this.#story.tell("alone", "b1", { kind: "isr-committed", partition: PARTITION, ...told });
  }

  /** After the leader before was fenced: there is none in the epoch between. */
  elected(leader: number, epoch: number, unclean: Unclean): this {
    this.#fenced(this.#leader, true);
    const others = this.#isr.filter((id) => id !== this.#leader);
    this.#decide(-1, epoch - 1, others.length > 0 ? others : this.#isr, "fenced", {});
    const isr = unclean.unclean === true ? [leader] : this.#isr;
    this.#fenced(leader, false);
    this.#decide(leader, epoch, isr, "unfenced", unclean);
    return this;
  }

  /** It enters the ISR, in that epoch. */
  joined(broker: number, epoch: number): this {
    this.#decide(this.#leader, epoch, [...this.#isr, broker], "alter-partition", {});
    return this;
  }

  /** It hears of its election. */
  leads(broker: number, epoch: number, end: number): this {
    const told = { ...leads(epoch, this.#partitionEpoch, this.#isr, end, []), alreadyLed: false };
    this.#story.tell(`leads-${broker}-${epoch}`, `b${broker}`, told);
    return this;
  }

  /** The leader of that epoch appends it and has it committed, as it thinks. */
  commits(broker: number, batch: Batch, epoch: number, counted: number[]): this {
    this.#story.append(`append-${broker}`, `b${broker}`, batch, "leader", epoch);
    this.#story.leaderMark(`mark-${broker}`, `b${broker}`, batch.nextOffset, counted, epoch);
    return this;
  }

  copied(broker: number, batch: Batch, epoch: number): this {
    this.#story.append(`copied-${broker}`, `b${broker}`, batch, "follower", epoch);
    return this;
  }

  told(): Found {
    return runStory(this.#story.steps, ["B6"], lossJudge(new FaultRecord()));
  }

  /** Whether the controller hears that broker. */
  #fenced(broker: number, fenced: boolean): void {
    const change = { brokerId: broker, brokerEpoch: broker, fenced, inControlledShutdown: null };
    this.#story.commit("fenced", { type: "BrokerRegistrationChange", ...change });
  }

  #decide(
    leader: number,
    leaderEpoch: number,
    isr: readonly number[],
    why: "alter-partition" | "fenced" | "unfenced",
    unclean: Unclean,
  ): void {
    const before = { previousIsr: this.#isr, previousLeader: this.#leader };
    const partitionEpoch = this.#partitionEpoch++;
    const now = { leader, leaderEpoch, partitionEpoch, isr, why };
    this.#story.decide(`decided-${partitionEpoch}`, { ...now, ...before, ...unclean });
    this.#isr = isr;
    this.#leader = leader;
  }
}

/** What the sleeper commits at 2, and what others do. */
const late = new Batch(2, 0, bodyOf("late"));
const other = new Batch(2, 2, bodyOf("other"));

const uncleanly = { unclean: true, uncleanAllowed: true } as const;

function lossesOf({ ghost }: Found): [string, number][] {
  return ghost
    .partition(PARTITION)
    .losses.map(({ leader, leaderEpoch }): [string, number] => [leader, leaderEpoch]);
}

describe("what a leader commits that was deposed uncleanly", () => {
  test("is lost by that election", () => {
    const story = new Sleep().elected(2, 2, uncleanly).leads(2, 2, 2).commits(2, other, 2, [2]);
    const found = story.commits(1, late, 0, [1]).told();
    expect(found.violations).toEqual([]);
    expect(lossesOf(found)).toEqual([["b2", 2]]);
    const partition = found.ghost.partition(PARTITION);
    expect(partition.committed.batches).toEqual([x, y, other]);
    expect(partition.canonOf(0).committed.batches).toEqual([x, y, late]);
    expect(partition.canonOf(2)).toBe(partition);
  });

  test("is lost by that election also after a clean one of the same leader", () => {
    const story = new Sleep().elected(2, 2, uncleanly).leads(2, 2, 2).commits(2, other, 2, [2]);
    const found = story.elected(2, 4, {}).leads(2, 4, 3).commits(1, late, 0, [1]).told();
    expect(found.violations).toEqual([]);
    expect(lossesOf(found)).toEqual([["b2", 2]]);
  });

  test("is lost by that election also if the next leader never knew that it was one", () => {
    const story = new Sleep().elected(2, 2, uncleanly).elected(2, 4, {}).leads(2, 4, 2);
    const found = story.commits(2, new Batch(2, 4, bodyOf("other")), 4, [2]);
    expect(lossesOf(found.commits(1, late, 0, [1]).told())).toEqual([["b2", 2]]);
  });

  test("is lost by that election also if what came after it was lost in turn", () => {
    const story = new Sleep().elected(2, 2, uncleanly).leads(2, 2, 2).commits(2, other, 2, [2]);
    const found = story.elected(3, 4, uncleanly).leads(3, 4, 2).commits(1, late, 0, [1]).told();
    expect(found.violations).toEqual([]);
    expect(lossesOf(found)).toEqual([
      ["b3", 4],
      ["b2", 2],
    ]);
    const partition = found.ghost.partition(PARTITION);
    expect(partition.canonOf(0).committed.batches).toEqual([x, y, late]);
    expect(partition.canonOf(2).committed.batches).toEqual([x, y, other]);
    expect(partition.canonOf(4).committed.batches).toEqual([x, y]);
    expect(partition.commonEnd(0, 4)).toBe(2);
  });

  test("is not lost if that one fetched it before it led", () => {
    const story = new Sleep().elected(2, 2, uncleanly).copied(2, late, 0);
    const found = story.commits(1, late, 0, [1]).leads(2, 2, 3).told();
    expect(found.violations).toEqual([]);
    expect(lossesOf(found)).toEqual([]);
  });
});

describe("what a leader commits that was deposed otherwise is no loss, and B6 finds it", () => {
  const fires = (story: Sleep): void => {
    const { violations, ghost } = story.told();
    expect(violations.map(({ invariant, node, offset }) => [invariant, node, offset])).toEqual([
      ["B6", "b1", 2],
    ]);
    expect(ghost.partition(PARTITION).losses).toEqual([]);
  };

  test("by a clean election", () => {
    const story = new Sleep().joined(2, 0).elected(2, 2, {}).leads(2, 2, 2);
    fires(story.commits(2, other, 2, [1, 2]).commits(1, late, 0, [1]));
  });

  test("by an unclean one that the topic does not allow", () => {
    const story = new Sleep().elected(2, 2, { unclean: true }).leads(2, 2, 2);
    fires(story.commits(2, other, 2, [2]).commits(1, late, 0, [1]));
  });

  test("by a clean election, before an unclean one of a third who has what the second committed", () => {
    const story = new Sleep().joined(2, 0).elected(2, 2, {}).leads(2, 2, 2);
    story.copied(3, other, 2).commits(2, other, 2, [1, 2]);
    fires(story.elected(3, 4, uncleanly).leads(3, 4, 3).commits(1, late, 0, [1]));
  });
});
