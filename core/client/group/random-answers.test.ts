/**
 * Whatever the coordinator answers, and whatever happens to the group: a member returns records only of
 * partitions that it owns, commits by itself only what it has returned, and when the coordinator answers
 * properly again, everything is read.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Errors } from "../../errors.ts";
import type { ApiKey } from "../../protocol/message.ts";
import { makeRules } from "../../rules.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { BenchMember } from "./member-bench.testkit.ts";
import { batchOf, groupBench } from "./member-bench.testkit.ts";
import { MembershipRules } from "./membership-rules.ts";
import type { Surrender } from "./membership-rules.ts";

const PARTITIONS = 4;
const apis: readonly ApiKey[] = [
  ApiKeys.FIND_COORDINATOR,
  ApiKeys.JOIN_GROUP,
  ApiKeys.SYNC_GROUP,
  ApiKeys.HEARTBEAT,
  ApiKeys.OFFSET_COMMIT,
  ApiKeys.OFFSET_FETCH,
];
const errors: readonly number[] = [
  Errors.COORDINATOR_LOAD_IN_PROGRESS,
  Errors.COORDINATOR_NOT_AVAILABLE,
  Errors.NOT_COORDINATOR,
  Errors.ILLEGAL_GENERATION,
  Errors.UNKNOWN_MEMBER_ID,
  Errors.REBALANCE_IN_PROGRESS,
  Errors.UNKNOWN_SERVER_ERROR,
  Errors.REQUEST_TIMED_OUT,
];

interface MemberCommand {
  readonly kind: "expel" | "halt" | "go-on" | "enforce" | "slow" | "leave";
  readonly member: number;
}

type Command =
  | { readonly kind: "refuse"; readonly api: ApiKey; readonly errors: readonly number[] }
  | { readonly kind: "silence"; readonly api: ApiKey }
  | { readonly kind: "append"; readonly partition: number; readonly count: number }
  | { readonly kind: "elect"; readonly partition: number }
  | MemberCommand
  | { readonly kind: "rebalance" | "move" }
  | { readonly kind: "pass"; readonly ms: number };

const member = fc.nat(2);
const partition = fc.nat(PARTITIONS - 1);
const api = fc.constantFrom(...apis);
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant("refuse" as const),
    api,
    errors: fc.array(fc.constantFrom(...errors), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("silence" as const), api }),
  fc.record({
    kind: fc.constant("append" as const),
    partition,
    count: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({ kind: fc.constant("elect" as const), partition }),
  fc.record({
    kind: fc.constantFrom("expel", "halt", "go-on", "enforce", "slow", "leave"),
    member,
  }),
  fc.record({ kind: fc.constantFrom("rebalance" as const, "move" as const) }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 700 }) }),
);

interface Story {
  readonly strategy: string;
  readonly autoCommit: boolean;
  readonly members: number;
  readonly maxPollRecords: number;
  readonly workMs: number;
  readonly commands: readonly Command[];
}

const story: fc.Arbitrary<Story> = fc.record({
  strategy: fc.constantFrom("range", "roundrobin", "sticky", "cooperative-sticky"),
  autoCommit: fc.boolean(),
  members: fc.integer({ min: 1, max: 3 }),
  maxPollRecords: fc.constantFrom(1, 3, 500),
  workMs: fc.constantFrom(0, 60),
  commands: fc.array(command, { minLength: 5, maxLength: 40 }),
});

function tell(
  { strategy, autoCommit, members, maxPollRecords, workMs, commands }: Story,
  membership = MembershipRules,
): void {
  const bench = groupBench({ t: PARTITIONS });
  const { cluster, group } = bench;
  const settings = {
    "partition.assignment.strategy": strategy,
    "enable.auto.commit": autoCommit,
    "max.poll.records": maxPollRecords,
    "auto.commit.interval.ms": 150,
    "metadata.max.age.ms": 400,
  };
  group.rebalanceMs = 300;
  const rules = makeRules({ membership });
  const all = Array.from({ length: members }, (_, n) => bench.member(`c${n}`, settings, { rules }));
  for (const one of all) {
    one.workMs = workMs;
    one.subscribe("t").loop();
  }
  const sent: string[] = [];
  const append = (to: number, count: number): void => {
    const values = Array.from(
      { length: count },
      () => `${to}/${sent.length}/${Math.imul(count, 7)}`,
    );
    for (const [at, value] of values.entries()) sent.push(`${value}.${at}`);
    cluster.append("t", to, batchOf(...sent.slice(-count)));
  };
  for (const step of commands) act(step);
  // From here on everything is answered properly.
  for (const key of apis) group.forgive(key);
  for (const one of all) {
    one.during = (_event, done) => done();
    one.workMs = 0;
    one.loop();
  }
  for (let to = 0; to < PARTITIONS; to++) append(to, 1);
  cluster.world.run(15000);
  const read = new Set(all.flatMap((one) => one.values));
  expect(sent.filter((value) => !read.has(value))).toEqual([]);
  for (const one of all) judge(one);

  function act(step: Command): void {
    switch (step.kind) {
      case "refuse":
        return group.refuse(step.api, ...step.errors);
      case "silence":
        return group.answer(step.api, "silent");
      case "append":
        return append(step.partition, step.count);
      case "elect":
        return cluster.elect(
          "t",
          step.partition,
          3 - cluster.partition("t", step.partition).leader,
        );
      case "move":
        group.coordinator = 3 - group.coordinator;
        return;
      case "rebalance":
        return group.rebalance();
      case "pass":
        return cluster.world.run(step.ms);
      default:
        return actOn(step.kind, all[step.member % all.length] as BenchMember);
    }
  }

  function actOn(kind: MemberCommand["kind"], one: BenchMember): void {
    switch (kind) {
      case "expel": {
        const id = one.consumer.groupMetadata.memberId;
        if (group.members.has(id)) group.expel(id);
        return;
      }
      case "halt":
        one.isStopped = true;
        return;
      case "go-on":
        one.loop();
        return;
      case "enforce":
        return one.consumer.enforceRebalance();
      case "leave":
        return one.consumer.unsubscribe(() => one.subscribe("t"));
      case "slow":
        one.during = (_event, done) => cluster.world.later(one.node, 120, done);
    }
  }
}

/** Reads a member's facts in the order in which they happened. */
function judge(one: BenchMember): void {
  let owned = new Set<string>();
  const positions = new Map<string, number>();
  for (const fact of one.node.facts) {
    switch (fact.kind) {
      case "partitions-assigned":
      case "partitions-revoked":
        owned = new Set(fact.owned);
        break;
      case "member-fenced":
        // It learns it between two polls, and returns nothing more of what it had.
        owned = new Set();
        break;
      case "position-set":
        positions.set(fact.partition, fact.offset);
        break;
      case "polled":
        expect([...owned], `polled ${fact.partition}`).toContain(fact.partition);
        expect(fact.position).toBe(positions.get(fact.partition));
        positions.set(fact.partition, fact.nextPosition);
        break;
      case "commit-sent":
        for (const { partition: name, offset } of fact.offsets) {
          expect(offset, `commit of ${name}`).toBe(positions.get(name));
        }
        break;
      default:
    }
  }
}

describe("a member whose coordinator answers anything", () => {
  it("returns only what it owns, commits only what it returned, and reads everything in the end", () => {
    fc.assert(
      fc.property(story, (one) => tell(one)),
      { numRuns: 150, seed: 11 },
    );
  });

  it("would be found out if it kept what it lost, or committed what it did not return", () => {
    class KeepsAfterFence extends MembershipRules {
      override surrender(isCooperative: boolean, isLost: boolean): Surrender {
        return isLost ? "revoke-unsubscribed" : super.surrender(isCooperative, isLost);
      }
    }
    class CommitsFetched extends MembershipRules {
      override positionToCommit(_delivered: number, fetched: number): number {
        return fetched;
      }
    }
    for (const wrong of [KeepsAfterFence, CommitsFetched]) {
      const found = fc.check(
        fc.property(story, (one) => tell(one, wrong)),
        { numRuns: 300, seed: 1, endOnFailure: true },
      );
      expect(found.failed, wrong.name).toBe(true);
    }
  });
});
