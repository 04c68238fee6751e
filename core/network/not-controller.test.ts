import { expect, test } from "vitest";
import { Errors } from "../errors.ts";
import { ApiKeys } from "../protocol/message.ts";
import { saysNotController } from "./not-controller.ts";

/** What a controller answers that is deposed, does not know it, and knows less than the leader. */
function alterPartitionAnswer(errorCode: number, ofPartition: number) {
  const nothing = { leaderId: -1, leaderEpoch: -1, isr: [], leaderRecoveryState: 0 } as const;
  const partition = { partitionIndex: 0, errorCode: ofPartition, ...nothing, partitionEpoch: -1 };
  return { errorCode, topics: [{ topicId: "T", partitions: [partition] }] };
}

test.each([
  [Errors.NOT_CONTROLLER, Errors.NONE, true],
  [Errors.NONE, Errors.NOT_CONTROLLER, true],
  [Errors.NONE, Errors.FENCED_LEADER_EPOCH, false],
  [Errors.STALE_BROKER_EPOCH, Errors.NONE, false],
])("an answer to AlterPartition with error %i, and %i of a partition: %s", (whole, part, says) => {
  const answer = alterPartitionAnswer(whole, part);
  expect(saysNotController(ApiKeys.ALTER_PARTITION, answer)).toBe(says);
});
