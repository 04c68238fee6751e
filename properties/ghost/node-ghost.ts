import type { BrokerState } from "../../core/facts.ts";
import type { NodeId, PartitionName } from "../../core/ids.ts";
import type { DiskScan } from "./disk-scan.ts";
import type { ReplicaGhost } from "./replica-ghost.ts";

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
  /** How its last process ended; null before the first end. */
  endedBy: "kill" | "power-loss" | "exit" | null = null;
  /** A fault damaged its disk, or lost one of its syncs, at any time. */
  damaged: boolean = false;
  /** Logs on its disk when its process started. */
  scans: ReadonlyMap<PartitionName, DiskScan> = new Map();

  constructor(nodeId: NodeId, name: string) {
    this.nodeId = nodeId;
    this.name = name;
  }
}
