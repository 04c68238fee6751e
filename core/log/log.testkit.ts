/** What the tests of this folder share: a log on a manual node, and batches to put into it. */
import type { Ports } from "../ports.ts";
import type { BatchBody } from "../record/batch.ts";
import { encodeBatch } from "../record/encode.ts";
import { utf8Encode } from "../record/utf8.ts";
import type { RuleClasses } from "../rules.ts";
import { makeRules } from "../rules.ts";
import { resolveSettings } from "../settings/definition.ts";
import type { TopicSettings } from "../settings/topic-settings.ts";
import { topicSettings } from "../settings/topic-settings.ts";
import type { ManualNode } from "../testkit/manual-ports.ts";
import { ManualWorld } from "../testkit/manual-ports.ts";
import type { LogCheckpoint } from "./log-loader.ts";
import { PartitionLog } from "./partition-log.ts";

const NEW: LogCheckpoint = { recoveryPoint: 0, logStartOffset: 0, highWatermark: 0 };
export const DIRECTORY = "data/t-0";
/** Wall time of the manual world at its beginning. */
export const START_MS = 1767225600000;

export interface LogFixtureOptions {
  readonly settings?: Partial<TopicSettings>;
  readonly rules?: Partial<RuleClasses>;
}

/** One log on one node, which can be restarted in every way. */
export class LogFixture {
  readonly world: ManualWorld = new ManualWorld();
  readonly node: ManualNode = this.world.node("b1");
  readonly #options: LogFixtureOptions;
  log: PartitionLog;

  constructor(options: LogFixtureOptions = {}) {
    this.#options = options;
    this.log = this.#open(this.node.ports, NEW, false);
  }

  /** The process ends and a new one opens the log; `clean` after a close. */
  restart(clean: boolean, checkpoint: Partial<LogCheckpoint> = {}): PartitionLog {
    this.log = this.#open(this.node.restart(), { ...NEW, ...checkpoint }, clean);
    return this.log;
  }

  /** Lets queued steps happen. */
  settle(ms: number = 0): void {
    this.world.run(ms);
  }

  /** Names of the log's files. */
  files(suffix: string): string[] {
    return [...this.node.disk.files.keys()]
      .filter((path) => path.startsWith(`${DIRECTORY}/`) && path.endsWith(suffix))
      .map((path) => path.slice(DIRECTORY.length + 1))
      .sort();
  }

  #open(ports: Ports, checkpoint: LogCheckpoint, clean: boolean): PartitionLog {
    return PartitionLog.open({
      ports,
      rules: makeRules(this.#options.rules),
      lane: "scheduler",
      directory: DIRECTORY,
      name: "t-0",
      settings: { ...resolveSettings<TopicSettings>(topicSettings, {}), ...this.#options.settings },
      checkpoint,
      clean,
      producerIdExpirationMs: 86400000,
    });
  }
}

export interface BodyOptions {
  readonly count?: number;
  readonly timestamp?: number;
  readonly producerId?: number;
  readonly epoch?: number;
  readonly sequence?: number;
  readonly text?: string;
  readonly key?: string | null;
}

/** A batch of `count` records with rising timestamps; idempotent when it has a producer id. */
export function body(options: BodyOptions = {}): BatchBody {
  const { count = 1, timestamp = START_MS, producerId = -1, text = "value", key = null } = options;
  const records = Array.from({ length: count }, (_, index) => ({
    timestamp: timestamp + index,
    key: key === null ? null : utf8Encode(key),
    value: utf8Encode(text),
    headers: [],
  }));
  return encodeBatch(records, {
    compression: "none",
    producerId,
    producerEpoch: producerId < 0 ? -1 : (options.epoch ?? 0),
    baseSequence: producerId < 0 ? -1 : (options.sequence ?? 0),
    codecs: { compress: (_type, bytes) => bytes, decompress: (_type, bytes) => bytes },
  });
}
