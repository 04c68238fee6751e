/**
 * One request to the coordinator of a group (CoordinatorStrategy.java and AdminApiDriver.java): the
 * coordinator is found, asked, and found again when it says, or seems, to be none.
 *
 * Differs from Kafka: a request is about one group, where Kafka asks about all groups of a coordinator
 * at once; a coordinator that cannot be reached is looked up again, where Kafka waits for it while it is
 * in the metadata; looking one up backs off too.
 */
import type { ErrorCode } from "../../errors.ts";
import { Errors } from "../../errors.ts";
import type { GroupId } from "../../ids.ts";
import { GROUP_COORDINATOR_KEY } from "../../protocol/find-coordinator.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../../protocol/message.ts";
import { ApiKeys } from "../../protocol/message.ts";
import type { AdminCalls, Done } from "./admin-calls.ts";
import { LOST, failed } from "./admin-calls.ts";

export interface CoordinatorCall<K extends ApiKey, T> {
  readonly group: GroupId;
  readonly apiKey: K;
  readonly body: RequestBody<K>;
  /** What the answer says about the group as a whole. */
  readonly errorOf: (answer: ResponseBody<K>) => number;
  /** Of an answer without such an error. */
  readonly read: (answer: ResponseBody<K>) => T;
  /** The group's error is `failed`. */
  readonly done: Done<T>;
}

/** The coordinator is the right one and will be able to answer soon. */
const waiting: ReadonlySet<number> = new Set<ErrorCode>([
  Errors.COORDINATOR_LOAD_IN_PROGRESS,
  Errors.REBALANCE_IN_PROGRESS,
]);

/** Another broker is the coordinator now, or will be. */
const elsewhere: ReadonlySet<number> = new Set<ErrorCode>([
  Errors.COORDINATOR_NOT_AVAILABLE,
  Errors.NOT_COORDINATOR,
]);

const notFoundYet: ReadonlySet<number> = new Set<ErrorCode>([
  Errors.COORDINATOR_LOAD_IN_PROGRESS,
  Errors.COORDINATOR_NOT_AVAILABLE,
]);

export function isGroupRetriable(errorCode: number): boolean {
  return waiting.has(errorCode) || elsewhere.has(errorCode);
}

export function askCoordinator<K extends ApiKey, T>(
  calls: AdminCalls,
  call: CoordinatorCall<K, T>,
): void {
  const deadlineMs = calls.deadlineMs();
  const { group, apiKey, body, errorOf, done } = call;
  const find = (failures: number): void =>
    calls.call({
      apiKey: ApiKeys.FIND_COORDINATOR,
      body: { keyType: GROUP_COORDINATOR_KEY, coordinatorKeys: [group] },
      deadlineMs,
      failures,
      isRetriable: ({ coordinators }) =>
        coordinators.some(({ errorCode }) => notFoundYet.has(errorCode)),
      done: (result) => {
        if (result.kind === "failed") return done(result);
        const [found] = result.value.coordinators;
        if (found === undefined) return done(failed(Errors.UNKNOWN_SERVER_ERROR));
        if (found.errorCode !== Errors.NONE) return done(failed(found.errorCode));
        ask(found.host, failures);
      },
    });
  const ask = (host: string, failures: number): void =>
    calls.call({
      apiKey,
      body,
      deadlineMs,
      host,
      isRetriable: (answer) => waiting.has(errorOf(answer)),
      endsWhenLost: true,
      done: (result) => {
        if (result.kind === "failed") {
          if (result.error === LOST) find(failures + 1);
          else done(result);
          return;
        }
        const errorCode = errorOf(result.value);
        if (elsewhere.has(errorCode)) find(failures + 1);
        else if (errorCode !== Errors.NONE) done(failed(errorCode));
        else done({ kind: "done", value: call.read(result.value) });
      },
    });
  find(0);
}
