import type { FactOf } from "../../core/facts.ts";
import type { NodeId } from "../../core/ids.ts";
import type { Moment } from "../observation.ts";
import { Check } from "./check.ts";
import type { Handlers } from "./check.ts";

/**
 * C9, registrations: each registration of a broker has a higher broker epoch than the one before, the
 * offset of its record; a process may register only once in an incarnation id with that epoch, and one
 * that registers while another is unfenced has been preceded by its fencing or its end; a broker is
 * unfenced only when it has applied its own registration (KIP-631).
 *
 * Broken by: unfencing a broker at its first willing heartbeat.
 *   1. broker A registers at offset 40   2. it has applied metadata up to 30   3. it is unfenced
 */
export class Registrations extends Check {
  readonly id = "C9";
  /**
   * Metadata offset that each node has ever applied. A process that has ended may have asked to be
   * unfenced; what it had applied lies below the registration of the next one.
   */
  readonly #applied: (number | undefined)[] = [];
  /** Incarnation id of each broker's last registration. */
  readonly #incarnations: Map<NodeId, string> = new Map();

  override readonly before: Handlers = {
    "metadata-applied": (fact, moment) => {
      const before = this.#applied[moment.nodeId] ?? -1;
      if (fact.offset > before) this.#applied[moment.nodeId] = fact.offset;
    },
    "metadata-committed": (fact, moment) => {
      if (fact.record.type === "RegisterBroker") this.#registered(fact, moment);
    },
    "broker-unfenced": (fact, moment) => {
      const applied = this.#applied[fact.broker] ?? -1;
      this.evaluations += 1;
      if (applied >= fact.brokerEpoch) return;
      const message = `broker ${fact.broker}, registered at offset ${fact.brokerEpoch}, was unfenced with metadata up to ${applied}`;
      this.fail(moment, message);
    },
  };

  #registered(fact: FactOf<"metadata-committed">, moment: Moment): void {
    const { metadata } = this.ghost;
    const { record } = fact;
    // Told again by a later controller.
    if (fact.offset <= metadata.offset || record.type !== "RegisterBroker") return;
    const { brokerId, brokerEpoch, incarnationId } = record;
    const before = metadata.brokers.get(brokerId);
    this.evaluations += 1;
    const expected = Number(brokerEpoch) === fact.offset || brokerEpoch === before?.epoch;
    if (!expected) {
      const message = `broker ${brokerId} got epoch ${brokerEpoch} by the record at offset ${fact.offset}`;
      this.fail(moment, message);
    }
    const known = this.#incarnations.get(brokerId);
    this.#incarnations.set(brokerId, incarnationId);
    if (before === undefined) return;
    this.evaluations += 1;
    const isAmended = known === incarnationId;
    if (isAmended ? brokerEpoch >= before.epoch : brokerEpoch > before.epoch) return;
    const message = `broker ${brokerId} went from epoch ${before.epoch} to ${brokerEpoch}`;
    this.fail(moment, message);
  }
}
