/**
 * .kafka_cleanshutdown in a log directory (CleanShutdownFileHandler.java): it says that all logs were
 * closed, and under which broker epoch (KIP-966).
 */
import type { BrokerEpoch } from "../ids.ts";
import type { Storage } from "../ports.ts";
import { utf8Decode } from "../record/utf8.ts";
import { readWhole, writeWhole } from "./checkpoint-file.ts";

const FILE_NAME = ".kafka_cleanshutdown";
const UNKNOWN_EPOCH = -1;

export class CleanShutdownFile {
  readonly #storage: Storage;
  readonly #directory: string;

  constructor(storage: Storage, directory: string) {
    this.#storage = storage;
    this.#directory = directory;
  }

  exists(): boolean {
    return this.#storage.exists(`${this.#directory}/${FILE_NAME}`);
  }

  /** The broker epoch of the stop; -1 when there was none or it is not legible. */
  brokerEpoch(): BrokerEpoch {
    const bytes = readWhole(this.#storage, this.#directory, FILE_NAME);
    if (bytes === null) return UNKNOWN_EPOCH;
    const match = /^\{"version":0,"brokerEpoch":(-?\d{1,16})\}$/.exec(utf8Decode(bytes));
    return match === null ? UNKNOWN_EPOCH : Number(match[1]);
  }

  write(brokerEpoch: BrokerEpoch): void {
    const text = `{"version":0,"brokerEpoch":${brokerEpoch}}`;
    writeWhole(this.#storage, this.#directory, FILE_NAME, text);
  }

  /**
   * Removes the file for good: one that a loss of power brings back would vouch for a torn log. So
   * the directory is synced even without a file, which an interrupted start may just have removed.
   */
  remove(): void {
    this.#storage.remove(`${this.#directory}/${FILE_NAME}`);
    this.#storage.syncDirectory(this.#directory);
  }
}
