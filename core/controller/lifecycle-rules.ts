import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { BrokerEpoch, Offset, ProducerId } from "../ids.ts";

/** Where a heartbeat takes a broker (BrokerControlState.java). */
export type ControlState = "fenced" | "unfenced" | "controlled-shutdown" | "shutdown-now";

/** Registration, fencing and controlled shutdown (ClusterControlManager.java, BrokerHeartbeatManager.java). */
export class LifecycleRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    registrationError: "KIP-631; ClusterControlManager.java",
    leavesIsrs: "KIP-966; ReplicationControlManager.java",
    keepsBrokerEpoch: "KIP-631; ClusterControlManager.java",
    stopsCleanly: "KIP-966; ClusterControlManager.java",
    brokerEpochError: "KIP-631; ClusterControlManager.java",
    isCaughtUp: "KIP-631; BrokerHeartbeatManager.java",
    hasValidSession: "KIP-631; BrokerHeartbeatTracker.java",
    fromFenced: "KIP-631; BrokerHeartbeatManager.java",
    fromUnfenced: "KIP-631; BrokerHeartbeatManager.java",
    fromControlledShutdown: "KIP-631; BrokerHeartbeatManager.java",
    shutdownOffset: "KIP-631; BrokerHeartbeatManager.java",
    leavesIsrsInShutdown: "KIP-841; ReplicationControlManager.java",
    nextProducerId: "KIP-730; ProducerIdControlManager.java",
  };

  /** While a process of that id keeps its session, no other may take its place. */
  registrationError(
    hasValidSession: boolean,
    isSameIncarnation: boolean,
    isShuttingDown: boolean,
  ): ErrorCode {
    return hasValidSession && !isSameIncarnation && !isShuttingDown
      ? Errors.DUPLICATE_BROKER_REGISTRATION
      : Errors.NONE;
  }

  /** A new incarnation may have lost the end of its logs: it leaves all ISRs and leaderships first. */
  leavesIsrs(isSameIncarnation: boolean): boolean {
    return !isSameIncarnation;
  }

  keepsBrokerEpoch(isSameIncarnation: boolean): boolean {
    return isSameIncarnation;
  }

  /** The clean-shutdown file named the very incarnation that is registered. */
  stopsCleanly(previous: BrokerEpoch, registered: BrokerEpoch): boolean {
    return previous === registered;
  }

  /** Whether a broker speaks for the incarnation that is registered. */
  brokerEpochError(given: BrokerEpoch, registered: BrokerEpoch | undefined): ErrorCode {
    return given === registered ? Errors.NONE : Errors.STALE_BROKER_EPOCH;
  }

  /** The broker has applied its own registration, and so everything decided before it. */
  isCaughtUp(metadataOffset: Offset, registrationOffset: Offset): boolean {
    return metadataOffset >= registrationOffset;
  }

  hasValidSession(contactMs: number, nowMs: number, timeoutMs: number): boolean {
    return nowMs < contactMs + timeoutMs;
  }

  fromFenced(wantsFence: boolean, wantsShutDown: boolean, isCaughtUp: boolean): ControlState {
    if (wantsShutDown) return "shutdown-now";
    return !wantsFence && isCaughtUp ? "unfenced" : "fenced";
  }

  fromUnfenced(wantsFence: boolean, wantsShutDown: boolean, leads: boolean): ControlState {
    if (wantsFence) return wantsShutDown ? "shutdown-now" : "fenced";
    if (!wantsShutDown) return "unfenced";
    return leads ? "controlled-shutdown" : "shutdown-now";
  }

  /** It may go once it leads nothing and every active broker has learned so. */
  fromControlledShutdown(
    leads: boolean,
    shutdownOffset: Offset,
    lowestActiveOffset: Offset,
  ): ControlState {
    return !leads && shutdownOffset <= lowestActiveOffset ? "shutdown-now" : "controlled-shutdown";
  }

  /** The offset that the others must reach: of the first batch that moved its leaderships. */
  shutdownOffset(known: Offset, batchEnd: Offset): Offset {
    return known < 0 ? batchEnd : known;
  }

  /** A broker that shuts down leaves its ISRs before it stops fetching. */
  leavesIsrsInShutdown(): boolean {
    return true;
  }

  /** What the log remembers of a block of producer ids: the first id after it. */
  nextProducerId(first: ProducerId, count: number): ProducerId {
    return first + count;
  }
}
