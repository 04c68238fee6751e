/** Stories that break the invariants of the metadata quorum and of registrations. */
import type { Fact } from "../../core/facts.ts";
import { Batch } from "../../core/record/batch.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import { bodyOf } from "./honest-story.testkit.ts";
import type { Lie } from "./lies.testkit.ts";
import { story, told } from "./lies.testkit.ts";
import { granting, saying } from "./quorum-story.testkit.ts";
import { falsified, inserted, without } from "./run-story.testkit.ts";

const other = new Batch(9, 1, bodyOf("other"));
const metadataMark = (highWatermark: number, leaderEpoch: number): Fact => ({
  kind: "high-watermark",
  partition: METADATA_PARTITION,
  as: "leader",
  leaderEpoch,
  highWatermark,
  endOffset: highWatermark,
  counted: [100, 101, 102],
  told: highWatermark,
});

export const liesAboutQuorum: readonly Lie[] = [
  {
    id: "C1",
    what: "two voters lead in one epoch",
    steps: inserted(story, "leader-100", [
      told("", "c102", saying(102, "candidate", 1, { voted: 102 })),
      told("", "c102", saying(102, "leader", 1, { leader: 102, voted: 102 })),
    ]),
  },
  {
    id: "C1",
    what: "a follower names another leader than was elected",
    steps: falsified(story, "observer-2", { leader: 101 }),
  },
  {
    id: "C2",
    what: "a voter votes twice in an epoch",
    steps: inserted(story, "vote-101", [
      told("", "c101", { ...granting(1, false), candidate: 102, candidateDirectoryId: "d102" }),
    ]),
  },
  {
    id: "C2",
    what: "a voter forgets its epoch when it restarts",
    steps: inserted(story, "follower-101", [
      { name: "", node: "c101", event: { kind: "ended", cause: "kill", reason: "f1" } },
      { name: "", node: "c101", event: { kind: "booted", disk: "same" } },
      told("", "c101", saying(101, "unattached", 0)),
    ]),
  },
  {
    id: "C2",
    what: "a voter forgets its vote when it restarts",
    steps: inserted(story, "follower-101", [
      { name: "", node: "c101", event: { kind: "ended", cause: "kill", reason: "f1" } },
      { name: "", node: "c101", event: { kind: "booted", disk: "same" } },
      told("", "c101", saying(101, "unattached", 1)),
    ]),
  },
  {
    id: "C2",
    what: "a voter grants a candidate whose log is behind its own",
    steps: inserted(story, "metadata-mark-101", [
      told("", "c101", { ...granting(1, true), candidate: 102, candidateEndOffset: 5 }),
    ]),
  },
  {
    id: "C3",
    what: "a follower appends on top of another record than its leader has",
    steps: falsified(without(story, "metadata-mark-3"), "metadata-8-3", {
      batch: new Batch(8, 1, bodyOf("other")),
    }),
  },
  {
    id: "C3",
    what: "a voter calls another record committed than the quorum",
    steps: falsified(without(story, "voter-fetched-101"), "metadata-9-101", {
      batch: other,
    }).filter(({ name }) => name !== "metadata-flushed-101"),
  },
  {
    id: "C4",
    what: "a voter is elected without the committed records",
    steps: inserted(story, "metadata-mark-101", [
      { name: "", node: "c102", event: { kind: "ended", cause: "kill", reason: "f1" } },
      { name: "", node: "c102", event: { kind: "booted", disk: "same" } },
      told("", "c102", {
        kind: "truncated",
        partition: METADATA_PARTITION,
        why: "recovery",
        leaderEpoch: 1,
        fromOffset: 10,
        toOffset: 5,
        highWatermark: 0,
        epochsCut: 1,
      }),
      told("", "c102", saying(102, "candidate", 2, { voted: 102 })),
      told("", "c102", saying(102, "leader", 2, { leader: 102, voted: 102 })),
    ]),
  },
  {
    id: "C4",
    what: "a leader counts voters that have synced nothing",
    steps: without(story, "metadata-flushed-101", "metadata-flushed-102"),
  },
  {
    id: "C5",
    what: "a high watermark falls",
    steps: inserted(story, "metadata-mark-100", [told("", "c100", metadataMark(9, 1))]),
  },
  {
    id: "C5",
    what: "a leader commits a record of an older epoch by counting",
    steps: falsified(story, "metadata-mark-100", { leaderEpoch: 2 }),
  },
  {
    id: "C6",
    what: "an observer stands for election",
    steps: inserted(story, "observer-2", [
      told("", "b2", saying(2, "prospective", 1, { isVoter: false })),
    ]),
  },
  {
    id: "C6",
    what: "a leader becomes a candidate",
    steps: inserted(story, "metadata-mark-100", [
      told("", "c100", saying(100, "candidate", 2, { voted: 100 })),
    ]),
  },
  {
    id: "C8",
    what: "a broker applies what is not committed",
    steps: falsified(story, "applied-2", { offset: 10 }),
  },
  {
    id: "C8",
    what: "two nodes make different snapshots of one offset",
    steps: falsified(story, "snapshot-101", { hash: 43 }),
  },
  {
    id: "C9",
    what: "a broker registers with an epoch that it had before",
    steps: registeredAgain(1),
  },
  {
    id: "C9",
    what: "a broker is unfenced before it knows its registration",
    steps: without(story, "applied-1"),
  },
  {
    id: "C10",
    what: "a follower writes metadata as a leader",
    steps: falsified(story, "metadata-9-102", { as: "leader" }),
  },
  {
    id: "C10",
    what: "another ISR is committed than was decided",
    steps: falsified(story, "elected-2", { isr: [2] }),
  },
  {
    id: "C11",
    what: "a voter raises the epoch without the promises of a majority",
    steps: without(story, "promise-101"),
  },
  {
    id: "C11",
    what: "a follower of a leader that answers it promises its vote",
    steps: inserted(story, "metadata-mark-101", [
      told("", "c101", {
        ...granting(1, true),
        candidate: 102,
        candidateLogEpoch: 1,
        candidateEndOffset: 10,
      }),
    ]),
  },
];

function registeredAgain(brokerEpoch: number): Lie["steps"] {
  return story.map((step) => {
    const { fact } = step;
    if (step.name !== "registered-1-again" || fact?.kind !== "metadata-committed") return step;
    return { ...step, fact: { ...fact, record: { ...fact.record, brokerEpoch } as never } };
  });
}
