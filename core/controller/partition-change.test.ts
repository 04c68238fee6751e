import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PartitionRegistration } from "../metadata/image.ts";
import { changedRegistration } from "../metadata/image.ts";
import { ElectionRules } from "./election-rules.ts";
import type { PartitionChangeRequest } from "./partition-change.ts";
import { partitionChange } from "./partition-change.ts";

const replicas: readonly number[] = [1, 2, 3];

const situation = fc
  .record({
    isr: fc.shuffledSubarray([...replicas], { minLength: 1 }),
    leaderAt: fc.nat(3),
    active: fc.subarray([...replicas]),
    removed: fc.constantFrom(-1, ...replicas),
    isUncleanAllowed: fc.boolean(),
    isPreferred: fc.boolean(),
  })
  .map(({ isr, leaderAt, active, removed, isUncleanAllowed, isPreferred }) => {
    const partition: PartitionRegistration = {
      replicas,
      isr,
      leader: isr[leaderAt] ?? -1,
      leaderRecoveryState: 0,
      leaderEpoch: 4,
      partitionEpoch: 7,
    };
    const request: PartitionChangeRequest = {
      topicId: "topic",
      partitionId: 0,
      partition,
      targetIsr: isr.filter((id) => id !== removed),
      recoveryState: 0,
      isPreferred,
      isUncleanAllowed,
      isAcceptable: (id) => id !== removed && active.includes(id),
    };
    return { partition, request };
  });

describe("partitionChange", () => {
  it("elects only acceptable replicas, cleanly only from the ISR, and never empties an ISR", () => {
    fc.assert(
      fc.property(situation, ({ partition, request }) => {
        const change = partitionChange(new ElectionRules(), request);
        const after = change === null ? partition : changedRegistration(partition, change.record);
        expect(after.isr.length).toBeGreaterThan(0);
        expect(new Set(after.isr).size).toBe(after.isr.length);
        if (after.leader === -1) return;
        expect(after.isr).toContain(after.leader);
        expect(request.isAcceptable(after.leader)).toBe(true);
        if (partition.isr.includes(after.leader)) return;
        expect(change?.isUnclean).toBe(true);
        expect(request.isUncleanAllowed).toBe(true);
        expect(after).toMatchObject({ isr: [after.leader], leaderRecoveryState: 1 });
      }),
      { numRuns: 500 },
    );
  });

  it("leaves nobody leaderless while an acceptable member of the ISR is there", () => {
    fc.assert(
      fc.property(situation, ({ partition, request }) => {
        const change = partitionChange(new ElectionRules(), request);
        const after = change === null ? partition : changedRegistration(partition, change.record);
        if (request.targetIsr.some((id) => request.isAcceptable(id))) {
          expect(after.leader).not.toBe(-1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("counts leader epochs by leaders and partition epochs by changes", () => {
    fc.assert(
      fc.property(situation, ({ partition, request }) => {
        const change = partitionChange(new ElectionRules(), request);
        if (change === null) return;
        const after = changedRegistration(partition, change.record);
        const isNew = after.leader !== partition.leader;
        expect(after.leaderEpoch).toBe(partition.leaderEpoch + (isNew ? 1 : 0));
        expect(after.partitionEpoch).toBe(partition.partitionEpoch + 1);
      }),
    );
  });

  it("keeps a leader that may go on unless the preferred one is asked for", () => {
    const partition: PartitionRegistration = {
      replicas,
      isr: [1, 2, 3],
      leader: 3,
      leaderRecoveryState: 0,
      leaderEpoch: 0,
      partitionEpoch: 0,
    };
    const elect = (isPreferred: boolean, active: readonly number[]): number | null | undefined =>
      partitionChange(new ElectionRules(), {
        topicId: "topic",
        partitionId: 0,
        partition,
        targetIsr: partition.isr,
        recoveryState: 0,
        isPreferred,
        isUncleanAllowed: false,
        isAcceptable: (id) => active.includes(id),
      })?.record.leader;
    expect(elect(false, [1, 2, 3])).toBeUndefined();
    expect(elect(true, [1, 2, 3])).toBe(1);
    expect(elect(true, [2, 3])).toBeUndefined();
    expect(elect(true, [2])).toBe(2);
    expect(elect(true, [])).toBe(-1);
  });
});
