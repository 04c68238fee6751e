import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NarratedStep } from "../report/narration-report.ts";
import { runProgram } from "../program.ts";

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

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trial-"));
  process.chdir(folder);
});
afterEach(() => process.chdir(home));

const FLOW = "keyed-order-flow";
const NARRATED = "keyed-order-flow, round-robin-flow, sticky-flow";

describe("trial run --narrate", () => {
  it.each([
    [["calm", "--narrate"], `--narrate: "calm" has no narrator: there is one for ${NARRATED}`],
    [[FLOW, "--narrate", "--runs", "3"], '--runs: "3" is not for --narrate, which tells one run'],
    [[FLOW, "--narrate", "--lang", "fr"], '--lang: "fr" is unknown: there are en, ko'],
    [[FLOW, "--lang", "ko"], '--lang: "ko" is for --narrate, which is not given'],
  ])("refuses %j in one line, and writes nothing", async (words, complaint) => {
    const said = await trial("run", ...words);

    expect(said).toEqual({ status: 2, out: [], err: [complaint] });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("tells numbered steps with their events, then what every run tells", async () => {
    const { status, out, err } = await trial("run", FLOW, "--seed", "1", "--narrate");
    const text = out.join("\n");

    expect([status, err]).toEqual([0, []]);
    const numbers = out.flatMap((line) => /^(\d+)\. /.exec(line)?.[1] ?? []);
    expect(numbers).toEqual(["1", "2", "3", "4", "5", "6", "7", "8"]);
    expect(text).toMatch(/^ {3}- \d+\.\d{6} p1 send-started w1/m);
    expect(text).toMatch(/^verdict {4}pass$/m);
    for (const line of out) expect(line.length).toBeLessThanOrEqual(120);
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it("tells them in Korean, with the same steps", async () => {
    const { status, out } = await trial("run", FLOW, "--seed", "1", "--narrate", "--lang", "ko");

    expect(status).toBe(0);
    expect(out.filter((line) => /^\d+\. /.test(line))).toHaveLength(8);
    expect(out[0]).toContain("레코드 6개");
  });

  it("puts them into the one JSON object", async () => {
    const { status, out } = await trial("run", FLOW, "--seed", "1", "--narrate", "--json");
    const plain = await trial("run", FLOW, "--seed", "1", "--json");
    const { narration, ...verdict } = JSON.parse(out[0]!) as { narration: NarratedStep[] };

    expect([status, out.length]).toEqual([0, 1]);
    expect(JSON.parse(plain.out[0]!)).toEqual(verdict);
    expect(narration.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const { text, events } of narration) {
      expect(text).not.toBe("");
      expect(events[0]).toMatchObject({ at: expect.any(Number), node: expect.any(String) });
    }
  });

  it("ends the story at the step that is missing, fails by its name, and can be replayed", async () => {
    const careless = ["--set", "acks=1", "--set", "enable.idempotence=false"];
    const { status, out } = await trial("run", FLOW, "--seed", "1", "--narrate", ...careless);
    const steps = out.filter((line) => /^\d+\. /.test(line));

    expect(status).toBe(1);
    expect(steps).toHaveLength(5);
    expect(steps[4]).toBe(`5. Here the story breaks off: flow:${FLOW}:5 says what is missing.`);
    expect(out.join("\n")).toContain(`violation  flow:${FLOW}:5 at `);
    const [plan] = readdirSync(join(folder, ".trial"));
    const replayed = await trial("replay", join(".trial", plan!));
    expect(replayed.out.at(-1)).toContain(`SAME (expected: fail by flow:${FLOW}:5)`);
  });
});
