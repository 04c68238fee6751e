import { effectiveSetting } from "../../../properties/plan/settings.ts";
import type { Trace } from "../trace.ts";

/** A setting of a producer of the plan: its own, the plan's, or Kafka's default. */
export function settingOf({ plan }: Trace, producer: string, name: string): string {
  const client = plan.clients.find(({ id }) => id === producer);
  return String(effectiveSetting(plan, "producer", client?.settings ?? {}, name));
}
