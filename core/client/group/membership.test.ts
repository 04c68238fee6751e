import { describe, expect, it } from "vitest";
import { ApiKeys } from "../../protocol/message.ts";
import { batchOf, groupBench } from "./member-bench.testkit.ts";

describe("joining", () => {
  it("takes its member id, joins, leads, and reads what it was given", () => {
    const { cluster, group, member } = groupBench();
    cluster.append("t", 0, batchOf("a", "b"));
    cluster.append("t", 1, batchOf("c"));
    const one = member("c1").subscribe("t").loop();
    cluster.world.run(1000);
    expect(one.errors).toEqual([]);
    expect(one.events).toEqual(["assigned t-0,t-1"]);
    expect(one.values.toSorted()).toEqual(["a", "b", "c"]);
    expect(group.phase).toBe("stable");
    expect(one.factsOf("member-joined")).toMatchObject([{ generation: 1, isLeader: true }]);
    expect(cluster.requests(ApiKeys.JOIN_GROUP).map(({ body }) => body.memberId)).toEqual([
      "",
      "c1-m1",
    ]);
  });
});
