import { describe, expect, test } from "vitest";
import { liesAboutClients } from "./lies-about-clients.testkit.ts";
import { liesAboutLogs } from "./lies-about-logs.testkit.ts";
import { liesAboutQuorum } from "./lies-about-quorum.testkit.ts";
import { liesAboutReplication } from "./lies-about-replication.testkit.ts";
import { batches } from "./honest-story.testkit.ts";
import { story, told } from "./lies.testkit.ts";
import { checkedInvariants, invariants } from "./registry.ts";
import { falsified, firedBy, inserted, runStory, without } from "./run-story.testkit.ts";
import { PARTITION } from "./story.testkit.ts";

const lies = [...liesAboutLogs, ...liesAboutReplication, ...liesAboutQuorum, ...liesAboutClients];

describe("invariants", () => {
  test("hold in the story of a correct cluster, each by real comparisons", () => {
    const { violations, checks } = runStory(story);
    expect(violations).toEqual([]);
    const idle = checkedInvariants.filter((id) => (checks[id] ?? 0) === 0);
    expect(idle).toEqual([]);
  });

  test.each(lies)("$id fires when $what", ({ id, steps }) => {
    expect(firedBy(story, [id])).toEqual([]);
    expect(firedBy(steps, [id])).toEqual([id]);
  });

  test("each is shown to fire", () => {
    const shown = new Set(lies.map(({ id }) => id));
    expect([...invariants.keys()].filter((id) => !shown.has(id))).toEqual([]);
  });

  test("B1 does not judge a process that the controller does not know yet", () => {
    const { x } = batches;
    const early = inserted(story, "loaded-1", [
      told("led-1-again", "b1", {
        kind: "became-leader",
        partition: PARTITION,
        leaderEpoch: 0,
        partitionEpoch: 0,
        alreadyLed: false,
        endOffset: 1,
        highWatermark: 1,
        isr: [1, 2, 3],
        replicas: [1, 2, 3],
        producers: [],
      }),
    ]);
    const lossy = falsified(early, "loaded-1", { endOffset: 1 }).map((step) =>
      step.name === "booted-1" ? { ...step, disk: [x] } : step,
    );
    // Nobody else was elected meanwhile.
    const stillLeads = without(lossy, "elected-2", "elected-2-committed", "joined-1-committed");
    const unknown = without(stillLeads, "registered-1-again", "led-2", "joined-1");
    expect(firedBy(unknown, ["B1"])).toEqual([]);
    expect(firedBy(without(stillLeads, "led-2", "joined-1"), ["B1"])).toEqual(["B1"]);
  });

  test("B2 excuses a tail that was lost while no process ran, and one that was not committed", () => {
    const { x, y } = batches;
    const isr = without(story, "elected-2-committed", "joined-1-committed", "registered-1-again");
    const killed = isr.map((step) => {
      if (step.name === "power-loss-1") {
        return { ...step, event: { kind: "ended", cause: "kill", reason: "f1" } as const };
      }
      return step.name === "booted-1" ? { ...step, disk: [x] } : step;
    });
    const short = falsified(killed, "loaded-1", { endOffset: 1 });
    expect(firedBy(short, ["B2"])).toEqual(["B2"]);
    const down = short.find(({ name }) => name === "power-loss-1") as (typeof short)[number];
    const dark = { ...down, name: "power-loss-while-down", event: { kind: "lost-power" } as const };
    expect(firedBy(inserted(short, "power-loss-1", [dark]), ["B2"])).toEqual([]);
    const uncommitted = isr.map((step) =>
      step.name === "booted-1" ? { ...step, disk: [x, y] } : step,
    );
    // It does not get the record back that its old leader counts it for.
    const counted = without(falsified(uncommitted, "loaded-1", { endOffset: 2 }), "append-1-z");
    expect(firedBy(counted, ["B2"])).toEqual([]);
  });

  test("H2 does not mix the arrivals of one batch at two brokers", () => {
    const elsewhere = story
      .filter(({ name }) => name === "request-y" || name === "request-x")
      .map((step) => ({
        ...step,
        name: "elsewhere",
        node: "b2",
        frame: { connection: 2, content: step.frame?.content },
      }));
    expect(firedBy(inserted(story, "request-x", elsewhere.reverse()), ["H2"])).toEqual([]);
  });
});
