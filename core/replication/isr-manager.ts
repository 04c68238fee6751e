/**
 * Takes ISR proposals to the controller (AlterPartitionManager.java): one AlterPartition request at a
 * time for the whole broker, with all proposals that wait. A proposal stays until it is answered; a
 * request that failed as a whole is sent again after 50 ms.
 */
import type { ControllerChannel } from "../broker/controller-channel.ts";
import { Errors } from "../errors.ts";
import type { TopicId } from "../ids.ts";
import type { Outcome } from "../network/client-channel.ts";
import type { Timer } from "../ports.ts";
import type { AlterPartitionData, AlterPartitionRequest } from "../protocol/alter-partition.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { IsrProposal, IsrProposals } from "./leader-state.ts";
import type { Partition } from "./partition.ts";
import type { ReplicationContext } from "./replication-context.ts";

type AlterPartitionOutcome = Outcome<typeof ApiKeys.ALTER_PARTITION>;

const RETRY_MS = 50;
export const ALTER_PARTITION_LANE = "alter-partition";

export class IsrManager implements IsrProposals {
  readonly #context: ReplicationContext;
  readonly #controller: ControllerChannel;
  readonly #retry: Timer;
  /** Not answered yet, sent or not; one of a partition. */
  readonly #unanswered: Map<Partition, IsrProposal> = new Map();
  #isInFlight = false;
  #isScheduled = false;
  #isClosed = false;

  constructor(context: ReplicationContext, controller: ControllerChannel) {
    this.#context = context;
    this.#controller = controller;
    this.#retry = context.ports.timers.timer(ALTER_PARTITION_LANE, "alter-partition retry", () =>
      this.#send(),
    );
  }

  submit(proposal: IsrProposal): boolean {
    if (this.#isClosed || this.#unanswered.has(proposal.partition)) return false;
    this.#unanswered.set(proposal.partition, proposal);
    // A request that just failed is not hurried.
    if (!this.#retry.armed) this.#schedule();
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#retry.cancel();
    this.#unanswered.clear();
  }

  /** On its own thread, as in Kafka: what one step proposes for many partitions goes together. */
  #schedule(): void {
    if (this.#isScheduled || this.#isInFlight) return;
    this.#isScheduled = true;
    this.#context.ports.work.later(ALTER_PARTITION_LANE, "send ISR proposals", () => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#isInFlight || this.#isClosed || this.#unanswered.size === 0) return;
    this.#isInFlight = true;
    const sent = [...this.#unanswered.values()];
    const request = this.#request(sent);
    this.#controller.send(ApiKeys.ALTER_PARTITION, request, (outcome) => {
      this.#isInFlight = false;
      if (this.#isClosed) return;
      if (this.#answered(sent, outcome)) this.#send();
      else this.#retry.set(RETRY_MS);
      this.#context.actions.drain();
    });
  }

  #request(proposals: readonly IsrProposal[]): AlterPartitionRequest {
    const topics: Map<TopicId, AlterPartitionData[]> = new Map();
    for (const { partition, data } of proposals) {
      const partitions = topics.get(partition.topicId);
      if (partitions === undefined) topics.set(partition.topicId, [data]);
      else partitions.push(data);
    }
    return {
      brokerId: this.#context.nodeId,
      brokerEpoch: this.#context.brokerEpoch(),
      topics: [...topics].map(([topicId, partitions]) => ({ topicId, partitions })),
    };
  }

  /** False when the request as a whole failed. */
  #answered(sent: readonly IsrProposal[], outcome: AlterPartitionOutcome): boolean {
    if (outcome.kind !== "response" || outcome.body.errorCode !== Errors.NONE) return false;
    const again: IsrProposal[] = [];
    for (const topic of outcome.body.topics) {
      for (const result of topic.partitions) {
        const proposal = sent.find(
          ({ partition }) =>
            partition.topicId === topic.topicId && partition.index === result.partitionIndex,
        );
        if (proposal === undefined) continue;
        // First, so that what the answer causes may be proposed at once.
        this.#unanswered.delete(proposal.partition);
        const { leading } = proposal.partition;
        if (leading !== null && leading.answered(proposal, result)) again.push(proposal);
      }
    }
    for (const proposal of again) {
      if (!this.#unanswered.has(proposal.partition)) {
        this.#unanswered.set(proposal.partition, proposal);
      }
    }
    return true;
  }
}
