/**
 * Where newly owned partitions begin: at what the group has committed, else where auto.offset.reset says
 * (ConsumerCoordinator.initWithCommittedOffsetsIfNeeded).
 */
import type { Generation } from "../../ids.ts";
import type { AssignedPartitions } from "../assigned-partitions.ts";
import type { ConsumerPartition } from "../consumer-partition.ts";
import type { CommittedOffsets, CommittedResult } from "./committed-offsets.ts";
import type { Member } from "./member.ts";
import type { MembershipRules } from "./membership-rules.ts";

export interface InitialPositionsOptions {
  readonly rules: MembershipRules;
  readonly member: Member;
  readonly partitions: AssignedPartitions;
  readonly committed: CommittedOffsets;
  readonly onError: (error: string) => void;
  readonly onProgress: () => void;
}

interface Question {
  readonly generation: Generation;
  readonly partitions: ReadonlySet<ConsumerPartition>;
}

export class InitialPositions {
  readonly #options: InitialPositionsOptions;
  /** What was asked last and is not answered yet. */
  #question: Question | null = null;

  constructor(options: InitialPositionsOptions) {
    this.#options = options;
  }

  /** Asks for those that are not asked about yet. */
  run(): void {
    const { member, partitions, committed } = this.#options;
    const { initializing } = partitions;
    if (initializing.size === 0) return;
    const generation = member.stableGeneration;
    if (this.#question !== null && this.#question.generation === generation) {
      const { partitions: asked } = this.#question;
      if ([...initializing].every((partition) => asked.has(partition))) return;
    }
    const question: Question = { generation, partitions: new Set(initializing) };
    this.#question = question;
    const asked = [...initializing].map((partition) => partition.metadata);
    committed.read(asked, Infinity, (result) => {
      // Another question was asked since: this answer may be older than that assignment.
      if (this.#question !== question) return;
      this.#question = null;
      this.#take(question, result);
      this.#options.onProgress();
    });
  }

  /** What was asked for an assignment that is no more is of no use. */
  forget(): void {
    this.#question = null;
  }

  #take({ generation, partitions: asked }: Question, result: CommittedResult): void {
    const { rules, member, partitions, onError } = this.#options;
    if (!rules.acceptsCommitted(generation, member.stableGeneration)) return;
    if (result.kind === "failed") return onError(result.error);
    for (const partition of asked) {
      if (!partitions.initializing.has(partition)) continue;
      const committed = result.offsets.get(partition.metadata) ?? null;
      if (committed === null) partitions.resetByPolicy(partition);
      else partitions.beginAtCommitted(partition, committed.offset, committed.leaderEpoch);
    }
    partitions.reportUnset();
  }
}
