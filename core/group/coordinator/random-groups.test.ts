/** Whatever members do and whoever coordinates: what was told is in the log, and the log is the state. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { Errors } from "../../errors.ts";
import type { HeartbeatResponse } from "../../protocol/group-membership.ts";
import type { JoinGroupResponse } from "../../protocol/join-group.ts";
import type { SyncGroupResponse } from "../../protocol/sync-group.ts";
import { utf8Decode } from "../../record/utf8.ts";
import { GROUP, GroupHarness } from "../testkit/group-harness.ts";
import type { Sent } from "../testkit/group-harness.ts";
import { CoordinatorState } from "./coordinator-state.ts";

/** One member as its client would play it: it does what the last answers let it do. */
class Member {
  readonly instance: string | null;
  id = "";
  generation = -1;
  leads = false;
  members: readonly string[] = [];
  joining: Sent<JoinGroupResponse> | null = null;
  syncing: { readonly generation: number; readonly sent: Sent<SyncGroupResponse> } | null = null;
  synced = -1;
  beat: Sent<HeartbeatResponse> | null = null;

  constructor(instance: string | null) {
    this.instance = instance;
  }

  /** What a client would do now. */
  next(): "join" | "sync" | "heartbeat" | "commit" {
    if (this.joining !== null || this.syncing !== null) return "heartbeat";
    if (this.generation < 0 || this.id === "") return "join";
    if (this.synced !== this.generation) return "sync";
    return (this.beat?.answer?.errorCode ?? Errors.NONE) === Errors.NONE ? "commit" : "join";
  }

  /** Takes over what has been answered. */
  hear(told: (generation: number, assignment: string) => void): void {
    const joined = this.joining?.answer ?? null;
    if (joined !== null) {
      this.joining = null;
      if (joined.errorCode === Errors.MEMBER_ID_REQUIRED) this.id = joined.memberId;
      else if (joined.errorCode !== Errors.NONE) this.lose();
      else {
        this.id = joined.memberId;
        this.generation = joined.generationId;
        this.leads = joined.leader === this.id && !joined.skipAssignment;
        this.members = joined.members.map(({ memberId }) => memberId);
      }
    }
    const { syncing } = this;
    const synced = syncing?.sent.answer ?? null;
    if (syncing === null || synced === null) return;
    this.syncing = null;
    if (synced.errorCode === Errors.NONE) told(syncing.generation, utf8Decode(synced.assignment));
    else if (synced.errorCode === Errors.REBALANCE_IN_PROGRESS) this.generation = -1;
    else this.lose();
  }

  lose(): void {
    this.id = "";
    this.generation = -1;
    this.beat = null;
  }
}

class Run {
  readonly harness = new GroupHarness({ settings: { "group.initial.rebalance.delay.ms": 500 } });
  readonly members = [null, null, null, "s1", "s2"].map((instance) => new Member(instance));
  /** Which assignment was told of each generation. */
  readonly told: Map<number, string> = new Map();
  #epoch = 0;
  #checkedFacts = 0;
  #checks = 0;

  constructor() {
    this.harness.commits = false;
  }

  act(at: number, what: "join" | "sync" | "heartbeat" | "commit" | "leave" | "forget"): void {
    const { harness } = this;
    const member = this.members[at] as Member;
    const { id, generation, instance } = member;
    const timeouts = { sessionTimeoutMs: 6000, rebalanceTimeoutMs: 8000 };
    switch (what) {
      case "join":
        member.joining = harness.join(id, { ...timeouts, groupInstanceId: instance });
        member.beat = null;
        member.synced = -1;
        break;
      case "sync": {
        const text = `${generation} by ${id} in ${this.#epoch}`;
        const assigned = member.leads ? member.members : [];
        const assignment = Object.fromEntries(assigned.map((one) => [one, text]));
        const given = { groupInstanceId: instance };
        member.synced = generation;
        member.syncing = { generation, sent: harness.sync(id, generation, assignment, given) };
        break;
      }
      case "heartbeat":
        member.beat = harness.heartbeat(id, generation, instance);
        break;
      case "commit":
        harness.commit(id, generation, harness.world.nowMs, { groupInstanceId: instance });
        break;
      case "leave":
        harness.leave(id);
        break;
      case "forget":
        // Its process is started anew.
        this.members[at] = new Member(instance);
    }
  }

  /** All members do what they would do, and some of it is committed. */
  round(replicated: number): void {
    for (const [at, member] of this.members.entries()) this.act(at, member.next());
    this.harness.pass(600);
    this.replicate(replicated);
  }

  replicate(records: number): void {
    const { log } = this.harness.partition;
    this.harness.partition.commit(Math.min(log.endOffset, log.highWatermark + records));
  }

  failOver(keeps: boolean): void {
    this.harness.failOver(keeps);
    this.#epoch += 1;
  }

  check(): void {
    const { harness } = this;
    const { partition, shard } = harness;
    for (const member of this.members)
      member.hear((generation, text) => this.#heard(generation, text));
    for (const group of shard.state.groups.values()) group.assertInvariants();
    const facts = harness.facts.slice(this.#checkedFacts);
    this.#checkedFacts = harness.facts.length;
    for (const fact of facts) {
      if (fact.kind !== "offsets-committed" || fact.offsets[0]?.error !== Errors.NONE) continue;
      expect(fact.baseOffset).toBeGreaterThanOrEqual(0);
      expect(fact.baseOffset).toBeLessThan(partition.log.highWatermark);
    }
    this.#checks += 1;
    if (this.#checks % 10 > 0) return;
    expect(offsetsOf(shard.state)).toEqual(offsetsOf(replay(harness)));
    expect(shard.committedUpTo).toBe(partition.log.highWatermark);
    const committed = replay(harness, partition.log.highWatermark);
    expect(offsetsOf(shard.committedState)).toEqual(offsetsOf(committed));
    expect([...shard.committedState.groups.keys()]).toEqual([...committed.groups.keys()]);
    expect([...shard.state.groups.keys()]).toEqual([...replay(harness).groups.keys()]);
  }

  /** What was loaded is what the records say. */
  checkLoaded(): void {
    const { state } = this.harness.shard;
    const replayed = replay(this.harness);
    const describe = ({ groups }: CoordinatorState) => {
      const group = groups.get(GROUP);
      if (group === undefined) return null;
      const { generation, protocol, leader, members, staticMembers } = group;
      const assigned = [...members.values()].map(({ memberId, assignment }) => [
        memberId,
        assignment,
      ]);
      return { state: group.state, generation, protocol, leader, assigned, staticMembers };
    };
    expect(describe(state)).toEqual(describe(replayed));
  }

  /** One assignment for a generation, and nobody is told another one's. */
  #heard(generation: number, text: string): void {
    if (text === "") return;
    expect(text.startsWith(`${generation} by `)).toBe(true);
    const known = this.told.get(generation);
    if (known === undefined) this.told.set(generation, text);
    else expect(text).toBe(known);
  }
}

function replay(harness: GroupHarness, upTo = Infinity): CoordinatorState {
  const state = new CoordinatorState();
  for (const stored of harness.partition.records(harness.world.codecs, upTo)) {
    state.apply({ stored, group: null });
  }
  return state;
}

function offsetsOf({ offsets }: CoordinatorState): unknown {
  return offsets.of(GROUP) ?? new Map();
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant("round" as const), fc.constantFrom(0, 1, 2, 100)) },
  { weight: 12, arbitrary: fc.tuple(fc.constant("next" as const), fc.nat(4)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("join" as const), fc.nat(4)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("sync" as const), fc.nat(4)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("heartbeat" as const), fc.nat(4)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("commit" as const), fc.nat(4)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("leave" as const), fc.nat(4)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("forget" as const), fc.nat(4)) },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constant("pass" as const), fc.constantFrom(1, 300, 600, 600, 7000)),
  },
  { weight: 5, arbitrary: fc.tuple(fc.constant("replicate" as const), fc.nat(4)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("fail over" as const), fc.nat(1)) },
);

it("one assignment for each generation, no reply before its record is committed, nothing lost", () => {
  let told = 0;
  let generations = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 60, maxLength: 200, size: "max" }), (steps) => {
      const run = new Run();
      for (const [what, argument] of steps) {
        if (what === "pass") run.harness.pass(argument);
        else if (what === "round") run.round(argument);
        else if (what === "replicate") run.replicate(argument);
        else if (what === "fail over") {
          run.failOver(argument === 1);
          run.checkLoaded();
        } else if (what === "next") run.act(argument, (run.members[argument] as Member).next());
        else run.act(argument, what);
        run.check();
      }
      told += run.told.size;
      generations = Math.max(generations, ...run.told.keys());
      run.harness.shard.unload();
    }),
    { numRuns: 80, seed: 7 },
  );
  // Enough came of it to mean something.
  expect(told).toBeGreaterThan(100);
  expect(generations).toBeGreaterThan(2);
});
