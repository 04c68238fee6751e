/**
 * Registration, heartbeats and fencing (ClusterControlManager.java, and processBrokerHeartbeat and
 * handleBroker* in ReplicationControlManager.java).
 *
 * Differs from Kafka: the broker epoch is the offset of the registration record itself, also when
 * records that remove the broker from its ISRs come before it. Fencing a fenced broker writes nothing.
 */
import { unreachable } from "../assert.ts";
import { Errors } from "../errors.ts";
import type { NodeId, Offset } from "../ids.ts";
import { NO_EPOCH } from "../ids.ts";
import type { BrokerRegistration, MetadataImage } from "../metadata/image.ts";
import type { MetadataRecord } from "../metadata/records.ts";
import type {
  BrokerHeartbeatRequest,
  BrokerHeartbeatResponse,
  BrokerRegistrationRequest,
  BrokerRegistrationResponse,
} from "../protocol/broker-lifecycle.ts";
import type { Decision } from "../replicated-state/replicated-state-machine.ts";
import type { Cause } from "./changes.ts";
import { Changes } from "./changes.ts";
import type { ControllerContext } from "./context.ts";
import { decide, leadsAnything } from "./context.ts";
import { electForUnfenced, removeFromIsrs } from "./isr-updates.ts";
import type { ControlState } from "./lifecycle-rules.ts";

export function registerBroker(
  context: ControllerContext,
  image: MetadataImage,
  request: BrokerRegistrationRequest,
  nextOffset: Offset,
): Decision<MetadataRecord, BrokerRegistrationResponse> {
  const { ports, sessions, clusterId } = context;
  const { lifecycle } = context.rules;
  const { brokerId, incarnationId } = request;
  const changes = new Changes(ports.probe);
  if (request.clusterId !== clusterId) {
    return decide(changes, refusal(Errors.INCONSISTENT_CLUSTER_ID));
  }
  const known = image.brokers.get(brokerId);
  const isSame = known !== undefined && known.incarnationId === incarnationId;
  const nowMs = ports.clock.monotonicMs();
  const error = lifecycle.registrationError(
    known !== undefined && sessions.hasValidSession(brokerId, known.epoch, nowMs),
    isSame,
    known?.inControlledShutdown ?? false,
  );
  if (error !== Errors.NONE) return decide(changes, refusal(error));
  if (known !== undefined && lifecycle.leavesIsrs(isSame)) {
    removeFromIsrs(context, image, changes, brokerId, "registered");
  }
  const keeps = known !== undefined && lifecycle.keepsBrokerEpoch(isSame);
  const brokerEpoch = keeps ? known.epoch : nextOffset + changes.records.length;
  const fenced = keeps ? known.fenced : true;
  changes.tell({
    kind: "broker-registered",
    broker: brokerId,
    brokerEpoch,
    incarnationId,
    cleanly:
      known !== undefined && lifecycle.stopsCleanly(request.previousBrokerEpoch, known.epoch),
  });
  changes.add({
    type: "RegisterBroker",
    brokerId,
    brokerEpoch,
    incarnationId,
    host: request.host,
    rack: request.rack,
    fenced,
    inControlledShutdown: keeps ? known.inControlledShutdown : false,
    logDirs: [...request.logDirs],
  });
  return decide(changes, { errorCode: Errors.NONE, brokerEpoch }, () => {
    if (!keeps) sessions.forgetContact(brokerId);
    sessions.register(brokerId, fenced);
  });
}

function refusal(errorCode: number): BrokerRegistrationResponse {
  return { errorCode, brokerEpoch: NO_EPOCH };
}

export function handleHeartbeat(
  context: ControllerContext,
  image: MetadataImage,
  request: BrokerHeartbeatRequest,
): Decision<MetadataRecord, BrokerHeartbeatResponse> {
  const { ports, sessions } = context;
  const { lifecycle } = context.rules;
  const { brokerId, brokerEpoch } = request;
  const changes = new Changes(ports.probe);
  const broker = image.brokers.get(brokerId);
  const error =
    broker === undefined
      ? Errors.STALE_BROKER_EPOCH
      : lifecycle.brokerEpochError(brokerEpoch, broker.epoch);
  if (broker === undefined || error !== Errors.NONE) {
    tellStale(context, brokerEpoch, broker);
    return decide(changes, { ...FENCED_ANSWER, errorCode: error });
  }
  sessions.contact(brokerId, brokerEpoch, ports.clock.monotonicMs());
  const isCaughtUp = lifecycle.isCaughtUp(request.currentMetadataOffset, broker.recordOffset);
  const next = nextState(context, image, request, isCaughtUp);
  const isFenced = next === "fenced" || next === "shutdown-now";
  moveBroker(context, image, changes, broker, next);
  sessions.touch(brokerId, isFenced, request.currentMetadataOffset);
  if (next === "shutdown-now") {
    sessions.forgetContact(brokerId);
    const { probe } = ports;
    if (probe !== null) {
      probe.emit({ kind: "controlled-shutdown-granted", broker: brokerId, brokerEpoch });
    }
  }
  const shouldShutDown = next === "shutdown-now";
  return decide(
    changes,
    { errorCode: Errors.NONE, isCaughtUp, isFenced, shouldShutDown },
    (last) => {
      if (next !== "controlled-shutdown") return;
      const session = sessions.get(brokerId);
      session.shutdownOffset = lifecycle.shutdownOffset(session.shutdownOffset, last);
    },
  );
}

const FENCED_ANSWER = {
  isCaughtUp: false,
  isFenced: true,
  shouldShutDown: false,
} as const;

function nextState(
  { rules, sessions }: ControllerContext,
  image: MetadataImage,
  request: BrokerHeartbeatRequest,
  isCaughtUp: boolean,
): ControlState {
  const { lifecycle } = rules;
  const { brokerId, wantFence, wantShutDown } = request;
  const session = sessions.get(brokerId);
  if (session.shutdownOffset >= 0) {
    return lifecycle.fromControlledShutdown(
      leadsAnything(image, brokerId),
      session.shutdownOffset,
      sessions.lowestActiveOffset(),
    );
  }
  if (session.fenced) return lifecycle.fromFenced(wantFence, wantShutDown, isCaughtUp);
  const leads = wantShutDown && leadsAnything(image, brokerId);
  return lifecycle.fromUnfenced(wantFence, wantShutDown, leads);
}

/** Writes what leads from the broker's present state to the next one. */
function moveBroker(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  broker: BrokerRegistration,
  next: ControlState,
): void {
  const session = context.sessions.get(broker.id);
  switch (next) {
    case "unfenced":
      if (session.fenced) unfence(context, image, changes, broker);
      return;
    case "fenced":
      if (!broker.fenced) fence(context, image, changes, broker, "fenced");
      return;
    case "shutdown-now":
      if (!broker.fenced) fence(context, image, changes, broker, "controlled-shutdown");
      return;
    case "controlled-shutdown":
      if (session.shutdownOffset < 0) beginShutdown(context, image, changes, broker);
      return;
    default:
      unreachable(next);
  }
}

function fence(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  { id, epoch }: BrokerRegistration,
  why: Cause,
): void {
  removeFromIsrs(context, image, changes, id, why);
  changes.tell({ kind: "broker-fenced", broker: id, brokerEpoch: epoch });
  changes.add({
    type: "BrokerRegistrationChange",
    brokerId: id,
    brokerEpoch: epoch,
    fenced: true,
    inControlledShutdown: null,
  });
}

function unfence(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  { id, epoch }: BrokerRegistration,
): void {
  changes.tell({ kind: "broker-unfenced", broker: id, brokerEpoch: epoch });
  changes.add({
    type: "BrokerRegistrationChange",
    brokerId: id,
    brokerEpoch: epoch,
    fenced: false,
    inControlledShutdown: null,
  });
  electForUnfenced(context, image, changes, id);
}

function beginShutdown(
  context: ControllerContext,
  image: MetadataImage,
  changes: Changes,
  { id, epoch, inControlledShutdown }: BrokerRegistration,
): void {
  if (!inControlledShutdown) {
    changes.add({
      type: "BrokerRegistrationChange",
      brokerId: id,
      brokerEpoch: epoch,
      fenced: null,
      inControlledShutdown: true,
    });
  }
  if (context.rules.lifecycle.leavesIsrsInShutdown()) {
    removeFromIsrs(context, image, changes, id, "controlled-shutdown");
  }
}

/** Fences the broker whose session ended first; null when none has ended. */
export function fenceStalest(
  context: ControllerContext,
  image: MetadataImage,
): Decision<MetadataRecord, void> | null {
  const { ports, sessions } = context;
  const expired = sessions.takeExpired(ports.clock.monotonicMs());
  if (expired === null) return null;
  const changes = new Changes(ports.probe);
  const broker = image.brokers.get(expired.id);
  if (broker !== undefined && broker.epoch === expired.epoch && !broker.fenced) {
    fence(context, image, changes, broker, "fenced");
    sessions.touch(broker.id, true, sessions.get(broker.id).metadataOffset);
  }
  return decide(changes, undefined);
}

/** Tells that a request of an incarnation was refused which is not the registered one. */
export function tellStale(
  { ports }: ControllerContext,
  given: number,
  broker: { readonly epoch: number; readonly id: NodeId } | undefined,
): void {
  const { probe } = ports;
  if (probe === null) return;
  probe.emit({
    kind: "stale-epoch-refused",
    partition: null,
    error: Errors.STALE_BROKER_EPOCH,
    given,
    current: broker?.epoch ?? NO_EPOCH,
  });
}
