import { Errors } from "../../core/errors.ts";
import type { Fault, Target } from "../../sim/faults/fault.ts";
import { brokerNames, consumer, producer } from "../../properties/generate/cluster-parts.ts";
import type { Draw } from "../../properties/generate/draw.ts";
import { drawLatency } from "../../properties/generate/latency.ts";
import { STORY_TOPIC, storyPlan, stream } from "../../properties/generate/story-plan.ts";
import { MS, SECOND } from "../../properties/generate/time.ts";
import type { Findings, Moment, NodeEvent, Observer } from "../../properties/observation.ts";
import type { Operation, Plan, SendOperation } from "../../properties/plan/plan.ts";
import type { Verdict } from "../../properties/verdict.ts";
import type { Scenario } from "../scenario.ts";
import { defineScenario } from "../scenario.ts";
import { mustSee, report } from "./promises.ts";

const NAME = "disk-rot";
const PARTITION = `${STORY_TOPIC}-0`;
const LOG_FILE = `data/${PARTITION}/00000000000000000000.log`;
const BROKERS = 3;
const READER = "r2";

const EVERY_US = 100 * MS;

/** At most so many bits turn over at once. */
const MOST_BITS = 4;

/** So soon after its leader's log has rotted the consumer reads all of it again. */
const READ_WITHIN_US = SECOND;

const VALUE_LENGTH = 300;
/** With batch.size=1: a header of 61 bytes, and a record with a key of five. */
const BATCH_BYTES = 61 + 14 + VALUE_LENGTH;
/**
 * What comes before no CRC covers: of a batch whose offset or epoch rots, Kafka believes another one,
 * and promises nothing. (Magic and CRC, before it as well, are found out, too.)
 */
const COVERED_FROM = 21;

/** A tale: what strikes from `at` on, over before `TALE_US` later. */
type Tale = (draw: Draw, at: number) => Told;
interface Told {
  readonly faults: readonly Unnamed[];
  readonly reads?: readonly Operation[];
}
type Unnamed = Omit<Fault, "id">;

const TALE_US = 12 * SECOND;

export const diskRot: Scenario = defineScenario({
  name: NAME,
  story:
    "Bits turn over in the brokers' logs, and disks forget what they said they had synced. Whoever " +
    "reads that again, a recovery, a follower or a consumer, finds it out by the CRC: recovery cuts " +
    "it off, a reader stays stuck, nobody takes it in. Only what is gone on all brokers is lost.",
  mustSee: mustSee("leader-change"),
  plan(draw, { seed }) {
    const at = draw.between(6000, 8000) * MS;
    const tales = [draw.pick(firstTales), ...(draw.chance(1, 2) ? [draw.pick(laterTales)] : [])];
    const told = tales.map((tale, index) => tale(draw.fork(`tale ${index}`), at + index * TALE_US));
    const healAt = at + tales.length * TALE_US;
    const topics = [{ name: STORY_TOPIC, partitions: 1, replicationFactor: BROKERS, settings: {} }];
    const count = Math.floor((healAt - SECOND) / EVERY_US);
    const sends = stream({ fromUs: SECOND, everyUs: EVERY_US, count });
    return storyPlan({
      scenario: NAME,
      seed,
      profile: "chaos",
      brokers: BROKERS,
      topics,
      clients: [
        producer("p1"),
        consumer("r1", topics),
        consumer(READER, topics),
        { id: "a1", kind: "admin", settings: {} },
      ],
      settings: {
        "flush.messages": 1,
        "delivery.timeout.ms": 30000,
        // One record in each batch, so that it is known where a CRC covers what.
        "batch.size": 1,
        // A checkpoint that a disk forgets leaves no log directory to go on with: another story.
        "replica.high.watermark.checkpoint.interval.ms": 3_600_000,
        "log.flush.offset.checkpoint.interval.ms": 3_600_000,
        "log.flush.start.offset.checkpoint.interval.ms": 3_600_000,
      },
      latency: drawLatency(draw.fork("latency")),
      workload: [...sends.map(lengthened), ...told.flatMap(({ reads = [] }) => reads)],
      faults: told
        .flatMap(({ faults }) => faults)
        .map((fault, index) => ({ id: `f${index + 1}`, ...fault })),
      healAt,
    });
  },
  invariants: (findings, plan) => [new Rot(findings, plan)],
  expects,
});

const firstTales: readonly Tale[] = [foundAtRecovery, foundByReaders, foundByReaders, everywhere];
const laterTales: readonly Tale[] = [foundAtRecovery, foundByReaders, forgotten, forgotten];

function lengthened(send: SendOperation): SendOperation {
  return { ...send, value: `${send.value ?? ""}-`.padEnd(VALUE_LENGTH, "rotten or not ") };
}

/** One broker, leader or not, dies without having read it; the log that it recovers ends before it. */
function foundAtRecovery(draw: Draw, at: number): Told {
  const target = { node: draw.pick(brokerNames(BROKERS)) };
  return { faults: [...rot(draw, target, at), ...found(draw, target, at)] };
}

/**
 * A follower is away when its leader's log rots: back again it may need the very bytes, and so does a
 * consumer that reads everything again. They are stuck until another leads.
 */
function foundByReaders(draw: Draw, at: number): Told {
  const leader = { role: "leader", of: PARTITION };
  const rotAt = at + draw.between(1000, 3000) * MS;
  const backAt = rotAt + draw.between(100, 1500) * MS;
  const readAt = rotAt + draw.between(10 * MS, READ_WITHIN_US);
  const overAt = readAt + draw.between(2500, 4000) * MS;
  const seek = { op: "seek", topic: STORY_TOPIC, partition: 0, offset: "beginning" } as const;
  return {
    faults: [
      { kind: "kill", target: { role: "isr-follower", of: PARTITION }, at, for: backAt - at },
      ...rot(draw, leader, rotAt),
      { kind: "kill", target: leader, at: overAt, for: draw.between(100, 3000) * MS },
    ],
    reads: [{ id: `read-${at}`, at: readAt, client: READER, ...seek }],
  };
}

/** A follower or leader loses what it had synced, as far as it knew. */
function forgotten(draw: Draw, at: number): Told {
  return { faults: forgets(draw, { node: draw.pick(brokerNames(BROKERS)) }, at) };
}

/** All copies are hit, each by one or the other, before anybody looks. */
function everywhere(draw: Draw, at: number): Told {
  const [first, ...others] = draw.shuffled(brokerNames(BROKERS)) as [string, ...string[]];
  const faults: Unnamed[] = [
    ...rot(draw, { node: first }, at),
    ...found(draw, { node: first }, at + 2 * SECOND),
  ];
  for (const node of others) {
    const target = { node };
    if (draw.chance(1, 3)) faults.push(...forgets(draw, target, at));
    else faults.push(...rot(draw, target, at), ...found(draw, target, at + 2 * SECOND));
  }
  return { faults };
}

/**
 * In the part that is sure to be there: the topic may come two seconds late, and while a follower of the
 * ISR is down nothing is acknowledged for a session.
 */
function rot(draw: Draw, target: Target, at: number): Unnamed[] {
  const batches = Math.max(1, Math.floor((at - 3 * SECOND) / EVERY_US / 3));
  return Array.from({ length: draw.between(1, MOST_BITS) }, (_, index): Unnamed => {
    const inBatch = draw.between(COVERED_FROM, BATCH_BYTES - 1);
    const position = draw.below(batches) * BATCH_BYTES + inBatch;
    return { kind: "bit-rot", target, at: at + index, path: LOG_FILE, position };
  });
}

function found(draw: Draw, target: Target, at: number): Unnamed[] {
  const later = at + draw.between(10, 1500) * MS;
  return [{ kind: "kill", target, at: later, for: draw.between(100, 4000) * MS }];
}

function forgets(draw: Draw, target: Target, at: number): Unnamed[] {
  const lasting = draw.between(500, 3000) * MS;
  const away = draw.between(100, 4000) * MS;
  return [
    { kind: "lost-sync", target, at, for: lasting },
    { kind: "power-loss", target, at: at + lasting - MS, for: away, keep: 0 },
  ];
}

/** Nothing is lost but what rotted, or was forgotten, and each loss says so. */
function expects({ losses }: Verdict, plan: Plan): string | null {
  const destructive = plan.faults.filter(({ kind }) => kind === "bit-rot" || kind === "lost-sync");
  const ids = new Set(destructive.map(({ id }) => id));
  const odd = losses.find(({ because }) => !because.faults.some((fault) => ids.has(fault)));
  if (odd !== undefined) return `a loss has nothing to do with rot: ${odd.explained}`;
  const targets = new Set(destructive.map(({ target }) => JSON.stringify(target)));
  const [loss] = losses;
  if (targets.size >= BROKERS || loss === undefined) return null;
  return `whole copies were left, and yet ${loss.explained}`;
}

/** Watches that what rotted is met by somebody afterwards, and found out. */
class Rot implements Observer {
  readonly #findings: Findings;
  readonly #isChaos: boolean;
  /** Brokers with rot that nobody has met yet. */
  readonly #unmet: Set<string> = new Set();
  /** When the reader begins anew. */
  readonly #reads: readonly number[];
  /** Where it must get stuck, in a leader's log that rotted just before; Infinity: nowhere. */
  #stuckAt = Infinity;
  /** Where it has got to since it began anew; -1 before that. */
  #reached = -1;
  #odd: string | null = null;
  readonly #dead: Set<string> = new Set();
  #struck = 0;
  #found = 0;

  constructor(findings: Findings, plan: Plan) {
    this.#findings = findings;
    this.#isChaos = plan.profile === "chaos";
    this.#reads = plan.workload.filter(({ op }) => op === "seek").map(({ at }) => at);
  }

  readonly on: NonNullable<Observer["on"]> = {
    "position-set": ({ why }, { node }) => {
      if (node !== READER || why !== "seek" || this.#stuckAt === Infinity) return;
      this.#reached = 0;
    },
    polled: ({ nextPosition }, { node }) => {
      if (node === READER && this.#reached >= 0) this.#reached = nextPosition;
    },
    "follower-error": ({ partition, error }) => {
      if (partition === PARTITION && error === Errors.CORRUPT_MESSAGE) this.#found += 1;
    },
    "log-loaded": ({ partition, clean, cutBytes }, { node }) => {
      if (partition !== PARTITION || clean || !this.#unmet.has(node)) return;
      this.#unmet.delete(node);
      // A process that is killed leaves nothing torn.
      if (cutBytes > 0 && this.#dead.has(node)) this.#found += 1;
    },
  };

  nodeEvent(event: NodeEvent, { node, at }: Moment): void {
    if (event.kind === "disk-damaged" && event.how === "bit-rot") {
      this.#struck += 1;
      this.#unmet.add(node);
      if (!this.#reads.some((read) => read >= at && read <= at + READ_WITHIN_US)) return;
      this.#stuckAt = Math.min(this.#stuckAt, Math.floor(event.from / BATCH_BYTES));
    }
    if (event.kind !== "ended") return;
    if (this.#stuckAt !== Infinity && this.#unmet.has(node)) this.#readerGotTo();
    if (event.cause === "kill") this.#dead.add(node);
    else this.#dead.delete(node);
  }

  /** The leader that rotted is dead: up to the first batch that did, its records could be read. */
  #readerGotTo(): void {
    if (this.#reached !== this.#stuckAt) {
      this.#odd ??= `${READER} got to ${this.#reached}, the batch at ${this.#stuckAt} had rotted`;
    }
    this.#reached = -1;
    this.#stuckAt = Infinity;
  }

  atEnd(moment: Moment): void {
    const claim = (held: boolean, complaint: string): void =>
      report(this.#findings, NAME, held, complaint, moment);
    claim(!this.#isChaos || this.#struck > 0, "nothing rotted");
    claim(this.#struck === 0 || this.#found > 0, "no CRC found out that something rotted");
    claim(this.#odd === null, `${this.#odd}`);
    claim(this.#unmet.size === 0, `nobody met what rotted on ${[...this.#unmet].join(", ")}`);
  }
}
