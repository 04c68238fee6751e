#!/usr/bin/env node
import { runProgram } from "./program.ts";

const isWatched = process.stderr.isTTY === true && process.env["CI"] === undefined;

// Whoever reads may stop reading (`trial rules | head`): that is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

process.exitCode = await runProgram(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  interactive: isWatched,
});
