import { describe, expect, it } from "vitest";
import { LifecycleRules } from "./lifecycle-rules.ts";
import { Sessions } from "./sessions.ts";

function sessionsOf(...ids: number[]): Sessions {
  const sessions = new Sessions(new LifecycleRules(), 100);
  for (const id of ids) sessions.register(id, false);
  return sessions;
}

describe("Sessions", () => {
  it("end for the stalest broker first, one at a time", () => {
    const sessions = sessionsOf(1, 2, 3);
    for (const [id, atMs] of [
      [1, 0],
      [2, 10],
      [3, 20],
      [1, 30],
    ] as const) {
      sessions.contact(id, id * 7, atMs);
    }
    expect(sessions.nextExpiryMs()).toBe(110);
    expect(sessions.takeExpired(109)).toBeNull();
    expect(sessions.takeExpired(500)).toEqual({ id: 2, epoch: 14 });
    expect(sessions.takeExpired(500)).toEqual({ id: 3, epoch: 21 });
    expect(sessions.takeExpired(500)).toEqual({ id: 1, epoch: 7 });
    expect(sessions.takeExpired(500)).toBeNull();
    expect(sessions.nextExpiryMs()).toBe(Infinity);
  });

  it("belong to one incarnation", () => {
    const sessions = sessionsOf(1);
    sessions.contact(1, 5, 0);
    expect(sessions.hasValidSession(1, 5, 99)).toBe(true);
    expect(sessions.hasValidSession(1, 5, 100)).toBe(false);
    expect(sessions.hasValidSession(1, 6, 0)).toBe(false);
  });

  it("count neither fenced brokers nor those that shut down among the active ones", () => {
    const sessions = sessionsOf(1, 2, 3);
    sessions.touch(1, false, 10);
    sessions.touch(2, false, 20);
    sessions.touch(3, false, 30);
    expect(sessions.lowestActiveOffset()).toBe(10);
    sessions.touch(1, true, 10);
    expect(sessions.lowestActiveOffset()).toBe(20);
    sessions.get(2).shutdownOffset = 25;
    expect(sessions.lowestActiveOffset()).toBe(30);
    expect(sessions.isShuttingDown(2)).toBe(true);
    sessions.touch(2, true, 26);
    expect(sessions.isShuttingDown(2)).toBe(false);
    sessions.touch(3, true, 30);
    expect(sessions.lowestActiveOffset()).toBe(Infinity);
  });
});
