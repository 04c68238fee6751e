/**
 * The present sources, compiled into a directory of their own: what a worker thread or a fresh process
 * needs, since Node 20 reads no TypeScript. Whatever lies in dist/ may be old.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Built {
  /** Where the compiled rooms are: `${directory}/scenarios/cli.js`. */
  readonly directory: string;
  /** A worker whose code is `body`; `load("properties/run.js")` gives a module, `data` what it got. */
  worker(body: string, data: unknown): Worker;
  remove(): void;
}

export function build(): Built {
  const directory = mkdtempSync(join(tmpdir(), "kafka-trial-"));
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"), "junction");
  writeFileSync(join(directory, "package.json"), '{"type":"module"}\n');
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", directory];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`the sources do not compile:\n${stdout}`);
  const base = pathToFileURL(`${directory}/`).href;
  return {
    directory,
    worker: (body, data) => {
      const code = `
        const { parentPort, workerData: data } = require("node:worker_threads");
        const load = (path) => import(new URL(path, ${JSON.stringify(base)}).href);
        (async () => {${body}})();
      `;
      return new Worker(code, { eval: true, workerData: data });
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** The first message of a worker; an error in it is thrown here. */
export function messageOf(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
