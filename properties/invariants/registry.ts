/** All invariants of the white box, and how they are put into a run. */
import { ForgottenProducers } from "../ghost/forgotten-producers.ts";
import type { BlackBoxOptions } from "../history/black-box.ts";
import { blackBoxAnomalies, checkHistory } from "../history/black-box.ts";
import type { Findings, Moment, NodeEvent } from "../observation.ts";
import type { FrameObserver } from "../observe.ts";
import { SituationCounter } from "../situations.ts";
import { OffsetDensity } from "./a1-offset-density.ts";
import { ReplicaEquality } from "./a11-replica-equality.ts";
import { EpochsInLog } from "./a2-epochs-in-log.ts";
import { AppendOnly } from "./a3-append-only.ts";
import { Truncation } from "./a4-truncation.ts";
import { Recovery } from "./a5-recovery.ts";
import { Corruption } from "./a6-corruption.ts";
import { Checkpoints } from "./a8-checkpoints.ts";
import { LeaderCompleteness } from "./b1-leader-completeness.ts";
import { IsrLegality } from "./b10-isr-legality.ts";
import { JoinProof } from "./b11-join-proof.ts";
import { AcksAll } from "./b12-acks-all.ts";
import { CleanElection } from "./b13-clean-election.ts";
import { FetcherState } from "./b15-fetcher-state.ts";
import { HighWatermarkBounds } from "./b16-high-watermark-bounds.ts";
import { CandidateCompleteness } from "./b2-candidate-completeness.ts";
import { MaximalIsr } from "./b3-maximal-isr.ts";
import { HighWatermarkSafety } from "./b4-high-watermark-safety.ts";
import { MonotoneHighWatermark } from "./b5-monotone-high-watermark.ts";
import { LogMatching } from "./b6-log-matching.ts";
import { ConsistentReads } from "./b7-consistent-reads.ts";
import { OneLeaderPerEpoch } from "./b8-one-leader-per-epoch.ts";
import { Fencing } from "./b9-fencing.ts";
import { OneQuorumLeaderPerEpoch } from "./c1-one-leader-per-epoch.ts";
import { OneVotePerEpoch } from "./c2-one-vote-per-epoch.ts";
import { MetadataLogMatching } from "./c3-metadata-log-matching.ts";
import { QuorumCompleteness } from "./c4-quorum-completeness.ts";
import { MetadataHighWatermark } from "./c5-metadata-high-watermark.ts";
import { QuorumStates } from "./c6-quorum-states.ts";
import { MetadataReplay } from "./c8-metadata-replay.ts";
import { Registrations } from "./c9-registrations.ts";
import { OneAuthor } from "./c10-one-author.ts";
import { PreVote } from "./c11-pre-vote.ts";
import type { Check, CheckContext } from "./check.ts";
import { Sequences } from "./d1-sequences.ts";
import { OncePerSend } from "./d2-once-per-send.ts";
import { SendOrder } from "./d3-send-order.ts";
import { Refusals } from "./d4-refusals.ts";
import { ProducerIds } from "./d5-producer-ids.ts";
import { ProducerState } from "./d6-producer-state.ts";
import { PlainProducers } from "./d7-plain-producers.ts";
import { Content } from "./d8-content.ts";
import { MonotonePosition } from "./f1-monotone-position.ts";
import { OnlyCommitted } from "./f2-only-committed.ts";
import { GenuineRecords } from "./f4-genuine-records.ts";
import { OffsetReset } from "./f6-offset-reset.ts";
import { ListedOffsets } from "./f7-listed-offsets.ts";
import { Responses } from "./h1-responses.ts";
import { ProduceOrder } from "./h2-produce-order.ts";
import { ClientMetadata } from "./h3-client-metadata.ts";

type CheckClass = new (context: CheckContext) => Check;

/** By id, in the order of the catalogue. */
export const invariants: ReadonlyMap<string, CheckClass> = new Map<string, CheckClass>([
  ["A1", OffsetDensity],
  ["A2", EpochsInLog],
  ["A3", AppendOnly],
  ["A4", Truncation],
  ["A5", Recovery],
  ["A6", Corruption],
  ["A8", Checkpoints],
  ["A11", ReplicaEquality],
  ["B1", LeaderCompleteness],
  ["B2", CandidateCompleteness],
  ["B3", MaximalIsr],
  ["B4", HighWatermarkSafety],
  ["B5", MonotoneHighWatermark],
  ["B6", LogMatching],
  ["B7", ConsistentReads],
  ["B8", OneLeaderPerEpoch],
  ["B9", Fencing],
  ["B10", IsrLegality],
  ["B11", JoinProof],
  ["B12", AcksAll],
  ["B13", CleanElection],
  ["B15", FetcherState],
  ["B16", HighWatermarkBounds],
  ["C1", OneQuorumLeaderPerEpoch],
  ["C2", OneVotePerEpoch],
  ["C3", MetadataLogMatching],
  ["C4", QuorumCompleteness],
  ["C5", MetadataHighWatermark],
  ["C6", QuorumStates],
  ["C8", MetadataReplay],
  ["C9", Registrations],
  ["C10", OneAuthor],
  ["C11", PreVote],
  ["D1", Sequences],
  ["D2", OncePerSend],
  ["D3", SendOrder],
  ["D4", Refusals],
  ["D5", ProducerIds],
  ["D6", ProducerState],
  ["D7", PlainProducers],
  ["D8", Content],
  ["F1", MonotonePosition],
  ["F2", OnlyCommitted],
  ["F4", GenuineRecords],
  ["F6", OffsetReset],
  ["F7", ListedOffsets],
  ["H1", Responses],
  ["H2", ProduceOrder],
  ["H3", ClientMetadata],
]);

/** Ids of everything that can be judged, the black box included. */
export const checkedInvariants: readonly string[] = [...invariants.keys(), ...blackBoxAnomalies];

export interface ObserversOptions {
  readonly context: CheckContext;
  /** Null: the clients' history is not judged at the end. */
  readonly blackBox: Omit<BlackBoxOptions, "history" | "findings"> | null;
  /** Ids of the invariants to check; absent: all. */
  readonly only?: readonly string[];
}

/** The checkers of one run. */
export interface Observers {
  /** In the order in which they must be told. Give them to one Dispatcher, all together. */
  readonly observers: readonly FrameObserver[];
  /** Reports how many comparisons were made. Call it once, however the run ended. */
  reportChecks(): void;
}

/**
 * Puts ghost, history and checks in line: each check is asked before the ghost has taken a fact in,
 * and again afterwards.
 */
export function createObservers(options: ObserversOptions): Observers {
  const { context, blackBox, only } = options;
  const { ghost, history, findings } = context;
  const checks: Check[] = [];
  for (const [id, CheckOf] of invariants) {
    if (only === undefined || only.includes(id)) checks.push(new CheckOf(context));
  }
  ghost.onCommit((partition, batch) => {
    if (!partition.isMetadata) history.committed(partition.name, batch);
  });
  ghost.onLoss((partition, lost, offset) => history.lost(partition.name, lost, offset));
  for (const check of checks) {
    if (check.lost !== undefined) ghost.onLoss((partition, lost) => check.lost?.(partition, lost));
    if (check.committed === undefined) continue;
    ghost.onCommit((partition, batch, moment) => check.committed?.(partition, batch, moment));
  }
  const observers: FrameObserver[] = [
    history,
    { on: ghost.first },
    ...checks.map(({ before }) => ({ on: before })),
    new ForgottenProducers(ghost, context.faults ?? null),
    ghost,
    ...checks.map(afterGhost),
    new SituationCounter(findings),
  ];
  if (blackBox !== null) {
    const historyOptions = { ...blackBox, history, findings };
    observers.push({ atEnd: (moment) => checkHistory(historyOptions, moment) });
  }
  return { observers, reportChecks: () => reportChecks(checks, findings) };
}

/** The part of a check that comes after the ghost. */
function afterGhost(check: Check): FrameObserver {
  const observer: FrameObserver = {
    on: check.after,
    nodeEvent: (event: NodeEvent, moment: Moment) => check.nodeEvent?.(event, moment),
    atEnd: (moment: Moment) => check.atEnd?.(moment),
  };
  if (check.frameDelivered === undefined) return observer;
  return {
    ...observer,
    frameDelivered: (connection, frame, moment) =>
      check.frameDelivered?.(connection, frame, moment),
  };
}

function reportChecks(checks: readonly Check[], findings: Findings): void {
  for (const { id, evaluations } of checks) findings.checked(id, evaluations);
}
