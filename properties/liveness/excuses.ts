/** When each excuse holds. The list in `pending.ts` is complete: a check asks for those that are its own. */
import type { NodeId } from "../../core/ids.ts";
import { endOfBatchAt } from "../ghost/header-rot.ts";
import { METADATA_PARTITION } from "../ghost/metadata-partition.ts";
import type { FaultKind } from "../../sim/faults/fault.ts";
import type { HealView, LivePartition } from "./heal-view.ts";
import { joins, touches } from "./hampered.ts";
import { effectiveSetting } from "../plan/settings.ts";
import { minIsrOf } from "./planned.ts";
import type { ExcuseReason } from "./pending.ts";
import { epochTold } from "./reader-watch.ts";
import type { ReaderWatch } from "./reader-watch.ts";

const HOUR_MS = 3_600_000;
const METADATA_SEGMENT = new RegExp(`/${METADATA_PARTITION}/(\\d+)\\.log$`);

/** The first that holds; null when none does. */
export function firstOf(...excuses: readonly (() => ExcuseReason | null)[]): ExcuseReason | null {
  for (const excuse of excuses) {
    const reason = excuse();
    if (reason !== null) return reason;
  }
  return null;
}

/** Of L1. */
export function quorumExcuse(view: HealView): ExcuseReason | null {
  const majority = Math.floor(view.voters.length / 2) + 1;
  const { quorum } = view.ghost;
  const voting = view.controllers.filter(({ nodeId }) => quorum.member(nodeId).hasOriginalDisk);
  if (voting.length < majority) return "no-voter-majority";
  const damaged = voting.filter(({ nodeId }) => haltedOverDamage(view, nodeId));
  if (voting.length - damaged.length < majority) return "voter-damaged";
  return null;
}

/** Of all that needs the controllers: there is no leader of the quorum, or it is out of reach. */
export function controllerExcuse(view: HealView): ExcuseReason | null {
  if (quorumExcuse(view) !== null) return "no-quorum-leader";
  const { active } = view.watch;
  if (active === null || view.isInCore(active.node)) return null;
  return view.isUp(active.node) && view.isHampered(active.node) ? "leader-outside-core" : null;
}

/**
 * Of L2, and of all that needs the leader of a partition. A broker that legally does not run has no
 * directory online: one that halts over damaged metadata, by a disk that lied of its syncs, for one.
 */
export function leaderExcuse(view: HealView, live: LivePartition): ExcuseReason | null {
  const { isr, leader } = live.registration;
  const electable = isr.filter(
    (id) => view.isInCore(id) && serverExcuse(view, id) === null && !isOnNewDisk(view, live, id),
  );
  if (electable.length === 0) return "no-electable-replica";
  if (leader >= 0 && !view.isInCore(leader) && view.isUp(leader) && view.isHampered(leader)) {
    return "leader-outside-core";
  }
  return controllerExcuse(view);
}

/**
 * When it was unfenced, the controller had the partition in a directory of its old disk; it has assigned
 * it to the new one since, which alone elects nobody (ReplicationControlManager.java): the next
 * unfencing does.
 */
function isOnNewDisk(view: HealView, { partition }: LivePartition, broker: NodeId): boolean {
  const node = view.ghost.nodes.find(({ nodeId }) => nodeId === broker);
  if (node === undefined || !node.replaced) return false;
  if (node.newDiskIn === node.incarnation) return true;
  const { assignedAt, unfencedAt } = view.watch;
  return (assignedAt.get(partition.name) ?? -1) > (unfencedAt[broker] ?? -1);
}

/** Of L3, and of what needs that server. */
export function serverExcuse(view: HealView, node: NodeId): ExcuseReason | null {
  const { failedDirectories, foreignDisks, exits } = view.watch;
  if (failedDirectories.has(node)) return "log-directory-failed";
  if (foreignDisks.has(node)) return "foreign-disk";
  if (haltedOverDamage(view, node)) return "metadata-damaged";
  if (exits.get(node)?.includes("registration") === true) return "registration-timeout";
  if (waitsToLeave(view, node)) return "waits-to-leave";
  return rottenMetadataExcuse(view, node);
}

/**
 * It was told to stop, and may not before every broker that is not fenced has the metadata that say so
 * (BrokerHeartbeatManager.java), for five minutes at most: longer than most runs. A broker outside the core
 * goes on sending heartbeats while its disk hangs, and never gets there.
 */
function waitsToLeave(view: HealView, node: NodeId): boolean {
  const leaving = view.ghost.nodes.find(({ nodeId }) => nodeId === node);
  if (leaving?.state !== "PENDING_CONTROLLED_SHUTDOWN") return false;
  return [...view.ghost.metadata.brokers].some(
    ([id, { fenced }]) => !fenced && !view.isInCore(id) && view.isUp(id) && view.isHampered(id),
  );
}

/**
 * Of L6, and of all that needs a server: its next metadata has rotted on the disk of the quorum's leader,
 * which serves it as it is; the CRC tells the follower, which asks again (KAFKA-18723), until another leads.
 */
export function rottenMetadataExcuse(view: HealView, node: NodeId): ExcuseReason | null {
  const { active } = view.watch;
  if (active === null || active.node === node) return null;
  const log = view.ghost.partition(METADATA_PARTITION);
  const leaders = log.replica(active.node);
  const end = log.replica(node)?.log.end ?? 0;
  if (leaders === undefined || end >= leaders.log.end) return null;
  const { disk } = view.world.node(view.name(active.node));
  const isRotten = disk.files().some((path) => {
    const [, base] = METADATA_SEGMENT.exec(path) ?? [];
    if (base === undefined) return false;
    return disk
      .damage(path)
      .some(({ from }) => endOfBatchAt(leaders.log, Number(base), from) > end);
  });
  return isRotten ? "rotten-range" : null;
}

/** Of L4 and L12: the ISR cannot reach what acks=all asks for. */
export function minIsrExcuse(view: HealView, live: LivePartition): ExcuseReason | null {
  const { partition, registration } = live;
  const { replicas, isr } = registration;
  const needed = Math.min(minIsrOf(view.plan, partition.topic), replicas.length);
  // Who is outside would have to read what has rotted on the leader's disk.
  const mayJoin = rotExcuse(view, live) === null;
  const able = replicas.filter(
    (id) => isr.includes(id) || (mayJoin && view.isInCore(id) && serverExcuse(view, id) === null),
  );
  return able.length < needed ? "too-few-replicas" : null;
}

/** Of L4. */
export function diskFullExcuse(view: HealView, live: LivePartition): ExcuseReason | null {
  const leader = view.name(live.registration.leader);
  const isFull = view.world
    .standingFaults()
    .some(({ fault, nodes }) => fault.kind === "disk-full" && nodes.includes(leader));
  return isFull ? "disk-full" : null;
}

/**
 * Of L12. A high watermark also waits for a replica outside the ISR that was caught up within
 * replica.lag.time.max.ms and may join (KIP-966). When that one dies, everybody else has everything, but
 * Kafka looks again only at the next append, or when the ISR or a follower's end moves (Partition.scala).
 */
export function outsiderExcuse(view: HealView, live: LivePartition): ExcuseReason | null {
  const { leader, isr, replicas } = live.registration;
  const leading = live.partition.replica(leader);
  if (leading === undefined || isr.some((id) => !holdsAll(live, id, leading.log.end))) return null;
  const { counted, fetches, log } = leading;
  const lagMs = effectiveSetting(view.plan, "broker", {}, "replica.lag.time.max.ms");
  const lagUs = 1000 * Number(lagMs);
  const waits = replicas.some((id) => {
    if (isr.includes(id)) return false;
    if (counted.includes(id)) return true;
    // It came along after the last move, and was thought to go on when the leader looked last.
    const { caughtUpAt = -1, last = -1 } = fetches[id] ?? {};
    return caughtUpAt >= 0 && last < log.end && leading.lookedAt < caughtUpAt + lagUs;
  });
  return waits ? "waits-for-an-append" : null;
}

function holdsAll({ partition }: LivePartition, broker: NodeId, end: number): boolean {
  return (partition.replica(broker)?.log.end ?? -1) >= end;
}

/** Of L12, and of all that lies above the leader's high watermark: why it stands still. */
export function frozenExcuse(view: HealView, live: LivePartition): ExcuseReason | null {
  return firstOf(
    () => leaderExcuse(view, live),
    () => minIsrExcuse(view, live),
    () => rotExcuse(view, live),
    () => outsiderExcuse(view, live),
  );
}

/** Of L4: what a client stamps lies an hour ahead of the leader's clock. */
export function clockExcuse(view: HealView, client: string, leader: NodeId): ExcuseReason | null {
  if (leader < 0) return null;
  const stampedMs = view.world.node(client).clock.wallMs();
  const leaderMs = view.world.node(view.name(leader)).clock.wallMs();
  return Math.abs(stampedMs - leaderMs) > HOUR_MS ? "invalid-timestamp" : null;
}

/** Of L5 and L12: the follower would have to read damaged bytes of its leader's. */
export function rotExcuse(view: HealView, live: LivePartition): ExcuseReason | null {
  const { leader } = live.registration;
  if (leader < 0) return null;
  const isRotten = hasDamage(view, view.name(leader), `/${live.partition.name}/`);
  return isRotten ? "rotten-range" : null;
}

/** A client that nobody tells of the present leader, and the fault that keeps its informant ignorant. */
export interface StaleClient {
  readonly client: string;
  readonly fault: string;
}

/**
 * Of L9 and L4: these clients, all readers of the partition or the one that probes it, if nobody has told any of them of its present leader epoch, and each
 * had its last metadata from a broker outside the core that a fault keeps from learning anything: on itself,
 * its disk for one, or on its link to the active controller; else null. Such a broker serves clients with what it knows for as long as it runs, and still leads as far
 * as it knows. A client prefers a node that it is connected to for its next metadata
 * (NetworkClient.leastLoadedNode), looks up the bootstrap servers only when no node is left, or when nobody
 * has answered for metadata.recovery.rebootstrap.trigger.ms (KIP-899, KIP-1102), and cannot tell that an
 * answer is old (Metadata.java compares it with its own epoch): it may stay there for good.
 */
export function staleClients(
  view: HealView,
  { partition, registration }: LivePartition,
  clients: readonly string[],
  watch: ReaderWatch,
): readonly StaleClient[] | null {
  const stale: StaleClient[] = [];
  for (const client of clients) {
    const told = watch.lastAnswer(client);
    if (told === undefined || view.isInCoreByName(told.by)) return null;
    if (epochTold(told, partition) >= registration.leaderEpoch) return null;
    const fault = ignoranceOf(view, told.by);
    if (fault === null) return null;
    stale.push({ client, fault });
  }
  return stale;
}

/** Id of a fault that stands on that server, or between it and the active controller; null without one. */
function ignoranceOf(view: HealView, server: string): string | null {
  const { active } = view.watch;
  if (active === null) return null;
  const controller = view.name(active.node);
  const culprit = view.world
    .standingFaults()
    .find((one) => one.nodes.includes(server) || joins(one, server, controller));
  return culprit?.fault.id ?? null;
}

/** Faults with which a link lets some things pass, or passes them late. A cut one is not flaky. */
const flakyKinds: ReadonlySet<FaultKind> = new Set<FaultKind>([
  "lose-request",
  "lose-response",
  "delay",
  "bandwidth",
]);

/** Of L11: a server outside the core comes and goes, since such faults stand on its links. */
export function flakyExcuse(view: HealView, servers: readonly NodeId[]): ExcuseReason | null {
  const outside = servers.filter((id) => !view.isInCore(id));
  const flaky = view.world.standingFaults().filter(({ fault }) => flakyKinds.has(fault.kind));
  const comesAndGoes = outside.some((id) => flaky.some((one) => touches(one, view.name(id))));
  return comesAndGoes ? "flaky-links-outside-core" : null;
}

/**
 * It ended itself, and damage to its disk is recorded. With its log directory at work only damaged
 * metadata makes a server do that; a loss of power may have cut the damaged bytes off since.
 */
function haltedOverDamage(view: HealView, node: NodeId): boolean {
  if (view.isUp(node) || !view.watch.exits.has(node)) return false;
  return view.ghost.nodes.find(({ nodeId }) => nodeId === node)?.damaged === true;
}

/** Recorded damage, of a file with this in its path. */
function hasDamage(view: HealView, server: string, part: string): boolean {
  const { disk } = view.world.node(server);
  return disk.files().some((path) => path.includes(part) && disk.damage(path).length > 0);
}
