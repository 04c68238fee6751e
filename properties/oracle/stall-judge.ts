/**
 * At the end of a run an acknowledged record is still unread. That is legal while something stands in
 * the way that no Kafka can clear: the only brokers that could go on have a disk that a fault has made
 * useless, or the leader's own copy rotted, which its CRC tells every reader (kept, but not served).
 * Such a record is not lost. It is listed as a stall, with what it waits for.
 */
import type { FaultRecord } from "../ghost/fault-record.ts";
import type { Ghost } from "../ghost/ghost.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { ReplicaGhost } from "../ghost/replica-ghost.ts";
import type { Stall } from "../verdict.ts";

/** Consumers reach the end. */
const INVARIANT = "L9";

export class StallJudge {
  readonly #ghost: Ghost;
  readonly #faults: FaultRecord;
  readonly #stalls: Map<string, Stall | null> = new Map();

  constructor(ghost: Ghost, faults: FaultRecord) {
    this.#ghost = ghost;
    this.#faults = faults;
  }

  get stalls(): readonly Stall[] {
    return [...this.#stalls.values()].filter((stall) => stall !== null);
  }

  /** Whether a record of that partition may be unread. Asked once the run is over. */
  excuses(partition: string): boolean {
    let stall = this.#stalls.get(partition);
    if (stall === undefined) {
      stall = this.#judge(this.#ghost.partition(partition));
      this.#stalls.set(partition, stall);
    }
    return stall !== null;
  }

  #judge(partition: PartitionGhost): Stall | null {
    const { registration, name } = partition;
    if (registration === null) return null;
    const { leader, isr, replicas } = registration;
    const object = name;
    const replicaOf = (node: number): ReplicaGhost | undefined => partition.replica(node);
    if (leader === -1) {
      const fault = this.#uselessFor(isr.map(replicaOf), partition);
      const waitsFor = `one of the ISR [${isr.join(", ")}], of which nobody can start`;
      return fault === null ? null : { invariant: INVARIANT, object, waitsFor, fault };
    }
    const leading = replicaOf(leader);
    const rot = leading === undefined ? undefined : this.#rotOf(leading);
    if (leading !== undefined && rot !== undefined) {
      const waitsFor = `a whole copy of what rotted on ${leading.node.name}`;
      return { invariant: INVARIANT, object, waitsFor, fault: rot };
    }
    const minIsr = this.#ghost.effectiveMinIsr(partition, replicas.length);
    if (isr.length >= minIsr) return null;
    const outside = replicas.filter((node) => !isr.includes(node)).map(replicaOf);
    const fault = this.#uselessFor(outside, partition);
    const waitsFor = `an ISR of ${minIsr}; those outside [${isr.join(", ")}] cannot start`;
    return fault === null ? null : { invariant: INVARIANT, object, waitsFor, fault };
  }

  /** The fault because of which the first of them is of no use; null if one of them can go on. */
  #uselessFor(all: readonly (ReplicaGhost | undefined)[], { name }: PartitionGhost): string | null {
    let first: string | null = null;
    for (const replica of all) {
      if (replica === undefined) return null;
      const { node } = replica;
      // On a new disk it begins empty, in a directory that the controller does not know it to be in.
      const newDisks = this.#faults.newDisks(node.name, 0);
      const isUp = node.running && node.online && node.state === "RUNNING";
      if (isUp && newDisks.length === 0) return null;
      const [fault] = [
        ...newDisks,
        ...this.#faults.on(node.name, "lost-sync", 0, Infinity),
        ...this.#faults.rotIn(node.name, name),
      ];
      if (fault === undefined) return null;
      first ??= fault;
    }
    return first;
  }

  /** Damage that is still on the disk. */
  #rotOf({ node, partition }: ReplicaGhost): string | undefined {
    const { files } = this.#ghost;
    const isRotten = files
      ?.list(node.name)
      .filter((path) => path.includes(`/${partition.name}/`))
      .some((path) => files.damage(node.name, path).some(({ how }) => how === "bit-rot"));
    return isRotten === true ? this.#faults.rotIn(node.name, partition.name)[0] : undefined;
  }
}
