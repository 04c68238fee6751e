/**
 * Delayed operations that a change may have completed (ActionQueue.java). A change only notes them;
 * they are looked at when the step that made the change is about to end, so that no handler is
 * entered from within another.
 */

/** A request that waits for something. */
export interface DelayedOperation {
  /** It is in the queue; managed by the queue. */
  isQueued: boolean;
  /** Completes it if what it waits for has come. */
  attempt(): void;
}

export class ActionQueue {
  #queued: DelayedOperation[] = [];
  #isDraining = false;

  push(operation: DelayedOperation): void {
    if (operation.isQueued) return;
    operation.isQueued = true;
    this.#queued.push(operation);
  }

  /** Looks at all that was noted, also at what is noted meanwhile. The last thing in a step. */
  drain(): void {
    if (this.#queued.length === 0 || this.#isDraining) return;
    this.#isDraining = true;
    for (let at = 0; at < this.#queued.length; at++) {
      const operation = this.#queued[at] as DelayedOperation;
      operation.isQueued = false;
      operation.attempt();
    }
    this.#queued = [];
    this.#isDraining = false;
  }
}
