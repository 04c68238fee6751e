/** What a leader asks of a batch before it appends it (UnifiedLog.java, LogValidator.java). */
import type { ErrorCode } from "../errors.ts";
import { Errors } from "../errors.ts";
import type { Codecs } from "../ports.ts";
import type { BatchBody } from "../record/batch.ts";
import { Batch } from "../record/batch.ts";
import type { DecodedRecord } from "../record/decode.ts";
import { crcIsValid, decodeRecords } from "../record/decode.ts";
import type { NewRecord } from "../record/encode.ts";
import { encodeBatch, withAppendTime } from "../record/encode.ts";
import type { TopicSettings } from "../settings/topic-settings.ts";
import type { AppendOrigin } from "./append-origin.ts";
import type { LogRules } from "./log-rules.ts";

/** Why a leader must not append `body`; NONE when it may. */
export function refusal(
  body: BatchBody,
  origin: AppendOrigin,
  settings: TopicSettings,
  rules: LogRules,
  nowMs: number,
  codecs: Codecs,
): ErrorCode {
  if (origin !== "raft" && !rules.sizeIsAllowed(body.sizeBytes, settings["max.message.bytes"])) {
    return Errors.MESSAGE_TOO_LARGE;
  }
  if (!rules.mayAppend(crcIsValid(body))) return Errors.CORRUPT_MESSAGE;
  if (body.compression === null) return Errors.UNSUPPORTED_COMPRESSION_TYPE;
  if (!rules.countIsRight(body.recordsCount, body.lastOffsetDelta)) return Errors.INVALID_RECORD;
  if (origin !== "client") return Errors.NONE;
  if (body.isControl) return Errors.INVALID_RECORD;
  if (body.producerId >= 0 && body.baseSequence < 0) return Errors.INVALID_RECORD;
  if (body.producerId < 0 && body.isTransactional) return Errors.INVALID_RECORD;
  return recordRefusal(body, settings, rules, nowMs, codecs);
}

/** The batch that goes into the log: as it came, unless the topic's settings ask for another. */
export function asStored(
  body: BatchBody,
  settings: TopicSettings,
  nowMs: number,
  codecs: Codecs,
): BatchBody {
  const wanted = settings["compression.type"];
  const type = wanted === "producer" ? body.compression : wanted === "gzip" ? "gzip" : "none";
  let stored = body;
  if (type !== null && type !== body.compression) {
    const records = decodeRecords(new Batch(0, -1, body), codecs).map(newRecordOf);
    const { producerId, producerEpoch, baseSequence, isTransactional } = body;
    stored = encodeBatch(records, {
      compression: type,
      producerId,
      producerEpoch,
      baseSequence,
      codecs,
      transactional: isTransactional,
    });
  }
  const takesAppendTime = settings["message.timestamp.type"] === "LogAppendTime";
  return takesAppendTime ? withAppendTime(stored, nowMs) : stored;
}

/** Why what became of a batch must not be stored; NONE when it may be. */
export function storedRefusal(
  stored: BatchBody,
  sent: BatchBody,
  settings: TopicSettings,
  rules: LogRules,
): ErrorCode {
  // Another compression may have made it larger than what was checked when it came.
  if (stored !== sent && !rules.sizeIsAllowed(stored.sizeBytes, settings["max.message.bytes"])) {
    return Errors.MESSAGE_TOO_LARGE;
  }
  return Errors.NONE;
}

function newRecordOf({ timestamp, key, value, headers }: DecodedRecord): NewRecord {
  return { timestamp, key, value, headers };
}

/** Checks that look into the batch; only those that the topic's settings ask for. */
function recordRefusal(
  body: BatchBody,
  settings: TopicSettings,
  rules: LogRules,
  nowMs: number,
  codecs: Codecs,
): ErrorCode {
  const needsKeys = rules.needsKeys(settings["cleanup.policy"]);
  const beforeMaxMs = settings["message.timestamp.before.max.ms"];
  const afterMaxMs = settings["message.timestamp.after.max.ms"];
  const checksTime = settings["message.timestamp.type"] === "CreateTime";
  // Only the leader may give its own time.
  if (!checksTime && body.hasAppendTime) return Errors.INVALID_TIMESTAMP;
  if (checksTime) {
    // The newest record tells whether any is too late; the oldest is only known by decoding.
    const newest = Math.max(body.maxTimestamp, nowMs);
    if (!rules.timestampIsAllowed(newest, nowMs, beforeMaxMs, afterMaxMs)) {
      return Errors.INVALID_TIMESTAMP;
    }
  }
  const looksAtTimes = checksTime && beforeMaxMs < Number.MAX_SAFE_INTEGER;
  if (!needsKeys && !looksAtTimes) return Errors.NONE;
  for (const { key, timestamp } of decodeRecords(new Batch(0, -1, body), codecs)) {
    if (needsKeys && key === null) return Errors.INVALID_RECORD;
    if (looksAtTimes && !rules.timestampIsAllowed(timestamp, nowMs, beforeMaxMs, afterMaxMs)) {
      return Errors.INVALID_TIMESTAMP;
    }
  }
  return Errors.NONE;
}
