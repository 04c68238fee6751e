/**
 * The profile in which everything strikes that leaves the cluster a truth: what a majority of voters has
 * committed decides who leads and what is in sync, and with it every other judgement. So only the strict
 * profile's rule for voters holds here; the disks of brokers are fair game.
 */
import type { Fault, FaultTargets } from "../../sim/faults/fault.ts";
import { QuorumGuard } from "./quorum-guard.ts";
import type { StrictProfileOptions } from "./strict-profile.ts";
import { attemptOf, destroysBytes, endsProcess } from "./strict-profile.ts";

export class ChaosProfile {
  readonly #options: StrictProfileOptions;
  readonly #quorum: QuorumGuard;

  constructor(options: StrictProfileOptions) {
    this.#options = options;
    this.#quorum = new QuorumGuard(options);
  }

  /** Whether the fault may strike. If it may, it is taken to have struck. */
  mayStrike(fault: Fault, targets: FaultTargets): boolean {
    const attempt = attemptOf(fault, targets, this.#options.world);
    if (endsProcess(attempt) && !this.#quorum.mayEnd(attempt)) return false;
    if (!destroysBytes(attempt)) return true;
    if (!this.#quorum.canSpare(attempt)) return false;
    this.#quorum.markStruck(attempt);
    return true;
  }
}
