/**
 * Replicas that have forgotten producers, and may have. A clean stop leaves a snapshot of the producers
 * beside each log. Where a start finds the clean-shutdown file and no snapshot, Kafka takes the broker
 * for one that was upgraded from a version without them: it reads nothing and begins with no producers
 * (UnifiedLog.rebuildProducerState). Of a log with records only a lost sync can make it do so:
 *
 *   1. the broker stops cleanly; the sync of the log's directory is lost, its clean-shutdown file is not
 *   2. power loss: the names of the snapshots are gone   3. the start finds all in order, and forgets
 *
 * From there on its state is what came at or above the end that the log had then. It is whole again when
 * it was read from the log, or when the log was cut so far that nothing is left of what it forgot.
 */
import type { FactOf } from "../../core/facts.ts";
import type { Offset } from "../../core/ids.ts";
import type { Batch } from "../../core/record/batch.ts";
import type { Moment, NodeEvent, Observer } from "../observation.ts";
import type { FaultRecord } from "./fault-record.ts";
import type { Ghost } from "./ghost.ts";
import { sameBatch } from "./ghost-log.ts";
import type { NodeGhost } from "./node-ghost.ts";
import type { PartitionGhost } from "./partition-ghost.ts";
import { sequenceDue } from "./producer-scan.ts";
import type { ReplicaGhost } from "./replica-ghost.ts";

/** What a replica does not know, and why. Replaced, never changed. */
export interface Forgetting {
  /** Appends below it may be forgotten. Infinity: all that the log has when it opens. */
  readonly below: Offset;
  /** Ids of the faults that took the snapshots. */
  readonly faults: readonly string[];
}

/** A leader appended a batch that one with its memory would have recognised, or refused. */
export interface Unrecognised {
  readonly batch: Batch;
  readonly node: string;
  readonly forgetting: Forgetting;
}

const CLEAN_SHUTDOWN_FILE = ".kafka_cleanshutdown";

/** To be told before the ghost is: it asks what a log was before a batch was appended. */
export class ForgottenProducers implements Observer {
  readonly #ghost: Ghost;
  readonly #faults: FaultRecord | null;

  constructor(ghost: Ghost, faults: FaultRecord | null) {
    this.#ghost = ghost;
    this.#faults = faults;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "log-loaded": (fact, moment) => {
      const replica = this.#ghost.replica(fact.partition, moment);
      replica.usedSince = replica.node.startedAt;
      replica.forgetting = leftBelow(replica.forgetting, fact.endOffset);
    },
    truncated: (fact, moment) => {
      const replica = this.#ghost.replica(fact.partition, moment);
      const left = fact.why === "out-of-range" ? 0 : fact.toOffset;
      replica.forgetting = leftBelow(replica.forgetting, left);
    },
    "became-leader": (fact, moment) => this.#opened(fact, moment),
    "became-follower": (fact, moment) => this.#opened(fact, moment),
    appended: (fact, moment) => {
      if (fact.as === "leader" && fact.batch.body.producerId >= 0) this.#appended(fact, moment);
    },
  };

  nodeEvent(event: NodeEvent, moment: Moment): void {
    if (moment.nodeId < 0) return;
    const node = this.#ghost.node(moment.nodeId, moment.node);
    if (event.kind === "disk-damaged") {
      const isDirectory = event.to === 0;
      if (event.how === "lost-sync" && isDirectory) {
        node.unsyncedDirectories.set(`${event.path}/`, moment.at);
      }
      return;
    }
    if (event.kind !== "booted") return;
    node.startedAt = moment.at;
    for (const replica of node.replicas) {
      const isKnownDisk = event.disk === "same" && !replica.partition.isMetadata;
      replica.forgetting = isKnownDisk ? this.#atStart(node, replica, moment.at) : null;
    }
  }

  /** What the process that starts will know, by the files that it finds. */
  #atStart(node: NodeGhost, replica: ReplicaGhost, at: number): Forgetting | null {
    const { files } = this.#ghost;
    if (files === null || node.unsyncedDirectories.size === 0) return null;
    const found = new LogFiles(files.list(node.name), replica.partition.name);
    const newest = found.newestSnapshot;
    // It goes on from what it knew then, and reads what came after.
    if (newest !== null) return leftBelow(replica.forgetting, newest);
    const since = replica.usedSince;
    const isLost = [...node.unsyncedDirectories].some(
      ([directory, lostAt]) => found.directory.startsWith(directory) && lostAt >= since,
    );
    if (!isLost || !found.skipsReading) return null;
    const syncs = this.#faults?.on(node.name, "lost-sync", since, at) ?? [];
    const powerLosses = this.#faults?.on(node.name, "power-loss", since, at) ?? [];
    return { below: Infinity, faults: [...syncs, ...powerLosses] };
  }

  /** A log that was not there at the start is a new one. */
  #opened(fact: FactOf<"became-leader" | "became-follower">, moment: Moment): void {
    const replica = this.#ghost.replica(fact.partition, moment);
    if (!replica.loaded) replica.forgetting = null;
  }

  #appended({ partition, batch }: FactOf<"appended">, moment: Moment): void {
    const replica = this.#ghost.replica(partition, moment);
    const { forgetting } = replica;
    if (forgetting === null) return;
    const { producerId, producerEpoch, baseSequence } = batch.body;
    const known = replica.scan.producers().get(producerId);
    if (known === undefined || !replica.leadsWithout(producerId, known)) return;
    if (baseSequence === sequenceDue(known, producerEpoch)) return;
    replica.partition.unrecognised.push({ batch, node: moment.node, forgetting });
  }
}

/**
 * The append after which a producer's batches, committed at `first` and again at `second`, were taken for
 * new ones: those that follow it in sequence repeat as it does.
 */
export function unrecognisedBehind(
  { unrecognised, committed }: PartitionGhost,
  again: Pick<Batch["body"], "producerId" | "producerEpoch">,
  first: Offset,
  second: Offset,
): Unrecognised | undefined {
  return unrecognised.findLast(({ batch, forgetting }) => {
    const { producerId, producerEpoch } = batch.body;
    if (producerId !== again.producerId || producerEpoch !== again.producerEpoch) return false;
    if (first >= forgetting.below || second < batch.baseOffset) return false;
    const held = committed.batchAt(batch.baseOffset);
    return held !== undefined && sameBatch(held, batch);
  });
}

/** What is still forgotten when all at or above that offset is known, or gone. */
function leftBelow(forgetting: Forgetting | null, offset: Offset): Forgetting | null {
  if (forgetting === null || offset === 0) return null;
  return { ...forgetting, below: Math.min(forgetting.below, offset) };
}

/** The files beside one log, as a start finds them. */
class LogFiles {
  /** Ends in "/"; empty where there is no log. */
  readonly directory: string;
  readonly #names: ReadonlySet<string>;
  readonly #isClean: boolean;

  constructor(paths: readonly string[], partition: string) {
    const inside = paths.filter((path) => path.split("/").at(-2) === partition);
    this.directory = inside[0]?.slice(0, inside[0].lastIndexOf("/") + 1) ?? "";
    this.#names = new Set(inside.map((path) => path.slice(this.directory.length)));
    const logs = this.directory.slice(0, -`${partition}/`.length);
    this.#isClean = paths.includes(logs + CLEAN_SHUTDOWN_FILE);
  }

  /**
   * Of the snapshots that a start keeps: those that belong to a segment, and the newest where it is
   * above them all (ProducerStateManager.removeStraySnapshots). Null without any.
   */
  get newestSnapshot(): Offset | null {
    const bases = this.#offsets(".log");
    const lastBase = Math.max(...bases);
    const newest = Math.max(
      ...this.#offsets(".snapshot").filter((one) => bases.includes(one) || one > lastBase),
    );
    return newest < 0 ? null : newest;
  }

  /**
   * It is a log that was closed, as it seems. A segment without its offset index would be recovered all
   * the same, and that leaves a snapshot (LogLoader.recoverSegment).
   */
  get skipsReading(): boolean {
    if (!this.#isClean) return false;
    return [...this.#names].every(
      (name) => !name.endsWith(".log") || this.#names.has(`${name.slice(0, -4)}.index`),
    );
  }

  #offsets(suffix: string): Offset[] {
    return [...this.#names]
      .filter((name) => name.endsWith(suffix))
      .map((name) => Number(name.slice(0, -suffix.length)));
  }
}
