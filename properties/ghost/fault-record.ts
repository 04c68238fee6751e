/**
 * Which faults of the plan struck whom, and for how long: what a loss is explained with. It judges
 * nothing; whether a copy is gone is told by the disks, here is only who may have done it.
 */
import type { Fault, FaultKind, FaultOutcome } from "../../sim/faults/fault.ts";

interface Struck {
  readonly id: string;
  readonly kind: FaultKind;
  /** Nodes that it hit, and ends of the links that it hit. */
  readonly nodes: ReadonlySet<string>;
  readonly hitsAll: boolean;
  readonly detail: FaultOutcome["detail"];
  readonly fault: Fault;
  readonly at: number;
  until: number;
}

const ANY = "*";

/** After a fault has ended its victim needs so long to be what it was before. */
const AFTERMATH_US = 10_000_000;

/** These keep a node away until it is started again, or for as long as the fault says. */
const outages: ReadonlySet<FaultKind> = new Set(["kill", "power-loss", "stop", "restart"]);

export class FaultRecord {
  readonly #struck: Struck[] = [];

  struck(outcome: FaultOutcome): void {
    const { fault, nodes, links, detail, atUs } = outcome;
    // A node's own links are all of its links: there "*" says nothing about the others.
    const ends = new Set(nodes.length > 0 ? nodes : links.flat());
    const hitsAll = ends.delete(ANY) && ends.size === 0;
    let until = atUs;
    if (fault.for !== undefined) until = atUs + fault.for;
    else if (outages.has(fault.kind) && fault.kind !== "restart") until = Infinity;
    const { id, kind } = fault;
    this.#struck.push({ id, kind, nodes: ends, hitsAll, detail, fault, at: atUs, until });
  }

  ended(fault: Fault, at: number): void {
    const struck = this.#struck.findLast(({ id }) => id === fault.id);
    if (struck !== undefined) struck.until = at;
  }

  /** Ids of faults of that kind that struck the node itself in [from, to]. */
  on(node: string, kind: FaultKind, from: number, to: number): string[] {
    return this.#struck
      .filter(
        (one) => one.kind === kind && one.nodes.has(node) && one.until >= from && one.at <= to,
      )
      .map(({ id }) => id);
  }

  /** Ids of faults that gave the node another disk since then. */
  newDisks(node: string, from: number): string[] {
    return this.#struck
      .filter(({ kind, nodes, at, fault }) => {
        const replaced = fault.disk === "empty" || fault.disk === "of";
        return kind === "restart" && replaced && nodes.has(node) && at >= from;
      })
      .map(({ id }) => id);
  }

  /** Ids of bit-rot that hit a file of that directory of the node. */
  rotIn(node: string, directory: string): string[] {
    return this.#struck
      .filter(
        ({ kind, nodes, detail }) =>
          kind === "bit-rot" && nodes.has(node) && `${detail["path"]}`.includes(`/${directory}/`),
      )
      .map(({ id }) => id);
  }

  /**
   * Ids of the faults that may be why these nodes were not at their best in [from, to]: those that
   * stood then or shortly before; without any, the last one before.
   */
  culprits(nodes: readonly string[], from: number, to: number): string[] {
    const before = this.#struck.filter(
      ({ nodes: hit, hitsAll, at }) => at <= to && (hitsAll || nodes.some((node) => hit.has(node))),
    );
    const standing = before.filter(({ until }) => until + AFTERMATH_US >= from);
    const found = standing.length > 0 ? standing : before.slice(-1);
    return found.map(({ id }) => id);
  }

  /** "power-loss of b1": a fault in words. */
  describe(id: string): string {
    const struck = this.#struck.find((one) => one.id === id);
    if (struck === undefined) return id;
    const whom = struck.hitsAll ? "everybody" : [...struck.nodes].join(", ");
    const disk = struck.fault.disk;
    const how =
      disk === "empty" ? " with an empty disk" : disk === "of" ? " with another disk" : "";
    return `${id} (${struck.kind} of ${whom}${how})`;
  }
}
