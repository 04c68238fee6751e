/** Many runs, summed up on a terminal: one line each, the verdict last. */
import type { CampaignVerdict } from "../campaign.ts";
import { colors } from "./colors.ts";
import { changes, count, listCounts, paint, seconds } from "./run-report.ts";

/** Failures and holes beyond this many are only counted. */
const SHOWN = 10;

/** `tookMs` is wall-clock time; `replay` gives the command for a saved plan. */
export function reportCampaign(
  campaign: CampaignVerdict,
  tookMs: number,
  replay: (plan: string) => string,
): string[] {
  const { runs, records } = campaign;
  const tookSeconds = Math.max(tookMs, 1) / 1000;
  const share = Math.round((campaign.runsWithLeaderChange * 100) / Math.max(runs, 1));
  const eventsPerSecond = count(campaign.events / tookSeconds);
  const plansPerSecond = (runs / tookSeconds).toFixed(1);
  return [
    `seeds      ${count(campaign.passed)} passed, ${count(campaign.failed)} failed (${campaign.seed}/1 to ${campaign.seed}/${runs})`,
    `records    ${count(records.sent)} sent, ${count(records.acked)} acked, ${count(records.consumed)} read back, ${count(records.failed)} failed, ${count(records.unknown)} unknown`,
    `faults     ${listCounts(campaign.faults)}; ${campaign.medianFaults} in a run (median)`,
    `changes    ${changes(campaign)}; ${share} % of runs changed a leader`,
    `duplicates ${count(campaign.duplicates)} in ${campaign.runsWithDuplicate} runs, ${count(campaign.reorders)} reorders`,
    `losses     ${count(campaign.losses)} in ${campaign.runsWithLoss} runs (${listCounts(campaign.lossesBySetting)}); ${count(campaign.stalls)} stalls`,
    healing(campaign),
    `speed      ${eventsPerSecond} events/s, ${plansPerSecond} plans/s, ${tookSeconds.toFixed(1)} s`,
    `trace      ${campaign.traceHash}`,
    ...reportFailures(campaign, replay),
    ...shorten(campaign.unseen.map((hole) => `${colors.yellow("unproven")}   ${hole}`)),
    ...shorten(
      campaign.harness.map(
        ({ seed, check, message }) =>
          `${colors.yellow("harness")}    ${check}, seed ${seed}: ${message}`,
      ),
    ),
    `verdict    ${paint(campaign.verdict)}`,
  ];
}

function healing({ timeToHeal, runs, excused, stalls }: CampaignVerdict): string {
  const { healed, medianMs, p90Ms } = timeToHeal;
  const held = stalls > 0 ? `; ${stalls} stalls by faults left standing` : "";
  return (
    `heal       ${healed} of ${runs} runs at rest after ${(medianMs / 1000).toFixed(2)} s (median), ` +
    `${(p90Ms / 1000).toFixed(2)} s (p90); excused: ${listCounts(excused)}${held}`
  );
}

function reportFailures(campaign: CampaignVerdict, replay: (plan: string) => string): string[] {
  return shorten(
    campaign.failures.map(
      ({ seed, plan, invariant, at, message }) =>
        `${colors.red("failed")}     seed ${seed}: ${invariant} at ${seconds(at)}: ${message}\n` +
        `           plan   ${plan}\n` +
        `           replay ${replay(plan)}`,
    ),
  );
}

function shorten(lines: readonly string[]): string[] {
  if (lines.length <= SHOWN) return [...lines];
  return [...lines.slice(0, SHOWN), `           and ${lines.length - SHOWN} more`];
}
