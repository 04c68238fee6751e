import { ApiKeys } from "../../core/protocol/message.ts";
import type { Response } from "../../core/protocol/message.ts";
import type { DiskView } from "../../sim/disk/disk.ts";
import type { FaultTargets, RotPlace } from "../../sim/faults/fault.ts";
import type { World } from "../../sim/world.ts";
import { isChecked } from "./checksums.ts";

/** What the strict profile asks of the simulated world, by names of nodes. */
export interface WorldView {
  isUp(node: string): boolean;
  isPaused(node: string): boolean;
  /** It was told to stop, although it may not have begun to. */
  isStopping(node: string): boolean;
  /** A fault that was begun and not ended is on that node itself. */
  hasStandingFault(node: string): boolean;
  /** Both ends of the links that a fault strikes. */
  ends(targets: FaultTargets): readonly string[];
  /** A fault that was begun and not ended is on the link between them, in either direction. */
  hasFaultyLink(one: string, other: string): boolean;
  /** Files and directories (ending in "/") of its disk that rotted, or are less durable than claimed. */
  damagedFiles(node: string): readonly string[];
  /** A loss of power may now take a segment that recovery does not look at, so that nobody ever notices. */
  mayLoseSegment(node: string): boolean;
  /** A checksum covers that byte, so that whoever reads it finds out. */
  isChecked(node: string, place: RotPlace): boolean;
  /** Time since that broker last took a controller's answer to a heartbeat, in microseconds. */
  sinceHeartbeatUs(broker: string): number;
}

const ANY = "*";

/** Faults that stand on links; those of a node stand on all of its links. */
const networkKinds: ReadonlySet<string> = new Set(["block", "delay", "bandwidth"]);

/** Brokers speak to the controller about their own life on this one. */
const HEARTBEAT_CHANNEL = "heartbeat";

/** The world of a run. Made before the run begins, since it listens. */
export function plannedWorld(world: World): WorldView {
  const names = world.nodes().map(({ id }) => id);
  const isEnd = (end: string, node: string): boolean => end === ANY || end === node;
  const answered = new Map<string, number>();
  world.listen({
    frameDelivered: (_connection, _from, to, channel, frame) => {
      if (channel !== HEARTBEAT_CHANNEL || !isHeartbeatAnswer(frame as Response)) return;
      answered.set(to, world.nowUs);
    },
  });
  return {
    isUp: (node) => world.node(node).alive,
    isPaused: (node) => world.node(node).paused,
    isStopping: (node) => world.node(node).stopping,
    hasStandingFault: (node) => world.standingFaults().some(({ nodes }) => nodes.includes(node)),
    ends: ({ links }) => {
      const ends = new Set(links.flat());
      return ends.has(ANY) ? names : [...ends];
    },
    hasFaultyLink: (one, other) =>
      world
        .standingFaults()
        .filter(({ fault }) => networkKinds.has(fault.kind))
        .some(({ links }) =>
          links.some(
            ([from, to]) =>
              (isEnd(from, one) && isEnd(to, other)) || (isEnd(from, other) && isEnd(to, one)),
          ),
        ),
    damagedFiles: (node) => {
      const { disk } = world.node(node);
      return [
        ...disk.files().filter((path) => disk.damage(path).length > 0),
        ...disk.damagedDirectories().map((path) => `${path}/`),
      ];
    },
    isChecked: (node, place) => isChecked(world.node(node).disk, place),
    mayLoseSegment: (node) => mayLoseSegment(world.node(node).disk),
    sinceHeartbeatUs: (broker) => world.nowUs - (answered.get(broker) ?? -Infinity),
  };
}

/**
 * Recovery reads the last segments only (LogLoader.java). A sync that was lost of an older one, or of the
 * names of several, leaves a hole when the power goes.
 */
function mayLoseSegment(disk: DiskView): boolean {
  const segments = disk.files().filter((path) => path.endsWith(".log"));
  const directories = disk.damagedDirectories();
  return segments.some((path, index) => {
    const directory = path.slice(0, path.lastIndexOf("/") + 1);
    // Sorted, so that the segments of one log follow one another by base offset.
    if (segments[index + 1]?.startsWith(directory) !== true) return false;
    return disk.damage(path).length > 0 || directories.includes(directory.slice(0, -1));
  });
}

/** Requests have the same API key, but no body of this shape. */
function isHeartbeatAnswer({ apiKey, body }: Response): boolean {
  return apiKey === ApiKeys.BROKER_HEARTBEAT && "isFenced" in body && body.errorCode === 0;
}
