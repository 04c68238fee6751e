import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { partitionOfGroup, javaHashCode } from "../../core/group/partition-of-group.ts";

interface Answer {
  readonly id: string;
  readonly javaHash: number;
  readonly partitionOf50: number;
}

const file = new URL("coordinator-partition.json", import.meta.url);
const answers = JSON.parse(readFileSync(file, "utf8")) as readonly Answer[];

describe(`what Kafka's own code answered for ${answers.length} group ids`, () => {
  it("has enough ids, with negative hashes and letters beyond ASCII among them", () => {
    expect(answers.length).toBeGreaterThanOrEqual(100);
    expect(answers.some(({ javaHash }) => javaHash < 0)).toBe(true);
    expect(answers.some(({ id }) => [...id].some((letter) => letter > "\u007f"))).toBe(true);
  });

  it("gives every id the same hash and the same partition of 50", () => {
    for (const { id, javaHash, partitionOf50 } of answers) {
      expect([id, javaHashCode(id), partitionOfGroup(id, 50)]).toEqual([
        id,
        javaHash,
        partitionOf50,
      ]);
    }
  });

  it("gives the least integer a partition too", () => {
    // An id whose hash is -2^31.
    const id = "polygenelubricants";

    expect(javaHashCode(id)).toBe(-0x80000000);
    expect(partitionOfGroup(id, 50)).toBe(0);
  });
});
