/** What user code must not do unnoticed: throw, leave a rejection alone, use the real world, never end. */
import { readFile } from "node:fs/promises";
import { setTimeout as realSleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { consumer, producer } from "../generate/cluster-parts.ts";
import { stream } from "../generate/story-plan.ts";
import { SECOND } from "../generate/time.ts";
import { run, runAsync } from "../run.ts";
import type { AppMain } from "./app.ts";
import { plan, runApp, tenRecords, topics } from "./apps.testkit.ts";

it("reports what user code throws, before its first await and after", async () => {
  const early: AppMain = () => {
    throw new RangeError("no await yet");
  };
  const late: AppMain = async ({ sleep }) => {
    await sleep(1000);
    throw new Error("out of stock");
  };
  const strange: AppMain = async ({ sleep }) => {
    await sleep(1);
    throw undefined;
  };

  for (const [main, message, at] of [
    [early, "app p1: RangeError: no await yet", 100_000],
    [late, "app p1: Error: out of stock", 1_100_000],
    [strange, "app p1: it threw undefined", 101_000],
  ] as const) {
    const verdict = await runApp(main);
    expect(verdict).toMatchObject({
      verdict: "fail",
      violations: [{ invariant: "app:p1", node: "p1", message }],
      harness: [],
    });
    expect(Math.abs(verdict.violations[0]!.at - at)).toBeLessThan(2000);
  }
});

it("reports a rejection that user code leaves to nobody, as Node would by ending it", async () => {
  const verdict = await runApp(async ({ sleep }) => {
    const background = async (): Promise<void> => {
      await sleep(10);
      throw new Error("nobody listens");
    };
    void background();
    await sleep(1000);
  });

  expect(verdict).toMatchObject({
    verdict: "fail",
    violations: [
      {
        invariant: "app:p1",
        message: "app p1: nobody handled Error: nobody listens",
      },
    ],
  });
});

it.each([false, true])("traps the real world across awaits (portable: %s)", async (portable) => {
  const uses: Readonly<Record<string, () => unknown>> = {
    "Math.random": () => Math.random(),
    "Date.now": () => Date.now(),
    "new Date()": () => new Date(),
    setTimeout: () => setTimeout(() => undefined, 0),
    setImmediate: () => setImmediate(() => undefined),
    fetch: () => fetch("http://localhost"),
    "performance.now": () => performance.now(),
    "process.hrtime": () => process.hrtime.bigint(),
    "crypto.randomUUID": () => crypto.randomUUID(),
  };
  for (const [name, use] of Object.entries(uses)) {
    const thrown: string[] = [];
    const verdict = await runApp(
      async ({ sleep }) => {
        await sleep(10);
        await null;
        try {
          use();
        } catch (error) {
          thrown.push(String(error));
        }
        // Even a program that takes no notice of it has become unpredictable.
        await sleep(10);
      },
      { portableDrain: portable },
    );
    expect(thrown).toEqual([expect.stringContaining(`${name} is used during a run`)]);
    const message = `app p1 used ${name}, whose result does not follow from the plan`;
    expect(verdict).toMatchObject({ verdict: "unproven", harness: [{ check: "X2", message }] });
    expect(verdict.violations).toEqual([]);
  }
  expect(Date.now()).toBeGreaterThan(0);
  expect(Math.random()).toBeLessThan(1);
  await new Promise((resolve) => setTimeout(resolve, 1));
});

it("names a program that waits for what no simulation brings, as soon as it does", async () => {
  const gone: string[] = [];
  const waits: readonly AppMain[] = [
    () => new Promise(() => undefined),
    async ({ sleep }) => {
      await sleep(1000);
      await readFile("package.json");
      gone.push("on");
    },
    async ({ sleep, producer }) => {
      await sleep(1000);
      await realSleep(5);
      await sleep(5).catch((error: Error) => gone.push(error.message));
      await producer.connect();
    },
  ];
  for (const main of waits) {
    const verdict = await runApp(main);
    expect(verdict).toMatchObject({
      verdict: "unproven",
      violations: [],
      harness: [
        {
          check: "X2",
          message:
            "app p1 has not finished, and waits for no simulated promise: for real time, a file, " +
            "a socket, or a promise that nobody settles",
        },
      ],
    });
    expect(verdict.virtualMs).toBeLessThan(1200);
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(gone).toEqual(["on"]);
});

it("lets runs that are started together go one after the other, and other code not between", async () => {
  const alone = await runApp(tenRecords);
  const foreign = (async (): Promise<number> => {
    for (let n = 0; n < 100; n += 1) await null;
    return Math.random();
  })();
  const together = await Promise.all([
    runApp(tenRecords),
    runApp(tenRecords, { portableDrain: true }),
    runApp(tenRecords),
    runApp(tenRecords, { portableDrain: true }),
  ]);

  expect(await foreign).toBeLessThan(1);
  for (const verdict of together) expect(verdict).toEqual(alone);
});

it("refuses what does not go together, naming it", async () => {
  const marked = plan([], {
    clients: [{ ...producer("p1"), app: true }, consumer("r1", topics)],
  });
  const withSends = plan([], { workload: stream({ fromUs: SECOND, everyUs: 1, count: 1 }) });

  expect(() => run(marked)).toThrow("clients: p1 is driven by async code: use runAsync");
  expect(() => run(plan(), { apps: { p1: tenRecords } } as never)).toThrow("use runAsync");
  await expect(runAsync(marked)).rejects.toThrow("apps has none for it");
  await expect(runAsync(plan(), { apps: { p9: tenRecords } })).rejects.toThrow(
    "p9 is not a client",
  );
  await expect(runAsync(plan(), { apps: { r1: tenRecords } })).rejects.toThrow("r1 is a consumer");
  await expect(runApp(tenRecords, {}, withSends)).rejects.toThrow("w1 is for p1");
  expect(await runApp(tenRecords, {}, marked)).toMatchObject({ verdict: "pass" });
});
