import type { NodeId, Offset, Uuid } from "../ids.ts";
import type { Voter } from "./control-records.ts";

/**
 * The voters as the log tells them: those of its last VotersRecord, committed or not, and those of the
 * settings while the log has none (VoterSetHistory.java, KIP-853).
 */
export class VoterHistory {
  readonly #bootstrap: readonly Voter[];
  /** By offset, ascending. */
  readonly #sets: { readonly offset: Offset; readonly voters: readonly Voter[] }[] = [];

  constructor(bootstrap: readonly Voter[]) {
    this.#bootstrap = bootstrap;
  }

  get latest(): readonly Voter[] {
    return this.#sets.at(-1)?.voters ?? this.#bootstrap;
  }

  /** No VotersRecord was seen. */
  get isBootstrap(): boolean {
    return this.#sets.length === 0;
  }

  /** The log has a VotersRecord at `offset`. */
  add(offset: Offset, voters: readonly Voter[]): void {
    this.#sets.push({ offset, voters });
  }

  /** The log was cut: what it said from there on is void. */
  truncateTo(offset: Offset): void {
    while ((this.#sets.at(-1)?.offset ?? -1) >= offset) this.#sets.pop();
  }

  /** Whether this node, with the disk it has now, is a voter. */
  includes(id: NodeId, directoryId: Uuid): boolean {
    return this.latest.some(
      (voter) =>
        voter.id === id && (voter.directoryId === null || voter.directoryId === directoryId),
    );
  }

  find(id: NodeId): Voter | undefined {
    return this.latest.find((voter) => voter.id === id);
  }
}
