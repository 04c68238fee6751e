/**
 * All user code of one run: which of it has something to do, what is still waited for, and what went
 * wrong in it. `isDirty` says that user code has to run before the next event; nothing else costs.
 */
import { InputError } from "../../sim/input-error.ts";
import type { ClientContext, ClientNode } from "../cluster/client-node.ts";
import type { Findings, Moment, NodeEvent, Observer } from "../observation.ts";
import type { Plan } from "../plan/plan.ts";
import type { AppMain, Apps } from "./app.ts";
import { appFor } from "./app-of-process.ts";
import type { AppProcessListener } from "./app-process.ts";
import { AppProcess } from "./app-process.ts";
import type { Turn } from "./drain.ts";
import { described } from "./kafka-error.ts";

export interface AppHostOptions {
  readonly findings: Findings;
  /** Virtual time in microseconds. */
  readonly nowUs: () => number;
}

export class AppHost implements Observer, AppProcessListener {
  isDirty = false;
  /** Some app has not come to its end yet. */
  isUnfinished = true;
  /** Nothing more can be learned: user code has left the simulation, or can never go on. */
  isStuck = false;
  readonly #apps: ReadonlyMap<string, AppMain>;
  readonly #options: AppHostOptions;
  /** The present incarnation of each app; null before the first and while its node is down. */
  readonly #processes: Map<string, AppProcess | null> = new Map();
  readonly #escapes: string[] = [];
  #woken: AppProcess[] = [];
  /** Those that were woken last. */
  #resumed: readonly AppProcess[] = [];

  /** Throws an InputError when apps and clients of the plan do not go together. */
  constructor(plan: Plan, apps: Apps, options: AppHostOptions) {
    this.#apps = appsOf(plan, apps);
    this.#options = options;
    for (const client of this.#apps.keys()) this.#processes.set(client, null);
  }

  has(client: string): boolean {
    return this.#apps.has(client);
  }

  /** The client's process boots. */
  start(client: string, context: ClientContext, incarnation: number): ClientNode {
    const main = this.#apps.get(client)!;
    const process: AppProcess = new AppProcess(client, context.ports, this, main, (owner) =>
      appFor(owner, context, incarnation),
    );
    this.#processes.set(client, process);
    this.woken(process);
    return process;
  }

  nodeEvent(event: NodeEvent, { node }: Moment): void {
    if (event.kind !== "ended") return;
    const process = this.#processes.get(node);
    if (process === undefined || process === null) return;
    process.end("ended");
    this.#processes.set(node, null);
    this.#takeStock();
  }

  /** Settles what is to be settled. Microtasks must run after it, then `resumed` is called. */
  resume(): void {
    this.isDirty = false;
    this.#resumed = this.#woken;
    this.#woken = [];
    for (const process of this.#resumed) process.resume();
  }

  /** Microtasks have run. */
  resumed({ unhandled, escapes }: Turn): void {
    // Of all: code of one may have settled a promise of its own making that another awaits.
    for (const process of this.#processes.values()) process?.queueCalls();
    // One input wakes one client: it is whose code has run.
    const client = this.#resumed[0]?.client ?? "";
    for (const reason of unhandled) {
      this.#report(client, `nobody handled ${described(reason)}`);
    }
    for (const label of escapes) {
      this.#escapes.push(`app ${client} used ${label}, whose result does not follow from the plan`);
    }
    this.#takeStock();
  }

  /** What unfinished apps wait for, as part of a sentence; null when all have finished. */
  get awaited(): string | null {
    for (const [client, process] of this.#processes) {
      if (process === null) return `app ${client} is down and has not finished`;
      if (process.state === "finished" || process.state === "failed") continue;
      return `app ${client} waits for ${process.waitsFor ?? "nothing that is simulated"}`;
    }
    return null;
  }

  /**
   * Where user code used the real world, or waits for what no event of the simulation brings: a real
   * timer, file or socket, or a promise that is never settled. What comes of that does not follow from
   * the plan.
   */
  escapes(): readonly string[] {
    if (this.#escapes.length > 0) return this.#escapes;
    return [...this.#processes].flatMap(([client, process]) =>
      process?.state === "running" && !process.isWaiting
        ? [
            `app ${client} has not finished, and waits for no simulated promise: for real time, ` +
              "a file, a socket, or a promise that nobody settles",
          ]
        : [],
    );
  }

  /** The run is over: code that some real event wakes later must not go on. */
  close(): void {
    for (const process of this.#processes.values()) process?.end("over");
  }

  // ---- what processes tell ------------------------------------------------------------------------

  woken(process: AppProcess): void {
    this.#woken.push(process);
    this.isDirty = true;
  }

  finished(process: AppProcess): void {
    this.#options.findings.checked(`app:${process.client}`);
  }

  failed(process: AppProcess, error: unknown): void {
    this.#options.findings.checked(`app:${process.client}`);
    this.#report(process.client, described(error));
  }

  /** Asked for after each input, and so computed only when something changed. */
  #takeStock(): void {
    let unfinished = 0;
    let mayGoOn = this.isDirty;
    for (const process of this.#processes.values()) {
      if (process === null || process.isWaiting) mayGoOn = true;
      if (process === null || process.state === "booted" || process.state === "running") {
        unfinished += 1;
      }
    }
    this.isUnfinished = unfinished > 0;
    this.isStuck = this.#escapes.length > 0 || (this.isUnfinished && !mayGoOn);
  }

  #report(client: string, what: string): void {
    this.#options.findings.violation({
      invariant: `app:${client}`,
      at: this.#options.nowUs(),
      node: client,
      message: `app ${client}: ${what}`,
    });
  }
}

/** Ids of the clients that a plan leaves to user code. */
export function appClients(plan: Plan): string[] {
  return plan.clients.flatMap((client) =>
    client.kind === "app" || (client.kind === "producer" && client.app === true) ? [client.id] : [],
  );
}

/** The same plan with these clients left to user code. Throws an InputError when they do not go together. */
export function withApps(plan: Plan, apps: Apps): Plan {
  const ids = appsOf(plan, apps);
  const clients = plan.clients.map((client) =>
    client.kind === "producer" && ids.has(client.id) ? { ...client, app: true as const } : client,
  );
  return { ...plan, clients };
}

function appsOf(plan: Plan, apps: Apps): ReadonlyMap<string, AppMain> {
  for (const id of appClients(plan)) {
    if (Object.hasOwn(apps, id)) continue;
    throw new InputError(`clients: ${id} is driven by async code, and apps has none for it`);
  }
  for (const [id, main] of Object.entries(apps)) {
    const client = plan.clients.find((candidate) => candidate.id === id);
    if (client === undefined) throw new InputError(`apps: ${id} is not a client of the plan`);
    if (client.kind !== "producer" && client.kind !== "app") {
      throw new InputError(`apps: ${id} is a ${client.kind}; async code is an app or a producer`);
    }
    if (typeof main !== "function") throw new InputError(`apps: ${id} is not a function`);
    const operation = plan.workload.find((candidate) => candidate.client === id);
    if (operation === undefined) continue;
    throw new InputError(`workload: ${operation.id} is for ${id}, which async code drives`);
  }
  return new Map(Object.entries(apps));
}
