/**
 * All partition logs of a broker, under its one log directory (LogManager.scala): loading them at
 * start, one step a log; checkpoint files; clean shutdown. The metadata log lies in the same directory,
 * but its owner opens it.
 *
 * Differs from Kafka: one log directory, whose logs are loaded one after the other (as with
 * num.recovery.threads.per.data.dir 1); the high watermark checkpoint is written here; making a
 * partition's directory is synced, since a disk here may lose it otherwise.
 */
import type { BrokerEpoch, NodeId, Offset, PartitionName, Uuid } from "../ids.ts";
import { METADATA_TOPIC, partitionName } from "../ids.ts";
import type { Ports, StorageError, Timer } from "../ports.ts";
import { asStorageError } from "../ports.ts";
import type { Rules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { TopicSettings } from "../settings/topic-settings.ts";
import { OffsetCheckpoint, removeTemporaries } from "./checkpoint-file.ts";
import { CleanShutdownFile } from "./clean-shutdown-file.ts";
import type { LogCheckpoint } from "./log-loader.ts";
import { openMetaProperties } from "./meta-properties.ts";
import { PartitionLog } from "./partition-log.ts";

export interface LogManagerOptions {
  readonly ports: Ports;
  readonly rules: Rules;
  readonly settings: BrokerSettings;
  readonly clusterId: string;
  readonly nodeId: NodeId;
  topicSettings(topic: string): TopicSettings;
  /** The log directory failed in a step of its own. Nothing of it may be used any more. */
  onFailure(error: StorageError): void;
}

const RECOVERY_LANE = "log-recovery";
const SCHEDULER_LANE = "scheduler";
const NEW_LOG: LogCheckpoint = { recoveryPoint: 0, logStartOffset: 0, highWatermark: 0 };

export class LogManager {
  /** Of the log directory, given at its first start. */
  readonly directoryId: Uuid;
  /** Epoch of the broker that last stopped cleanly here, if nothing came after it; -1 otherwise. */
  readonly previousBrokerEpoch: BrokerEpoch;
  readonly #options: LogManagerOptions;
  readonly #directory: string;
  readonly #logs: Map<PartitionName, PartitionLog> = new Map();
  readonly #cleanShutdown: CleanShutdownFile;
  readonly #recoveryPoints: OffsetCheckpoint;
  readonly #logStarts: OffsetCheckpoint;
  readonly #highWatermarks: OffsetCheckpoint;
  readonly #timers: Timer[] = [];
  #isLoaded = false;
  #isClosed = false;

  /**
   * Opens, and at the first start formats, the log directory. Throws a StorageError when that fails;
   * ends the process when the directory belongs to another cluster or node.
   */
  constructor(options: LogManagerOptions) {
    const { ports, settings } = options;
    const { storage } = ports;
    this.#options = options;
    this.#directory = settings["log.dir"];
    if (!storage.exists(this.#directory)) {
      storage.makeDirectory(this.#directory);
      storage.syncDirectory(parentOf(this.#directory));
    }
    removeTemporaries(storage, this.#directory);
    const { clusterId, nodeId } = options;
    this.directoryId = openMetaProperties(ports, this.#directory, clusterId, nodeId);
    this.#cleanShutdown = new CleanShutdownFile(storage, this.#directory);
    this.previousBrokerEpoch = this.#cleanShutdown.brokerEpoch();
    const checkpoint = (name: string): OffsetCheckpoint =>
      new OffsetCheckpoint(storage, this.#directory, name);
    this.#recoveryPoints = checkpoint("recovery-point-offset-checkpoint");
    this.#logStarts = checkpoint("log-start-offset-checkpoint");
    this.#highWatermarks = checkpoint("replication-offset-checkpoint");
  }

  /** Loads all logs, each in a step of its own; then calls `done` and begins the periodic work. */
  start(done: () => void): void {
    this.#options.ports.work.later(RECOVERY_LANE, "load logs", () => {
      this.#try(() => this.#beginLoading(done));
    });
  }

  get(name: PartitionName): PartitionLog | undefined {
    return this.#logs.get(name);
  }

  /** The log of a partition; made when there is none. Throws a StorageError. */
  getOrCreate(topic: string, partition: number): PartitionLog {
    const name = partitionName(topic, partition);
    return this.#logs.get(name) ?? this.#open(name, NEW_LOG, false);
  }

  all(): Iterable<PartitionLog> {
    return this.#logs.values();
  }

  /** Writes the high watermarks for the next start. Throws a StorageError. */
  checkpointHighWatermarks(): void {
    this.#highWatermarks.write(this.#offsets((log) => log.highWatermark));
  }

  /**
   * Closes all logs and says so in the clean-shutdown file. Does nothing when the logs were never
   * loaded: then they are as the last stop left them, but nobody looked at them.
   */
  shutDown(brokerEpoch: BrokerEpoch): void {
    if (!this.#isLoaded || this.#isClosed) return;
    this.#try(() => {
      for (const log of this.#logs.values()) log.close();
      this.#checkpointRecoveryPoints();
      this.#checkpointLogStarts();
      this.checkpointHighWatermarks();
      this.#cleanShutdown.write(brokerEpoch);
    });
    for (const timer of this.#timers) timer.cancel();
    this.#isClosed = true;
  }

  #beginLoading(done: () => void): void {
    const { rules, ports } = this.#options;
    const clean = this.#cleanShutdown.exists();
    if (rules.log.consumesCleanShutdownFile()) this.#cleanShutdown.remove();
    const recoveryPoints = this.#recoveryPoints.read();
    const logStarts = this.#logStarts.read();
    const highWatermarks = this.#highWatermarks.read();
    for (const name of ports.storage.list(this.#directory)) {
      if (!isLogDirectory(name)) continue;
      const checkpoint = {
        recoveryPoint: recoveryPoints.get(name) ?? 0,
        logStartOffset: logStarts.get(name) ?? 0,
        highWatermark: highWatermarks.get(name) ?? 0,
      };
      ports.work.later(RECOVERY_LANE, `load ${name}`, () => {
        this.#try(() => this.#open(name, checkpoint, clean));
      });
    }
    ports.work.later(RECOVERY_LANE, "all logs loaded", () => {
      this.#try(() => {
        // Recovery may have lowered one: until that is on disk, a segment could pass for flushed.
        this.#checkpointRecoveryPoints();
        this.#isLoaded = true;
        this.#beginPeriodicWork();
        done();
      });
    });
  }

  #open(name: PartitionName, checkpoint: LogCheckpoint, clean: boolean): PartitionLog {
    const { ports, rules, settings } = this.#options;
    const log = PartitionLog.open({
      ports,
      rules,
      lane: SCHEDULER_LANE,
      directory: `${this.#directory}/${name}`,
      name,
      settings: this.#options.topicSettings(name.slice(0, name.lastIndexOf("-"))),
      checkpoint,
      clean,
      producerIdExpirationMs: settings["producer.id.expiration.ms"],
      onFailure: (error) => this.#options.onFailure(error),
      onCut: () => this.#checkpointRecoveryPoints(),
    });
    this.#logs.set(name, log);
    return log;
  }

  #beginPeriodicWork(): void {
    const { settings, ports } = this.#options;
    this.#every(
      "recovery-point-checkpoint",
      settings["log.flush.offset.checkpoint.interval.ms"],
      () => this.#checkpointRecoveryPoints(),
    );
    this.#every(
      "log-start-checkpoint",
      settings["log.flush.start.offset.checkpoint.interval.ms"],
      () => this.#checkpointLogStarts(),
    );
    this.#every(
      "high-watermark-checkpoint",
      settings["replica.high.watermark.checkpoint.interval.ms"],
      () => this.checkpointHighWatermarks(),
    );
    this.#every("producer-expiration", settings["producer.id.expiration.check.interval.ms"], () => {
      const nowMs = ports.clock.wallMs();
      for (const log of this.#logs.values()) log.expireProducers(nowMs);
    });
  }

  #every(name: string, periodMs: number, work: () => void): void {
    const timer: Timer = this.#options.ports.timers.timer(SCHEDULER_LANE, name, () => {
      this.#try(work);
      if (!this.#isClosed) timer.set(periodMs);
    });
    timer.set(periodMs);
    this.#timers.push(timer);
  }

  #checkpointRecoveryPoints(): void {
    this.#recoveryPoints.write(this.#offsets((log) => log.recoveryPoint));
  }

  #checkpointLogStarts(): void {
    this.#logStarts.write(this.#offsets((log) => log.logStartOffset));
  }

  #offsets(of: (log: PartitionLog) => Offset): [PartitionName, Offset][] {
    return [...this.#logs.values()].map((log) => [log.name, of(log)]);
  }

  #try(step: () => void): void {
    if (this.#isClosed) return;
    try {
      step();
    } catch (error) {
      const failure = asStorageError(error);
      this.#isClosed = true;
      this.#options.onFailure(failure);
    }
  }
}

/** "topic-3", but not the metadata log, whose owner opens it. */
function isLogDirectory(name: string): boolean {
  return /^.+-\d+$/.test(name) && !name.startsWith(`${METADATA_TOPIC}-`);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
