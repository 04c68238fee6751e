import type { NodeId, Offset, Uuid } from "../ids.ts";
import type { Voter } from "./control-records.ts";
import type { RaftRules } from "./raft-rules.ts";

/**
 * The voters as the log tells them: those of its last VotersRecord, committed or not, and those of the
 * settings while the log has none (VoterSetHistory.java, KIP-853).
 */
export class VoterHistory {
  readonly #rules: RaftRules;
  readonly #bootstrap: readonly Voter[];
  /** By offset, ascending. */
  #sets: { readonly offset: Offset; readonly voters: readonly Voter[] }[] = [];

  constructor(rules: RaftRules, bootstrap: readonly Voter[]) {
    this.#rules = rules;
    this.#bootstrap = bootstrap;
  }

  get latest(): readonly Voter[] {
    return this.#sets.at(-1)?.voters ?? this.#bootstrap;
  }

  /** No VotersRecord was seen. */
  get isBootstrap(): boolean {
    return this.#sets.length === 0;
  }

  /** The voters as the records up to `offset` name them. */
  at(offset: Offset): readonly Voter[] {
    return this.#sets.findLast((set) => set.offset <= offset)?.voters ?? this.#bootstrap;
  }

  /** The log has a VotersRecord at `offset`. */
  add(offset: Offset, voters: readonly Voter[]): void {
    this.#sets.push({ offset, voters });
  }

  /** The log was cut: what it said from there on is void. */
  truncateTo(offset: Offset): void {
    while ((this.#sets.at(-1)?.offset ?? -1) >= offset) this.#sets.pop();
  }

  /** A snapshot says all about the log up to `offset`, and nothing else is known. */
  startFrom(offset: Offset, voters: readonly Voter[]): void {
    this.#sets = [{ offset, voters }];
  }

  /** The log's prefix went; the last set before `offset` still counts. */
  forgetBefore(offset: Offset): void {
    const last = this.#sets.findLastIndex((set) => set.offset < offset);
    if (last > 0) this.#sets = this.#sets.slice(last);
  }

  /** Whether this node, with the disk it has now, is a voter. */
  includes(id: NodeId, directoryId: Uuid): boolean {
    const voter = this.find(id);
    return (
      voter !== undefined &&
      this.#rules.isSameVoter(id, directoryId, voter.id, voter.directoryId ?? "")
    );
  }

  find(id: NodeId): Voter | undefined {
    return this.latest.find((voter) => voter.id === id);
  }
}
