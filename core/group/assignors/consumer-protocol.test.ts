import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Assignment, Subscription, TopicPartition } from "./assignor.ts";
import { compareText } from "./assignor-rules.ts";
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from "./consumer-protocol.ts";
import {
  decodeGeneration,
  decodeStickyUserData,
  encodeGeneration,
  encodeStickyUserData,
} from "./sticky-user-data.ts";

const VERSIONS = [0, 1, 2, 3];

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const partition: fc.Arbitrary<TopicPartition> = fc.record({
  topic: fc.oneof(fc.constantFrom("t", "u", "v"), text),
  partition: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
});
const partitions = fc.array(partition, { maxLength: 30 });
const userData = fc.option(fc.uint8Array({ maxLength: 300 }));
const generationId = fc.integer({ min: -1, max: 0x7fffffff });

const subscription: fc.Arbitrary<Subscription> = fc.record({
  topics: fc.array(text, { maxLength: 10 }),
  userData,
  ownedPartitions: partitions,
  generationId,
  groupInstanceId: fc.option(text),
  rackId: fc.option(text.filter((rack) => rack !== "")),
});
const assignment: fc.Arbitrary<Assignment> = fc.record({ partitions, userData });

/** On the other side lists are sorted, and what the version has no field for is lost. */
function asRead(given: Subscription, version: number): Subscription {
  return {
    ...given,
    topics: [...given.topics].sort(compareText),
    ownedPartitions:
      version < 1
        ? []
        : [...given.ownedPartitions].sort(
            (a, b) => compareText(a.topic, b.topic) || a.partition - b.partition,
          ),
    generationId: version < 2 ? -1 : given.generationId,
    rackId: version < 3 ? null : given.rackId,
  };
}

/** Partitions come back topic by topic. */
function grouped(given: readonly TopicPartition[]): TopicPartition[] {
  const topics = [...new Set(given.map(({ topic }) => topic))];
  return topics.flatMap((topic) => given.filter((one) => one.topic === topic));
}

describe("a subscription", () => {
  it.each(VERSIONS)("comes back as it was (version %d)", (version) => {
    fc.assert(
      fc.property(subscription, (given) => {
        const bytes = encodeSubscription(given, version);

        expect(decodeSubscription(bytes, given.groupInstanceId)).toEqual({
          value: asRead(given, version),
        });
      }),
    );
  });

  it("is read of a version to come, and with more fields behind it", () => {
    const given = { ...aSubscription(), rackId: "r" };
    const bytes = Uint8Array.of(...encodeSubscription(given), 1, 2, 3);
    bytes[1] = 9;

    expect(decodeSubscription(bytes).value).toEqual(given);
  });

  it("is refused when it ends too early, wherever", () => {
    fc.assert(
      fc.property(subscription, fc.constantFrom(...VERSIONS), fc.nat(), (given, version, at) => {
        const bytes = encodeSubscription(given, version);
        const { value, error } = decodeSubscription(bytes.subarray(0, at % bytes.length));

        expect(value).toBeUndefined();
        expect(error).toMatch(/^a broken subscription: .+ but only \d+ .*left$/);
      }),
    );
  });

  it("is refused by name when a field makes no sense", () => {
    const errorOf = (...bytes: number[]): string | undefined =>
      decodeSubscription(Uint8Array.from(bytes)).error;

    expect(errorOf()).toBe("a broken subscription: the version needs 2 bytes, but only 0 are left");
    expect(errorOf(255, 255)).toBe("a subscription of version -1");
    expect(errorOf(0, 0, 255, 255, 255, 255)).toBe("a broken subscription: topics has -1 entries");
    expect(errorOf(0, 0, 0, 0, 0, 9, 0, 1, 65)).toBe(
      "a broken subscription: topics has 9 entries, but only 3 bytes are left",
    );
    expect(errorOf(0, 0, 0, 0, 0, 1, 255, 255)).toBe("a broken subscription: a topic is null");
  });

  it("is never anything but read or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const { value, error } of [decodeSubscription(bytes), decodeAssignment(bytes)]) {
          expect((value === undefined) !== (error === undefined)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("an assignment", () => {
  it.each(VERSIONS)("comes back as it was (version %d)", (version) => {
    fc.assert(
      fc.property(assignment, (given) => {
        expect(decodeAssignment(encodeAssignment(given, version))).toEqual({
          value: { ...given, partitions: grouped(given.partitions) },
        });
      }),
    );
  });

  it("is refused when it ends too early, wherever", () => {
    fc.assert(
      fc.property(assignment, fc.nat(), (given, at) => {
        const bytes = encodeAssignment(given);

        expect(decodeAssignment(bytes.subarray(0, at % bytes.length)).error).toMatch(
          /^a broken assignment: /,
        );
      }),
    );
  });
});

describe("the user data of sticky", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(partitions, generationId, (given, generation) => {
        const read = decodeStickyUserData(encodeStickyUserData(given, generation));

        expect(read.generationId).toBe(generation);
        expect(sorted(read.partitions)).toEqual(sorted(given));
      }),
    );
  });

  it("has no generation in version 0", () => {
    const bytes = encodeStickyUserData([{ topic: "t", partition: 1 }], 7);

    expect(decodeStickyUserData(bytes.subarray(0, bytes.length - 4))).toEqual({
      partitions: [{ topic: "t", partition: 1 }],
      generationId: null,
    });
  });

  it("claims nothing when it is broken", () => {
    const bytes = encodeStickyUserData([{ topic: "t", partition: 1 }], 7);

    expect(decodeStickyUserData(bytes.subarray(0, bytes.length - 5))).toEqual({
      partitions: [],
      generationId: -1,
    });
  });

  it("is only the generation where members are cooperative", () => {
    expect(decodeGeneration(encodeGeneration(5))).toBe(5);
    expect(decodeGeneration(Uint8Array.of(0, 0))).toBe(-1);
  });
});

function sorted(given: readonly TopicPartition[]): string[] {
  return given.map(({ topic, partition: number }) => `${topic}/${number}`).sort();
}

function aSubscription(): Subscription {
  return {
    topics: ["t"],
    userData: null,
    ownedPartitions: [{ topic: "t", partition: 0 }],
    generationId: 4,
    groupInstanceId: null,
    rackId: null,
  };
}
