export type StorageErrorCode = "ENOSPC" | "EIO" | "ENOENT";

/** What a disk answers instead of doing what it was asked. */
export class StorageError extends Error {
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, path: string) {
    super(`${code}: ${path}`);
    this.name = "StorageError";
    this.code = code;
  }
}
