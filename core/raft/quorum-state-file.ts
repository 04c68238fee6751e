/**
 * What a node must not forget about elections: the newest epoch it has seen, its leader, and whom it
 * voted for (FileQuorumStateStore.java). Written whole and synced before anything follows from it.
 *
 * Differs from Kafka: lines of "name=value" and an end mark, not JSON.
 */
import type { LeaderEpoch, NodeId, Uuid } from "../ids.ts";
import { NO_NODE } from "../ids.ts";
import type { Chunk, Storage } from "../ports.ts";
import { utf8Decode, utf8Encode } from "../record/utf8.ts";

export interface QuorumState {
  readonly leaderEpoch: LeaderEpoch;
  /** -1 when not known. */
  readonly leaderId: NodeId;
  /** -1 for no vote in this epoch. */
  readonly votedId: NodeId;
  /** Of the disk that the vote was for; "" without a vote. */
  readonly votedDirectoryId: Uuid;
}

export const NO_QUORUM_STATE: QuorumState = {
  leaderEpoch: 0,
  leaderId: NO_NODE,
  votedId: NO_NODE,
  votedDirectoryId: "",
};

const PATTERN =
  /^version=1\nleaderEpoch=(\d+)\nleaderId=(-1|\d+)\nvotedId=(-1|\d+)\nvotedDirectoryId=(\S*)\nend\n$/;

export class QuorumStateFile {
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #path: string;

  /** `directory` is that of the metadata log and exists. */
  constructor(storage: Storage, directory: string) {
    this.#storage = storage;
    this.#directory = directory;
    this.#path = `${directory}/quorum-state`;
  }

  /** What was written last; the state of a new node when there is no file; "damaged" otherwise. */
  read(): QuorumState | "damaged" {
    if (!this.#storage.exists(this.#path)) return NO_QUORUM_STATE;
    const match = PATTERN.exec(utf8Decode(this.#readAll()));
    if (match === null) return "damaged";
    return {
      leaderEpoch: Number(match[1]),
      leaderId: Number(match[2]),
      votedId: Number(match[3]),
      votedDirectoryId: match[4] ?? "",
    };
  }

  /** Survives a loss of power once this returns. */
  write(state: QuorumState): void {
    const text =
      `version=1\nleaderEpoch=${state.leaderEpoch}\nleaderId=${state.leaderId}\n` +
      `votedId=${state.votedId}\nvotedDirectoryId=${state.votedDirectoryId}\nend\n`;
    const temporary = `${this.#path}.tmp`;
    this.#storage.remove(temporary);
    const file = this.#storage.open(temporary, true);
    file.append(chunkOf(utf8Encode(text)));
    file.sync();
    this.#storage.rename(temporary, this.#path);
    this.#storage.syncDirectory(this.#directory);
  }

  #readAll(): Uint8Array {
    const file = this.#storage.open(this.#path);
    const bytes = new Uint8Array(file.sizeBytes);
    for (let at = 0; at < bytes.length;) {
      const piece = file.read(at).bytes();
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }
}

function chunkOf(bytes: Uint8Array): Chunk {
  return { sizeBytes: bytes.length, bytes: () => bytes };
}
