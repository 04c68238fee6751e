/**
 * L11: after the heal the cluster comes to rest: at most 5 epochs of the quorum that had a leader (and 20 in
 * all: two voters of a small quorum may split their votes several times, where an election timeout is not
 * much longer than the way between them; L1 has the last word on those) and, for each partition, at most 10 leader epochs, 20 ISR changes, and 3 truncations of each replica. Judged whenever one of
 * them grows.
 *
 * Broken by voters that stand for election without asking first (`RaftRules.asksBeforeStanding`,
 * KIP-996):
 *   1. c102 hears nothing from the leader c100, but c101 does
 *   2. c102 raises the epoch and deposes c100, which is elected again
 *   3. and so on, as long as the link is cut
 */
import { flakyExcuse } from "./excuses.ts";
import type { HealView } from "./heal-view.ts";
import type { ExcuseReason, Pending } from "./pending.ts";
import { LivenessCheck } from "./pending.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";

const MOST_QUORUM_LEADERS = 5;
const MOST_QUORUM_EPOCHS = 20;
const MOST_LEADER_EPOCHS = 10;
const MOST_ISR_CHANGES = 20;
const MOST_TRUNCATIONS = 3;

export class NoLivelock extends LivenessCheck {
  readonly id = "L11";

  *pending(view: HealView): Iterable<Pending> {
    yield* this.quorum(view);
    for (const { partition } of view.partitions()) yield* this.partition(view, partition);
  }

  *quorum(view: HealView): Iterable<Pending> {
    this.evaluations += 1;
    const { quorumEpoch, firstQuorumEpoch } = view.watch;
    const epochs = quorumEpoch - firstQuorumEpoch;
    if (epochs <= MOST_QUORUM_LEADERS) return;
    const { leaderIn } = view.ghost.quorum;
    let led = 0;
    for (let epoch = firstQuorumEpoch + 1; epoch <= quorumEpoch; epoch += 1) {
      if (leaderIn[epoch] !== undefined) led += 1;
    }
    if (led <= MOST_QUORUM_LEADERS && epochs <= MOST_QUORUM_EPOCHS) return;
    yield {
      object: "__cluster_metadata-0",
      partition: null,
      nodes: view.voters.map(({ name }) => name),
      waitsFor: () => `the quorum has had ${epochs} epochs since the heal and is in ${quorumEpoch}`,
      excuse: () =>
        flakyExcuse(
          view,
          view.voters.map(({ nodeId }) => nodeId),
        ),
    };
  }

  *partition(view: HealView, { name, registration }: PartitionGhost): Iterable<Pending> {
    if (registration === null) return;
    this.evaluations += 1;
    const { firstLeaderEpoch, isrChanges, frozenJoins, truncations } = view.watch.changesOf(name);
    const flaky = (): ExcuseReason | null => flakyExcuse(view, registration.replicas);
    const over = (waitsFor: string, excuse: () => ExcuseReason | null): Pending => ({
      object: name,
      partition: name,
      nodes: view.names(registration.replicas),
      waitsFor: () => waitsFor,
      excuse,
    });
    const epochs = registration.leaderEpoch - firstLeaderEpoch;
    if (epochs > MOST_LEADER_EPOCHS) {
      yield over(`it has had ${epochs} leader epochs since the heal`, flaky);
    }
    if (isrChanges > MOST_ISR_CHANGES) {
      yield over(`its ISR has changed ${isrChanges} times since the heal`, () =>
        isrChanges - 2 * frozenJoins <= MOST_ISR_CHANGES ? "frozen-high-watermark" : flaky(),
      );
    }
    for (const replica of registration.replicas) {
      const cuts = truncations[replica] ?? 0;
      if (cuts <= MOST_TRUNCATIONS) continue;
      yield over(`${view.name(replica)} has cut its log ${cuts} times since the heal`, flaky);
    }
  }
}
