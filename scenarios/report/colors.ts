import picocolors from "picocolors";

const { stdout, env } = process;

/** Colours for people only: none when piped, in CI, or when NO_COLOR asks for none. */
export const colors: ReturnType<typeof picocolors.createColors> = picocolors.createColors(
  stdout.isTTY === true && env["CI"] === undefined && (env["NO_COLOR"] ?? "") === "",
);
