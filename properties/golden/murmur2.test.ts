import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { murmur2 } from "../../core/client/murmur2.ts";
import { ProducerRules } from "../../core/client/producer-rules.ts";

interface Answer {
  readonly key: string;
  readonly murmur2: number;
  readonly of3: number;
  readonly of7: number;
  readonly of50: number;
}

const file = new URL("murmur2.json", import.meta.url);
const answers = JSON.parse(readFileSync(file, "utf8")) as readonly Answer[];

describe(`what Kafka's own code answered for ${answers.length} keys`, () => {
  it("has enough keys, of all lengths modulo four", () => {
    expect(answers.length).toBeGreaterThan(100);
    expect(new Set(answers.map((answer) => (answer.key.length / 2) % 4)).size).toBe(4);
  });

  it("gives every key the same murmur2 hash", () => {
    for (const answer of answers) expect([answer.key, hashOf(answer)]).toEqual([answer.key, answer.murmur2]);
  });

  it("puts every key into the same partition of 3, 7 and 50", () => {
    const rules = new ProducerRules();
    for (const answer of answers) {
      const hash = hashOf(answer);
      expect([3, 7, 50].map((count) => rules.partitionOfHash(hash, count))).toEqual([
        answer.of3,
        answer.of7,
        answer.of50,
      ]);
    }
  });
});

function hashOf(answer: Answer): number {
  return murmur2(new Uint8Array(Buffer.from(answer.key, "hex")));
}
