import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Offset } from "../ids.ts";
import type { Ports, Timer } from "../ports.ts";
import { Batch } from "../record/batch.ts";
import type { RuleClasses } from "../rules.ts";
import { makeRules } from "../rules.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import { brokerSettings } from "../settings/broker-settings.ts";
import { resolveSettings } from "../settings/definition.ts";
import type { TopicSettings } from "../settings/topic-settings.ts";
import { topicSettings } from "../settings/topic-settings.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import { ProcessEnded } from "../testkit/manual-storage.ts";
import { LogManager } from "./log-manager.ts";
import { LogRules } from "./log-rules.ts";
import { body } from "./log.testkit.ts";
import type { Draw } from "./losing-disk.testkit.ts";
import { LosingDisk } from "./losing-disk.testkit.ts";
import type { PartitionLog } from "./partition-log.ts";

/** A broker's logs on a disk that loses what it may, and what they must hold. */
class Trial {
  readonly #draw: Draw;
  readonly #disk: LosingDisk;
  readonly #ports: Ports;
  readonly #rules: Partial<RuleClasses>;
  readonly #settings: TopicSettings;
  readonly #steps: (() => void)[] = [];
  readonly #timers: (Timer & { fire(): void })[] = [];
  #logs: LogManager;
  log: PartitionLog;
  model: readonly Batch[] = [];
  /** Flushed records that no truncation has touched. */
  flushed: Offset = 0;
  epoch = 0;
  sequence = 0;

  constructor(draw: Draw, settings: Partial<TopicSettings>, rules: Partial<RuleClasses>) {
    this.#draw = draw;
    this.#disk = new LosingDisk(draw);
    this.#rules = rules;
    this.#settings = { ...resolveSettings<TopicSettings>(topicSettings, {}), ...settings };
    this.#ports = {
      ...new ManualWorld().node("b1").ports,
      storage: this.#disk,
      work: { later: (_lane, _name, step) => this.#steps.push(step) },
      timers: { timer: (_lane, _name, fire) => this.#addTimer(fire) },
    };
    this.#logs = this.#boot();
    this.log = this.#logs.getOrCreate("t", 0);
  }

  append(count: number): void {
    const given = body({ count, producerId: 1, sequence: this.sequence });
    const batch = new Batch(this.log.endOffset, this.epoch, given);
    this.#attempt([this.model, [...this.model, batch]], this.flushed, () => {
      expect(this.log.appendAsLeader(given, this.epoch, "client").kind).toBe("appended");
      this.model = [...this.model, batch];
      this.sequence += count;
    });
  }

  truncate(kept: number): void {
    const left = this.model.slice(0, kept);
    const target = left.at(-1)?.nextOffset ?? 0;
    this.#attempt([this.model], Math.min(this.flushed, target), () => {
      this.log.truncateTo(target, "diverging", this.epoch);
      this.model = left;
      this.flushed = Math.min(this.flushed, target);
      this.#check([left]);
    });
  }

  newEpoch(): void {
    this.#attempt([this.model], this.flushed, () => {
      this.epoch += 1;
      this.log.assignEpoch(this.epoch, this.log.endOffset);
    });
  }

  /** Whatever else a broker does with its logs. */
  work(what: "flush" | "steps" | "timers" | "stop" | "kill" | "power loss"): void {
    this.#attempt([this.model], this.flushed, () => {
      if (what === "flush") this.log.flush();
      else if (what === "steps") this.#runSteps();
      else if (what === "timers") this.#fireTimers();
      else if (what === "stop") this.#logs.shutDown(5);
      this.flushed = Math.max(this.flushed, this.log.recoveryPoint);
      if (what === "stop" || what === "kill" || what === "power loss") this.#disk.kill();
      if (what === "power loss" || (what === "stop" && this.#draw(2) === 1)) this.#disk.losePower();
    });
  }

  /** Does it, perhaps with a crash inside, and starts again until there is a process. */
  #attempt(candidates: readonly (readonly Batch[])[], flushed: Offset, work: () => void): void {
    this.#disk.crashAfter(this.#draw(8) === 0 ? this.#draw(12) : null);
    this.#run(work);
    let mustStart = this.#disk.isEnded;
    const floor = Math.min(flushed, this.flushed);
    while (mustStart) {
      this.#run(() => {
        this.#disk.boot();
        this.#disk.crashAfter(this.#draw(6) === 0 ? this.#draw(20) : null);
        this.#logs = this.#boot();
        this.#disk.crashAfter(null);
        this.log = this.#logs.getOrCreate("t", 0);
        mustStart = false;
        expect(this.log.endOffset).toBeGreaterThanOrEqual(floor);
        this.#check(candidates);
        this.flushed = Math.min(floor, this.log.endOffset);
      });
    }
    this.#disk.crashAfter(null);
  }

  #run(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ProcessEnded)) throw error;
      if (this.#draw(2) === 1) this.#disk.losePower();
    }
  }

  /** The log is a prefix of one of these; epochs and producers are what a scan of it gives. */
  #check(candidates: readonly (readonly Batch[])[]): void {
    const found = this.#contents();
    const ids = (batches: readonly Batch[]): string =>
      batches.map((batch) => `${batch.baseOffset}/${batch.leaderEpoch}/${batch.body.crc}`).join();
    const match = candidates.find((batches) => ids(batches.slice(0, found.length)) === ids(found));
    if (match === undefined) throw new Error(`${ids(found)} is none of ${candidates.map(ids)}`);
    this.model = match.slice(0, found.length);
    const starts = new Map<number, Offset>();
    for (const { leaderEpoch, baseOffset } of this.model) {
      if (!starts.has(leaderEpoch)) starts.set(leaderEpoch, baseOffset);
    }
    const entries = this.log.epochEntries().filter((it) => it.startOffset < this.log.endOffset);
    expect(entries.map((entry) => [entry.epoch, entry.startOffset])).toEqual([...starts]);
    const last = this.log.producers()[0]?.batches.at(-1);
    expect(last?.lastOffset).toBe(this.model.at(-1)?.lastOffset);
    this.sequence = (last?.lastSequence ?? -1) + 1;
  }

  #contents(): Batch[] {
    const batches: Batch[] = [];
    for (let at = 0; at < this.log.endOffset; at = (batches.at(-1) as Batch).nextOffset) {
      const read = this.log.read(at, 1e9, this.log.endOffset, true);
      if ("error" in read) throw new Error(`error ${read.error} at ${at}`);
      if (read.batches.length === 0) throw new Error(`nothing to read at ${at}`);
      if (read.batches.length === 0) throw new Error(`nothing at ${at}`);
      batches.push(...read.batches);
    }
    return batches;
  }

  #boot(): LogManager {
    this.#steps.length = 0;
    this.#timers.length = 0;
    let isLoaded = false;
    const logs = new LogManager({
      ports: this.#ports,
      rules: makeRules(this.#rules),
      settings: resolveSettings<BrokerSettings>(brokerSettings as never, {}),
      clusterId: "cluster",
      nodeId: 1,
      topicSettings: () => this.#settings,
      onFailure: (error) => {
        throw error;
      },
    });
    logs.start(() => (isLoaded = true));
    this.#runSteps();
    expect(isLoaded).toBe(true);
    return logs;
  }

  #runSteps(): void {
    for (let step = this.#steps.shift(); step !== undefined; step = this.#steps.shift()) step();
  }

  #fireTimers(): void {
    for (const timer of this.#timers.filter((each) => each.armed)) timer.fire();
  }

  #addTimer(fire: () => void): Timer {
    let armed = false;
    const set = (value: boolean) => (): void => void (armed = value);
    const timer = {
      set: set(true),
      cancel: set(false),
      get armed(): boolean {
        return armed;
      },
      fire: () => {
        armed = false;
        fire();
      },
    };
    this.#timers.push(timer);
    return timer;
  }
}

function makeDraw(seed: number): Draw {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 0x100000000) * bound);
  };
}

function runTrial(seed: number, rules: Partial<RuleClasses> = {}): void {
  const draw = makeDraw(seed);
  const trial = new Trial(
    draw,
    {
      "segment.bytes": 4 * body({ producerId: 1 }).sizeBytes,
      "index.interval.bytes": 150,
      ...(draw(3) === 0 ? { "flush.messages": 1 + draw(4) } : {}),
    },
    rules,
  );
  for (let step = 0; step < 40; step++) {
    const what = draw(20);
    if (what < 10) trial.append(1 + draw(2));
    else if (what < 12) trial.truncate(draw(trial.model.length + 1));
    else if (what < 13) trial.newEpoch();
    else if (what < 14) trial.work("flush");
    else if (what < 16) trial.work("steps");
    else if (what < 17) trial.work("timers");
    else if (what < 18) trial.work("stop");
    else if (what < 19) trial.work("kill");
    else trial.work("power loss");
  }
}

describe("a log after crashes inside any disk call, kills and losses of power", () => {
  it("is a prefix of what was appended, with all that was flushed, its epochs and producers", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => runTrial(seed)),
      { numRuns: 300 },
    );
  });

  /** The property has teeth: it fails within this many runs of a log with a wrong rule. */
  function fails(log: RuleClasses["log"]): boolean {
    for (let seed = 0; seed < 400; seed++) {
      try {
        runTrial(seed, { log });
      } catch {
        return true;
      }
    }
    return false;
  }

  it.each([
    [
      "the tail is not verified",
      class extends LogRules {
        override verifiesAtStart(): boolean {
          return false;
        }
      },
    ],
    [
      "the clean-shutdown file stays",
      class extends LogRules {
        override consumesCleanShutdownFile(): boolean {
          return false;
        }
      },
    ],
    [
      "segments need not follow each other",
      class extends LogRules {
        override segmentFollows(): boolean {
          return true;
        }
      },
    ],
    [
      "names of new segments are not synced",
      class extends LogRules {
        override syncsDirectory(): boolean {
          return false;
        }
      },
    ],
    [
      "the recovery point survives a truncation",
      class extends LogRules {
        override recoveryPointAfterTruncation(recoveryPoint: Offset): Offset {
          return recoveryPoint;
        }
      },
    ],
  ])("is not when %s", (_what, log) => {
    expect(fails(log)).toBe(true);
  });
});
