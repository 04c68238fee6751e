/**
 * Which combinations of producer settings make sense (ProducerConfig.postProcessParsedConfig,
 * KafkaProducer.configureDeliveryTimeout).
 */
import type { ProducerSettings } from "../settings/client-settings.ts";
import { producerSettings } from "../settings/client-settings.ts";
import type { SettingValue } from "../settings/definition.ts";
import { resolveSettings, SettingError } from "../settings/definition.ts";

/** The broker remembers five batches of a producer, so no more may be under way (KAFKA-5494). */
const MAX_IN_FLIGHT_WITH_IDEMPOTENCE = 5;

/**
 * A producer's settings from what its user wrote. Idempotence is on by default: acks or retries that
 * forbid it turn it off silently, unless the user asked for both, which is a {@link SettingError}.
 */
export function resolveProducerSettings(
  given: Readonly<Record<string, SettingValue>>,
): ProducerSettings {
  const settings = resolveSettings<ProducerSettings>(producerSettings, given);
  if (Object.hasOwn(given, "enable.idempotence") && settings["enable.idempotence"]) {
    if (settings.retries === 0) {
      throw new SettingError("setting retries: 0 is not possible with enable.idempotence=true");
    }
    if (acksOf(settings) !== -1) {
      const value = JSON.stringify(settings.acks);
      throw new SettingError(`setting acks: ${value} is not possible with enable.idempotence=true`);
    }
  }
  return normaliseProducerSettings(settings, Object.hasOwn(given, "delivery.timeout.ms"));
}

/**
 * The settings as a producer will use them. `deliveryTimeoutIsGiven` says that the user chose
 * delivery.timeout.ms; a default that is too short is raised instead of refused.
 */
export function normaliseProducerSettings(
  settings: ProducerSettings,
  deliveryTimeoutIsGiven: boolean,
): ProducerSettings {
  const isIdempotent =
    settings["enable.idempotence"] && settings.retries > 0 && acksOf(settings) === -1;
  const inFlight = settings["max.in.flight.requests.per.connection"];
  if (settings["enable.idempotence"] && inFlight > MAX_IN_FLIGHT_WITH_IDEMPOTENCE) {
    const name = "max.in.flight.requests.per.connection";
    const limit = `at most ${MAX_IN_FLIGHT_WITH_IDEMPOTENCE}`;
    throw new SettingError(`setting ${name}: ${inFlight} is not ${limit}, as idempotence needs`);
  }
  const shortestMs = settings["linger.ms"] + settings["request.timeout.ms"];
  const deliveryMs = settings["delivery.timeout.ms"];
  if (deliveryMs < shortestMs && deliveryTimeoutIsGiven) {
    const bound = `at least linger.ms + request.timeout.ms = ${shortestMs}`;
    throw new SettingError(`setting delivery.timeout.ms: ${deliveryMs} is not ${bound}`);
  }
  return {
    ...settings,
    "enable.idempotence": isIdempotent,
    "delivery.timeout.ms": Math.max(deliveryMs, shortestMs),
  };
}

/** 0, 1, or -1 for all. */
export function acksOf(settings: ProducerSettings): number {
  return settings.acks === "all" ? -1 : Number(settings.acks);
}
