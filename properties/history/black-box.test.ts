import { describe, expect, test } from "vitest";
import type { Fact, PolledRecord } from "../../core/facts.ts";
import type { Step } from "../invariants/story.testkit.ts";
import { bodyOf } from "../invariants/honest-story.testkit.ts";
import { runStory } from "../invariants/run-story.testkit.ts";
import { utf8Encode } from "../../core/record/utf8.ts";
import { blackBoxAnomalies } from "./black-box.ts";
import { contentHash } from "./content-hash.ts";

const PARTITION = "t-0";
const step = (node: string, fact: Fact): Step => ({ name: "", node, fact });

/** A send of p1 under a producer epoch, acknowledged at an offset (or not, when it is null). */
function send(
  value: string,
  offset: number | null,
  epoch: number = 0,
  client: string = "p1",
): Step[] {
  const sendId = value;
  const body = bodyOf(value, client === "p1" ? 0 : -1, epoch);
  const base = { partition: PARTITION };
  const steps = [
    step(client, {
      kind: "send-started",
      sendId,
      topic: "t",
      key: utf8Encode("k"),
      value: utf8Encode(value),
    }),
    step(client, { kind: "send-batched", sendId, ...base }),
    step(client, { kind: "batch-sent", ...base, attempt: 1, body, sendIds: [sendId] }),
  ];
  if (offset !== null) steps.push(step(client, { kind: "send-acked", sendId, ...base, offset }));
  return steps;
}

function again(value: string, epoch: number, client: string = "p1"): Step {
  const body = bodyOf(value, client === "p1" ? 0 : -1, epoch);
  return step(client, {
    kind: "batch-sent",
    partition: PARTITION,
    attempt: 2,
    body,
    sendIds: [value],
  });
}

/** A poll that returns these values from that offset on; null leaves an offset out. */
function poll(from: number, values: readonly (string | null)[], client: string = "r1"): Step {
  const records: PolledRecord[] = [];
  values.forEach((value, index) => {
    if (value === null) return;
    const [key, bytes] = [utf8Encode("k"), utf8Encode(value)];
    records.push({ offset: from + index, leaderEpoch: 0, timestamp: 0, key, value: bytes });
  });
  const nextPosition = from + values.length;
  return step(client, {
    kind: "polled",
    partition: PARTITION,
    position: from,
    nextPosition,
    records,
  });
}

const start = (offset: number, client: string = "r1"): Step =>
  step(client, {
    kind: "position-set",
    partition: PARTITION,
    offset,
    why: "assigned",
    cause: 0,
  });

/** What the clients' own history shows. */
function anomalies(...steps: readonly Step[]): string[] {
  const seen = runStory(steps).violations.map(({ invariant }) => invariant);
  return [...new Set(seen.filter((id) => blackBoxAnomalies.some((name) => name === id)))].sort();
}

describe("the black box", () => {
  test("finds nothing when all acknowledged records are read in order", () => {
    expect(anomalies(...send("a", 0), ...send("b", 1), start(0), poll(0, ["a", "b"]))).toEqual([]);
  });

  test("inconsistent-offsets: two consumers read different records at one offset", () => {
    const steps = [...send("a", null), ...send("b", null), start(0), poll(0, ["a"])];
    expect(anomalies(...steps, start(0, "r2"), poll(0, ["b"], "r2"))).toEqual([
      "inconsistent-offsets",
    ]);
  });

  test("lost-write: a reader passes the place of an acknowledged record", () => {
    expect(anomalies(...send("a", 0), ...send("b", 1), start(0), poll(0, [null, "b"]))).toEqual([
      "lost-write",
      "poll-skip",
    ]);
    expect(anomalies(...send("a", 0), start(0), poll(0, ["other"]))).toEqual([
      "inconsistent-offsets",
      "lost-write",
    ]);
  });

  test("unseen: an acknowledged record is never read", () => {
    expect(anomalies(...send("a", 0), ...send("b", 1), start(0), poll(0, ["a"]))).toEqual([
      "unseen",
    ]);
  });

  test("duplicate: a record is there twice within one session", () => {
    const steps = [...send("a", 0), again("a", 0), start(0), poll(0, ["a", "a"])];
    expect(anomalies(...steps)).toEqual(["duplicate"]);
  });

  test("duplicate: a second session may append a second time, and no more", () => {
    const steps = [...send("a", 0), again("a", 1), start(0)];
    expect(anomalies(...steps, poll(0, ["a", "a"]))).toEqual([]);
    expect(anomalies(...steps, poll(0, ["a", "a", "a"]))).toEqual(["duplicate"]);
  });

  test("duplicate: without idempotence each attempt may be appended", () => {
    const steps = [...send("a", 0, 0, "p2"), again("a", 0, "p2"), start(0)];
    expect(anomalies(...steps, poll(0, ["a", "a"]))).toEqual([]);
    expect(anomalies(...steps, poll(0, ["a", "a", "a"]))).toEqual(["duplicate"]);
  });

  test("duplicate: equal records that were sent twice are no duplicates", () => {
    const twin = send("a", 1).map((one) => ({
      ...one,
      fact: {
        ...(one.fact as object),
        ...("sendId" in (one.fact as object) ? { sendId: "a2" } : {}),
      },
    })) as Step[];
    expect(anomalies(...send("a", 0), ...twin, start(0), poll(0, ["a", "a"]))).toEqual([]);
  });

  test("nonmonotonic-send: a later send of a session lies before an earlier one", () => {
    const steps = [...send("a", 1), ...send("b", 0), start(0), poll(0, ["b", "a"])];
    expect(anomalies(...steps)).toEqual(["nonmonotonic-send"]);
  });

  test("nonmonotonic-poll: a reader goes back on its own, but may be moved", () => {
    const steps = [...send("a", 0), ...send("b", 1), start(0), poll(0, ["a", "b"])];
    expect(anomalies(...steps, poll(0, ["a"]))).toEqual(["nonmonotonic-poll"]);
    expect(anomalies(...steps, start(0), poll(0, ["a"]))).toEqual([]);
  });

  test("poll-skip: a reader leaves out a record that another one read", () => {
    const steps = [...send("a", null), ...send("b", 1), start(0), poll(0, ["a", "b"])];
    expect(anomalies(...steps, start(0, "r2"), poll(0, [null, "b"], "r2"))).toEqual(["poll-skip"]);
  });
});

describe("contents", () => {
  test("are told apart by key, value and what is absent", () => {
    const a = utf8Encode("a");
    const empty = new Uint8Array(0);
    const hashes = [
      contentHash(a, null),
      contentHash(null, a),
      contentHash(a, empty),
      contentHash(empty, a),
      contentHash(null, null),
      contentHash(empty, empty),
      contentHash(a, a),
      contentHash(utf8Encode("aa"), empty),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hashes.every(Number.isSafeInteger)).toBe(true);
  });
});
