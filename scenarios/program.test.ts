import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runProgram } from "./program.ts";
import { namedScenarios } from "./registry.ts";

/** What a command said and how it ended. */
interface Said {
  readonly status: number;
  readonly out: string[];
  readonly err: string[];
}

async function trial(...words: string[]): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const status = await runProgram(words, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    interactive: false,
  });
  return { status, out, err };
}

const home = process.cwd();
let folder: string;

// Saved plans go below the working directory: each test has one of its own.
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trial-"));
  process.chdir(folder);
});
afterEach(() => process.chdir(home));

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return name;
}

describe("trial, given what it cannot use,", () => {
  it.each([
    [["run", "nowhere"], 'scenario: "nowhere" is not one of calm'],
    [["run"], "missing required argument 'scenario'"],
    [["dance"], "unknown command 'dance'"],
    [[], "command: nothing is given"],
    [["help", "nowhere"], 'command: "help nowhere" is none; there are list'],
    [["run", "calm", "--tango"], "unknown option '--tango'"],
    [["run", "calm", "--narrate"], '--narrate: "calm" has no narrator: there is one for keyed'],
    [["run", "calm", "--jobs", "0"], '--jobs: "0" is not 1 to'],
    [["run", "calm", "--runs", "0"], '--runs: "0" is not 1 to'],
    [["run", "calm", "--runs", "-1"], '--runs: "-1" is not 1 to'],
    [["run", "calm", "--runs", "many"], '--runs: "many" is not 1 to'],
    [["run", "calm", "--seed", ""], '--seed: "" is not 1 to 150'],
    [["run", "calm", "--set", "no.such=1"], "--set: setting no.such=1: there is no such setting"],
    [["run", "calm", "--set", "linger.ms=soon"], 'setting linger.ms: "soon" is not an integer'],
    [["run", "calm", "--set", "max.message.bytes=3"], "above max.message.bytes 3"],
    [["run", "calm", "--set", "nonsense"], '--set: "nonsense" is not setting=value'],
    [["run", "calm", "--set", "acks=0", "--set", "enable.idempotence=true"], 'acks: "0" is not'],
    [["run", "calm", "--profile", "storm"], '--profile: "storm" is unknown'],
    [["run", "calm", "--bug", "Z99"], '--bug: "Z99" is not one of R01'],
    [["run", "calm", "--input", "x"], '--input: "x" is not for calm'],
    [["run", "order-events", "--input", "gone"], '--input: "gone" cannot be read (ENOENT)'],
    [["run", "calm", "--import", "./gone.js"], '--import: "./gone.js" cannot be imported'],
    [["replay", "gone.json"], 'plan: "gone.json" cannot be read (ENOENT)'],
    [["show", "nowhere"], 'scenario: "nowhere" is not one of'],
  ])("ends with status 2, one line and no trace of itself: %j", async (words, complaint) => {
    const said = await trial(...words);

    expect(said.err.join("\n")).toContain(complaint);
    expect(said.err.length).toBe(1);
    expect(said.err[0]).not.toContain("\n");
    expect(said).toMatchObject({ status: 2, out: [] });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ["", "is empty"],
    ["{}", "line 1: event.key: is missing"],
    ['{"key":"a","value":"b","timestamp":1}\nnonsense', 'line 2: "nonsense" is not JSON'],
  ])("names the line of an input that is no event: %j", async (content, complaint) => {
    const said = await trial("run", "order-events", "--input", file("events.ndjson", content));

    expect(said).toMatchObject({ status: 2, out: [] });
    expect(said.err).toHaveLength(1);
    expect(said.err[0]).toContain(complaint);
  });

  it("refuses a setting that suits some plans of a campaign only, before any is run", async () => {
    const words = ["--seed", "n", "--runs", "40", "--set", "request.timeout.ms=20000"];
    const said = await trial("run", "order-events", ...words);

    expect(said).toMatchObject({ status: 2, out: [] });
    expect(said.err).toEqual([
      expect.stringContaining("setting delivery.timeout.ms: 15000 is not at least"),
    ]);
  });

  it("names the record that is too large for its topic, and the time that is none", async () => {
    const large = JSON.stringify({ key: "a", value: "x".repeat(1_100_000), timestamp: 1 });
    const late = '{"key":"a","value":"b","timestamp":9007199254740991}';

    const tooLarge = await trial("run", "order-events", "--input", file("large", `${large}\n`));
    const tooLate = await trial("run", "order-events", "--input", file("late", late));

    expect(tooLarge).toMatchObject({ status: 2, out: [] });
    expect(tooLarge.err).toEqual([
      "workload[0].value: key and value have 1100001 bytes, above max.message.bytes 1048588",
    ]);
    expect(tooLate).toMatchObject({ status: 2, out: [] });
    expect(tooLate.err).toEqual([
      "late line 1: event.timestamp: 9007199254740991 is not 0 to 4102444800000",
    ]);
    expect(readdirSync(folder).sort()).toEqual(["large", "late"]);
  });

  it.each([
    ["no JSON", "nonsense", 'plan.json: "nonsense" is not JSON'],
    ["nothing at all", "", 'plan.json: "" is not JSON'],
    ["of a newer version", '{"version": 9}', "version: 9 is newer than 1, the newest known"],
    ["without fields", '{"version": 1}', "topology: is missing"],
    ["with a field twice", '{"version": 1, "version": 1}', "plan.json: version is given twice"],
    ["100,000 brackets", "[".repeat(100_000), "plan.json: nested deeper than 32 at character 32"],
    ["10 MB of nonsense", "x\n".repeat(5_000_000), "is not JSON"],
  ])("names what is wrong with a plan that is %s", async (_what, content, complaint) => {
    const said = await trial("replay", file("plan.json", content));

    expect(said).toMatchObject({ status: 2, out: [] });
    expect(said.err).toHaveLength(1);
    expect(said.err[0]).toContain(complaint);
    expect(said.err[0]!.length).toBeLessThan(400);
    expect(readdirSync(folder)).toEqual(["plan.json"]);
  });
});

/** The roles of the nodes of a quorum that is none, by the names of the nodes. */
const quorums: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
  ["nobody", { b1: "broker" }, "topology.nodes: an array of 1 has no controller"],
  [
    "two voters of one id",
    { c100: "controller", d100: "controller", b1: "broker" },
    'topology.nodes[1].id: "d100" has the node.id of another node',
  ],
  [
    "one voter twice",
    { c100: "controller", b1: "broker" },
    'topology.nodes[2].id: "c100" is given twice',
  ],
  [
    "eight voters",
    Object.fromEntries([
      ["b1", "broker"],
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`c10${n}`, "controller"]),
    ]),
    "topology.nodes: 8 controllers are more than 7 voters",
  ],
];

describe("trial, given a plan whose quorum is", () => {
  it.each(quorums)("%s, names field and value", async (what, roles, complaint) => {
    const shown = await trial("show", "calm", "--json");
    const plan = JSON.parse(shown.out.join("\n")) as { topology: { nodes: object[] } };
    plan.topology.nodes = Object.entries(roles).map(([id, role]) => ({ id, roles: [role] }));
    if (what === "one voter twice") plan.topology.nodes.push({ id: "c100", roles: ["controller"] });

    const said = await trial("replay", file("plan.json", JSON.stringify(plan)));

    expect(said).toMatchObject({ status: 2, out: [] });
    expect(said.err).toEqual([complaint]);
  });
});

describe("trial", () => {
  it("lists and shows its scenarios, as text and as JSON", async () => {
    const list = await trial("list", "--json");
    const names = (JSON.parse(list.out[0]!) as { scenarios: { name: string }[] }).scenarios.map(
      ({ name }) => name,
    );

    expect(names).toEqual(namedScenarios.map(({ name }) => name));
    expect(names).toContain("order-events");
    for (const name of names) {
      expect((await trial("show", name)).out.join("\n")).toContain(`scenario   ${name}`);
      const plan: unknown = JSON.parse((await trial("show", name, "--json")).out.join("\n"));
      expect(plan).toMatchObject({ version: 1, scenario: name, seed: "1" });
    }
  });

  it("prints each rule with its source and the bugs that replace it", async () => {
    const { rules } = JSON.parse((await trial("rules", "--json")).out[0]!) as {
      rules: { name: string; source: string; bugs: string[] }[];
    };

    expect(rules.length).toBeGreaterThan(30);
    for (const { name, source } of rules) {
      expect(name).toMatch(/^\w+\.\w+$/);
      expect(source, name).not.toBe("");
    }
    expect(rules.flatMap(({ bugs }) => bugs)).toContain("R16");
  });

  it("runs one seed and prints exactly one JSON object, the same one again", async () => {
    const first = await trial("run", "calm", "--seed", "007", "--json");
    const again = await trial("run", "calm", "--seed", "007", "--json", "--isolate");

    expect(first).toMatchObject({ status: 0, err: [] });
    expect(first.out).toHaveLength(1);
    const verdict = JSON.parse(first.out[0]!) as { traceHash: string; events: number };
    expect(verdict).toMatchObject({ verdict: "pass", scenario: "calm", seed: "007" });
    expect(verdict.traceHash).toMatch(/^[0-9a-f]{16}$/);
    const { traceHash, events } = verdict;
    expect(JSON.parse(again.out[0]!)).toMatchObject({ verdict: "pass", traceHash, events });
  });

  it("runs a campaign whose runs are those of their seeds alone", async () => {
    const said = await trial("run", "calm", "--seed", "c", "--runs", "3", "--jobs", "1", "--json");
    const campaign = JSON.parse(said.out[0]!) as { events: number };
    const alone = await Promise.all(
      ["c/1", "c/2", "c/3"].map(async (seed) => {
        const { out } = await trial("run", "calm", "--seed", seed, "--json");
        return (JSON.parse(out[0]!) as { events: number }).events;
      }),
    );

    expect(said.status).toBe(0);
    expect(campaign).toMatchObject({ verdict: "pass", runs: 3, passed: 3, failures: [] });
    expect(campaign.events).toBe(alone.reduce((sum, events) => sum + events, 0));
  });

  it("saves the plan of a failing run, and replays it: SAME, and FIXED without the bug", async () => {
    const found = await trial("run", "leader-crash", "--seed", "1", "--bug", "R16");
    expect(found.status).toBe(1);
    const [name] = readdirSync(join(folder, ".trial"));
    expect(name).toMatch(/^leader-crash-[0-9a-f]{12}\.json$/);
    const path = join(".trial", name!);
    expect(found.out.join("\n")).toContain(`npx trial replay ${path}`);

    const same = await trial("replay", path);
    expect(same.status).toBe(1);
    expect(same.out.at(-1)).toContain("SAME (expected: fail by ");
    // For pipes and logs: no colours, no carriage returns.
    expect([...found.out, ...same.out].join("\n")).toMatch(/^[\x20-\x7e\n]*$/);

    const told = await trial("run", "leader-crash", "--seed", "1", "--bug", "R16", "--json");
    expect(told).toMatchObject({ status: 1, out: [expect.stringContaining('"verdict":"fail"')] });
    expect(told.err.at(-1)).toContain(`npx trial replay ${path}`);

    const plan = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    const fixed = await trial("replay", file("fixed.json", JSON.stringify({ ...plan, bugs: [] })));
    expect(fixed.status).toBe(0);
    expect(fixed.out.at(-1)).toContain("FIXED");
  });
});
