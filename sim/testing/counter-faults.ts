import type { Fault, FaultKind } from "../faults/fault.ts";
import { SeededStream } from "../random.ts";

/** Kinds that the tiny protocol must come through without losing an answered operation. */
const kinds: readonly FaultKind[] = [
  "kill",
  "power-loss",
  "pause",
  "restart",
  "stop",
  "block",
  "reset",
  "lose-request",
  "lose-response",
  "delay",
  "bandwidth",
  "disk-slow",
  "disk-stall",
  "clock-offset",
  "clock-drift",
  "clock-step",
];

const extras: Readonly<Partial<Record<FaultKind, Partial<Fault>>>> = {
  delay: { us: 40_000 },
  bandwidth: { bytesPerSecond: 2000 },
  "disk-slow": { factor: 20 },
  "clock-offset": { offsetMs: -5000 },
  "clock-drift": { ppm: 20_000 },
  "clock-step": { stepMs: 3000 },
};

const takesNoTime: readonly FaultKind[] = ["reset", "clock-step"];
const onLinks: readonly FaultKind[] = [
  "block",
  "reset",
  "lose-request",
  "lose-response",
  "delay",
  "bandwidth",
];

/** Draws faults for the replicated counter; `triggers` allows those that wait for events. */
export function drawCounterFaults(seed: string, count: number, triggers: boolean): Fault[] {
  const stream = new SeededStream(seed);
  const faults: Fault[] = [];
  for (let i = 0; i < count; i++) {
    const kind = stream.pick(kinds);
    const node = stream.pick(["n1", "n2", "n3"]);
    const other = stream.pick(["n1", "n2", "n3", "client"].filter((name) => name !== node));
    const at = stream.between(100_000, 7_000_000);
    const lasts = stream.between(1000, 1_500_000);
    const role = stream.pick(["n2", "n3"]);
    const target =
      onLinks.includes(kind) && stream.chance(2, 3)
        ? ({ link: [node, other], both: stream.chance(1, 2) } as const)
        : stream.chance(1, 4)
          ? ({ role: "follower", of: role } as const)
          : ({ node } as const);
    const nth = stream.between(1, 60);
    const edge = stream.pick(["before", "after"] as const);
    const time =
      triggers && stream.chance(1, 2) ? { when: { event: "appended", nth, edge } } : { at };
    const lasting = takesNoTime.includes(kind) ? {} : { for: lasts };
    faults.push({ id: `f${i}`, kind, target, ...time, ...lasting, ...extras[kind] });
  }
  return faults;
}
