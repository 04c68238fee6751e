/** An admin asks for elections (electLeaders in ReplicationControlManager.java, KIP-460). */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import { NO_NODE } from "../ids.ts";
import type { MetadataImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type { ElectLeadersRequest, ElectLeadersResponse } from "../protocol/elect-leaders.ts";
import { PREFERRED_ELECTION, UNCLEAN_ELECTION } from "../protocol/elect-leaders.ts";
import type { Decision } from "../replicated-state/replicated-state-machine.ts";
import { Changes } from "./changes.ts";
import type { ControllerContext } from "./context.ts";
import { decide } from "./context.ts";
import { electOne } from "./isr-updates.ts";

type Results = ElectLeadersResponse["replicaElectionResults"];
type Result = Results[number]["partitionResult"][number];

export function electLeaders(
  context: ControllerContext,
  image: MetadataImage,
  request: ElectLeadersRequest,
): Decision<MetadataRecord, ElectLeadersResponse> {
  const { electionType, topicPartitions } = request;
  const changes = new Changes(context.ports.probe);
  if (electionType !== PREFERRED_ELECTION && electionType !== UNCLEAN_ELECTION) {
    return decide(changes, { errorCode: Errors.INVALID_REQUEST, replicaElectionResults: [] });
  }
  const isUnclean = electionType === UNCLEAN_ELECTION;
  const asked =
    topicPartitions ??
    [...image.topicsById.values()].map(({ name, partitions }) => ({
      topic: name,
      partitions: [...partitions.keys()],
    }));
  const results: Results = asked.map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions
      .map((partitionId): Result => {
        const errorCode = elect(context, image, changes, topic, partitionId, isUnclean);
        return { partitionId, errorCode, errorMessage: null };
      })
      // Asked about all partitions, it names only those where there was something to do.
      .filter((one) => topicPartitions !== null || one.errorCode !== Errors.ELECTION_NOT_NEEDED),
  }));
  const replicaElectionResults = results.filter(
    ({ partitionResult }) => topicPartitions !== null || partitionResult.length > 0,
  );
  return decide(changes, { errorCode: Errors.NONE, replicaElectionResults });
}

function elect(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  name: string,
  partitionId: number,
  isUnclean: boolean,
): ErrorCode {
  const topic = image.topicsByName.get(name);
  const partition = topic?.partitions[partitionId];
  if (topic === undefined || partition === undefined) return Errors.UNKNOWN_TOPIC_OR_PARTITION;
  const { election } = context.rules;
  const isNeeded = isUnclean
    ? election.uncleanNeeded(partition.leader)
    : election.preferredNeeded(partition.leader, partition.replicas[0] ?? NO_NODE);
  if (!isNeeded) return Errors.ELECTION_NOT_NEEDED;
  if (electOne(context, image, changes, topic, partitionId, partition, isUnclean)) {
    return Errors.NONE;
  }
  return isUnclean ? Errors.ELIGIBLE_LEADERS_NOT_AVAILABLE : Errors.PREFERRED_LEADER_NOT_AVAILABLE;
}
