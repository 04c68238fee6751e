/**
 * `npm run oracle -- [plans] [seed]`: is the guarantee oracle right about
 * the settings that it blames? Prints the share of cured plans for each setting; exit status 1 when it
 * is below what the oracle promises.
 */
import { drawPatient, successes, treat } from "./oracle-cure.ts";
import type { Treatment } from "./oracle-cure.ts";

/** Shares of cured plans, in percent: of all, and of those that name one setting. */
const PROMISED = 95;
const PROMISED_EACH = 90;
/** Of each setting at least so many of 500 plans. */
const LEAST_EACH = 10;

const wanted = Number(process.argv[2] ?? 500);
const seed = process.argv[3] ?? "1";
if (!Number.isSafeInteger(wanted) || wanted < 1) {
  process.stderr.write(`plans ${process.argv[2]}: is not a number of plans\n`);
  process.exit(2);
}

const treatments: Treatment[] = [];
const enough = (): boolean => {
  const [all, ...each] = successes(treatments);
  const least = Math.ceil(wanted / LEAST_EACH);
  return all!.plans >= wanted && each.every(({ plans }) => plans >= least);
};
let tried = 0;
while (!enough()) {
  tried += 1;
  const treatment = treat(drawPatient(`${seed}/${tried}`));
  if (treatment === null) continue;
  treatments.push(treatment);
  if (!treatment.cured) process.stdout.write(`not cured  ${treatment.seed}: ${treatment.left}\n`);
}

let isKept = true;
process.stdout.write(`plans      ${treatments.length} with a named loss, of ${tried}\n`);
for (const { setting, plans, cured } of successes(treatments)) {
  const share = (cured * 100) / plans;
  isKept &&= share >= (setting === null ? PROMISED : PROMISED_EACH);
  process.stdout.write(
    `cured      ${cured} of ${plans} (${share.toFixed(1)} %) ${setting ?? "all"}\n`,
  );
}
const before = treatments.reduce((sum, { ackedBefore }) => sum + ackedBefore, 0);
const after = treatments.reduce((sum, { ackedAfter }) => sum + ackedAfter, 0);
isKept &&= after * 2 >= before;
process.stdout.write(`acked      ${before} before, ${after} after\n`);
process.stdout.write(`verdict    ${isKept ? "pass" : "fail"}\n`);
process.exit(isKept ? 0 : 1);
