/**
 * What the active controller knows of its brokers by their heartbeats, and nobody else knows
 * (BrokerHeartbeatManager.java, BrokerHeartbeatTracker.java). Lost with the leadership.
 */
import { assert } from "../assert.ts";
import type { BrokerEpoch, NodeId, Offset } from "../ids.ts";
import type { LifecycleRules } from "./lifecycle-rules.ts";

export interface BrokerSession {
  readonly id: NodeId;
  fenced: boolean;
  /** Last metadata offset that it reported; -1 before. */
  metadataOffset: Offset;
  /** Where the other brokers must be before it may go; -1 while it is not shutting down. */
  shutdownOffset: Offset;
}

/** When the incarnation of a broker was heard of last. */
interface Contact {
  readonly epoch: BrokerEpoch;
  readonly atMs: number;
}

export class Sessions {
  readonly #rules: LifecycleRules;
  readonly #timeoutMs: number;
  readonly #brokers: Map<NodeId, BrokerSession> = new Map();
  /** The stalest first. */
  readonly #contacts: Map<NodeId, Contact> = new Map();

  constructor(rules: LifecycleRules, timeoutMs: number) {
    this.#rules = rules;
    this.#timeoutMs = timeoutMs;
  }

  /** A broker is registered, for the first time or by a new incarnation. */
  register(id: NodeId, fenced: boolean): void {
    this.#brokers.set(id, { id, fenced, metadataOffset: -1, shutdownOffset: -1 });
  }

  get(id: NodeId): BrokerSession {
    const session = this.#brokers.get(id);
    assert(session !== undefined, `broker ${id} is registered`);
    return session;
  }

  /** The broker was heard of now. */
  contact(id: NodeId, epoch: BrokerEpoch, nowMs: number): void {
    this.#contacts.delete(id);
    this.#contacts.set(id, { epoch, atMs: nowMs });
  }

  forgetContact(id: NodeId): void {
    this.#contacts.delete(id);
  }

  hasValidSession(id: NodeId, epoch: BrokerEpoch, nowMs: number): boolean {
    const contact = this.#contacts.get(id);
    if (contact === undefined || contact.epoch !== epoch) return false;
    return this.#rules.hasValidSession(contact.atMs, nowMs, this.#timeoutMs);
  }

  /** Notes what a heartbeat said, and what became of the broker. */
  touch(id: NodeId, fenced: boolean, metadataOffset: Offset): void {
    const session = this.get(id);
    session.fenced = fenced;
    session.metadataOffset = metadataOffset;
    // A fenced broker leaves its controlled shutdown: its next heartbeat lets it go at once.
    if (fenced) session.shutdownOffset = -1;
  }

  /** Infinity when no broker is active. */
  lowestActiveOffset(): Offset {
    let lowest = Infinity;
    for (const { fenced, shutdownOffset, metadataOffset } of this.#brokers.values()) {
      if (!fenced && shutdownOffset < 0) lowest = Math.min(lowest, metadataOffset);
    }
    return lowest;
  }

  /** The broker whose session ended first, which is forgotten; null while all are valid. */
  takeExpired(nowMs: number): { readonly id: NodeId; readonly epoch: BrokerEpoch } | null {
    for (const [id, { epoch, atMs }] of this.#contacts) {
      if (this.#rules.hasValidSession(atMs, nowMs, this.#timeoutMs)) return null;
      this.#contacts.delete(id);
      return { id, epoch };
    }
    return null;
  }

  /** When the next session ends if nothing is heard, in ms of the monotonic clock; or Infinity. */
  nextExpiryMs(): number {
    for (const { atMs } of this.#contacts.values()) return atMs + this.#timeoutMs;
    return Infinity;
  }

  isShuttingDown(id: NodeId): boolean {
    return (this.#brokers.get(id)?.shutdownOffset ?? -1) >= 0;
  }
}
