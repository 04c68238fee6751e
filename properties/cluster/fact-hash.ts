import type { Fact, FactKind } from "../../core/facts.ts";
import { factShapes } from "./fact-shapes.ts";

interface HashedShape {
  readonly code: number;
  readonly numbers: readonly string[];
  readonly lists: readonly string[];
  readonly hasPartition: boolean;
}

/** Folds the numbers of facts into a trace hash: the kind, the partition, every number and list. */
export class FactHash {
  readonly #mix: (value: number) => void;
  readonly #shapes: Map<FactKind, HashedShape> = new Map();
  /** Partitions by name, numbered as they first appear in this run. */
  readonly #partitions: Map<string, number> = new Map();

  constructor(mix: (value: number) => void) {
    this.#mix = mix;
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
    const shape = this.#shapes.get(fact.kind);
    if (shape === undefined) throw new Error(`fact ${fact.kind} has no shape`);
    const fields = fact as unknown as Readonly<Record<string, unknown>>;
    this.#mix(shape.code);
    if (shape.hasPartition) this.#mix(this.#partitionNumber(fields["partition"]));
    for (const name of shape.numbers) this.#mix(fields[name] as number);
    for (const name of shape.lists) {
      for (const member of fields[name] as readonly number[]) this.#mix(member);
    }
    if (fact.kind === "appended") {
      this.#mix(fact.batch.baseOffset);
      this.#mix(fact.batch.leaderEpoch);
      this.#mix(fact.batch.body.crc);
    } else if (fact.kind === "polled") {
      for (const record of fact.records) this.#mix(record.offset);
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
