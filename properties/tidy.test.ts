/**
 * House rules that the compiler does not know: who may import whom, what core and sim must not touch,
 * how long a file may be. They read the sources; each also makes sure that it has read some.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const rooms = ["core", "sim", "properties", "scenarios"] as const;
type Room = (typeof rooms)[number];

interface Source {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly room: Room;
  readonly isTest: boolean;
  readonly text: string;
  /** The text with comments blanked and strings emptied; lines stay where they were. */
  readonly code: string;
}

const sources: readonly Source[] = rooms.flatMap((room) =>
  (readdirSync(join(root, room), { recursive: true }) as string[])
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => {
      const text = readFileSync(join(root, room, name), "utf8");
      const path = `${room}/${name.split(sep).join("/")}`;
      return { path, room, isTest: path.endsWith(".test.ts"), text, code: withoutProse(text) };
    }),
);
const strict = sources.filter(({ room, isTest }) => (room === "core" || room === "sim") && !isTest);

/** What a room may import beside itself. */
const mayImport: Readonly<Record<Room, readonly Room[]>> = {
  core: [],
  sim: [],
  properties: ["core", "sim"],
  scenarios: ["core", "sim", "properties"],
};
const mayUse: Readonly<Record<Room, (module: string) => boolean>> = {
  core: () => false,
  sim: (module) => module === "seedrandom",
  properties: (module) => module.startsWith("node:") || ["fast-check", "fflate"].includes(module),
  scenarios: (module) =>
    module.startsWith("node:") ||
    ["cli-progress", "commander", "picocolors", "tinypool"].includes(module),
};
/** The one module for those who use vitest: nothing else may need it. */
const VITEST = "scenarios/vitest.ts";
/** What tests of any room may use. */
const testTools = (module: string): boolean =>
  module === "vitest" || module === "fast-check" || module.startsWith("node:");

/** It replaces what it bans, so it has to name it. */
const TRAPS = "sim/traps.ts";

const banned: readonly (readonly [name: string, word: RegExp])[] = [
  ["Date", /\bDate\b/],
  ["performance", /\bperformance\b/],
  ["Math.random", /\bMath\s*\.\s*random\b/],
  [
    "transcendental Math",
    /\bMath\s*\.\s*(pow|exp|expm1|log\w*|sin|cos|tan|a?sinh?|a?cosh?|cbrt)\b/,
  ],
  ["**", /\*\*/],
  ["Intl", /\bIntl\b/],
  ["locale", /\b(localeCompare|toLocale\w+)\b/],
  [
    "process",
    /(?<![.\w])process\s*\.\s*(argv|cwd|env|hrtime|nextTick|platform|stderr|stdin|stdout)\b/,
  ],
  ["console", /\bconsole\s*\./],
  ["Buffer", /\bBuffer\b/],
  ["TextEncoder", /\bText(En|De)coder\b/],
  ["crypto", /\bcrypto\b/],
  ["timers", /\b(set(Timeout|Interval|Immediate)|queueMicrotask)\b/],
  ["async", /\b(async|await|Promise)\b/],
  ["eval", /\b(eval|Function)\s*\(/],
];

describe("the sources", () => {
  it("are there in every room", () => {
    for (const room of rooms) {
      expect(sources.filter((source) => source.room === room).length).toBeGreaterThan(10);
    }
  });

  it("import only what their room may see, and relative files by their full name", () => {
    const complaints: string[] = [];
    let imports = 0;
    for (const { path, room, isTest, text } of sources) {
      for (const module of importsOf(text)) {
        imports += 1;
        if (!module.startsWith(".")) {
          const isForVitest = path === VITEST && module === "vitest";
          const allowed = mayUse[room](module) || (isTest && testTools(module)) || isForVitest;
          if (!allowed) complaints.push(`${path} imports ${module}`);
          continue;
        }
        const target = normalize(join(dirname(path), module))
          .split(sep)
          .join("/");
        const other = target.split("/")[0];
        if (other !== room && !mayImport[room].some((name) => name === other)) {
          complaints.push(`${path} imports ${target}`);
        }
        if (!module.endsWith(".ts")) complaints.push(`${path} imports ${module} without .ts`);
      }
    }

    expect(complaints).toEqual([]);
    expect(imports).toBeGreaterThan(200);
  });

  it("have no words in core and sim that decide by wall clock, chance, locale or machine", () => {
    const complaints = strict
      .filter(({ path }) => path !== TRAPS)
      .flatMap(({ path, code }) =>
        banned.flatMap(([name, word]) => (word.test(code) ? [`${path}: ${name}`] : [])),
      );

    expect(complaints).toEqual([]);
    expect(strict.length).toBeGreaterThan(60);
  });

  it("keep no state in modules of core and sim", () => {
    const mutable =
      /^(export )?(let|var) |^(export )?const \w+(: (?!Readonly)[^=]+)? = new (Weak)?(Map|Set)\b/m;
    const complaints = strict.filter(({ code }) => mutable.test(code)).map(({ path }) => path);

    expect(complaints).toEqual([]);
  });

  it("catch nothing in core but storage errors, and never clean up while a node dies", () => {
    const core = strict.filter(({ room }) => room === "core");
    let caught = 0;
    const complaints: string[] = [];
    for (const { path, code } of core) {
      if (/\bfinally\s*\{/.test(code)) complaints.push(`${path}: finally`);
      if (/\bcatch\s*\{/.test(code)) complaints.push(`${path}: bare catch`);
      for (const [, name, body] of code.matchAll(/\bcatch\s*\((\w+)[^)]*\)\s*\{([^;]*);/g)) {
        caught += 1;
        if (!body!.includes(`asStorageError(${name})`)) {
          complaints.push(`${path}: catch (${name}) without asStorageError`);
        }
      }
    }

    expect(complaints).toEqual([]);
    expect(caught).toBeGreaterThan(0);
  });

  it("are at most 500 lines long, and named in lower case", () => {
    const complaints = sources.flatMap(({ path, text }) => {
      const lines = text.split("\n").length - 1;
      const name = path.split("/").at(-1)!;
      return [
        ...(lines > 500 ? [`${path} has ${lines} lines`] : []),
        ...(/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.testkit)?\.ts$/.test(name)
          ? []
          : [`${path} is no kebab-case`]),
      ];
    });

    expect(complaints).toEqual([]);
  });

  it("export by name, one thing from one place, and leave nothing to be done", () => {
    const complaints = sources.flatMap(({ path, code, text }) => [
      ...(/^export default\b/m.test(code) ? [`${path}: default export`] : []),
      ...(/^export \* /m.test(code) ? [`${path}: barrel`] : []),
      ...(/^\s*(export )?(const )?enum\b/m.test(code) ? [`${path}: enum`] : []),
      ...(path !== "properties/tidy.test.ts" && /\b(TODO|FIXME|XXX)\b/.test(text)
        ? [`${path}: unfinished`]
        : []),
    ]);

    expect(complaints).toEqual([]);
  });
});

/** Modules named by import and export statements, and by dynamic imports. */
function importsOf(text: string): string[] {
  const statement =
    /^(?:import|export)\b[^;]*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm;
  return [...text.matchAll(statement)].map((match) => match[1] ?? match[2] ?? match[3]!);
}

/** Blanks comments and the insides of strings; code inside `${}` of templates stays. */
function withoutProse(text: string): string {
  const part =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\$]|\\.|\$(?!\{))*`/g;
  return text.replace(part, (found) => {
    const blank = found.replace(/[^\n]/g, " ");
    const isComment = found.startsWith("//") || found.startsWith("/*");
    return isComment ? blank : `${found[0]}${blank.slice(2)}${found[0]}`;
  });
}
