/** Values that the fields of an event may have. */
export type FieldValue = string | number | boolean | null;

/** What is known of an occurrence. A list stands for each of its values. */
export type EventFields = Readonly<Record<string, FieldValue | readonly FieldValue[]>>;

/**
 * What the faults of a plan may speak of, beyond nodes and links. The world knows no protocol: who
 * builds it says which events occur in it, and which roles its nodes play.
 */
export interface Vocabulary {
  /** Names of events, with the fields that a `where` may ask for. Each also has `node`. */
  readonly events: Readonly<Record<string, readonly string[]>>;
  /** Who plays a role at this moment; null when nobody does. `of` says of what. */
  readonly roles: Readonly<Record<string, (of: string | undefined) => string | null>>;
}

/** Speaks of nodes and links only. */
export const emptyVocabulary: Vocabulary = { events: {}, roles: {} };
