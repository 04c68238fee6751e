import fc from "fast-check";
import { expect, it } from "vitest";
import { KeyedDraws } from "../random.ts";
import { TextChunk, textOf } from "../testing/small-world.ts";
import { Disk } from "./disk.ts";

const draws = new KeyedDraws("disk");

/** A disk with one durable file that holds the given chunks. */
function diskWith(path: string, ...chunks: readonly string[]): Disk {
  const disk = new Disk();
  disk.makeDirectory("d");
  const file = disk.create(path);
  for (const text of chunks) file.append(new TextChunk(text));
  file.sync();
  syncAll(disk);
  return disk;
}

function syncAll(disk: Disk): void {
  disk.directory("").sync();
  disk.directory("d").sync();
}

it("reads back the very chunk that was appended, and the rest of it from inside", () => {
  const disk = diskWith("d/f");
  const chunk = new TextChunk("hello");
  disk.file("d/f").append(new TextChunk("ab"));
  disk.file("d/f").append(chunk);
  expect(disk.file("d/f").read(2)).toBe(chunk);
  expect(textOf(disk.file("d/f").read(4).bytes())).toBe("llo");
  expect(textOf(disk.content("d/f"))).toBe("abhello");
});

it("behaves as a string that is appended to and cut", () => {
  const step = fc.oneof(
    fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 6 }),
    fc.nat(40),
    fc.constant("sync" as const).map(() => null),
  );
  const property = fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), (steps, key) => {
    const disk = diskWith("d/f");
    const file = disk.file("d/f");
    let text = "";
    let synced = "";
    for (const item of steps) {
      if (item === null) {
        file.sync();
        synced = text;
      } else if (typeof item === "number") {
        file.truncate(item);
        text = text.slice(0, item);
        synced = synced.slice(0, item);
      } else {
        file.append(new TextChunk(item));
        text += item;
      }
      expect(textOf(disk.content("d/f"))).toBe(text);
      expect(textOf(disk.durable("d/f"))).toBe(synced);
      for (let at = 0; at < text.length; at++) {
        const read = textOf(file.read(at).bytes());
        expect(read.length).toBeGreaterThan(0);
        expect(text.slice(at, at + read.length)).toBe(read);
      }
    }
    disk.losePower(draws, key, {});
    const kept = textOf(disk.content("d/f"));
    expect(text.startsWith(kept) && kept.startsWith(synced)).toBe(true);
    expect(disk.syncedSize("d/f")).toBe(kept.length);
  });
  fc.assert(property, { numRuns: 150 });
});

it("keeps nothing, something and everything of unsynced bytes, torn inside chunks too", () => {
  const kept = new Set<number>();
  for (let key = 0; key < 200; key++) {
    const disk = diskWith("d/f", "sync");
    disk.file("d/f").append(new TextChunk("abc"));
    disk.file("d/f").append(new TextChunk("def"));
    disk.losePower(draws, key, {});
    kept.add(disk.size("d/f"));
  }
  expect([...kept].sort((a, b) => a - b)).toEqual([4, 5, 6, 7, 8, 9, 10]);
});

it("keeps what a fault fixes: bytes, bytes from the end, chunks, and only below its path", () => {
  const after = (wish: Parameters<Disk["losePower"]>[2]): number => {
    const disk = diskWith("d/f", "sync");
    for (const text of ["abc", "def", "ghi"]) disk.file("d/f").append(new TextChunk(text));
    disk.losePower(draws, 1, wish);
    return disk.size("d/f");
  };
  expect(after({ keepBytes: 2 })).toBe(6);
  expect(after({ keepBytes: 100 })).toBe(13);
  expect(after({ keepBytes: -1 })).toBe(12);
  expect(after({ keepBytes: -100 })).toBe(4);
  expect(after({ keepChunks: 2 })).toBe(10);
  expect(after({ keepChunks: 0, path: "d" })).toBe(4);
  expect(after({ keepBytes: 1, path: "/d/f" })).toBe(5);
  expect(after({ keepBytes: 1, path: "other" })).toBe(after({}));
});

it("lets each unsynced creation, rename and removal survive or not, by its own draw", () => {
  const seen = new Set<string>();
  for (let key = 0; key < 300; key++) {
    const disk = diskWith("d/old", "old");
    diskFile(disk, "d/tmp", "new");
    diskFile(disk, "d/gone", "gone");
    disk.directory("d").sync();
    diskFile(disk, "d/fresh", "fresh");
    disk.rename("d/tmp", "d/old");
    disk.remove("d/gone");
    expect(disk.files()).toEqual(["d/fresh", "d/old"]);
    disk.losePower(draws, key, {});
    const old = textOf(disk.content("d/old"));
    // A rename happened or it did not: the new content is in one place.
    expect(disk.exists("d/tmp")).toBe(old === "old");
    seen.add(`${old} ${disk.exists("d/fresh")} ${disk.exists("d/gone")}`);
  }
  expect(seen.size).toBe(8);
});

it("keeps every change of names once its directory is synced", () => {
  for (let key = 0; key < 50; key++) {
    const disk = diskWith("d/a", "a");
    disk.makeDirectory("d/sub");
    diskFile(disk, "d/sub/b", "b");
    disk.rename("d/a", "d/sub/c");
    disk.directory("d").sync();
    disk.directory("d/sub").sync();
    disk.rename("d/sub", "d/moved");
    disk.directory("d").sync();
    disk.losePower(draws, key, {});
    expect(disk.files()).toEqual(["d/moved/b", "d/moved/c"]);
  }
});

it("makes a rename between directories durable with either of them, never twice or not at all", () => {
  for (let key = 0; key < 100; key++) {
    const disk = diskWith("d/a", "a");
    disk.makeDirectory("d/sub");
    disk.directory("d").sync();
    disk.rename("d/a", "d/sub/a");
    if (key % 2 === 0) disk.directory("d/sub").sync();
    disk.losePower(draws, key, {});
    expect(disk.files().length).toBe(1);
    if (key % 2 === 0) expect(disk.files()).toEqual(["d/sub/a"]);
  }
});

it("does not bring back an older name of a file that was renamed durably", () => {
  for (let key = 0; key < 100; key++) {
    const disk = diskWith("d/x", "x");
    disk.makeDirectory("d/sub");
    disk.directory("d").sync();
    diskFile(disk, "d/a", "a");
    disk.rename("d/a", "d/sub/a");
    disk.directory("d/sub").sync();
    disk.losePower(draws, key, {});
    expect(disk.exists("d/a")).toBe(false);
    expect(disk.exists("d/sub/a")).toBe(true);
  }
});

it("removes a directory with all that is in it, or brings all of it back", () => {
  const seen = new Set<string>();
  for (let key = 0; key < 40; key++) {
    const disk = diskWith("d/x", "x");
    disk.makeDirectory("d/sub");
    diskFile(disk, "d/sub/1", "1");
    disk.directory("d").sync();
    disk.directory("d/sub").sync();
    disk.remove("d/sub");
    expect(disk.files()).toEqual(["d/x"]);
    disk.losePower(draws, key, {});
    seen.add(disk.files().join());
  }
  expect([...seen].sort()).toEqual(["d/sub/1,d/x", "d/x"]);
});

it("rots one bit in a private copy, and says where", () => {
  const shared = new TextChunk("abcdef");
  const disk = diskWith("d/f", "12");
  disk.file("d/f").append(shared);
  disk.file("d/f").rot(4, 1);
  expect(textOf(disk.content("d/f"))).toBe("12abadef");
  expect(textOf(shared.bytes())).toBe("abcdef");
  expect(disk.damage("d/f")).toEqual([{ how: "bit-rot", from: 4, to: 5 }]);
  disk.file("d/f").truncate(4);
  expect(disk.damage("d/f")).toEqual([]);
});

it("copies a disk so that neither copy sees the other's changes", () => {
  const disk = diskWith("d/f", "one");
  const copy = disk.clone();
  disk.file("d/f").append(new TextChunk("two"));
  copy.remove("d/f");
  expect(textOf(disk.content("d/f"))).toBe("onetwo");
  expect(copy.files()).toEqual([]);
});

it("names errors as a file system does", () => {
  const disk = diskWith("d/f");
  const codes = [
    () => disk.file("d/none"),
    () => disk.list("nowhere"),
    () => disk.create("nowhere/f"),
    () => disk.rename("d/none", "d/g"),
    () => disk.makeDirectory("d/f/g"),
  ].map((call) => {
    try {
      call();
      return "fine";
    } catch (error) {
      return (error as { code: string }).code;
    }
  });
  expect(codes).toEqual(["ENOENT", "ENOENT", "ENOENT", "ENOENT", "EIO"]);
});

function diskFile(disk: Disk, path: string, text: string): void {
  const file = disk.create(path);
  file.append(new TextChunk(text));
  file.sync();
}
