/** A controller for unit tests of the broker's parts: answers requests as the test says. */
import { apiVersionsOf } from "../network/api-versions.ts";
import type { Call } from "../network/request-server.ts";
import { serveRequests } from "../network/request-server.ts";
import type { ApiKey, RequestBody, ResponseBody } from "../protocol/message.ts";
import { ApiKeys } from "../protocol/message.ts";
import type { ManualNode, ManualWorld } from "../testkit/manual-ports.ts";

/** An answer; "silent" for none at all. */
export type Reply = ResponseBody<ApiKey> | "silent";

export class ScriptedController {
  readonly node: ManualNode;
  /** All requests but ApiVersions, oldest first. */
  readonly requests: { readonly apiKey: ApiKey; readonly body: RequestBody<ApiKey> }[] = [];
  reply: (call: Call) => Reply;

  constructor(world: ManualWorld, name: string, reply: (call: Call) => Reply) {
    this.node = world.node(name);
    this.reply = reply;
    this.serve();
  }

  /** Listens (again, after a restart of its node). */
  serve(): void {
    const versions = apiVersionsOf(["controller"]);
    serveRequests(this.node.ports, "network", (call) => {
      const { apiKey, body } = call.request;
      if (apiKey === ApiKeys.API_VERSIONS) {
        call.respond(versions);
        return;
      }
      this.requests.push({ apiKey, body });
      const reply = this.reply(call);
      if (reply !== "silent") call.respond(reply);
    });
  }

  /** The bodies of the requests of one kind. */
  bodiesOf<K extends ApiKey>(apiKey: K): RequestBody<K>[] {
    return this.requests
      .filter((request) => request.apiKey === apiKey)
      .map((request) => request.body as RequestBody<K>);
  }
}
