/** A generation of a group and its assignment (GroupMetadataKey.json, GroupMetadataValue.json). */
import type { Generation, GroupId, InstanceId, MemberId } from "../../ids.ts";
import { RecordReader, RecordWriter } from "./bytes.ts";

export interface GroupMetadataValue {
  /** "" for a group that nobody joined yet. */
  readonly protocolType: string;
  readonly generation: Generation;
  /** The assignor that was chosen. */
  readonly protocol: string | null;
  readonly leader: MemberId | null;
  /** Wall clock when the group got into its state, in ms; -1 when not known. */
  readonly currentStateTimestamp: number;
  readonly members: readonly MemberMetadata[];
}

export interface MemberMetadata {
  readonly memberId: MemberId;
  readonly groupInstanceId: InstanceId | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly rebalanceTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly subscription: Uint8Array;
  readonly assignment: Uint8Array;
}

export const GROUP_METADATA_KEY_VERSION = 2;
/** What Kafka 4 writes: the highest version that is not flexible. */
const VALUE_VERSION = 3;
const NEWEST_READ = 3;
/** Two texts, two numbers and two lists of bytes, all empty. */
const LEAST_MEMBER_BYTES = 18;

export function encodeGroupMetadataKey(group: GroupId): Uint8Array | null {
  return new RecordWriter().int16(GROUP_METADATA_KEY_VERSION).text(group).done();
}

export function encodeGroupMetadataValue(value: GroupMetadataValue): Uint8Array | null {
  const writer = new RecordWriter()
    .int16(VALUE_VERSION)
    .text(value.protocolType)
    .int32(value.generation)
    .text(value.protocol)
    .text(value.leader)
    .int64(value.currentStateTimestamp)
    .int32(value.members.length);
  for (const member of value.members) {
    writer
      .text(member.memberId)
      .text(member.groupInstanceId)
      .text(member.clientId)
      .text(member.clientHost)
      .int32(member.rebalanceTimeoutMs)
      .int32(member.sessionTimeoutMs)
      .bytes(member.subscription)
      .bytes(member.assignment);
  }
  return writer.done();
}

/** The key behind its version. */
export function readGroupMetadataKey(reader: RecordReader): GroupId {
  const group = reader.text("group");
  reader.end();
  return group;
}

/** The value, or what is wrong with it. */
export function decodeGroupMetadataValue(bytes: Uint8Array): GroupMetadataValue | string {
  const reader = new RecordReader(bytes);
  const version = reader.int16("version");
  if (version < 0 || version > NEWEST_READ) return `a group of unknown version ${version}`;
  const protocolType = reader.text("protocol type");
  const generation = reader.int32("generation");
  const protocol = reader.nullableText("protocol");
  const leader = reader.nullableText("leader");
  const currentStateTimestamp = version >= 2 ? reader.int64("state timestamp") : -1;
  const count = reader.count("members", LEAST_MEMBER_BYTES - (version === 0 ? 4 : 0));
  const members: MemberMetadata[] = [];
  for (let at = 0; at < count; at++) members.push(readMember(reader, version));
  reader.end();
  const group = { protocolType, generation, protocol, leader, currentStateTimestamp, members };
  return reader.problem ?? group;
}

function readMember(reader: RecordReader, version: number): MemberMetadata {
  const memberId = reader.text("member id");
  const groupInstanceId = version >= 3 ? reader.nullableText("group instance id") : null;
  const clientId = reader.text("client id");
  const clientHost = reader.text("client host");
  const rebalanceTimeoutMs = version >= 1 ? reader.int32("rebalance timeout") : -1;
  const sessionTimeoutMs = reader.int32("session timeout");
  const subscription = reader.bytes("subscription");
  const assignment = reader.bytes("assignment");
  return {
    memberId,
    groupInstanceId,
    clientId,
    clientHost,
    // Older members had one timeout for both.
    rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? sessionTimeoutMs : rebalanceTimeoutMs,
    sessionTimeoutMs,
    subscription,
    assignment,
  };
}
