import type { AdminResult } from "../../core/client/admin/admin-calls.ts";
import { Admin } from "../../core/client/admin.ts";
import { Errors, errorName } from "../../core/errors.ts";
import type { Probe } from "../../core/ports.ts";
import { PREFERRED_ELECTION, UNCLEAN_ELECTION } from "../../core/protocol/elect-leaders.ts";
import { adminSettings } from "../../core/settings/client-settings.ts";
import type { AdminSettings } from "../../core/settings/client-settings.ts";
import { resolveSettings } from "../../core/settings/definition.ts";
import type { CreatePartitionsOperation, Operation } from "../plan/plan.ts";
import { nodeIdOf } from "../plan/plan.ts";
import type { ClientContext, ClientNode } from "./client-node.ts";
import { misdirected } from "./misdirected.ts";

/** Told by facts, where anybody has to know. */
function ignore(): void {}

/**
 * An admin of the plan. What becomes of larger topics and of groups it tells where it fails, as
 * `client-error`: where is the operation and what it is about.
 */
export class AdminNode implements ClientNode {
  readonly #admin: Admin;
  readonly #probe: Probe | null;

  constructor(clientId: string, context: ClientContext) {
    this.#probe = context.ports.probe;
    this.#admin = new Admin(context.ports, {
      clientId,
      bootstrap: context.bootstrap,
      settings: resolveSettings<AdminSettings>(adminSettings, context.settingsOf("admin")),
    });
  }

  perform(operation: Operation): void {
    switch (operation.op) {
      case "elect-leaders": {
        const { topic, partitions } = operation;
        const type = operation.electionType === "preferred" ? PREFERRED_ELECTION : UNCLEAN_ELECTION;
        return this.#admin.electLeaders(type, [{ topic, partitions }], ignore);
      }
      case "alter-configs":
        return this.#admin.incrementalAlterConfigs(operation.topic, operation.configs, ignore);
      case "describe-topics":
        return this.#admin.describeTopics(operation.topics ?? null, ignore);
      case "create-partitions":
        return this.#createPartitions(operation);
      default:
        return this.#concerningGroups(operation);
    }
  }

  #createPartitions({ op, topic, count, assignment }: CreatePartitionsOperation): void {
    const asked = { name: topic, count };
    const brokers = assignment?.map((replicas) => replicas.map(nodeIdOf));
    const topics = [brokers === undefined ? asked : { ...asked, assignment: brokers }];
    this.#admin.createPartitions(topics, (result) => {
      this.#tell(`${op} ${topic}`, result);
      if (result.kind === "failed") return;
      for (const { name, errorCode } of result.value) this.#tellCode(`${op} ${name}`, errorCode);
    });
  }

  #concerningGroups(operation: Operation): void {
    const { groups } = this.#admin;
    switch (operation.op) {
      case "list-groups":
        return groups.list((result) => {
          this.#tell(operation.op, result);
          if (result.kind === "failed") return;
          for (const { broker, error } of result.value.errors) {
            this.#tell(`${operation.op} broker ${broker}`, { kind: "failed", error });
          }
        });
      case "describe-groups":
      case "delete-groups": {
        const tell = (
          results: readonly { group: string; result: AdminResult<unknown> }[],
        ): void => {
          for (const { group, result } of results) this.#tell(`${operation.op} ${group}`, result);
        };
        if (operation.op === "describe-groups") groups.describe(operation.groups, tell);
        else groups.delete(operation.groups, tell);
        return;
      }
      case "delete-offsets": {
        const { op, group, topic } = operation;
        const partitions = operation.partitions.map((partition) => ({ topic, partition }));
        return groups.deleteOffsets(group, partitions, (result) =>
          this.#tellPartitions(`${op} ${group}`, result),
        );
      }
      case "alter-offsets": {
        const { op, group } = operation;
        const offsets = operation.offsets.map(([topic, partition, offset]) => {
          return { topic, partition, offset };
        });
        return groups.alterOffsets(group, offsets, (result) =>
          this.#tellPartitions(`${op} ${group}`, result),
        );
      }
      default:
        misdirected(operation);
    }
  }

  #tellPartitions(
    where: string,
    result: AdminResult<
      readonly {
        readonly topic: string;
        readonly partition: number;
        readonly errorCode: number;
      }[]
    >,
  ): void {
    this.#tell(where, result);
    if (result.kind === "failed") return;
    for (const { topic, partition, errorCode } of result.value) {
      this.#tellCode(`${where} ${topic}-${partition}`, errorCode);
    }
  }

  #tellCode(where: string, errorCode: number): void {
    if (errorCode === Errors.NONE) return;
    this.#tell(where, { kind: "failed", error: errorName(errorCode) });
  }

  #tell(where: string, result: AdminResult<unknown>): void {
    if (result.kind === "done" || this.#probe === null) return;
    this.#probe.emit({ kind: "client-error", where, error: result.error });
  }
}
