import { readFileSync } from "node:fs";
import { wrongValue } from "./wrong-value.ts";

/** The text of a file that `field` names. An {@link InputError} when it cannot be read. */
export function readText(path: string, field: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    throw wrongValue(field, path, `cannot be read (${code})`);
  }
}
