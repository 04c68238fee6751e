import { describe, expect, it } from "vitest";
import { InputError } from "../../sim/input-error.ts";
import { effectiveSetting, parseAssignment, settingsFor } from "./settings.ts";

describe("settings of a plan", () => {
  const plan = {
    settings: { "request.timeout.ms": 2000, "compression.type": "none", "min.insync.replicas": 2 },
  };

  it("reach each party that has a setting of that name and takes that value", () => {
    expect(settingsFor(plan, "producer", {})).toEqual({
      "request.timeout.ms": 2000,
      "compression.type": "none",
    });
    expect(settingsFor(plan, "topic", {})).toEqual({ "min.insync.replicas": 2 });
    expect(settingsFor(plan, "broker", {})).toEqual({
      "request.timeout.ms": 2000,
      "min.insync.replicas": 2,
    });
  });

  it("yield to a party's own", () => {
    const own = { "request.timeout.ms": 9 };

    expect(settingsFor(plan, "consumer", own)).toEqual({ "request.timeout.ms": 9 });
    expect(effectiveSetting(plan, "topic", {}, "min.insync.replicas")).toBe(2);
    expect(effectiveSetting(plan, "topic", {}, "max.message.bytes")).toBe(1048588);
  });

  it("are read from name=value, with the type that the setting has", () => {
    expect(parseAssignment("min.insync.replicas=1")).toEqual(["min.insync.replicas", 1]);
    expect(parseAssignment("acks=1")).toEqual(["acks", "1"]);
    expect(parseAssignment("unclean.leader.election.enable=true")).toEqual([
      "unclean.leader.election.enable",
      true,
    ]);
    expect(parseAssignment("client.id=a=b")).toEqual(["client.id", "a=b"]);
  });

  it.each([
    ["no.such.setting=1", "no.such.setting"],
    ["min.insync.replicas=many", '"many"'],
    ["min.insync.replicas=0", "0"],
    ["acks", '"acks"'],
    ["=1", '"=1"'],
    ["__proto__=1", "__proto__"],
  ])("are refused by name and value: %s", (text, named) => {
    expect(() => parseAssignment(text)).toThrow(InputError);
    expect(() => parseAssignment(text)).toThrow(named);
  });
});
