import type { Fact, FactKind } from "../../core/facts.ts";
import { factShapes } from "./fact-shapes.ts";

interface HashedShape {
  readonly code: number;
  readonly numbers: readonly string[];
  readonly lists: readonly string[];
  readonly hasPartition: boolean;
}

/** Takes numbers, in order. */
export interface Mixer {
  mix(value: number): void;
}

/** Folds the numbers of facts into a trace hash: the kind, the partition, every number and list. */
export class FactHash {
  readonly #hash: Mixer;
  readonly #shapes: Map<FactKind, HashedShape> = new Map();
  /** Partitions by name, numbered as they first appear in this run. */
  readonly #partitions: Map<string, number> = new Map();

  constructor(hash: Mixer) {
    this.#hash = hash;
    for (const [kind, { numbers, texts, lists }] of Object.entries(factShapes)) {
      this.#shapes.set(kind as FactKind, {
        code: this.#shapes.size + 1,
        numbers,
        lists,
        hasPartition: texts.includes("partition"),
      });
    }
  }

  add(fact: Fact): void {
    const { kind } = fact;
    const shape = this.#shapes.get(kind);
    if (shape === undefined) throw new Error(`fact ${kind} has no shape`);
    this.#hash.mix(shape.code);
    if (shape.hasPartition) {
      this.#hash.mix(this.#partitionNumber((fact as { partition?: unknown }).partition));
    }
    if (!this.#addFrequent(fact)) this.#addAny(fact, shape);
  }

  /** The kinds that make up nearly all facts, with their fields by name: any name costs a search. */
  #addFrequent(fact: Fact): boolean {
    const hash = this.#hash;
    switch (fact.kind) {
      case "appended": {
        const { batch } = fact;
        hash.mix(fact.leaderEpoch);
        hash.mix(batch.baseOffset);
        hash.mix(batch.leaderEpoch);
        hash.mix(batch.body.crc);
        return true;
      }
      case "high-watermark":
        hash.mix(fact.leaderEpoch);
        hash.mix(fact.highWatermark);
        hash.mix(fact.endOffset);
        hash.mix(fact.told);
        for (let index = 0; index < fact.counted.length; index++) hash.mix(fact.counted[index]!);
        return true;
      case "follower-fetched":
        hash.mix(fact.leaderEpoch);
        hash.mix(fact.follower);
        hash.mix(fact.brokerEpoch);
        hash.mix(fact.fetchOffset);
        return true;
      case "send-started":
      case "send-batched":
        return true;
      case "send-acked":
        hash.mix(fact.offset);
        return true;
      case "polled":
        hash.mix(fact.position);
        hash.mix(fact.nextPosition);
        for (let index = 0; index < fact.records.length; index++) {
          hash.mix(fact.records[index]!.offset);
        }
        return true;
      case "fetch-served":
        hash.mix(fact.leaderEpoch);
        hash.mix(fact.fetchOffset);
        hash.mix(fact.highWatermark);
        return true;
      case "batch-sent":
        hash.mix(fact.attempt);
        return true;
      default:
        return false;
    }
  }

  #addAny(fact: Fact, shape: HashedShape): void {
    const fields = fact as unknown as Readonly<Record<string, unknown>>;
    for (const name of shape.numbers) this.#hash.mix(fields[name] as number);
    for (const name of shape.lists) {
      for (const member of fields[name] as readonly number[]) this.#hash.mix(member);
    }
  }

  #partitionNumber(name: unknown): number {
    if (typeof name !== "string") return 0;
    let number = this.#partitions.get(name);
    if (number === undefined) {
      number = this.#partitions.size + 1;
      this.#partitions.set(name, number);
    }
    return number;
  }
}
