import { expect, it } from "vitest";
import { counterCluster, logOf, runCounter } from "./testing/counter-cluster.ts";

it("x", () => {
  const t = Date.now();
  const { world, acked } = runCounter({ seed: "1" });
  console.log(
    world.hash.digest(),
    world.events,
    world.frames,
    acked.size,
    Date.now() - t,
    world.frameCensus(),
    world.queued,
  );
  console.log(logOf(world, "n1").length, logOf(world, "n2").length, logOf(world, "n3").length);
  const b = runCounter({ seed: "1" });
  expect(b.world.hash.digest()).toBe(world.hash.digest());
});
