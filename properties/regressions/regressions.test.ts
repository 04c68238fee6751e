/**
 * Plans that once failed by a mistake of this program, cut down to what made them fail. Each must pass
 * for good.
 *
 * - fetch-under-way-when-power-is-lost: the strict profile let a follower lose power while its last
 *   fetch was still held up on the way to a paused leader, which then committed what was gone.
 * - answer-behind-a-stalled-disk: an answer that a stalled disk held back was overtaken by the answer
 *   to the next request of the same connection.
 * - retry-of-a-batch-with-the-leaders-time: with LogAppendTime a leader stores a batch with its own
 *   time in it; B12 took the acknowledgement of a retry for that of another batch.
 * - high-watermark-moved-by-first-fetch: a fetch session did not tell a follower of the high watermark
 *   that its very first fetch had moved, since the session did not watch the partition yet.
 * - power-loss-beside-a-broker-told-to-stop: strict counted on a broker that had just been told to stop.
 * - power-loss-of-a-joining-replica: strict did not mind a replica whose way into the ISR was decided
 *   and not committed yet.
 * - emptied-while-another-stops: the strict profile let a broker lose its disk on the strength of one that
 *   had been told to stop in the same moment, and then left the in-sync replicas.
 * - request-before-the-quorum-is-joined: a voter whose disk stalled at its start answered requests before
 *   it took part, and stood for election and fetched at once.
 * - offset-that-rotted-is-a-billion: the base offset of a batch rotted, which no CRC covers, and the
 *   judges of the clients' history walked over all offsets up to it, for minutes.
 * - uncleanly-elected-beside-a-new-disk: the judge of losses took a member of the ISR for electable whose
 *   new disk the partition was not assigned to yet.
 * - asleep-while-the-next-leader-lost-its-own: the last member of an ISR slept while another was elected
 *   uncleanly, committed, lost that, and was elected again. What the sleeper then committed was compared
 *   with what the other had lost, as if both had been of one time.
 * - asleep-while-the-next-leader-was-elected-again: likewise, with nothing lost: the ghost remembered only
 *   the last election, a clean one, which excuses no loss.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parsePlan } from "../plan/parse-plan.ts";
import { run } from "../run.ts";

const folder = new URL(".", import.meta.url);

for (const name of readdirSync(folder).filter((file) => file.endsWith(".json"))) {
  it(`${name} passes`, () => {
    const plan = parsePlan(readFileSync(new URL(name, folder), "utf8"), name, { bugs: [] });
    const verdict = run(plan, { toEnd: true });
    expect(verdict.violations).toEqual([]);
    expect(verdict.harness).toEqual([]);
  });
}
