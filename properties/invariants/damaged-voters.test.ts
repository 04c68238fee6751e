/**
 * What recorded damage to a voter's disk excuses, and what it does not: the honest story of an election,
 * cut off before or after the first commit, with damage put into it.
 */
import { describe, expect, it } from "vitest";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import type { NodeEvent } from "../observation.ts";
import { story } from "./lies.testkit.ts";
import { saying } from "./quorum-story.testkit.ts";
import { firedBy, runStory, without } from "./run-story.testkit.ts";
import type { Step } from "./story.testkit.ts";

const METADATA = `data/${METADATA_PARTITION}`;
const SEGMENT = `${METADATA}/00000000000000000000.log`;

const happens = (node: string, event: NodeEvent): Step => ({ name: "", node, event });
const says = (node: string, fact: NonNullable<Step["fact"]>): Step => ({ name: "", node, fact });

function lostSync(node: string, path: string): Step {
  return happens(node, { kind: "disk-damaged", how: "lost-sync", path, from: 0, to: 9 });
}

function powerLoss(node: string): Step[] {
  return [
    happens(node, { kind: "ended", cause: "power-loss", reason: "" }),
    happens(node, { kind: "booted", disk: "same" }),
  ];
}

function loaded(node: string, endOffset: number): Step {
  return says(node, {
    kind: "log-loaded",
    partition: METADATA_PARTITION,
    clean: false,
    logStartOffset: 0,
    recoveryPoint: 0,
    highWatermark: 0,
    endOffset,
    cutBytes: 0,
    epochs: [],
    producers: [],
  });
}

/** All up to and with that step. */
function until(last: string, steps: readonly Step[] = story): Step[] {
  return steps.slice(0, steps.findIndex(({ name }) => name === last) + 1);
}

describe("of its votes a voter", () => {
  /** c101 has voted for c100 in epoch 1; then it loses power and has heard of nothing. */
  const forgetting = (path: string): Step[] => [
    ...until("vote-101"),
    says("c101", saying(101, "unattached", 1, { voted: 100 })),
    lostSync("c101", path),
    ...powerLoss("c101"),
    says("c101", saying(101, "unattached", 0)),
  ];

  it("may forget those that were on a file whose sync was lost", () => {
    expect(firedBy(forgetting(`${METADATA}/quorum-state.tmp`), ["C2"])).toEqual([]);
  });

  it("may not forget any because something else was damaged", () => {
    expect(firedBy(forgetting(SEGMENT), ["C2"])).toEqual(["C2"]);
    expect(firedBy(forgetting("data/t-0/00000000000000000000.log"), ["C2"])).toEqual(["C2"]);
  });

  it("may not forget those that it gave after the power had gone", () => {
    const again = [
      ...forgetting(`${METADATA}/quorum-state.tmp`),
      says("c101", saying(101, "unattached", 2)),
      ...powerLoss("c101"),
      says("c101", saying(101, "unattached", 1)),
    ];
    expect(firedBy(again, ["C2"])).toEqual(["C2"]);
  });
});

describe("a commit counts on", () => {
  const first = "metadata-mark-100";
  /** Only c101 follows c100, so that its copy decides. */
  const others = story
    .map(({ name }) => name)
    .filter((name) => /^(metadata|voter).*-102$/.test(name));
  const lonely = without(story, ...others);
  const commit = lonely.filter(({ name }) => name === first);
  const before = (...steps: readonly Step[]): Step[] => {
    const fetched = until("voter-fetched-101", lonely);
    return [...fetched, ...steps, ...commit];
  };

  it("a voter that had it synced, although damage has taken it since", () => {
    const lost = [lostSync("c101", SEGMENT), ...powerLoss("c101"), loaded("c101", 0)];
    expect(firedBy(before(...lost), ["C4"])).toEqual([]);
  });

  it("no voter that never had it, damaged or not", () => {
    const damaged = without(before(lostSync("c101", SEGMENT)), "metadata-flushed-101");
    expect(firedBy(damaged, ["C4"])).toEqual(["C4"]);
  });

  it("no disk that the quorum does not know", () => {
    const replaced = [
      happens("c101", { kind: "ended", cause: "kill", reason: "" }),
      happens("c101", { kind: "booted", disk: "empty" }),
      says("c101", saying(101, "unattached", 0, { directoryId: "new" })),
      ...lonely.filter(({ name }) => /^metadata-(\d+|flushed)-101$/.test(name)),
    ];
    const early = without(
      before(...replaced),
      ...lonely.map(({ name }) => name).filter((name) => name === "metadata-flushed-101"),
    );
    // What the first disk had synced counts, what only the second one has does not.
    expect(firedBy(before(...replaced), ["C4"])).toEqual([]);
    expect(firedBy([...early, ...replaced.slice(-1), ...commit], ["C4"])).toEqual(["C4"]);
  });
});

describe("committed metadata is lost by nobody's mistake", () => {
  const mark = "metadata-mark-100";
  const elected = [
    says("c102", saying(102, "candidate", 2, { voted: 102 })),
    says("c102", saying(102, "leader", 2, { leader: 102, voted: 102 })),
  ];
  /** c100 and c101 have committed all; c102 has nothing. */
  const others = story
    .map(({ name }) => name)
    .filter((name) => /^(metadata|voter).*-102$/.test(name));
  const committed = until(mark, without(story, ...others));

  it("when damage has taken it from a voter that held it", () => {
    const steps = [
      ...committed,
      lostSync("c101", SEGMENT),
      ...powerLoss("c101"),
      loaded("c101", 0),
      ...elected,
    ];
    const found = runStory(steps, ["C3", "C4", "C8"]);
    expect(found.violations).toEqual([]);
    expect(found.ghost.metadataLost).toBe(true);
  });

  it("but not because a disk was damaged that still holds it", () => {
    const steps = [...committed, lostSync("c101", SEGMENT), ...elected];
    const found = runStory(steps, ["C3", "C4", "C8"]);
    expect(found.violations.map(({ invariant }) => invariant)).toEqual(["C4"]);
    expect(found.ghost.metadataLost).toBe(false);
  });

  it("nor because a disk was damaged that never held it", () => {
    const steps = [...committed, lostSync("c102", SEGMENT), ...elected];
    expect(firedBy(steps, ["C4"])).toEqual(["C4"]);
  });
});
