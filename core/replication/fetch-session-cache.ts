/**
 * The sessions that a broker keeps (FetchSessionCache in FetchSession.scala), in order of last use.
 *
 * Differs from Kafka: a full cache gives a slot away only when the session that was unused for
 * longest is older than two minutes, or when a follower needs it and a client has it; sizes are not
 * compared.
 */
import type { BrokerEpoch, NodeId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { FetchSession } from "./fetch-session.ts";

const MIN_EVICTION_MS = 120000;
const MAX_SESSION_ID = 2147483647;

export class FetchSessionCache {
  readonly #ports: Ports;
  readonly #slots: number;
  /** Least recently used first. */
  readonly #sessions: Map<number, FetchSession> = new Map();
  #opened = 0;

  constructor(ports: Ports, slots: number) {
    this.#ports = ports;
    this.#slots = slots;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The session, which counts as used now. */
  use(id: number): FetchSession | undefined {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      this.#sessions.delete(id);
      this.#sessions.set(id, session);
    }
    return session;
  }

  /** A session for a full fetch; with id 0, for this request only, when there is no room. */
  open(replicaId: NodeId, replicaEpoch: BrokerEpoch, nowMs: number): FetchSession {
    const id = this.#makeRoom(replicaId >= 0, nowMs) ? this.#freeId() : 0;
    const session = new FetchSession(id, replicaId, replicaEpoch, nowMs);
    if (id !== 0) this.#sessions.set(id, session);
    return session;
  }

  remove(id: number): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    const { pending } = session;
    session.close();
    pending?.wake();
  }

  #makeRoom(forFollower: boolean, nowMs: number): boolean {
    if (this.#sessions.size < this.#slots) return true;
    for (const [id, session] of this.#sessions) {
      if (nowMs - session.lastFetchMs > MIN_EVICTION_MS) {
        this.remove(id);
        return true;
      }
      break;
    }
    if (!forFollower) return false;
    for (const [id, session] of this.#sessions) {
      if (session.isFollower) continue;
      this.remove(id);
      return true;
    }
    return false;
  }

  #freeId(): number {
    // The purpose names time and turn: ids of closed sessions, also of an earlier process, must not
    // come again, or a late request would fit a session that is not its own.
    const purpose = `fetch session ${this.#ports.clock.monotonicMs()} ${this.#opened++}`;
    let id = 1 + this.#ports.random.below(purpose, MAX_SESSION_ID);
    while (this.#sessions.has(id)) id = id === MAX_SESSION_ID ? 1 : id + 1;
    return id;
  }
}
