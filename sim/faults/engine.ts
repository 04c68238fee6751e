import { InputKind } from "../input.ts";
import type { WorldTask } from "../input.ts";
import type { ArmedCall, Process } from "../process.ts";
import type { EventFields, FieldValue } from "../vocabulary.ts";
import { rotPlace, strikes } from "./effects.ts";
import type { Fault, FaultKind, FaultOutcome, FaultTargets, StandingFault } from "./fault.ts";
import { faultKinds } from "./fault.ts";
import { ANY, faultKey, resolveTarget } from "./targets.ts";
import type { FaultWorld } from "./targets.ts";

/** Told when faults strike and end. Listeners change nothing. */
export interface FaultListener {
  faultStruck?(outcome: FaultOutcome): void;
  faultEnded?(fault: Fault): void;
}

/** Refuses faults that a run must not suffer. Asked just before each one strikes. */
export type MayStrike = (fault: Fault, targets: FaultTargets) => boolean;

/** How the faults of a kind came out. */
export interface FaultCount {
  readonly struck: number;
  readonly noOp: number;
  readonly refused: number;
  /** Still waiting for an event, a call or a frame. */
  readonly waiting: number;
}

interface MutableOutcome extends FaultOutcome {
  atUs: number;
  result: FaultOutcome["result"];
  nodes: FaultOutcome["nodes"];
  links: FaultOutcome["links"];
  detail: FaultOutcome["detail"];
}

interface Standing extends StandingFault {
  readonly end: () => void;
  timer: WorldTask | null;
}

interface ArmedTrigger {
  readonly fault: Fault;
  seen: number;
}

/** Lets the faults of a plan strike when their time, event or call has come. */
export class FaultEngine {
  readonly #world: FaultWorld;
  readonly #mayStrike: MayStrike | null;
  readonly #listeners: readonly FaultListener[];
  readonly #outcomes: Map<string, MutableOutcome> = new Map();
  readonly #triggers: Map<string, ArmedTrigger[]> = new Map();
  readonly #calls: Map<ArmedCall, Process> = new Map();
  readonly #standing: Map<string, Standing> = new Map();

  constructor(world: FaultWorld, mayStrike: MayStrike | null, listeners: readonly FaultListener[]) {
    this.#world = world;
    this.#mayStrike = mayStrike;
    this.#listeners = listeners;
  }

  /** Takes faults in; their ids must be new. */
  load(faults: readonly Fault[]): void {
    for (const fault of faults) {
      if (this.#outcomes.has(fault.id)) throw new Error(`fault ${fault.id} is loaded twice`);
      this.#outcomes.set(fault.id, {
        fault,
        atUs: 0,
        result: "waiting",
        nodes: [],
        links: [],
        detail: {},
      });
      const { when, at } = fault;
      if (when !== undefined) {
        const armed = this.#triggers.get(when.event);
        if (armed === undefined) this.#triggers.set(when.event, [{ fault, seen: 0 }]);
        else armed.push({ fault, seen: 0 });
      } else {
        this.#world.kernel.at(at!, () => this.#timeHasCome(fault));
      }
    }
  }

  wants(event: string): boolean {
    return this.#triggers.has(event);
  }

  /**
   * An event has occurred at a node. Faults that wait for it with edge "before" strike now: if they
   * end the running process, this call throws, like a port call. Others strike after the handler.
   */
  occurred(node: string, event: string, fields: EventFields): void {
    const armed = this.#triggers.get(event);
    if (armed === undefined) return;
    const { kernel } = this.#world;
    const { current } = kernel;
    for (const trigger of [...armed]) {
      const { where, nth = 1, edge = "after" } = trigger.fault.when!;
      if (where !== undefined && !matches(where, node, fields)) continue;
      if (++trigger.seen < nth) continue;
      this.#disarm(event, trigger);
      if (edge === "before") this.#strike(trigger.fault);
      else kernel.afterHandler(() => this.#strike(trigger.fault));
    }
    if (current !== null) current.check();
  }

  standing(): readonly StandingFault[] {
    return [...this.#standing.values()];
  }

  /** What has become of each fault, in the order of loading. */
  outcomes(): readonly FaultOutcome[] {
    return [...this.#outcomes.values()];
  }

  counts(): Readonly<Record<FaultKind, FaultCount>> {
    const counts = Object.fromEntries(
      faultKinds.map((kind) => [kind, { struck: 0, noOp: 0, refused: 0, waiting: 0 }]),
    ) as Record<FaultKind, { struck: number; noOp: number; refused: number; waiting: number }>;
    for (const { fault, result } of this.#outcomes.values()) {
      counts[fault.kind][result === "no-op" ? "noOp" : result]++;
    }
    return counts;
  }

  /**
   * Ends standing faults: all, or those that hit none but the given nodes. Faults that still wait for
   * an event, a call or a frame find nothing to do any more; those with a time of their own strike.
   *
   * `forGood`: what stands now stands for ever, and nothing strikes any more. `leave` names faults
   * that go on standing whomever they hit.
   */
  heal(only: ReadonlySet<string> | null, forGood: boolean, leave: ReadonlySet<string>): void {
    const { kernel } = this.#world;
    this.#triggers.clear();
    for (const [call, process] of [...this.#calls]) {
      process.disarm(call);
      call.missed();
    }
    for (const standing of [...this.#standing.values()]) {
      const hit = new Set([...standing.nodes, ...standing.links.flat()]);
      hit.delete(ANY);
      const isOver = only === null || [...hit].every((node) => only.has(node));
      if (isOver && !leave.has(standing.fault.id)) {
        this.#end(standing);
      } else if (forGood && standing.timer !== null) {
        kernel.queue.remove(standing.timer);
        standing.timer = null;
      }
    }
    for (const outcome of this.#outcomes.values()) {
      const { at } = outcome.fault;
      if (outcome.result !== "waiting" || this.#standing.has(outcome.fault.id)) continue;
      if (forGood || at === undefined || at <= kernel.nowUs) this.#settle(outcome, "no-op");
    }
  }

  #timeHasCome(fault: Fault): void {
    // A heal for good came first.
    if (this.#outcomes.get(fault.id)!.result !== "waiting") return;
    if (fault.call === undefined) {
      this.#strike(fault);
      return;
    }
    const targets = resolveTarget(this.#world, fault);
    const process = targets === null ? null : this.#world.nodes.get(targets.nodes[0]!)!.process;
    const outcome = this.#outcomes.get(fault.id)!;
    if (process === null) {
      this.#settle(outcome, "no-op");
      return;
    }
    const call: ArmedCall = {
      remaining: fault.call,
      edge: fault.edge ?? "before",
      strike: () => {
        this.#calls.delete(call);
        this.#strike(fault, targets);
      },
      missed: () => {
        this.#calls.delete(call);
        this.#settle(outcome, "no-op");
      },
    };
    this.#calls.set(call, process);
    process.arm(call);
  }

  /** Also which byte would rot, for whoever decides about it. */
  #located(fault: Fault, targets: FaultTargets): FaultTargets {
    const node =
      fault.kind === "bit-rot" ? this.#world.nodes.get(targets.nodes[0] ?? "") : undefined;
    const rot = node === undefined ? null : rotPlace(node, fault, this.#world);
    return rot === null ? targets : { ...targets, rot };
  }

  #strike(fault: Fault, targets: FaultTargets | null = resolveTarget(this.#world, fault)): void {
    const outcome = this.#outcomes.get(fault.id)!;
    if (targets === null) {
      this.#settle(outcome, "no-op");
      return;
    }
    outcome.nodes = targets.nodes;
    outcome.links = targets.links;
    if (this.#mayStrike !== null && !this.#mayStrike(fault, this.#located(fault, targets))) {
      this.#settle(outcome, "refused");
      return;
    }
    const waits = fault.kind === "lose-request" || fault.kind === "lose-response";
    const effect = strikes[fault.kind](this.#world, fault, targets, {
      lost: () => {
        if (outcome.result !== "waiting") return;
        this.#record(fault, targets);
        this.#settle(outcome, "struck");
      },
      spent: () => {
        const standing = this.#standing.get(fault.id);
        if (standing !== undefined) this.#end(standing);
      },
    });
    if (effect === null) {
      this.#settle(outcome, "no-op");
      return;
    }
    outcome.detail = effect.detail ?? {};
    if (effect.end !== null) this.#stand(fault, targets, effect.end);
    if (waits) return;
    this.#record(fault, targets);
    this.#settle(outcome, "struck");
  }

  #stand(fault: Fault, targets: FaultTargets, end: () => void): void {
    const { kernel } = this.#world;
    const { nodes, links } = targets;
    const standing: Standing = { fault, sinceUs: kernel.nowUs, nodes, links, end, timer: null };
    this.#standing.set(fault.id, standing);
    if (fault.for === undefined) return;
    standing.timer = kernel.at(kernel.nowUs + fault.for, () => {
      this.#end(standing);
      // It stood its time and lost nothing.
      const outcome = this.#outcomes.get(fault.id)!;
      if (outcome.result === "waiting") this.#settle(outcome, "no-op");
    });
  }

  #end(standing: Standing): void {
    const { kernel } = this.#world;
    const { fault } = standing;
    this.#standing.delete(fault.id);
    if (standing.timer !== null) kernel.queue.remove(standing.timer);
    kernel.hash.event(kernel.nowUs, 0, InputKind.faultEnded, faultKey(fault));
    standing.end();
    for (const listener of this.#listeners) listener.faultEnded?.(fault);
  }

  #settle(outcome: MutableOutcome, result: FaultOutcome["result"]): void {
    if (outcome.result !== "waiting") return;
    outcome.result = result;
    outcome.atUs = this.#world.kernel.nowUs;
    if (result !== "struck") return;
    for (const listener of this.#listeners) listener.faultStruck?.(outcome);
  }

  #record(fault: Fault, targets: FaultTargets): void {
    const node = targets.nodes[0] ?? targets.links[0]?.join(">") ?? "";
    this.#world.kernel.record(node, 0, InputKind.fault, fault.id, faultKey(fault));
  }

  #disarm(event: string, trigger: ArmedTrigger): void {
    const rest = this.#triggers.get(event)!.filter((other) => other !== trigger);
    if (rest.length === 0) this.#triggers.delete(event);
    else this.#triggers.set(event, rest);
  }
}

/** A field that is a list matches each value that it contains. */
function matches(
  where: Readonly<Record<string, FieldValue>>,
  node: string,
  fields: EventFields,
): boolean {
  for (const name of Object.keys(where)) {
    const wanted = where[name] as FieldValue;
    const actual = name === "node" ? node : fields[name];
    if (Array.isArray(actual) ? !actual.includes(wanted) : actual !== wanted) return false;
  }
  return true;
}
