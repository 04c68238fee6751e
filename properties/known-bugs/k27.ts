import type { ErrorCode } from "../../core/errors.ts";
import { Errors } from "../../core/errors.ts";
import { LifecycleRules } from "../../core/controller/lifecycle-rules.ts";
import type { KnownBug } from "./known-bug.ts";

class WrongLifecycleRules extends LifecycleRules {
  override registrationError(): ErrorCode {
    return Errors.NONE;
  }
}

/**
 * A broker may register although another incarnation of that id has a valid session.
 */
export const K27: KnownBug = {
  id: "K27",
  name: "duplicate-registration-accepted",
  origin: "KIP-631",
  rules: { lifecycle: WrongLifecycleRules },
  needs: [],
  violates: ["B9"],
  visible: [],
  easy: false,
  schedule: null,
};
