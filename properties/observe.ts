/**
 * Fans facts out to those who listen to their kind. Who listens is settled before the run, so that a
 * fact nobody wants costs one lookup, and one that somebody wants allocates nothing.
 */
import type { Fact, FactKind } from "../core/facts.ts";
import type { Moment, NodeEvent, Observer } from "./observation.ts";

type Handler = (fact: Fact, moment: Moment) => void;
type Handlers = Partial<Record<FactKind, Handler[]>>;

/** An observer that also wants frames, each when it reaches its receiver. */
export interface FrameObserver extends Observer {
  /** `moment` is the receiver's. Connections are numbered, and never reuse a number. */
  frameDelivered?(connection: number, frame: unknown, moment: Moment, from: string): void;
}

export class Dispatcher {
  readonly #observers: readonly FrameObserver[];
  readonly #handlers: Handlers = {};
  readonly #frameObservers: readonly FrameObserver[];
  /** Facts that somebody listened to. */
  facts: number = 0;

  /** Observers are told in the order given. */
  constructor(observers: readonly FrameObserver[]) {
    this.#observers = observers;
    this.#frameObservers = observers.filter(({ frameDelivered }) => frameDelivered !== undefined);
    for (const { on } of observers) {
      for (const [kind, handler] of Object.entries(on ?? {})) {
        (this.#handlers[kind as FactKind] ??= []).push(handler as Handler);
      }
    }
  }

  fact(fact: Fact, moment: Moment): void {
    const handlers = this.#handlers[fact.kind];
    if (handlers === undefined) return;
    this.facts += 1;
    for (let index = 0; index < handlers.length; index += 1) {
      (handlers[index] as Handler)(fact, moment);
    }
  }

  /** Whether frames have to be told at all. */
  get wantsFrames(): boolean {
    return this.#frameObservers.length > 0;
  }

  frameDelivered(connection: number, frame: unknown, moment: Moment, from: string): void {
    for (const observer of this.#frameObservers) {
      observer.frameDelivered?.(connection, frame, moment, from);
    }
  }

  nodeEvent(event: NodeEvent, moment: Moment): void {
    for (const observer of this.#observers) observer.nodeEvent?.(event, moment);
  }

  /** The run is over in good order: once, and not after a run that stopped at a violation. */
  atEnd(moment: Moment): void {
    for (const observer of this.#observers) observer.atEnd?.(moment);
  }
}
