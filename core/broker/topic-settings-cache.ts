/**
 * The settings in force for each topic of this broker (ConfigHelper.scala): the topic's own, else
 * the broker's dynamic ones, else those of its configuration file under the names that brokers give
 * them (ServerTopicConfigSynonyms.java).
 */
import { assert } from "../assert.ts";
import type { NodeId } from "../ids.ts";
import type { MetadataDelta, MetadataImage } from "../metadata/image.ts";
import type { BrokerSettings } from "../settings/broker-settings.ts";
import type { Definition, SettingValue } from "../settings/definition.ts";
import { parseSetting } from "../settings/definition.ts";
import type { TopicSettingName, TopicSettings } from "../settings/topic-settings.ts";
import { brokerSynonyms, topicSettings } from "../settings/topic-settings.ts";
import type { BrokerRules } from "./broker-rules.ts";

export interface TopicSettingsCacheOptions {
  readonly rules: BrokerRules;
  readonly nodeId: NodeId;
  readonly image: MetadataImage;
  /** As in the configuration file, with defaults. */
  readonly settings: BrokerSettings;
}

const names = Object.keys(topicSettings) as TopicSettingName[];

export class TopicSettingsCache {
  readonly #options: TopicSettingsCacheOptions;
  /** What was asked for since it changed last, by topic. */
  readonly #known: Map<string, TopicSettings> = new Map();

  constructor(options: TopicSettingsCacheOptions) {
    this.#options = options;
  }

  /** The settings of a topic, also of one without any of its own. */
  of(topic: string): TopicSettings {
    let settings = this.#known.get(topic);
    if (settings === undefined) this.#known.set(topic, (settings = this.#resolve(topic)));
    return settings;
  }

  /** Forgets what the metadata changed. Returns the topics whose settings may differ now. */
  changed(delta: MetadataDelta): readonly string[] {
    if (delta.brokerConfigs) {
      this.#known.clear();
      return [...this.#options.image.topicsByName.keys()];
    }
    for (const topic of delta.topicConfigs) this.#known.delete(topic);
    return [...delta.topicConfigs];
  }

  #resolve(topic: string): TopicSettings {
    const { rules, nodeId, image, settings } = this.#options;
    const own = image.topicConfigs.get(topic);
    const ofBroker = image.brokerConfigs.get(String(nodeId));
    const ofAllBrokers = image.brokerConfigs.get("");
    const values: Partial<Record<TopicSettingName, SettingValue>> = {};
    for (const name of names) {
      const synonym = brokerSynonyms[name];
      const inFile = settings[synonym];
      assert(inFile !== undefined, `no value of ${synonym}`);
      const given = rules.effectiveSetting<SettingValue>(
        own?.get(name),
        ofBroker?.get(synonym),
        ofAllBrokers?.get(synonym),
        inFile,
      );
      const definition: Definition = topicSettings[name];
      values[name] = parseSetting(name, definition, given);
    }
    return values as unknown as TopicSettings;
  }
}
