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
 * - power-lost-while-down-brings-segments-back: a broker that was killed lost power before it came back, and
 *   deleted segments with it; nobody had told A2 of a loss of power at which no process ended.
 * - disk-of-a-broker-that-never-formatted-it: a broker got another's disk on which nothing had ever been
 *   written and started with it; the ghost took only broken or unpowered disks for ones that lose something.
 * - creation-by-a-deposed-controller: a controller that had slept through its deposition made topics on
 *   what it knew, and B9 took what its successor had committed for its own.
 * - reader-of-a-deposed-leader: a broker that stays cut off from the controller told a reader for ever that
 *   it leads; that nobody read the rest was taken for a contradiction of the checkers.
 * - reader-and-leader-cut-off-together: the same, told by another broker that is cut off as well.
 * - snapshots-lost-before-a-clean-start: A8 and D6 asked for producers that a broker had to forget, since
 *   its snapshots were lost and its clean-shutdown file was not.
 * - torn-batch-at-a-clean-start: a log that was closed, as it seemed, counted a torn batch at its end as
 *   its own, so that it was in the ISR without it.
 * - block-ends-after-its-sender-lost-power: what a block held was lost with its sender, and a younger
 *   answer of the same connection was delivered.
 * - asleep-while-the-next-leader-lost-its-own: the last member of an ISR slept while another was elected
 *   uncleanly, committed, lost that, and was elected again. What the sleeper then committed was compared
 *   with what the other had lost, as if both had been of one time.
 * - asleep-while-the-next-leader-was-elected-again: likewise, with nothing lost: the ghost remembered only
 *   the last election, a clean one, which excuses no loss.
 * - rotten-leader-that-nobody-can-follow: L4 counted replicas as able to join that would have had to read
 *   rotten bytes of their leader's, alone in the ISR and below min.insync.replicas.
 * - own-disk-back-as-it-once-was: a broker got "the disk of" another that had a copy of its own, older by
 *   seconds, in it: a disk that goes back in time is no fault that anything here promises to survive.
 * - uncleanly-elected-with-more-than-was-committed: who was elected uncleanly had a record that its own
 *   earlier leadership had not committed, and the book took it for that leadership's.
 * - voter-emptied-before-its-disk-was-known: a voter lost its disk before the leader that had counted it
 *   could tell a majority which disk that was; the next leader rightly took the new one for its own.
 * - reader-valid-beyond-what-was-lost: readers that stood at the end of a shorter, older log need not read
 *   it again, as their position is valid there.
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
