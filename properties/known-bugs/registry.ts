import { K01 } from "./k01.ts";
import { K02 } from "./k02.ts";
import { K03 } from "./k03.ts";
import { K05 } from "./k05.ts";
import { K07 } from "./k07.ts";
import { K09 } from "./k09.ts";
import { K10 } from "./k10.ts";
import { K17 } from "./k17.ts";
import { K19 } from "./k19.ts";
import { K20 } from "./k20.ts";
import { K21 } from "./k21.ts";
import { K24 } from "./k24.ts";
import { K25 } from "./k25.ts";
import { K27 } from "./k27.ts";
import { K28 } from "./k28.ts";
import { K29 } from "./k29.ts";
import { K31 } from "./k31.ts";
import { P01 } from "./p01.ts";
import { P10 } from "./p10.ts";
import { R01 } from "./r01.ts";
import { R02 } from "./r02.ts";
import { R03 } from "./r03.ts";
import { R06 } from "./r06.ts";
import { R07 } from "./r07.ts";
import { R09 } from "./r09.ts";
import { R10 } from "./r10.ts";
import { R11 } from "./r11.ts";
import { R13 } from "./r13.ts";
import { R14 } from "./r14.ts";
import { R15 } from "./r15.ts";
import { R16 } from "./r16.ts";
import { R17 } from "./r17.ts";
import { R18 } from "./r18.ts";
import { R20 } from "./r20.ts";
import { R21 } from "./r21.ts";
import { R24 } from "./r24.ts";
import { R25 } from "./r25.ts";
import { R27 } from "./r27.ts";
import { R28 } from "./r28.ts";
import { R33 } from "./r33.ts";
import { R35 } from "./r35.ts";
import { S01 } from "./s01.ts";
import { S02 } from "./s02.ts";
import { S04 } from "./s04.ts";
import { S09 } from "./s09.ts";
import { S10 } from "./s10.ts";
import { S12 } from "./s12.ts";
import { S20 } from "./s20.ts";
import { S21 } from "./s21.ts";
import type { KnownBug } from "./known-bug.ts";

/** Every known bug that what is built can express, by id. */
export const knownBugs: readonly KnownBug[] = [
  R01,
  R02,
  R03,
  R06,
  R07,
  R09,
  R10,
  R11,
  R13,
  R14,
  R15,
  R16,
  R17,
  R18,
  R20,
  R21,
  R24,
  R25,
  R27,
  R28,
  R33,
  R35,
  S01,
  S02,
  S04,
  S09,
  S10,
  S12,
  S20,
  S21,
  K01,
  K02,
  K03,
  K05,
  K07,
  K09,
  K10,
  K17,
  K19,
  K20,
  K21,
  K24,
  K25,
  K27,
  K28,
  K29,
  K31,
  P01,
  P10,
];

export function knownBug(id: string): KnownBug | undefined {
  return knownBugs.find((bug) => bug.id === id);
}
