const ABSTRACT = "AbstractPartitionAssignor.java";
const STICKY = "AbstractStickyAssignor.java";

/** Which of two members that claim the same partition keeps it. */
export type ClaimWinner = "first" | "second" | "neither";

/** How partitions are shared out among the members of a group. */
export class AssignorRules {
  /** Where each rule comes from: a KIP, or a file of apache/kafka. */
  static readonly sources: Readonly<Record<string, string>> = {
    compareMembers: `${ABSTRACT} MemberInfo; KIP-345`,
    usesRacks: `${ABSTRACT} useRackAwareAssignment; KIP-881`,
    roomInRange: "RangeAssignor.java TopicAssignmentState",
    goTogether: "RangeAssignor.java assignWithRackMatching; KIP-881",
    rivalGeneration: `${STICKY} allSubscriptionsEqual`,
    winningClaim: `${STICKY} allSubscriptionsEqual; KAFKA-12984, KIP-792`,
    cooperativeGeneration: "CooperativeStickyAssignor.java memberData; KIP-792",
    mayExceedShare: `${STICKY} ConstrainedAssignmentBuilder`,
    keepsOwned: `${STICKY} GeneralAssignmentBuilder`,
    isOldClaim: `${STICKY} prepopulateCurrentAssignments; KIP-341`,
    evensOut: `${STICKY} performReassignments`,
    returnsToOldOwner: `${STICKY} performReassignments, but see sticky-unequal.ts`,
    isWorthMoving: `${STICKY} balance`,
    withholds: "CooperativeStickyAssignor.java adjustAssignment; KIP-429",
  };

  /** Static members come first, by instance: a restart changes a member id and must move nothing. */
  compareMembers(
    id: string,
    instanceId: string | null,
    otherId: string,
    otherInstanceId: string | null,
  ): number {
    if (instanceId !== null && otherInstanceId !== null) {
      return compareText(instanceId, otherInstanceId);
    }
    if (instanceId !== null) return -1;
    if (otherInstanceId !== null) return 1;
    return compareText(id, otherId);
  }

  /** Racks count only where some member can read locally, and not every partition is in every rack. */
  usesRacks(someMatch: boolean, allAreEverywhere: boolean): boolean {
    return someMatch && !allAreEverywhere;
  }

  /** How many more partitions of a topic a member may take; `extras` members may go over the share. */
  roomInRange(share: number, extras: number, assigned: number): number {
    return Math.max(0, share + (extras > 0 ? 1 : 0) - assigned);
  }

  /** Topics with the same members and equally many partitions are joined by partition number. */
  goTogether(topicCount: number): boolean {
    return topicCount > 1;
  }

  /**
   * The generation of the one who claimed a partition first. Kafka reads it from the subscription, also
   * where the claim itself, and the generation of the second, came out of the user data.
   */
  rivalGeneration(inSubscription: number, _inClaim: number): number {
    return inSubscription;
  }

  /** The newer claim holds. In one generation at most one of them can be right, and none is known to be. */
  winningClaim(firstGeneration: number, secondGeneration: number): ClaimWinner {
    if (firstGeneration === secondGeneration) return "neither";
    return secondGeneration > firstGeneration ? "second" : "first";
  }

  /** A subscription of version 2 says its generation itself; before, it was in the user data. */
  cooperativeGeneration(inSubscription: number, inUserData: number | null): number | null {
    return inSubscription >= 0 ? inSubscription : inUserData;
  }

  /** Whether one more member may get a partition more than the share of everyone. */
  mayExceedShare(membersOver: number, expectedOver: number): boolean {
    return membersOver < expectedOver;
  }

  /** Whether a member that is there again keeps a partition that it had. */
  keepsOwned(isSubscribed: boolean, racksMatch: boolean): boolean {
    return isSubscribed && racksMatch;
  }

  /** A claim of a generation before the newest only says where a partition was before. */
  isOldClaim(generation: number, newestGeneration: number): boolean {
    return generation < newestGeneration;
  }

  /** Whether moving one partition makes two members more equal. */
  evensOut(fromSize: number, toSize: number): boolean {
    return fromSize > toSize + 1;
  }

  /** Whether a partition may go back to whoever had it before. */
  returnsToOldOwner(isSubscribed: boolean): boolean {
    return isSubscribed;
  }

  /** Scores sum up the differences between members: lower is better. */
  isWorthMoving(scoreBefore: number, scoreAfter: number): boolean {
    return scoreAfter < scoreBefore;
  }

  /** A moving partition is given to nobody until its owner has joined without it. */
  withholds(isOwnedByAnother: boolean): boolean {
    return isOwnedByAnother;
  }
}

/** As Java compares strings: by UTF-16 code units. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
