/**
 * Metadata records as the values of the metadata log's records.
 *
 * Differs from Kafka: after the version byte a value is JSON in UTF-8, not the generated binary form.
 */
import { utf8Decode, utf8Encode } from "../record/utf8.ts";
import type { MetadataRecord } from "./records.ts";

const VERSION = 1;

const KNOWN_TYPES: Readonly<Record<MetadataRecord["type"], true>> = {
  RegisterBroker: true,
  BrokerRegistrationChange: true,
  Topic: true,
  Partition: true,
  PartitionChange: true,
  Config: true,
  FeatureLevel: true,
  ProducerIds: true,
  NoOp: true,
};

/** A version byte and a JSON value. */
export function encodeVersioned(value: object): Uint8Array {
  const text = utf8Encode(JSON.stringify(value));
  const bytes = new Uint8Array(text.length + 1);
  bytes[0] = VERSION;
  bytes.set(text, 1);
  return bytes;
}

/** The value again, or null when it is of a version that this release does not know. */
export function decodeVersioned(bytes: Uint8Array | null): unknown {
  if (bytes === null || bytes[0] !== VERSION) return null;
  return JSON.parse(utf8Decode(bytes.subarray(1)));
}

export function encodeMetadataRecord(record: MetadataRecord): Uint8Array {
  return encodeVersioned(record);
}

/**
 * What was encoded, or null when this release does not know its version or its type. A node must not
 * go on past a record that it does not understand.
 */
export function decodeMetadataRecord(bytes: Uint8Array | null): MetadataRecord | null {
  const record = decodeVersioned(bytes) as MetadataRecord | null;
  return record !== null && Object.hasOwn(KNOWN_TYPES, record.type) ? record : null;
}
