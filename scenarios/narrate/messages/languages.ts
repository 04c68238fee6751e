import type { Catalogue } from "./catalogue.ts";
import { en } from "./en.ts";
import { ko } from "./ko.ts";

export type Language = "en" | "ko";
export const languages: readonly Language[] = ["en", "ko"];

export const catalogues: Readonly<Record<Language, Catalogue>> = { en, ko };
