import type { BrokerState } from "../../core/facts.ts";
import type { NodeId, PartitionName } from "../../core/ids.ts";
import { METADATA_PARTITION } from "./metadata-partition.ts";
import type { DiskScan } from "./disk-scan.ts";
import type { ReplicaGhost } from "./replica-ghost.ts";

const LOG_DIRECTORY = /(?:^|\/)([^/]+-\d+)\//;

/**
 * Damage at `path` concerns that partition's log: it lies in its directory, or in none, as checkpoints
 * do, without which no log is opened. A directory's path ends in "/".
 */
export function reachesLog(path: string, partition: PartitionName): boolean {
  const directory = LOG_DIRECTORY.exec(path)?.[1];
  return directory === undefined || directory === partition;
}

/** Damage at `path` may take the epoch and the vote of a voter: its quorum-state, or a directory above. */
export function isQuorumState(path: string): boolean {
  if (path.includes(`${METADATA_PARTITION}/quorum-state`)) return true;
  return path.endsWith("/") && reachesLog(path, METADATA_PARTITION);
}

/** Truth about one process and its disk. */
export class NodeGhost {
  readonly nodeId: NodeId;
  readonly name: string;
  readonly replicas: ReplicaGhost[] = [];
  running: boolean = true;
  paused: boolean = false;
  incarnation: number = 1;
  /**
   * The controller knows this process. What a restarted one does before, as its disk or old metadata
   * told it, nobody asked it to do.
   */
  registered: boolean = true;
  /** Its log directory works. */
  online: boolean = true;
  state: BrokerState = "STARTING";
  /** Which disk its process started with. */
  disk: "same" | "empty" | "foreign" = "same";
  /** How its last process ended, or what its host suffered since; null before the first end. */
  endedBy: "kill" | "power-loss" | "exit" | null = null;
  /** A fault damaged its disk, or lost one of its syncs, at any time. */
  damaged: boolean = false;
  /** Files that rotted, and files and directories (ending in "/") that lost a sync, at any time. */
  readonly damagedPaths: Set<string> = new Set();
  /** Directories (ending in "/") that lost a sync, and when they last did, in microseconds. */
  readonly unsyncedDirectories: Map<string, number> = new Map();
  /** When its process started, in microseconds. */
  startedAt: number = 0;
  /** Damage has reached what it must not forget of elections, and no loss of power has shown how much. */
  votesAtRisk: boolean = false;
  /** It was given another disk than the one it began with. */
  replaced: boolean = false;
  /** The incarnation that found another disk than the one before it; 0 for none. */
  newDiskIn: number = 0;
  /** Logs on its disk when its process started. */
  scans: ReadonlyMap<PartitionName, DiskScan> = new Map();

  constructor(nodeId: NodeId, name: string) {
    this.nodeId = nodeId;
    this.name = name;
  }

  /** Its host has no power any more, whether a process ran on it or not. */
  losePower(): void {
    this.endedBy = "power-loss";
    for (const replica of this.replicas) replica.lostPower = true;
  }

  /** A file rotted or lost a sync; or a directory lost one. */
  damage(path: string, isDirectory: boolean): void {
    const place = isDirectory ? `${path}/` : path;
    this.damagedPaths.add(place);
    if (isQuorumState(place)) this.votesAtRisk = true;
  }

  /** Recorded damage may have taken something of that partition's log. */
  mayHaveLost(partition: PartitionName): boolean {
    for (const path of this.damagedPaths) if (reachesLog(path, partition)) return true;
    return false;
  }
}
