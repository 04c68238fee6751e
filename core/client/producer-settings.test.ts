import { describe, expect, it } from "vitest";
import { SettingError } from "../settings/definition.ts";
import { resolveProducerSettings } from "./producer-settings.ts";

describe("producer settings", () => {
  it("is idempotent by default", () => {
    expect(resolveProducerSettings({})["enable.idempotence"]).toBe(true);
  });

  it.each([{ acks: "1" }, { acks: 0 }, { retries: 0 }])(
    "turns idempotence off silently for %o",
    (given) => {
      expect(resolveProducerSettings(given)["enable.idempotence"]).toBe(false);
    },
  );

  it.each([
    [{ "enable.idempotence": true, acks: "1" }, /acks/],
    [{ "enable.idempotence": "true", retries: 0 }, /retries/],
    [{ "max.in.flight.requests.per.connection": 6 }, /max\.in\.flight/],
    [{ "delivery.timeout.ms": 1000, "request.timeout.ms": 1000 }, /delivery\.timeout\.ms/],
    [{ "linger.mss": 5 }, /linger\.mss/],
  ])("refuses %o by name", (given, name) => {
    expect(() => resolveProducerSettings(given)).toThrow(SettingError);
    expect(() => resolveProducerSettings(given)).toThrow(name);
  });

  it("allows more requests in flight without idempotence", () => {
    const given = { "max.in.flight.requests.per.connection": 6, "enable.idempotence": false };
    expect(resolveProducerSettings(given)["max.in.flight.requests.per.connection"]).toBe(6);
  });

  it("raises a delivery timeout that nobody chose", () => {
    const settings = resolveProducerSettings({ "request.timeout.ms": 200000 });
    expect(settings["delivery.timeout.ms"]).toBe(200005);
  });
});
