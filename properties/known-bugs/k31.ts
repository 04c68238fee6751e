import { BrokerRules } from "../../core/broker/broker-rules.ts";
import type { KnownBug } from "./known-bug.ts";

class WrongBrokerRules extends BrokerRules {
  override mayPublish(): boolean {
    return true;
  }
}

/**
 * A broker acts on metadata as soon as it has replayed what was committed, its own registration or
 * not. Kafka's does so, and relies on the controller, which unfences nobody before that.
 */
export const K31: KnownBug = {
  id: "K31",
  name: "publishes-before-own-registration",
  origin: "BrokerServer.scala, MetadataLoader.java",
  rules: { broker: WrongBrokerRules },
  needs: [],
  violates: ["C9"],
  visible: [],
  easy: false,
  schedule: null,
};
