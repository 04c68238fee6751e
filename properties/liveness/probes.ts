/**
 * New traffic after the heal: one record for each partition, sent with acks=all by a client of the
 * harness's own, again and again until it is acknowledged.
 */
import type { PartitionName } from "../../core/ids.ts";
import type { Observer } from "../observation.ts";
import { PROBE_CLIENT } from "./probe-client.ts";

export interface Probe {
  readonly partition: PartitionName;
  attempts: number;
  sentAt: number;
  state: "under way" | "acked" | "failed";
  /** Of the last attempt that failed. */
  error: string;
}

export class Probes implements Observer {
  readonly all: Map<PartitionName, Probe> = new Map();
  readonly #bySendId: Map<string, Probe> = new Map();

  /** Takes the partition in, or up again; returns the id of the send that is to be made. */
  begin(partition: PartitionName, nowUs: number): string {
    let probe = this.all.get(partition);
    if (probe === undefined) {
      probe = { partition, attempts: 0, sentAt: nowUs, state: "under way", error: "" };
      this.all.set(partition, probe);
    }
    probe.attempts += 1;
    probe.sentAt = nowUs;
    probe.state = "under way";
    const sendId = `probe-${partition}-${probe.attempts}`;
    this.#bySendId.set(sendId, probe);
    return sendId;
  }

  readonly on: NonNullable<Observer["on"]> = {
    "send-acked": ({ sendId }, { node }) => {
      if (node !== PROBE_CLIENT) return;
      const probe = this.#bySendId.get(sendId);
      if (probe !== undefined) probe.state = "acked";
    },
    "send-failed": ({ sendId, error }, { node }) => {
      if (node !== PROBE_CLIENT) return;
      const probe = this.#bySendId.get(sendId);
      if (probe === undefined || probe.state === "acked") return;
      probe.state = "failed";
      probe.error = error;
    },
  };
}
