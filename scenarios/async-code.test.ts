/** Scenarios with async code as people use them: from the command line, in workers, replayed. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Violation } from "../properties/observation.ts";
import type { Built } from "../properties/testing/built.ts";
import { build } from "../properties/testing/built.ts";
import { RunFindings } from "../properties/findings.ts";
import { AckOrder, asyncProducer } from "./named/async-producer.ts";
import { planVocabulary } from "./plan-vocabulary.ts";
import { makePlan, NO_CHANGES, runTrial } from "./trial.ts";

let built: Built;
let folder: string;

beforeAll(() => {
  built = build();
  folder = mkdtempSync(join(tmpdir(), "trial-"));
}, 120_000);
afterAll(() => {
  built.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface Said {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function trial(...words: string[]): Said {
  const cli = join(built.directory, "scenarios", "cli.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...words], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, out: stdout, err: stderr };
}

/** The example of a README, as the only scenarios of a module of that name. */
function exampleOf(readme: string, holds: string, module: string): void {
  const text = readFileSync(new URL(`../${readme}`, import.meta.url), "utf8");
  const blocks = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);
  const code = blocks.find((block) => block.includes(holds))!;
  expect(code.trim().split("\n").length).toBeLessThan(20);
  const names = "{ defineScenario, SECOND, storyPlan }";
  const own = code.includes("import ") ? code : `import ${names} from "kafka-trial";\n${code}`;
  const index = join(built.directory, "scenarios", "index.js");
  writeFileSync(join(folder, module), own.replace('"kafka-trial"', JSON.stringify(index)));
}

it("a campaign has one result for any number of workers", () => {
  const words = ["run", "async-producer", "--seed", "w", "--runs", "6", "--json"];
  const [alone, spread] = ["1", "2"].map((jobs) => trial(...words, "--jobs", jobs));

  expect(alone).toMatchObject({ status: 0, err: "" });
  expect(JSON.parse(alone!.out)).toMatchObject({ verdict: "pass", runs: 6, passed: 6 });
  expect(spread).toEqual(alone);
});

it.each([
  ["README.md", "takeOrders", "orders"],
  ["scenarios/README.md", "hello", "greeting"],
])("the example of %s is whole, and holds", (readme, holds, name) => {
  exampleOf(readme, holds, `${name}.mjs`);
  const module = `./${name}.mjs`;
  const words = ["run", `${module}#${name}`, "--import", module, "--seed", "1", "--runs", "4"];
  const said = trial(...words, "--json", "--jobs", "2");

  expect(said).toMatchObject({ status: 0, err: "" });
  expect(JSON.parse(said.out)).toMatchObject({ verdict: "pass", passed: 4 });
  expect(trial("show", `${module}#${name}`, "--import", module).out).toContain(
    "p1 (producer, async code)",
  );
});

it("a failing program is saved as a plan, which says whose code it needs to be replayed", () => {
  exampleOf("README.md", "takeOrders", "good.mjs");
  const good = readFileSync(join(folder, "good.mjs"), "utf8");
  const bad = good.replace("await sleep(20);", 'if (n === 40) throw new Error("sold out");');
  writeFileSync(join(folder, "bad.mjs"), bad);
  const said = trial("run", "./bad.mjs#orders", "--import", "./bad.mjs", "--seed", "1");
  const path = join(".trial", readdirSync(join(folder, ".trial"))[0]!);

  expect(said.status).toBe(1);
  expect(said.out).toMatch(/violation +app:p1 at .* app p1: Error: sold out/);
  expect(said.out).toContain(`npx trial replay ${path} --import ./bad.mjs`);

  const same = trial("replay", path, "--import", "./bad.mjs");
  expect(same).toMatchObject({ status: 1, err: "" });
  expect(same.out).toContain("SAME (expected: fail by app:p1)");
  expect(trial("replay", path, "--import", "./good.mjs")).toMatchObject({ status: 0, err: "" });
  expect(trial("replay", path)).toEqual({
    status: 2,
    out: "",
    err:
      'scenario: "orders" is not known here, and the plan needs its async code: ' +
      "name its module with --import\n",
  });

  const other = bad.replace("apps: { p1: takeOrders },", "");
  writeFileSync(join(folder, "other.mjs"), other);
  expect(trial("replay", path, "--import", "./other.mjs")).toMatchObject({
    status: 2,
    err: expect.stringContaining('scenario: "orders" has no code for p1, and the plan needs'),
  });
  writeFileSync(join(folder, "typo.mjs"), good.replace("{ p1: takeOrders }", "{ p7: takeOrders }"));
  expect(trial("run", "./typo.mjs#orders", "--import", "./typo.mjs")).toEqual({
    status: 2,
    out: "",
    err: "apps: p7 is not a client of the plan\n",
  });
});

it("a program that leaves the simulation makes a run unproven, and a campaign too", () => {
  exampleOf("README.md", "takeOrders", "good.mjs");
  const good = readFileSync(join(folder, "good.mjs"), "utf8");
  const escape = 'await (await import("node:timers/promises")).setTimeout(1);';
  writeFileSync(join(folder, "escape.mjs"), good.replace("await sleep(20);", escape));
  const words = ["run", "./escape.mjs#orders", "--import", "./escape.mjs", "--seed", "1"];

  for (const more of [[], ["--runs", "2", "--jobs", "2"]]) {
    const said = trial(...words, ...more);
    expect(said.status).toBe(3);
    expect(said.out).toContain("app p1 has not finished, and waits for no simulated promise");
  }
});

it("async-producer passes with frames cloned, and two runs of it are one", async () => {
  for (const seed of ["1", "2", "3"]) {
    const plan = makePlan(asyncProducer, seed, null, NO_CHANGES, planVocabulary);
    const first = await runTrial(plan, asyncProducer, { isolate: false, recheck: true });
    const again = await runTrial(plan, asyncProducer, { isolate: true, recheck: false });

    expect(first).toMatchObject({ verdict: "pass", harness: [] });
    expect(again.traceHash).toBe(first.traceHash);
    expect(first.records.acked).toBeGreaterThan(100);
    expect(first.checks["async-producer"]).toBeGreaterThan(50);
    expect(first.checks["app:p1"]).toBeGreaterThan(0);
  }
});

it("its order of acknowledgements is broken by one that lies before an earlier order's", () => {
  const told = (...orders: readonly (readonly number[])[]): readonly Violation[] => {
    const findings = new RunFindings();
    const { on } = new AckOrder(findings);
    const moment = { at: 1, seq: 1, node: "p1", nodeId: -1, incarnation: 1 };
    for (const offsets of orders) {
      for (const offset of offsets) {
        const sendId = `s${offset}`;
        on["send-started"]!(
          { kind: "send-started", sendId, topic: "t", key: null, value: null },
          moment,
        );
      }
      for (const offset of offsets) {
        on["send-acked"]!(
          { kind: "send-acked", sendId: `s${offset}`, partition: "t-0", offset },
          moment,
        );
      }
    }
    return findings.violations;
  };

  expect(told([0], [1], [5])).toEqual([]);
  // Those of one order, in any sequence.
  expect(told([0], [4, 3], [5])).toEqual([]);
  expect(told([0], [4, 3], [2])).toMatchObject([
    { invariant: "async-producer", offset: 2, partition: "t-0", node: "p1" },
  ]);
});
