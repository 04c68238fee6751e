/**
 * One partition of `__consumer_offsets` on this broker, whether it leads or not: the coordinator of
 * its groups comes with a leadership and goes with it (CoordinatorRuntime.java).
 *
 *   closed    somebody else coordinates
 *   loading   elected; the log is being read
 *   active    the groups are served
 *   failed    elected, but the log could not be read: until the next election
 *
 * All happens on a lane of the partition's own. The high watermark is listened to on the lane that
 * moves it, and judged there, since it means nothing once another broker leads.
 *
 * Differs from Kafka: a coordinator that is elected again loads anew if another broker may have led
 * meanwhile; Kafka's goes on with what it has, and notices by the offset of its next write. And
 * the end of a load is for the election that began it alone.
 */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { LeaderEpoch, Offset } from "../../ids.ts";
import { NO_EPOCH, OFFSETS_TOPIC } from "../../ids.ts";
import type { Lane, Ports } from "../../ports.ts";
import type { PartitionListener } from "../../replication/partition.ts";
import type { BrokerSettings } from "../../settings/broker-settings.ts";
import type { CoordinatedPartition, LocalReplicas } from "./coordinated-partition.ts";
import type { CoordinatorLoader, Load } from "./coordinator-loader.ts";
import { CoordinatorQueue } from "./coordinator-queue.ts";
import type { GroupRules } from "./group-rules.ts";
import { GroupShard } from "./group-shard.ts";

export interface CoordinatorPartitionOptions {
  readonly ports: Ports;
  readonly rules: GroupRules;
  readonly settings: BrokerSettings;
  readonly replicas: LocalReplicas;
  readonly loader: CoordinatorLoader;
}

const NO_OFFSET = -1;

export class CoordinatorPartition implements PartitionListener {
  readonly #options: CoordinatorPartitionOptions;
  readonly #index: number;
  readonly #lane: Lane;
  readonly #queue: CoordinatorQueue;
  #state: "closed" | "loading" | "active" | "failed" = "closed";
  /** Of the last election; -1 while closed. */
  #epoch: LeaderEpoch = NO_EPOCH;
  #partition: CoordinatedPartition | null = null;
  #shard: GroupShard | null = null;
  #load: Load | null = null;
  /** Of the log, not told to the shard yet. */
  #highWatermark: Offset = NO_OFFSET;

  constructor(options: CoordinatorPartitionOptions, index: number) {
    this.#options = options;
    this.#index = index;
    this.#lane = `group-coordinator-${index}`;
    this.#queue = new CoordinatorQueue(options.ports.work, this.#lane);
  }

  /** This broker leads in `epoch`. */
  elected(epoch: LeaderEpoch): void {
    this.#queue.addLast(() => this.#elected(epoch));
  }

  /** Another broker leads in `epoch`; null: there is no replica here any more. */
  resigned(epoch: LeaderEpoch | null): void {
    this.#queue.addLast(() => {
      if (this.#state === "closed" || !this.#options.rules.unloads(this.#epoch, epoch)) return;
      this.close();
    });
  }

  /** Ends coordinating at once. */
  close(): void {
    this.#unload();
    this.#state = "closed";
    this.#epoch = NO_EPOCH;
  }

  /**
   * Queues `step` for the shard; instead of it `refuse` is called when nobody coordinates here.
   * `whileLoading` NONE: the step does with what is loaded so far.
   */
  perform(
    step: (shard: GroupShard) => void,
    refuse: (error: ErrorCode) => void,
    whileLoading: ErrorCode = Errors.COORDINATOR_LOAD_IN_PROGRESS,
  ): void {
    this.#queue.addLast(() => {
      const shard = this.#shard;
      if (shard === null || this.#state === "failed") refuse(Errors.NOT_COORDINATOR);
      else if (this.#state === "loading" && whileLoading !== Errors.NONE) refuse(whileLoading);
      else step(shard);
    });
  }

  highWatermarkMoved(highWatermark: Offset): void {
    const { rules } = this.#options;
    const partition = this.#partition;
    const shard = this.#shard;
    if (partition === null || shard === null) return;
    const { isLeader, leadsSince } = partition;
    if (!rules.takesHighWatermark(isLeader, leadsSince, shard.leaderEpoch)) return;
    const isQueued = this.#highWatermark !== NO_OFFSET;
    this.#highWatermark = highWatermark;
    if (!isQueued) this.#queue.addFirst(() => this.#advance());
  }

  #advance(): void {
    const highWatermark = this.#highWatermark;
    this.#highWatermark = NO_OFFSET;
    if (this.#state === "active" && highWatermark !== NO_OFFSET)
      this.#shard?.advance(highWatermark);
  }

  #elected(epoch: LeaderEpoch): void {
    if (epoch <= this.#epoch) return;
    const { rules, replicas } = this.#options;
    this.#epoch = epoch;
    const partition = replicas.localPartition(OFFSETS_TOPIC, this.#index);
    const shard = this.#shard;
    const isActive = this.#state === "active" && shard !== null;
    const leadsSince = partition?.leadsSince ?? NO_EPOCH;
    if (isActive && !rules.loadsAnew(isActive, leadsSince, shard.leaderEpoch)) {
      shard.leaderEpoch = epoch;
      return;
    }
    this.#unload();
    if (partition === undefined) this.#state = "failed";
    else this.#startLoading(partition, epoch);
  }

  #startLoading(partition: CoordinatedPartition, leaderEpoch: LeaderEpoch): void {
    const { ports, rules, settings, loader } = this.#options;
    const lane = this.#lane;
    this.#state = "loading";
    this.#partition = partition;
    const shard = new GroupShard({
      ports,
      rules,
      settings,
      lane,
      partition,
      leaderEpoch,
    });
    const load: Load = {
      partition,
      shard,
      isCancelled: false,
      ended: (succeeded) => this.#queue.addLast(() => this.#loaded(load, succeeded)),
    };
    this.#shard = shard;
    this.#load = load;
    loader.add(load);
  }

  #loaded(load: Load, succeeded: boolean): void {
    if (load !== this.#load) return;
    this.#load = null;
    const { partition, shard } = load;
    const { isLeader, leadsSince } = partition;
    if (!succeeded || !isLeader || leadsSince > shard.leaderEpoch) {
      this.#unload();
      this.#state = "failed";
      return;
    }
    this.#state = "active";
    partition.addListener(this);
    shard.activate(partition.log.highWatermark);
  }

  #unload(): void {
    if (this.#load !== null) this.#load.isCancelled = true;
    this.#partition?.removeListener(this);
    const shard = this.#shard;
    this.#load = null;
    this.#partition = null;
    this.#shard = null;
    this.#highWatermark = NO_OFFSET;
    shard?.unload();
  }
}
