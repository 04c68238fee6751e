/** How the controller of the honest story came to office: three voters, one election, ten records. */
import type { Fact } from "../../core/facts.ts";
import type { RaftStateName } from "../../core/raft/raft-facts.ts";
import { Batch } from "../../core/record/batch.ts";
import type { BatchBody } from "../../core/record/batch.ts";
import { METADATA_PARTITION } from "../ghost/ghost.ts";
import type { Story } from "./story.testkit.ts";

const VOTERS = [100, 101, 102];
const log = { partition: METADATA_PARTITION } as const;

/** The metadata log of epoch 1. */
export function metadataBatches(bodyOf: (value: string) => BatchBody): Batch[] {
  return Array.from({ length: 10 }, (_, offset) => new Batch(offset, 1, bodyOf(`m${offset}`)));
}

/** c100 is elected in epoch 1, and everybody has its records. */
export function electController(story: Story, batches: readonly Batch[]): void {
  for (const voter of VOTERS) say(story, `unattached-${voter}`, voter, "unattached", 0);
  say(story, "prospective-100", 100, "prospective", 0);
  grant(story, "promise-101", 101, 0, true);
  say(story, "candidate-100", 100, "candidate", 1, { voted: 100 });
  grant(story, "vote-100", 100, 1, false);
  grant(story, "vote-101", 101, 1, false);
  say(story, "leader-100", 100, "leader", 1, { leader: 100, voted: 100 });
  appendAll(story, 100, "leader", batches);
  flush(story, 100, batches.length);
  for (const voter of [101, 102]) {
    const voted = voter === 101 ? 100 : -1;
    say(story, `follower-${voter}`, voter, "follower", 1, { leader: 100, voted });
    appendAll(story, voter, "follower", batches);
    flush(story, voter, batches.length);
    story.tell(`voter-fetched-${voter}`, "c100", {
      kind: "voter-fetched",
      epoch: 1,
      voter,
      fetchOffset: batches.length,
    });
  }
  mark(story, "metadata-mark-100", 100, batches.length, "leader");
  mark(story, "metadata-mark-101", 101, batches.length, "follower");
  for (const broker of [1, 2, 3]) {
    say(story, `observer-${broker}`, broker, "follower", 1, { leader: 100, isVoter: false });
    appendAll(story, broker, "follower", batches);
    mark(story, `metadata-mark-${broker}`, broker, batches.length, "follower");
  }
  for (const voter of [100, 101]) {
    story.tell(`snapshot-${voter}`, `c${voter}`, {
      kind: "snapshot-generated",
      endOffset: 5,
      epoch: 1,
      sizeBytes: 100,
      hash: 42,
    });
  }
}

/** What a node says of itself. */
export function saying(
  node: number,
  state: RaftStateName,
  epoch: number,
  more: Partial<Extract<Fact, { kind: "raft-state" }>> = {},
): Fact {
  return {
    kind: "raft-state",
    state,
    epoch,
    leader: -1,
    voted: -1,
    isVoter: true,
    directoryId: `d${node}`,
    voters: VOTERS,
    logEpoch: 0,
    endOffset: 0,
    ...more,
  };
}

/** Somebody promises or gives its vote to c100. */
export function granting(epoch: number, preVote: boolean): Extract<Fact, { kind: "vote-granted" }> {
  return {
    kind: "vote-granted",
    epoch,
    candidate: 100,
    candidateDirectoryId: "d100",
    preVote,
    candidateLogEpoch: 0,
    candidateEndOffset: 0,
    logEpoch: 0,
    endOffset: 0,
  };
}

function say(
  story: Story,
  name: string,
  node: number,
  state: RaftStateName,
  epoch: number,
  more: Partial<Extract<Fact, { kind: "raft-state" }>> = {},
): void {
  story.tell(name, nameOf(node), saying(node, state, epoch, more));
}

function grant(story: Story, name: string, node: number, epoch: number, preVote: boolean): void {
  story.tell(name, nameOf(node), granting(epoch, preVote));
}

function appendAll(
  story: Story,
  node: number,
  as: "leader" | "follower",
  batches: readonly Batch[],
): void {
  for (const batch of batches) {
    const name = `metadata-${batch.baseOffset}-${node}`;
    story.tell(name, nameOf(node), { kind: "appended", ...log, as, leaderEpoch: 1, batch });
  }
}

function flush(story: Story, node: number, upTo: number): void {
  story.tell(`metadata-flushed-${node}`, nameOf(node), { kind: "log-flushed", ...log, upTo });
}

function mark(
  story: Story,
  name: string,
  node: number,
  end: number,
  as: "leader" | "follower",
): void {
  story.tell(name, nameOf(node), {
    kind: "high-watermark",
    ...log,
    as,
    leaderEpoch: 1,
    highWatermark: end,
    endOffset: end,
    counted: as === "leader" ? VOTERS : [],
    told: end,
  });
}

function nameOf(node: number): string {
  return node < 100 ? `b${node}` : `c${node}`;
}
