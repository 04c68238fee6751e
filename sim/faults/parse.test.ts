import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalHash, canonicalJson } from "../canonical-json.ts";
import { InputError } from "../input-error.ts";
import { faultKinds } from "./fault.ts";
import { parseFaults } from "./parse.ts";
import { fieldRules, kindRules } from "./schema.ts";

const names = {
  nodes: ["b1", "b2", "c100"],
  vocabulary: { events: { elected: ["partition", "epoch"] }, roles: { leader: true } },
};

const good = { id: "f1", kind: "kill", target: { node: "b1" }, at: 5 };

/** The message for a list with this one fault; "" when it is fine. */
function complaint(fault: unknown): string {
  try {
    parseFaults([fault], names);
    return "";
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

it("takes faults of every kind, target and trigger", () => {
  const faults: unknown[] = [
    good,
    { ...good, id: "f2", call: 3, edge: "after", for: 10 },
    { id: "f3", kind: "block", target: { link: ["b1", "*"], both: true }, at: 0, for: 0 },
    {
      id: "f4",
      kind: "delay",
      target: { link: [{ role: "leader", of: "p" }, "b2"] },
      at: 1,
      us: 9,
    },
    {
      id: "f5",
      kind: "power-loss",
      target: { role: "leader", of: "p-0" },
      when: { event: "elected", where: { partition: "p-0", node: "b1", epoch: 3 }, nth: 2 },
      keep: -3,
      path: "data/p-0",
    },
    { id: "f6", kind: "restart", target: { node: "b1" }, at: 1, disk: "of", of: "b2" },
    { id: "f7", kind: "disk-error", target: { node: "b1" }, at: 1, ops: ["read", "sync"] },
  ];
  expect(parseFaults(faults, names)).toBe(faults);
});

it("names the field and the value of what it does not take", () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [7, "faults[0]: expected an object, got 7"],
    [{ ...good, id: "" }, 'faults[0].id: expected a name, got ""'],
    [{ ...good, kind: "meteor" }, 'faults[0].kind: unknown fault kind "meteor"'],
    [{ ...good, at: -1 }, "faults[0].at: expected an integer of at least 0, got -1"],
    [{ ...good, at: 1.5 }, "faults[0].at: expected an integer of at least 0, got 1.5"],
    [{ ...good, for: -4 }, "faults[0].for: expected an integer of at least 0, got -4"],
    [{ ...good, for: "5" }, 'faults[0].for: expected an integer of at least 0, got "5"'],
    [{ ...good, us: 5 }, "faults[0].us: a fault of kind kill has no such field"],
    [{ ...good, hours: 5 }, "faults[0].hours: a fault of kind kill has no such field"],
    [{ ...good, at: undefined }, 'faults[0]: exactly one of "at" and "when" must be given'],
    [{ ...good, when: { event: "elected" } }, 'exactly one of "at" and "when"'],
    [{ ...good, target: undefined }, "faults[0].target: expected an object, got nothing"],
    [{ ...good, target: {} }, 'faults[0].target: needs one of "node", "link", "role"'],
    [{ ...good, target: { node: "b9" } }, 'faults[0].target.node: unknown node "b9"'],
    [{ ...good, target: { role: "boss" } }, 'faults[0].target.role: unknown role "boss"'],
    [{ ...good, target: { role: "constructor" } }, "unknown role"],
    [{ ...good, target: { link: ["b1", "b2"] } }, "faults[0].target.link: this kind of fault"],
    [{ ...good, target: { node: "b1", both: true } }, "faults[0].target.both: unknown field"],
    [{ ...good, edge: "after" }, 'faults[0].edge: needs "call"'],
    [{ ...good, kind: "delay" }, "faults[0].us: a fault of kind delay needs this field"],
    [{ ...good, kind: "restart", disk: "of" }, 'faults[0].of: disk "of" and field "of"'],
    [{ ...good, kind: "restart", disk: "new" }, "faults[0].disk: expected one of same, empty, of"],
    [
      { ...good, kind: "disk-error", ops: ["eat"] },
      "faults[0].ops: expected a list of read, write",
    ],
  ];
  for (const [fault, message] of cases) expect(complaint(fault)).toContain(message);
  const when = (trigger: unknown): string => complaint({ ...good, at: undefined, when: trigger });
  expect(when({ event: "exploded" })).toBe('faults[0].when.event: unknown event "exploded"');
  expect(when({ event: "toString" })).toContain("unknown event");
  expect(when({ event: "elected", nth: 0 })).toContain("faults[0].when.nth: expected an integer");
  expect(when({ event: "elected", edge: "during" })).toContain("faults[0].when.edge: expected one");
  expect(when({ event: "elected", where: { colour: 1 } })).toContain(
    "faults[0].when.where.colour: event elected has no such field",
  );
  expect(when({ event: "elected", where: { epoch: {} } })).toContain("got an object");
  expect(() => parseFaults([good, good], names)).toThrow('faults[1].id: repeated id "f1"');
  expect(() => parseFaults({}, names, "plan.faults")).toThrow("plan.faults: expected an array");
});

it("has a rule for each field of each kind", () => {
  for (const kind of faultKinds) {
    const { takes, needs } = kindRules[kind];
    expect(takes.every((name) => fieldRules[name] !== undefined)).toBe(true);
    expect(needs.every((name) => takes.includes(name))).toBe(true);
  }
});

it("answers anything with the faults themselves or one line that is an InputError", () => {
  const word = fc.constantFrom("id", "kind", "target", "at", "when", "node", "link", "role", "for");
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.anything(),
      fc.constantFrom("b1", "kill", "elected", "leader", ...faultKinds),
      fc.integer(),
      fc.dictionary(fc.oneof(word, fc.string()), tie("any"), { maxKeys: 5 }),
      fc.array(tie("any"), { maxLength: 3 }),
    ),
  })).any;
  const property = fc.property(value, fc.dictionary(word, value), (any, fields) => {
    for (const input of [any, [any], [{ ...good, ...fields }]]) {
      try {
        expect(parseFaults(input, names)).toBe(input);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        expect((error as Error).message).not.toContain("\n");
      }
    }
  });
  fc.assert(property, { numRuns: 500 });
});

it("writes equal values as equal text, whatever the order of their keys", () => {
  const one = { b: [1, { y: null, x: "é\ud800" }], a: true, gone: undefined, zero: -0 };
  const other = { zero: 0, a: true, b: [1, { x: "é\ud800", y: null }] };
  expect(canonicalJson(one)).toBe('{"a":true,"b":[1,{"x":"é\\ud800","y":null}],"zero":0}');
  expect(canonicalJson(other)).toBe(canonicalJson(one));
  expect(canonicalHash(one)).toBe("0388ed772ad6a599");
});

it("writes what JSON reads back, for every value of integers and texts", () => {
  const integers = fc.maxSafeInteger().map((n) => (n === 0 ? 0 : n));
  const json = fc.jsonValue().map(withoutFractions);
  fc.assert(
    fc.property(fc.oneof(json, integers), (value) => {
      const text = canonicalJson(value);
      expect(JSON.parse(text)).toEqual(value);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
  );
});

it("refuses what has no canonical form, by its path", () => {
  const refuse = (value: unknown, message: string): void =>
    expect(() => canonicalJson(value)).toThrow(message);
  refuse({ a: [1, 0.5] }, "value.a[1]: expected an integer, got 0.5");
  refuse({ a: Number.NaN }, "value.a: expected an integer, got NaN");
  refuse([undefined], "value[0]: undefined has no JSON form");
  refuse({ f: () => 1 }, "value.f: function has no JSON form");
  let deep: unknown = 1;
  for (let i = 0; i < 100; i++) deep = [deep];
  refuse(deep, "nested deeper than 64 levels");
});

function withoutFractions(value: unknown): unknown {
  if (typeof value === "number") return Math.trunc(value) === 0 ? 0 : 1;
  if (Array.isArray(value)) return value.map(withoutFractions);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, withoutFractions(field)]),
  );
}
