/**
 * L6: metadata converges: every broker of the core hears the present leader of the quorum, has applied all
 * that the controllers decided, acts in the leader epoch that they gave its partitions, and has an answer
 * to each ISR change that it asked for.
 *
 * Broken by a controller that refuses with FENCED_LEADER_EPOCH what is newer than its own knowledge
 * (`AlterPartitionRules.aheadError`, KAFKA-14154):
 *   1. c100 leads and is paused; c101 is elected and makes b1 leader in epoch 5
 *   2. c100 resumes; b1's proposal is on its connection to c100, which knows of epoch 4
 *   3. "fenced" makes b1 wait for metadata that never comes: the proposal stays pending for ever
 */
import type { PartitionName } from "../../core/ids.ts";
import {
  controllerExcuse,
  firstOf,
  leaderExcuse,
  rottenMetadataExcuse,
  serverExcuse,
} from "./excuses.ts";
import type { HealView, LivePartition, Server } from "./heal-view.ts";
import type { OpenProposal } from "./liveness-watch.ts";
import type { Pending } from "./pending.ts";
import { LivenessCheck } from "./pending.ts";

export class MetadataConverges extends LivenessCheck {
  readonly id = "L6";

  *pending(view: HealView): Iterable<Pending> {
    for (const broker of view.brokers) {
      this.evaluations += 1;
      if (isUpToDate(view, broker)) continue;
      yield this.#behind(view, broker, () => describe(view, broker));
    }
    for (const live of view.partitions()) yield* this.#beliefs(view, live);
    for (const [partition, proposal] of view.watch.proposals) {
      if (!view.isInCore(proposal.node)) continue;
      this.evaluations += 1;
      yield unanswered(view, partition, proposal);
    }
  }

  *#beliefs(view: HealView, live: LivePartition): Iterable<Pending> {
    const { partition, registration } = live;
    const { leader, leaderEpoch, replicas } = registration;
    if (leader < 0) return;
    for (const broker of view.brokers) {
      if (!replicas.includes(broker.nodeId)) continue;
      this.evaluations += 1;
      const believed = partition.replica(broker.nodeId)?.leaderEpoch ?? -1;
      if (believed === leaderEpoch) continue;
      yield this.#behind(
        view,
        broker,
        () => `of ${partition.name} it knows leader epoch ${believed}, which is ${leaderEpoch}`,
      );
    }
  }

  #behind(view: HealView, { name, nodeId }: Server, waitsFor: () => string): Pending {
    return {
      object: name,
      partition: null,
      nodes: [name],
      waitsFor,
      excuse: () =>
        firstOf(
          () => controllerExcuse(view),
          () => rottenMetadataExcuse(view, nodeId),
          () => (view.isUp(nodeId) ? null : (serverExcuse(view, nodeId) ?? "node-halted")),
        ),
    };
  }
}

/** What it has applied is all that was decided, of the present leader, and no older than the heal. */
function isUpToDate(view: HealView, { nodeId }: Server): boolean {
  const { applied, decidedEnd, active } = view.watch;
  const own = applied[nodeId];
  if (own === undefined || active === null || own.offset < decidedEnd) return false;
  return !view.quorumSpeaks || (own.epoch >= active.epoch && own.at >= view.healedAt);
}

function describe(view: HealView, { nodeId }: Server): string {
  const { applied, decidedEnd, active } = view.watch;
  const own = applied[nodeId];
  const leader =
    active === null
      ? "no controller leads"
      : `${view.name(active.node)} leads in epoch ${active.epoch}`;
  const last =
    own === undefined ? "none" : `${own.offset} of epoch ${own.epoch}, ${view.ago(own.at)}`;
  return `the last metadata that it applied is ${last}; ${decidedEnd} is decided, ${leader}`;
}

function unanswered(view: HealView, partition: PartitionName, proposal: OpenProposal): Pending {
  const { node, proposedIsr, partitionEpoch, at } = proposal;
  const live = [...view.partitions()].find((one) => one.partition.name === partition);
  return {
    object: partition,
    partition,
    nodes: [view.name(node)],
    waitsFor: () =>
      `${view.name(node)} proposed the ISR [${proposedIsr.join(", ")}] at partition epoch ` +
      `${partitionEpoch}, ${view.ago(at)}, and has no answer`,
    excuse: () => (live === undefined ? controllerExcuse(view) : leaderExcuse(view, live)),
  };
}
