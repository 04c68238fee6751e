import { byCodeUnit } from "../order.ts";
import type { DiskFile } from "./file.ts";

export type DiskEntry = DiskFile | Directory;

/**
 * A change of names that a loss of power may undo, until a directory it touches is synced. A rename
 * is one change: it happened or it did not.
 */
export interface NameChange {
  readonly what: "create" | "rename" | "remove";
  /** Name that disappears, and where. */
  readonly removed: { readonly from: Directory; readonly name: string } | null;
  /** Name that appears, where, and what it means. */
  readonly added: {
    readonly to: Directory;
    readonly name: string;
    readonly entry: DiskEntry;
  } | null;
  durable: boolean;
}

/** A directory: names as programs see them, and names as they are on the platter. */
export class Directory {
  readonly kind = "directory";
  parent: Directory | null = null;
  name = "";
  /** The program was told that changes are durable which are not: a sync was lost. */
  claimsTooMuch = false;
  readonly entries: Map<string, DiskEntry> = new Map();
  /** Names that a loss of power cannot take away; the changes in `journal` come on top. */
  #durable: Map<string, DiskEntry> = new Map();
  #journal: NameChange[] = [];

  /** Applies a change to what programs see. */
  static apply(change: NameChange): void {
    const { removed, added } = change;
    if (removed !== null) removed.from.entries.delete(removed.name);
    if (added !== null) {
      added.to.entries.set(added.name, added.entry);
      added.entry.parent = added.to;
      added.entry.name = added.name;
    }
    for (const directory of touched(change)) directory.#journal.push(change);
  }

  /** All changes so far survive from now on, also in the other directory of a rename. */
  sync(): void {
    this.claimsTooMuch = false;
    const journal = this.#journal;
    if (journal.length === 0) return;
    const others = new Set<Directory>([this]);
    for (const { removed, added } of journal) {
      if (removed !== null) others.add(removed.from);
      if (added !== null) others.add(added.to);
    }
    for (const change of journal) change.durable = true;
    for (const directory of others) directory.#settle();
  }

  /** A sync that does nothing and says that it did. True when there was something to do. */
  loseSync(): boolean {
    if (this.#journal.length === 0) return false;
    this.claimsTooMuch = true;
    return true;
  }

  /** Undoes what the power took away: `survives` is asked once for each change in doubt. */
  losePower(survives: (change: NameChange) => boolean): void {
    for (const change of this.#journal) change.durable ||= survives(change);
    const lost = this.#journal.filter((change) => !change.durable);
    this.#journal = this.#journal.filter((change) => change.durable);
    for (const change of lost) {
      for (const other of touched(change)) {
        if (other !== this) other.#journal = other.#journal.filter((item) => item !== change);
      }
    }
  }

  /** Second half of a loss of power: programs see what is on the platter. */
  restore(): void {
    this.claimsTooMuch = false;
    this.#settleAll();
    this.entries.clear();
    for (const name of [...this.#durable.keys()].sort(byCodeUnit)) {
      const entry = this.#durable.get(name)!;
      this.entries.set(name, entry);
      entry.parent = this;
      entry.name = name;
    }
  }

  /** Takes over entries that are durable from the beginning. */
  adopt(name: string, entry: DiskEntry): void {
    this.entries.set(name, entry);
    this.#durable.set(name, entry);
    entry.parent = this;
    entry.name = name;
  }

  /** Durable changes leave the journal in order: a later one must not be overtaken by an older. */
  #settle(): void {
    let settled = 0;
    while (settled < this.#journal.length && this.#journal[settled]!.durable) {
      this.#write(this.#journal[settled++]!);
    }
    this.#journal.splice(0, settled);
  }

  #settleAll(): void {
    for (const change of this.#journal) this.#write(change);
    this.#journal = [];
  }

  #write({ removed, added }: NameChange): void {
    if (removed !== null && removed.from === this) this.#durable.delete(removed.name);
    if (added !== null && added.to === this) this.#durable.set(added.name, added.entry);
  }
}

function touched(change: NameChange): Directory[] {
  const result: Directory[] = [];
  if (change.removed !== null) result.push(change.removed.from);
  if (change.added !== null && change.added.to !== result[0]) result.push(change.added.to);
  return result;
}
