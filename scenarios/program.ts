/** The command line: which words it understands. What they do is in commands/. */
import { Command, CommanderError } from "commander";
import { InputError } from "../sim/input-error.ts";
import type { Console, ExitStatus } from "./console.ts";
import { listCommand, showCommand } from "./commands/list.ts";
import { replayCommand } from "./commands/replay.ts";
import { rulesCommand } from "./commands/rules.ts";
import { runCommand } from "./commands/run.ts";
import { startCommand } from "./commands/start.ts";

/** Runs one command line (without node and script) and returns its exit status. Never throws. */
export async function runProgram(words: readonly string[], console: Console): Promise<ExitStatus> {
  let status: ExitStatus = 0;
  const program = buildProgram(console, (result) => (status = result));
  try {
    await program.parseAsync(words, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      if (error.code === "commander.help") {
        const names = program.commands.map((command) => command.name()).join(", ");
        const given = words.length === 0 ? "nothing is given" : `"${words.join(" ")}" is none`;
        console.err(oneLine(`command: ${given}; there are ${names}`));
        return 2;
      }
      console.err(oneLine(error.message));
      return 2;
    }
    if (error instanceof InputError) {
      console.err(oneLine(error.message));
      return 2;
    }
    console.err(`harness: ${error instanceof Error ? error.stack : String(error)}`);
    return 3;
  }
}

function buildProgram(console: Console, ended: (status: ExitStatus) => void): Command {
  const program = new Command("trial")
    .description(
      "Puts a Kafka cluster on trial: one seed, every fault, the same verdict each time.",
    )
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => console.out(text.trimEnd()),
      // What commander has to say about wrong words arrives as an error, and is told once.
      writeErr: () => undefined,
    });
  const json = ["--json", "print one JSON object and nothing else"] as const;
  const imports = ["--import <module>", "load scenarios from a module (runs its code)"] as const;
  const isolate = [
    "--isolate",
    "clone every frame and check all bytes; changes no result",
  ] as const;

  program
    .command("list")
    .description("the scenarios that there are")
    .option(...imports)
    .option(...json)
    .action(async (options) => ended(await listCommand(options, console)));
  program
    .command("show <scenario>")
    .description("the story of a scenario and an outline of one of its plans")
    .option("--seed <seed>", "whose plan to show")
    .option(...imports)
    .option("--json", "print the whole plan")
    .action(async (scenario: string, options) =>
      ended(await showCommand({ ...options, scenario }, console)),
    );
  program
    .command("rules")
    .description("every rule of the cluster, its source, and the known bugs that replace it")
    .option(...json)
    .action((options) => ended(rulesCommand(options, console)));
  program
    .command("run <scenario>")
    .description("run a scenario; save each failing plan")
    .option("--seed <seed>", "any text; drawn and printed when absent")
    .option("--runs <n>", "run the seeds S/1 to S/n")
    .option("--jobs <n>", "worker threads (default: the cores)")
    .option(
      "--set <setting=value>",
      "a Kafka setting for all that have it; repeatable",
      collect,
      [],
    )
    .option("--profile <name>", "strict (nothing is excused) or calm (no faults)")
    .option("--bug <id>", "build a known bug in; repeatable", collect, [])
    .option("--input <file>", "events to send, one JSON object a line")
    .option("--narrate", "tell the run step by step, with the events that prove each step")
    .option("--lang <language>", "of --narrate: en or ko")
    .option(...isolate)
    .option(...imports)
    .option(...json)
    .action(async (scenario: string, options) =>
      ended(await runCommand({ ...options, scenario }, console)),
    );
  program
    .command("replay <plan>")
    .description("run a saved plan again: SAME, SAME-INVARIANT, DIFFERENT or FIXED")
    .option(...isolate)
    .option(...imports)
    .option(...json)
    .action(async (plan: string, options) =>
      ended(await replayCommand({ ...options, plan }, console)),
    );
  program
    .command("start", { hidden: true })
    .description("200 seeds of order-events on the events that come with the program")
    .action(async () => ended(await startCommand(console)));
  return program;
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

function oneLine(message: string): string {
  return message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
}
