/**
 * Where the replicas of a new topic go (StripedReplicaPlacer.java): each broker in turn leads, the
 * replicas of a partition lie in different racks as far as there are enough, and fenced brokers are
 * taken last and never lead.
 *
 * Differs from Kafka: a partition's replicas are neighbours in one ring, in which racks alternate,
 * from a drawn start; Kafka also shuffles each rack.
 */
import type { NodeId } from "../ids.ts";
import type { Random } from "../ports.ts";

export interface UsableBroker {
  readonly id: NodeId;
  readonly rack: string | null;
  readonly fenced: boolean;
}

export type Placement =
  { readonly replicas: readonly (readonly NodeId[])[] } | { readonly problem: string };

export function placeReplicas(
  random: Random,
  topic: string,
  brokers: readonly UsableBroker[],
  partitions: number,
  replicationFactor: number,
): Placement {
  const unfenced = ringOf(brokers.filter((broker) => !broker.fenced));
  if (unfenced.length === 0) return { problem: "all brokers are fenced" };
  if (replicationFactor > brokers.length) {
    const count = brokers.length;
    return {
      problem: `replication factor ${replicationFactor}, but only ${count} broker(s) are registered`,
    };
  }
  const fenced = ringOf(brokers.filter((broker) => broker.fenced));
  const start = random.below(`first replica of ${topic}`, unfenced.length);
  const replicas: NodeId[][] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const chosen = fromRing(unfenced, start + partition, replicationFactor);
    const missing = replicationFactor - chosen.length;
    replicas.push([...chosen, ...fromRing(fenced, start + partition, missing)]);
  }
  return { replicas };
}

/** The brokers in an order in which racks alternate; racks by name, brokers by id. */
function ringOf(brokers: readonly UsableBroker[]): readonly NodeId[] {
  const racks = new Map<string, NodeId[]>();
  const sorted = [...brokers].sort((a, b) => compare(a.rack ?? "", b.rack ?? "") || a.id - b.id);
  for (const { id, rack } of sorted) {
    const members = racks.get(rack ?? "");
    if (members === undefined) racks.set(rack ?? "", [id]);
    else members.push(id);
  }
  const ring: NodeId[] = [];
  for (let at = 0; ring.length < brokers.length; at++) {
    for (const members of racks.values()) {
      const id = members[at];
      if (id !== undefined) ring.push(id);
    }
  }
  return ring;
}

function fromRing(ring: readonly NodeId[], from: number, count: number): readonly NodeId[] {
  const taken: NodeId[] = [];
  for (let at = 0; at < Math.min(count, ring.length); at++) {
    taken.push(ring[(from + at) % ring.length] as NodeId);
  }
  return taken;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
