/** Stories that break the invariants of logs and disks. */
import { Batch } from "../../core/record/batch.ts";
import { batches, bodyOf } from "./honest-story.testkit.ts";
import type { Lie } from "./lies.testkit.ts";
import { corrupt, otherZ, story, told } from "./lies.testkit.ts";
import { falsified, inserted, without } from "./run-story.testkit.ts";
import { PARTITION } from "./story.testkit.ts";

const { x, y, lost, z } = batches;

export const liesAboutLogs: readonly Lie[] = [
  {
    id: "A1",
    what: "a batch is appended behind a hole",
    steps: falsified(story, "append-3-y", { batch: new Batch(5, 0, y.body) }),
  },
  {
    id: "A2",
    what: "a leader stamps an epoch that is not its own",
    steps: falsified(story, "append-2-z", { leaderEpoch: 2 }),
  },
  {
    id: "A2",
    what: "a follower takes a batch of an epoch that it is not in yet",
    steps: falsified(story, "append-3-z", { leaderEpoch: 0 }),
  },
  {
    id: "A2",
    what: "the epoch cache lacks an epoch after a start",
    steps: falsified(story, "loaded-1", { epochs: [] }),
  },
  {
    id: "A2",
    what: "the epoch cache has an empty epoch in which another broker led",
    steps: falsified(story, "loaded-1", {
      epochs: [
        { epoch: 0, startOffset: 0 },
        { epoch: 1, startOffset: 3 },
      ],
    }),
  },
  {
    id: "A3",
    what: "a batch is appended over another",
    steps: falsified(story, "append-3-y", { batch: new Batch(0, 0, y.body) }),
  },
  {
    id: "A3",
    what: "a disk holds another batch than was appended",
    steps: story.map((step) =>
      step.name === "booted-1" ? { ...step, disk: [x, new Batch(1, 0, bodyOf("w", 1))] } : step,
    ),
  },
  {
    id: "A4",
    what: "a leader truncates",
    steps: inserted(story, "mark-2-z", [
      told("cut", "b2", {
        kind: "truncated",
        partition: PARTITION,
        why: "diverging",
        leaderEpoch: 1,
        fromOffset: 3,
        toOffset: 2,
        highWatermark: 3,
        epochsCut: 1,
      }),
    ]),
  },
  {
    id: "A4",
    what: "a member of the ISR truncates committed records",
    steps: inserted(story, "followed-3b", [
      told("cut", "b3", {
        kind: "truncated",
        partition: PARTITION,
        why: "rule",
        leaderEpoch: 1,
        fromOffset: 2,
        toOffset: 1,
        highWatermark: 1,
        epochsCut: 1,
      }),
    ]),
  },
  {
    id: "A5",
    what: "a log opens beyond what is intact on its disk",
    steps: story.map((step) =>
      step.name === "booted-1" ? { ...step, disk: [x, y, corrupt(lost)] } : step,
    ),
  },
  {
    id: "A5",
    what: "a power loss takes what was synced",
    steps: story
      .map((step) => (step.name === "booted-1" ? { ...step, disk: [x] } : step))
      .filter(({ name }) => name !== "loaded-1"),
  },
  {
    id: "A6",
    what: "a follower appends a corrupt batch",
    steps: falsified(story, "append-3-z", { batch: corrupt(z) }),
  },
  {
    id: "A8",
    what: "a log opens with a high watermark beyond its end",
    steps: falsified(story, "loaded-1", { highWatermark: 4 }),
  },
  {
    id: "A8",
    what: "a log opens without the producers that it has batches of",
    steps: falsified(story, "loaded-1", { producers: [] }),
  },
  {
    id: "A11",
    what: "two replicas hold different batches below their high watermarks",
    steps: falsified(story, "append-2-x", { batch: new Batch(0, 0, bodyOf("w", 0)) }).toSpliced(
      story.findIndex(({ name }) => name === "power-loss-1"),
      0,
      told("mark", "b3", {
        kind: "high-watermark",
        partition: PARTITION,
        as: "follower",
        leaderEpoch: 0,
        highWatermark: 2,
        endOffset: 2,
        counted: [],
        told: 2,
      }),
    ),
  },
  {
    id: "A11",
    what: "a disk holds other bytes than were committed",
    steps: story.map((step) =>
      step.name === "disk-b3" ? { ...step, disk: [x, y, otherZ] } : step,
    ),
  },
];
