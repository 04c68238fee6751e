import type { ConsumedRecord } from "../../core/client/consumer.ts";
import { CLIENT_LANE } from "../../core/client/client-network.ts";
import type { GroupId } from "../../core/ids.ts";
import { partitionName } from "../../core/ids.ts";
import type { Ports, Timer } from "../../core/ports.ts";

export interface EffectsOptions {
  readonly group: GroupId;
  /** How long the work on one record takes. */
  readonly workUs: number;
  /** Its effect is there. */
  readonly done: (record: ConsumedRecord) => void;
}

interface Job {
  readonly records: readonly ConsumedRecord[];
  readonly then: () => void;
}

/** The store outside, and the work on records one after the other that leads into it. */
export class Effects {
  readonly #ports: Ports;
  readonly #options: EffectsOptions;
  readonly #timer: Timer;
  #jobs: Job[] = [];
  /** Within the first job. */
  #at = 0;

  constructor(ports: Ports, options: EffectsOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#timer = ports.timers.timer(CLIENT_LANE, "work on a record", () => this.#worked());
  }

  /** Works on these after all that were given before; `then` is called when the last effect is there. */
  work(records: readonly ConsumedRecord[], then: () => void): void {
    this.#jobs.push({ records, then });
    if (this.#jobs.length === 1) this.#begin();
  }

  /** What is not done will never be. */
  drop(): void {
    this.#jobs = [];
    this.#at = 0;
    this.#timer.cancel();
  }

  #begin(): void {
    const { workUs } = this.#options;
    if (workUs > 0) this.#timer.set(workUs / 1000);
    else this.#ports.work.later(CLIENT_LANE, "work on records", () => this.#workAll());
  }

  /** Without a duration all effects of a job are there at once. */
  #workAll(): void {
    const [job] = this.#jobs;
    if (job === undefined) return;
    for (const record of job.records) this.#put(record);
    this.#end(job);
  }

  #worked(): void {
    const [job] = this.#jobs;
    const record = job?.records[this.#at];
    if (job === undefined || record === undefined) return;
    this.#put(record);
    this.#at += 1;
    if (this.#at < job.records.length) this.#begin();
    else this.#end(job);
  }

  #end(job: Job): void {
    this.#jobs.shift();
    this.#at = 0;
    if (this.#jobs.length > 0) this.#begin();
    job.then();
  }

  #put(record: ConsumedRecord): void {
    const { group, done } = this.#options;
    const { topic, partition, offset } = record;
    const name = partitionName(topic, partition);
    this.#ports.probe?.emit({ kind: "effect-put", group, partition: name, offset });
    done(record);
  }
}
