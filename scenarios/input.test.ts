import { describe, expect, it } from "vitest";
import { InputError } from "../sim/input-error.ts";
import { parseInput, readInput, shippedInput } from "./input.ts";

describe("an input of events", () => {
  it("is read line by line; only its end may be blank", () => {
    const text =
      '{"key":"a","value":"1","timestamp":5}\r\n{"keyBase64":"AAE=","value":"2","timestamp":6}\n\n';

    expect(parseInput(text, "events")).toEqual([
      { key: "a", value: "1", timestamp: 5 },
      { keyBase64: "AAE=", value: "2", timestamp: 6 },
    ]);
  });

  it.each([
    ["", '--input: "events" is empty'],
    ["\n\n", '--input: "events" is empty'],
    ["hello", 'events line 1: "hello" is not JSON'],
    ['{"key":null,"value":"1","timestamp":5}\n\n{}', 'events line 2: "" is not JSON'],
    ['{"key":null,"value":"1"}', "events line 1: event.timestamp: is missing"],
    ['{"value":"1","timestamp":1}', "events line 1: event.key: is missing"],
    ['{"key":1,"value":"1","timestamp":1}', "events line 1: event.key: 1 is not a string"],
    ['{"key":"a","value":null,"timestamp":1}', "events line 1: event.value: null is not a string"],
    ['{"key":"a","value":"b","timestamp":-1}', "events line 1: event.timestamp: -1 is not 0 to"],
    ['{"key":"a","value":"b","timestamp":1,"x":2}', "events line 1: event.x: there is no such"],
    ['{"key":"a","key":"b","value":"b","timestamp":1}', "events line 1: key is given twice"],
    ["[]", "events line 1: event: an array of 0 is not an object"],
  ])("names the line that is no event: %j", (text, complaint) => {
    expect(() => parseInput(text, "events")).toThrow(InputError);
    expect(() => parseInput(text, "events")).toThrow(complaint);
  });

  it("must be there", () => {
    expect(() => readInput("/nowhere/events")).toThrow(
      '--input: "/nowhere/events" cannot be read (ENOENT)',
    );
  });

  it("comes with the program: 2,000 order events whose orders live step by step", () => {
    const events = readInput(shippedInput());
    const steps = new Map<string, number>();

    expect(events.length).toBe(2000);
    for (const [index, { key, value, timestamp }] of events.entries()) {
      const { order, step } = JSON.parse(value!) as { order: string; step: number };
      expect(order).toBe(key);
      expect(step).toBe((steps.get(order) ?? 0) + 1);
      expect(timestamp).toBeGreaterThanOrEqual(events[Math.max(0, index - 1)]!.timestamp);
      steps.set(order, step);
    }
    expect(steps.size).toBeGreaterThan(300);
  });
});
