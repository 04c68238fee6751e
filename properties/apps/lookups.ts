/** What one process asks of the cluster as an admin client: core's, with promises instead of callbacks. */
import type { AdminResult } from "../../core/client/admin/admin-calls.ts";
import type { DescribedGroup } from "../../core/client/admin/group-admin.ts";
import { Admin } from "../../core/client/admin.ts";
import { Errors, errorName } from "../../core/errors.ts";
import type { AdminSettings } from "../../core/settings/client-settings.ts";
import { adminSettings } from "../../core/settings/client-settings.ts";
import { resolveSettings } from "../../core/settings/definition.ts";
import type { ClientContext } from "../cluster/client-node.ts";
import type { AppProcess } from "./app-process.ts";
import type { AppTimers } from "./app-timers.ts";
import type { GroupDescription } from "./consumer-api.ts";
import { KafkaError } from "./kafka-error.ts";

/** How long it waits before it asks again for a topic that is being made. */
const PAUSE_MS = 100;

export interface FoundTopic {
  readonly name: string;
  /** Null: it is there; else Kafka's error. */
  readonly type: string | null;
}

export class Lookups {
  readonly #process: AppProcess;
  readonly #context: ClientContext;
  readonly #timers: AppTimers;
  #admin: Admin | null = null;

  constructor(process: AppProcess, context: ClientContext, timers: AppTimers) {
    this.#process = process;
    this.#context = context;
    this.#timers = timers;
  }

  /** A call of core's admin client; `ask` runs in an input. Rejects when there was no answer. */
  async call<T>(
    method: string,
    detail: string,
    ask: (admin: Admin, done: (result: AdminResult<T>) => void) => void,
  ): Promise<T> {
    return this.#process.call<T>(method, detail, (settle) => {
      ask(this.#theAdmin(), (result) => {
        if (result.kind === "done") settle.resolve(result.value);
        else settle.reject(new KafkaError(result.error));
      });
    });
  }

  /** These topics, or all (null). The plan's own are made when the run begins: they are waited for. */
  async topics(names: readonly string[] | null, mayMake: boolean): Promise<FoundTopic[]> {
    for (;;) {
      const asked = names === null ? "all" : names.join(", ");
      const found = await this.call<readonly { readonly name: string | null; errorCode: number }[]>(
        "describe topics",
        asked,
        (admin, done) => admin.describeTopics(names, done, mayMake),
      );
      const isLate = found.some(
        ({ name, errorCode }) =>
          errorCode === Errors.LEADER_NOT_AVAILABLE ||
          (errorCode === Errors.UNKNOWN_TOPIC_OR_PARTITION && this.#context.topics.includes(name!)),
      );
      if (!isLate) {
        return found.map(({ name, errorCode }) => {
          return { name: name!, type: errorCode === Errors.NONE ? null : errorName(errorCode) };
        });
      }
      await this.#timers.sleep(PAUSE_MS);
    }
  }

  async describeGroup(group: string): Promise<GroupDescription> {
    const described = await this.call<DescribedGroup>("describeGroup", group, (admin, done) =>
      admin.groups.describe([group], ([only]) => done(only!.result)),
    );
    const { errorCode, groupId, groupState, protocolType, protocolData, members } = described;
    return {
      errorCode,
      groupId,
      state: groupState,
      protocolType,
      protocol: protocolData,
      members: members.map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: Buffer.from(member.memberMetadata),
        memberAssignment: Buffer.from(member.memberAssignment),
      })),
    };
  }

  /** In an input. */
  #theAdmin(): Admin {
    const { ports, bootstrap, settingsOf } = this.#context;
    this.#admin ??= new Admin(ports, {
      clientId: `${this.#process.client}-admin`,
      bootstrap,
      settings: resolveSettings<AdminSettings>(adminSettings, settingsOf("admin")),
    });
    return this.#admin;
  }
}
