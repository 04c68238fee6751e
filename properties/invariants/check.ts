import type { Codecs } from "../../core/ports.ts";
import type { Batch } from "../../core/record/batch.ts";
import type { LostBatch } from "../ghost/canon.ts";
import type { DurableFiles } from "../ghost/durable-files.ts";
import type { FaultRecord } from "../ghost/fault-record.ts";
import type { Ghost } from "../ghost/ghost.ts";
import type { PartitionGhost } from "../ghost/partition-ghost.ts";
import type { ProducerPromise } from "../history/black-box.ts";
import type { History } from "../history/history.ts";
import type { Findings, Moment, NodeEvent, Observer } from "../observation.ts";

/** One handler for each kind of fact that a check listens to. */
export type Handlers = NonNullable<Observer["on"]>;

export interface ConsumerPromise {
  readonly autoOffsetReset: string;
}

/** What checks may know besides the facts. */
export interface CheckContext {
  readonly ghost: Ghost;
  readonly history: History;
  readonly findings: Findings;
  /** Null in tests that restart nobody. */
  readonly files: DurableFiles | null;
  readonly codecs: Codecs;
  /** By client. */
  readonly producers: ReadonlyMap<string, ProducerPromise>;
  readonly consumers: ReadonlyMap<string, ConsumerPromise>;
  /** What the wall clocks show when the run starts. */
  readonly startMs: number;
  readonly producerIdExpirationMs: number;
  /** What struck whom, to explain with; absent in tests without faults. */
  readonly faults?: FaultRecord;
}

/**
 * One invariant. `before` handlers see the ghost as it was before the fact, `after` handlers as it is
 * then. `evaluations` counts comparisons that could have failed, not calls.
 */
export abstract class Check {
  abstract readonly id: string;
  readonly before: Handlers = {};
  readonly after: Handlers = {};
  evaluations: number = 0;
  protected readonly context: CheckContext;
  protected readonly ghost: Ghost;

  constructor(context: CheckContext) {
    this.context = context;
    this.ghost = context.ghost;
  }

  /** Told after the ghost. */
  nodeEvent?(event: NodeEvent, moment: Moment): void;
  /** A batch became committed. */
  committed?(partition: PartitionGhost, batch: Batch, moment: Moment): void;
  /** Committed batches are lost, legally; the ghost has forgotten them. */
  lost?(partition: PartitionGhost, lost: readonly LostBatch[]): void;
  /** A frame reached the node of `moment`. Connections are numbered. */
  frameDelivered?(connection: number, frame: unknown, moment: Moment): void;
  atEnd?(moment: Moment): void;

  protected fail(moment: Moment, message: string, partition?: string, offset?: number): void {
    this.context.findings.violation({
      invariant: this.id,
      at: moment.at,
      node: moment.node,
      message,
      ...(partition === undefined ? {} : { partition }),
      ...(offset === undefined ? {} : { offset }),
    });
  }
}
