/** One event of an input: what a send operation needs beside its place in the plan. */
export interface InputEvent {
  /** One of `key` (null: no key) and `keyBase64`; likewise `value`. */
  readonly key?: string | null;
  readonly keyBase64?: string;
  readonly value?: string | null;
  readonly valueBase64?: string;
  /** The record's CreateTime in ms. */
  readonly timestamp: number;
}
