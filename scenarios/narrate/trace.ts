/** What a narrator keeps of a run: facts and frames, as they happened, with what led from one to the next. */
import type { Fact, FactKind, FactOf } from "../../core/facts.ts";
import { isInternalTopic } from "../../core/ids.ts";
import type {
  ApiKey,
  Request,
  RequestBody,
  Response,
  ResponseBody,
} from "../../core/protocol/message.ts";
import { ApiKeys } from "../../core/protocol/message.ts";
import type { Moment, Observer } from "../../properties/observation.ts";
import type { FrameObserver } from "../../properties/observe.ts";
import type { Plan } from "../../properties/plan/plan.ts";
import { nodeIdOf } from "../../properties/plan/plan.ts";
import { topicOf } from "./partition-names.ts";

interface Happening {
  /** Counts what is kept: a cause has a smaller one than its effect. */
  readonly id: number;
  /** Virtual time in microseconds. */
  readonly at: number;
  /** Who tells the fact, or receives the frame. */
  readonly node: string;
}

export interface Told<K extends FactKind> extends Happening {
  readonly fact: FactOf<K>;
}

interface Frame<K extends ApiKey> extends Happening {
  readonly from: string;
  readonly connection: number;
  readonly apiKey: K;
  readonly correlationId: number;
}

export interface Asked<K extends ApiKey> extends Frame<K> {
  readonly asks: RequestBody<K>;
}

export interface Answered<K extends ApiKey> extends Frame<K> {
  readonly answers: ResponseBody<K>;
}

/** Any of them. */
export type Entry = ToldEntry | FrameEntry;

export interface ToldEntry extends Happening {
  readonly fact: Fact;
}

export type FrameEntry = Frame<ApiKey> &
  ({ readonly asks: unknown } | { readonly answers: unknown });

/** The facts that a record's way from send() to its effect leaves behind. */
const kinds: readonly FactKind[] = [
  "send-started",
  "client-metadata",
  "sticky-partition-chosen",
  "send-batched",
  "batch-sent",
  "appended",
  "follower-fetched",
  "high-watermark",
  "ack-sent",
  "send-acked",
  "generation-started",
  "member-joined",
  "assignment-made",
  "partitions-assigned",
  "position-set",
  "fetch-served",
  "polled",
  "effect-put",
];

/** Frames that are no step of any story. */
const unheard: ReadonlySet<ApiKey> = new Set([ApiKeys.API_VERSIONS, ApiKeys.HEARTBEAT]);

export class Trace implements FrameObserver {
  readonly on: NonNullable<Observer["on"]>;
  /** Everything, in order. */
  readonly entries: Entry[] = [];
  readonly plan: Plan;
  readonly #clients: ReadonlySet<string>;
  readonly #brokers: ReadonlyMap<number, string>;

  constructor(plan: Plan) {
    this.plan = plan;
    this.#clients = new Set(plan.clients.map(({ id }) => id));
    this.#brokers = new Map(plan.topology.nodes.map(({ id }) => [nodeIdOf(id), id]));
    const keep = (fact: Fact, moment: Moment): void => this.#keep(fact, moment);
    this.on = Object.fromEntries(kinds.map((kind) => [kind, keep]));
  }

  frameDelivered(connection: number, frame: unknown, { at, node }: Moment, from: string): void {
    if (!this.#clients.has(node) && !this.#clients.has(from)) return;
    const message = frame as Request | Response;
    const { apiKey, correlationId, body } = message;
    if (unheard.has(apiKey)) return;
    const common = { id: this.entries.length, at, node, from, connection, apiKey, correlationId };
    // Only requests carry a version.
    const isRequest = "apiVersion" in message;
    this.entries.push(
      (isRequest ? { ...common, asks: body } : { ...common, answers: body }) as Entry,
    );
  }

  /** All facts of a kind for which `holds` comes true. */
  told<K extends FactKind>(kind: K, holds: (told: Told<K>) => boolean = () => true): Told<K>[] {
    return this.entries.filter((entry): entry is ToldEntry & Told<K> => {
      return "fact" in entry && entry.fact.kind === kind && holds(entry as ToldEntry & Told<K>);
    });
  }

  asked<K extends ApiKey>(apiKey: K, from: string): Asked<K>[] {
    return this.entries.filter(
      (entry): entry is FrameEntry & Asked<K> =>
        "asks" in entry && entry.apiKey === apiKey && entry.from === from,
    );
  }

  /** The frame that answers a request: same connection, same correlation id. */
  answerTo<K extends ApiKey>(request: Asked<K>): Answered<K> | undefined {
    return this.entries.find(
      (entry): entry is FrameEntry & Answered<K> =>
        "answers" in entry &&
        entry.id > request.id &&
        entry.connection === request.connection &&
        entry.correlationId === request.correlationId,
    );
  }

  /** Requests of one kind by one client, each with its answer. */
  exchanges<K extends ApiKey>(apiKey: K, from: string): (readonly [Asked<K>, Answered<K>])[] {
    return this.asked(apiKey, from).flatMap((request) => {
      const answer = this.answerTo(request);
      return answer === undefined ? [] : [[request, answer] as const];
    });
  }

  /** Name of the broker with that node.id. */
  broker(nodeId: number): string {
    return this.#brokers.get(nodeId) ?? `node ${nodeId}`;
  }

  #keep(fact: Fact, { at, node }: Moment): void {
    const { partition } = fact as { readonly partition?: string };
    // What the coordinator writes for its groups is its own story.
    if (partition !== undefined && isInternalTopic(topicOf(partition))) return;
    this.entries.push({ id: this.entries.length, at, node, fact });
  }
}
