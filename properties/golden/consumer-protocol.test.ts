import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from "../../core/group/assignors/consumer-protocol.ts";
import {
  encodeGeneration,
  encodeStickyUserData,
} from "../../core/group/assignors/sticky-user-data.ts";

/** What kafka-clients 4.0.0 wrote for these fields; byte strings are hex. */
interface Golden {
  readonly version: number;
  readonly topics: readonly string[];
  readonly userData: string | null;
  readonly partitions: readonly (readonly [topic: string, partition: number])[];
  readonly generationId: number;
  readonly rackId: string | null;
  readonly subscription: string;
  readonly assignment: string;
  readonly stickyUserData: string;
  readonly cooperativeUserData: string;
}

const file = new URL("consumer-protocol.json", import.meta.url);
const goldens = JSON.parse(readFileSync(file, "utf8")) as readonly Golden[];

describe(`the consumer protocol that Kafka's own code wrote (${goldens.length} times)`, () => {
  it.each([0, 1, 2, 3])("is written byte for byte (version %d)", (version) => {
    const cases = goldens.filter((golden) => golden.version === version);
    expect(cases.length).toBeGreaterThan(10);
    for (const golden of cases) {
      const { subscription, assignment } = fieldsOf(golden);
      expect(hex(encodeSubscription(subscription, version))).toBe(golden.subscription);
      expect(hex(encodeAssignment(assignment, version))).toBe(golden.assignment);
    }
  });

  it("is read, and written again as it was", () => {
    for (const golden of goldens) {
      const subscription = decodeSubscription(bytesOf(golden.subscription));
      const assignment = decodeAssignment(bytesOf(golden.assignment));
      expect(hex(encodeSubscription(subscription.value!, golden.version))).toBe(
        golden.subscription,
      );
      expect(hex(encodeAssignment(assignment.value!, golden.version))).toBe(golden.assignment);
    }
  });

  it("has the user data of the sticky assignors byte for byte", () => {
    for (const golden of goldens) {
      const { partitions } = fieldsOf(golden).assignment;
      expect(hex(encodeStickyUserData(partitions, golden.generationId))).toBe(
        golden.stickyUserData,
      );
      expect(hex(encodeGeneration(golden.generationId))).toBe(golden.cooperativeUserData);
    }
  });
});

function fieldsOf({ topics, partitions, userData, generationId, rackId }: Golden) {
  const named = partitions.map(([topic, partition]) => ({ topic, partition }));
  const data = userData === null ? null : bytesOf(userData);
  return {
    subscription: {
      topics,
      userData: data,
      ownedPartitions: named,
      generationId,
      groupInstanceId: null,
      rackId,
    },
    assignment: { partitions: named, userData: data },
  };
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
