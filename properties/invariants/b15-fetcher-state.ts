import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * B15, fetchers: a replica has at most one fetcher. Once a broker has applied a step of metadata, a
 * leader has none, and a follower has one that asks its leader. Excepted are a leader that is unknown,
 * fenced or -1, a partition that failed or was fenced off, and a broker that is not RUNNING.
 *
 * Broken by: taking up leadership without stopping the fetcher.
 *   1. A follows B   2. A becomes leader   3. A's fetcher goes on asking B
 */
export class FetcherState extends Check {
  readonly id = "B15";
  /** Replicas that changed role since their node last finished a step of metadata. */
  readonly #changed: Set<ReplicaGhost> = new Set();

  override readonly before: Handlers = {
    "fetcher-added": (fact, moment) => {
      const { fetcherLeader } = this.ghost.replica(fact.partition, moment);
      this.evaluations += 1;
      if (fetcherLeader === -1) return;
      const message = `a fetcher of broker ${fact.leader} was added to one of broker ${fetcherLeader}`;
      this.fail(moment, message, fact.partition);
    },
    appended: (fact, moment) => {
      if (fact.as !== "follower") return;
      const replica = this.ghost.replica(fact.partition, moment);
      if (replica.partition.isMetadata) return;
      this.evaluations += 1;
      if (replica.role !== "leader") return;
      const message = `${moment.node} leads in epoch ${replica.leaderEpoch} and appended as a follower`;
      this.fail(moment, message, fact.partition, fact.batch.baseOffset);
    },
  };

  override readonly after: Handlers = {
    "became-leader": (fact, moment) => {
      this.#changed.add(this.ghost.replica(fact.partition, moment));
    },
    "became-follower": (fact, moment) => {
      this.#changed.add(this.ghost.replica(fact.partition, moment));
    },
    "metadata-applied": (_fact, moment) => {
      if (this.#changed.size === 0) return;
      for (const replica of this.#changed) {
        if (replica.node.nodeId !== moment.nodeId) continue;
        this.#changed.delete(replica);
        this.#judge(replica, moment);
      }
    },
  };

  #judge(replica: ReplicaGhost, moment: Moment): void {
    const { fetcherLeader, believedLeader, partition, node } = replica;
    if (node.incarnation !== moment.incarnation || partition.isMetadata) return;
    if (replica.role === "leader") {
      this.evaluations += 1;
      if (fetcherLeader === -1) return;
      const message = `${moment.node} leads in epoch ${replica.leaderEpoch} and fetches from broker ${fetcherLeader}`;
      this.fail(moment, message, partition.name);
      return;
    }
    if (fetcherLeader !== -1) {
      this.evaluations += 1;
      if (fetcherLeader === believedLeader) return;
      const message = `${moment.node} fetches from broker ${fetcherLeader}, its leader is ${believedLeader}`;
      this.fail(moment, message, partition.name);
      return;
    }
    const leader = this.ghost.metadata.brokers.get(believedLeader);
    const excused =
      believedLeader === -1 || leader === undefined || leader.fenced || replica.fetcherStopped;
    if (excused || !node.online || node.state !== "RUNNING") return;
    this.evaluations += 1;
    const message = `${moment.node} follows broker ${believedLeader} in epoch ${replica.leaderEpoch} without a fetcher`;
    this.fail(moment, message, partition.name);
  }
}
