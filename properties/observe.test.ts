import { expect, test } from "vitest";
import type { Moment } from "./observation.ts";
import { Dispatcher } from "./observe.ts";
import { mandatorySituations, situations } from "./situations.ts";
import { honestStory } from "./invariants/honest-story.testkit.ts";
import { runStory } from "./invariants/run-story.testkit.ts";

const moment: Moment = { at: 0, seq: 0, node: "b1", nodeId: 1, incarnation: 1 };

test("facts go to those who listen to their kind, in the order of the observers", () => {
  const heard: string[] = [];
  const dispatcher = new Dispatcher([
    { on: { "log-flushed": (fact) => heard.push(`first ${fact.upTo}`) } },
    { on: { "segment-rolled": () => heard.push("wrong") } },
    { on: { "log-flushed": (fact) => heard.push(`second ${fact.upTo}`) } },
  ]);
  dispatcher.fact({ kind: "log-flushed", partition: "t-0", upTo: 3 }, moment);
  dispatcher.fact({ kind: "controller-resigned", epoch: 1 }, moment);
  expect(heard).toEqual(["first 3", "second 3"]);
  expect(dispatcher.facts).toBe(1);
  expect(dispatcher.wantsFrames).toBe(false);
});

test("every situation that is counted is in the list", () => {
  const names = new Set(situations.map(({ name }) => name));
  const seen = [...runStory(honestStory()).situations];
  expect(seen).toContain("leader-change");
  expect(seen.filter((name) => !names.has(name))).toEqual([]);
  expect(Object.keys(mandatorySituations)).toContain("torn-tail-recovered");
});
