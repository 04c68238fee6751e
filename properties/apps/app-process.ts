/**
 * One incarnation of a client whose program is asynchronous user code. The code never runs inside an
 * input of a node: an input only notes how promises settle. Between two inputs they are settled, the
 * microtasks run, and what the code called meanwhile becomes one further input of this client. So
 * every effect of user code takes place where a process may die, as that of any other program.
 */
import { CLIENT_LANE } from "../../core/client/client-network.ts";
import type { Ports } from "../../core/ports.ts";
import type { ClientNode } from "../cluster/client-node.ts";
import type { Operation } from "../plan/plan.ts";
import type { App, AppMain } from "./app.ts";
import { described } from "./kafka-error.ts";

/** How the input that a call has become settles its promise. The first of the two counts. */
export interface Settle<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** Told what becomes of a process. */
export interface AppProcessListener {
  /** It has something to settle, or is to be started: user code will run. */
  woken(process: AppProcess): void;
  finished(process: AppProcess): void;
  failed(process: AppProcess, error: unknown): void;
}

/**
 * "booted": not started yet. "ended": the node's process is gone, and no promise of it ever settles.
 * "over": the whole run is.
 */
export type AppState = "booted" | "running" | "finished" | "failed" | "ended" | "over";

export class AppProcess implements ClientNode {
  readonly client: string;
  state: AppState = "booted";
  readonly #ports: Ports;
  readonly #listener: AppProcessListener;
  readonly #start: () => Promise<void>;
  /** Promises that were handed out and not settled, the oldest first. */
  readonly #outstanding: Set<PendingCall> = new Set();
  #settled: PendingCall[] = [];
  #calls: PendingCall[] = [];

  constructor(
    client: string,
    ports: Ports,
    listener: AppProcessListener,
    main: AppMain,
    appOf: (process: AppProcess) => App,
  ) {
    this.client = client;
    this.#ports = ports;
    this.#listener = listener;
    // An async function, so that code that throws before its first await rejects, too.
    this.#start = async () => main(appOf(this));
  }

  /** The simulation will bring something that user code waits for. */
  get isWaiting(): boolean {
    return this.#outstanding.size > 0;
  }

  /** What that is; null when there is nothing. */
  get waitsFor(): string | null {
    const [first] = this.#outstanding;
    if (first === undefined) return null;
    const more = this.#outstanding.size - 1;
    const what = `${first.method}(${first.detail})`;
    return more === 0 ? what : `${what} and ${more} more`;
  }

  perform(operation: Operation): never {
    throw new Error(`operation ${operation.id} is for ${this.client}, which user code drives`);
  }

  /**
   * A promise that an input settles. `perform` runs as part of the client's next input, after the calls
   * before it. `method` and `detail` say what is waited for.
   */
  call<T>(
    method: string,
    detail: string | number,
    perform: (settle: Settle<T>) => void,
  ): Promise<T> {
    if (this.state === "over") {
      throw new Error(`app ${this.client} calls ${method}() after its run is over`);
    }
    return new Promise<T>((resolve, reject) => {
      if (this.state === "ended") return;
      const call = new PendingCall(this, method, detail, perform as PendingCall["perform"]);
      call.fulfil = resolve as PendingCall["fulfil"];
      call.refuse = reject;
      this.#outstanding.add(call);
      this.#calls.push(call);
    });
  }

  /** Tells those who watch the run of an error that user code did not see, in an input of its own. */
  tell(where: string, error: unknown): void {
    const { probe } = this.#ports;
    void this.call<void>("tell", where, (settle) => {
      probe?.emit({ kind: "client-error", where, error: described(error) });
      settle.resolve();
    });
  }

  /** An input has settled a call; user code is told between two inputs. */
  settled(call: PendingCall): void {
    if (this.#settled.push(call) === 1) this.#listener.woken(this);
  }

  /** Lets user code go on: called between two inputs, before microtasks run. */
  resume(): void {
    if (this.state === "booted") {
      this.state = "running";
      this.#start().then(
        () => this.#done("finished", null),
        (error: unknown) => this.#done("failed", error),
      );
    }
    const settled = this.#settled;
    if (settled.length === 0 || this.state === "ended") return;
    this.#settled = [];
    for (const call of settled) {
      this.#outstanding.delete(call);
      call.settle();
    }
  }

  /** Makes an input of what user code called. Microtasks have run. */
  queueCalls(): void {
    if (this.#calls.length === 0 || this.state === "ended") return;
    const calls = this.#calls;
    this.#calls = [];
    this.#ports.work.later(CLIENT_LANE, "app calls", () => {
      for (const call of calls) call.perform(call);
    });
  }

  /** The node's process is gone, or the run is over. */
  end(state: "ended" | "over"): void {
    this.state = state;
    this.#settled = [];
    this.#calls = [];
    this.#outstanding.clear();
  }

  #done(how: "finished" | "failed", error: unknown): void {
    if (this.state !== "running") return;
    this.state = how;
    if (how === "finished") this.#listener.finished(this);
    else this.#listener.failed(this, error);
  }
}

/** A call between user code and the input that performs it. */
class PendingCall implements Settle<unknown> {
  readonly method: string;
  readonly detail: string | number;
  readonly perform: (settle: Settle<unknown>) => void;
  declare fulfil: (value: unknown) => void;
  declare refuse: (error: Error) => void;
  readonly #process: AppProcess;
  #error: Error | null = null;
  #value: unknown = undefined;
  #isSettled = false;

  constructor(
    process: AppProcess,
    method: string,
    detail: string | number,
    perform: (settle: Settle<unknown>) => void,
  ) {
    this.#process = process;
    this.method = method;
    this.detail = detail;
    this.perform = perform;
  }

  resolve(value: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#value = value;
    this.#process.settled(this);
  }

  reject(error: Error): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#error = error;
    this.#process.settled(this);
  }

  settle(): void {
    if (this.#error === null) this.fulfil(this.#value);
    else this.refuse(this.#error);
  }
}
