/** L9: what readers must have read at the end, and the one thing that may keep them from it. */
import { describe, expect, it } from "vitest";
import { ClientRules } from "../../core/client/client-rules.ts";
import { makeRules } from "../../core/rules.ts";
import type { Fault } from "../../sim/faults/fault.ts";
import { consumer, producer, schedule, SECOND, sends } from "../known-bugs/schedule.ts";
import type { Schedule } from "../known-bugs/schedule.ts";
import type { RunOptions } from "../run.ts";
import { run } from "../run.ts";
import type { Verdict } from "../verdict.ts";

/** From the first moment on, until it is healed. */
function cut(id: string, one: string, other: string, at = 0): Fault {
  return { id, kind: "block", target: { link: [one, other] }, at };
}

/** r1 knows nobody but b1, the leader. */
const readerAlone = [cut("r1-b2", "r1", "b2"), cut("r1-b3", "r1", "b3")];
const leaderCutOff = ["c100", "b2", "b3"].map((other) =>
  cut(`b1-${other}`, "b1", other, 8 * SECOND),
);

/**
 * The leader b1 is cut off from all other servers, and another is elected; it goes on serving r1. What p2
 * sends is acknowledged by the new leader.
 */
function told(story: Partial<Schedule> = {}, options: RunOptions = {}): Verdict {
  const plan = schedule("readers", {
    replicas: ["b1", "b2", "b3"],
    clients: [producer("p1"), producer("p2"), consumer("r1")],
    workload: [...sends("m", 6 * SECOND, 3), ...sends("n", 16 * SECOND, 3, "p2")],
    faults: [...readerAlone, ...leaderCutOff, cut("p2-b1", "p2", "b1")],
    core: ["c100", "b2", "b3"],
    healAt: 20 * SECOND,
    ...story,
  });
  return run(plan, options);
}

/** Keeps the first leader that it hears of. */
class Stubborn extends ClientRules {
  override acceptsLeader(_sameTopicId: boolean, known: number): boolean {
    return known < 0;
  }

  override acceptsHint(): boolean {
    return false;
  }
}

describe("a reader whose only broker is cut off from the controller for good", () => {
  it("may never read the rest: counted by its reason, and told as a stall", () => {
    const { verdict, violations, excused, stalls, records } = told();

    expect([verdict, violations]).toEqual(["pass", []]);
    expect(excused).toEqual({ "stale-metadata": 1 });
    expect(records).toMatchObject({ acked: 6, consumed: 3 });
    expect(stalls).toMatchObject([{ invariant: "L9", object: "story-0", fault: "b1-c100" }]);
    expect(stalls[0]?.waitsFor).toMatch(
      /^it is read up to 3 of 6, 3 acknowledged records are unread, and b[23] leads in epoch 1; r1 waits for newer metadata than epoch 0, as told last by b1 /,
    );
  });

  it("goes on as soon as that broker is healed", () => {
    const { verdict, excused, stalls, records } = told({ core: "all" });

    expect([verdict, excused, stalls]).toEqual(["pass", {}, []]);
    expect(records).toMatchObject({ acked: 6, consumed: 6 });
  });

  it("goes on when it has a connection to another broker", () => {
    const { verdict, excused, records } = told({
      faults: [...leaderCutOff, cut("p2-b1", "p2", "b1")],
    });

    expect([verdict, excused]).toEqual(["pass", {}]);
    expect(records).toMatchObject({ acked: 6, consumed: 6 });
  });
});

describe("a reader that does not believe newer metadata", () => {
  const rules = makeRules({ client: Stubborn });

  it.each([
    ["of a broker that is well", { core: "all" as const }],
    ["with the leader that it knows cut off", { faults: [...leaderCutOff, cut("p2", "p2", "b1")] }],
  ])("is a violation, %s", (_title, story) => {
    const { verdict, violations, harness, excused, checks } = told(story, { rules });

    expect([verdict, harness]).toEqual(["fail", []]);
    expect(excused).toEqual({});
    expect(checks.L9).toBeGreaterThan(0);
    expect(violations[0]).toMatchObject({ invariant: "L9", node: "r1", partition: "story-0" });
    expect(violations[0]?.message).toMatch(/leads in epoch 1; r1 was told so, last by /);
  });

  it("explains to the end of the run why its records are unseen", () => {
    const { violations, harness } = told({ core: "all" }, { rules, toEnd: true });

    expect(violations.map(({ invariant }) => invariant)).toContain("unseen");
    expect(harness).toEqual([]);
  });
});
