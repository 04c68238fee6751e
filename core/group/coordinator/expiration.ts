/**
 * Offsets that nobody needs any more, and groups without members and offsets, are dropped
 * (cleanupGroupMetadata in GroupCoordinatorShard.java, KIP-211).
 *
 * Kafka looks every offsets.retention.check.interval.ms after it has loaded a partition. So does this,
 * but it sleeps through those looks at which there is no group.
 */
import type { ClassicGroup } from "./classic-group.ts";
import type { Effect, GroupContext } from "./group-context.ts";
import { Removals } from "./removals.ts";

const MS_PER_MINUTE = 60000;
/** After a failed write. */
const RETRY_MS = 500;

export class Expiration {
  readonly #context: GroupContext;
  readonly #timer: string;
  /** Looks are a whole number of intervals away from it. */
  #sinceMs: number;

  constructor(context: GroupContext) {
    this.#context = context;
    this.#timer = `expire groups ${context.partition}`;
    this.#sinceMs = context.ports.clock.monotonicMs();
  }

  /** There may be a group now. */
  wake(): void {
    const { timers, state, ports, settings } = this.#context;
    if (state.groups.size === 0 || timers.has(this.#timer)) return;
    const intervalMs = settings["offsets.retention.check.interval.ms"];
    const passedMs = ports.clock.monotonicMs() - this.#sinceMs;
    this.#schedule(intervalMs - (passedMs % intervalMs));
  }

  #schedule(delayMs: number): void {
    const { timers } = this.#context;
    timers.schedule(this.#timer, delayMs, () => this.#context.run(() => this.#expire()));
  }

  #expire(): Effect {
    this.#sinceMs = this.#context.ports.clock.monotonicMs();
    const removals = new Removals(this.#context);
    for (const group of this.#context.state.groups.values())
      expireGroup(this.#context, group, removals);
    if (this.#context.state.groups.size > 0) {
      this.#schedule(this.#context.settings["offsets.retention.check.interval.ms"]);
    }
    return {
      records: removals.records,
      mayBeSplit: true,
      written: () => removals.written(),
      ended: (error) => {
        if (error !== null) this.#schedule(RETRY_MS);
      },
    };
  }
}

function expireGroup(context: GroupContext, group: ClassicGroup, removals: Removals): void {
  const { rules, settings, state, ports } = context;
  const retentionMs = settings["offsets.retention.minutes"] * MS_PER_MINUTE;
  const nowMs = ports.clock.wallMs();
  const isSimple = group.protocolType === null;
  const knowsSubscriptions = group.usesConsumerProtocol && group.subscriptions !== null;
  let isLeft = false;
  for (const [topic, partitions] of state.offsets.of(group.groupId) ?? []) {
    const isSubscribed = group.isSubscribedTo(topic);
    for (const [partition, { commitTimestamp, expireTimestamp }] of partitions) {
      const sinceMs = rules.retentionStart(
        group.state,
        isSimple,
        knowsSubscriptions,
        isSubscribed,
        group.stateSinceMs,
        commitTimestamp,
      );
      const isOver =
        sinceMs !== null && rules.isExpired(nowMs, sinceMs, retentionMs, expireTimestamp);
      if (isOver) removals.offset(group, topic, partition, "expired");
      else isLeft = true;
    }
  }
  if (!isLeft && group.state === "Empty") removals.group(group, "expired");
}
