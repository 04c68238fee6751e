/**
 * When something that failed is tried again, as kafkajs has it: after 300 ms, then after twice as long each
 * time, every time drawn within 20 % of that, at most 30 s, five times.
 */
export interface RetryOptions {
  readonly retries?: number;
  /** In ms. */
  readonly initialRetryTime?: number;
  readonly maxRetryTime?: number;
  readonly multiplier?: number;
  /** How far a time is drawn from what it would be; 0.2 is 20 %. */
  readonly factor?: number;
  /** Asked when the consumer has crashed for something that may pass: false leaves it stopped. */
  readonly restartOnFailure?: (error: Error) => Promise<boolean>;
}

export const retryDefaults = {
  retries: 5,
  initialRetryTime: 300,
  maxRetryTime: 30_000,
  multiplier: 2,
  factor: 0.2,
} as const;

export class RetryTimes {
  readonly #options: Required<Omit<RetryOptions, "restartOnFailure">>;
  readonly #below: (bound: number) => number;
  #next: number;
  /** How often it was tried again. */
  retryCount = 0;

  /** `below` draws an integer in [0, bound). */
  constructor(options: RetryOptions, below: (bound: number) => number) {
    this.#options = { ...retryDefaults, ...options };
    this.#below = below;
    this.#next = this.#around(this.#options.initialRetryTime);
  }

  /** How long the next pause is, in ms. */
  get retryTime(): number {
    return this.#next;
  }

  get isExhausted(): boolean {
    return this.retryCount >= this.#options.retries;
  }

  /** The pause before the next attempt. */
  take(): number {
    const { multiplier, maxRetryTime } = this.#options;
    const pause = this.#next;
    this.retryCount += 1;
    this.#next = Math.min(this.#around(pause) * multiplier, maxRetryTime);
    return pause;
  }

  #around(timeMs: number): number {
    const spread = Math.floor(this.#options.factor * timeMs);
    return timeMs - spread + this.#below(2 * spread + 1);
  }
}

const unrecoverable: readonly string[] = [
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
];

/** Whether another attempt may help: not against a mistake in the program, or what Kafka refuses for good. */
export function isWorthRetrying(error: Error): boolean {
  return (
    (error as { retriable?: boolean }).retriable !== false && !unrecoverable.includes(error.name)
  );
}
