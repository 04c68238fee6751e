import { M01, M02, M05, M06 } from "./acks.ts";
import { M03, M04, M19 } from "./durability.ts";
import type { Misuse } from "./misuse.ts";

/** Every misuse that what is built can show, by id. */
export const misuses: readonly Misuse[] = [M01, M02, M03, M04, M05, M06, M19];
