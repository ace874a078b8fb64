/**
 * Files below one folder. A path is checked by what the kernel has opened, not by what it says: a link that a command puts
 * in its way between a check and an open leads nowhere.
 */
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, readlink, realpath, type FileHandle } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { cut, done, failed, type ToolResult } from "./result.ts";
import type { ToolSettings } from "../settings.ts";

const MAX_WRITE_BYTES = 1_048_576;
const MAX_ENTRIES = 1_000;

type Folder = Pick<ToolSettings, "workDir" | "outputBytes" | "shellUser">;

class PathRefused extends Error {}

export async function readWorkFile(path: string, folder: Folder): Promise<ToolResult> {
  return await within(path, folder, async (target) => {
    const file = await openInside(target, constants.O_RDONLY | constants.O_NONBLOCK, folder);
    try {
      const bytes = Buffer.alloc(folder.outputBytes + 1);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      const { size } = await file.stat();
      const more = size - folder.outputBytes;
      const text = cut(bytes.subarray(0, Math.min(bytesRead, folder.outputBytes)), folder.outputBytes);
      return done(more > 0 ? `${text}\n[cut: ${more} more bytes]` : text);
    } finally {
      await file.close();
    }
  });
}

export async function writeWorkFile(path: string, content: string, folder: Folder): Promise<ToolResult> {
  const bytes = Buffer.from(content);
  if (bytes.length > MAX_WRITE_BYTES) return failed(`at most ${MAX_WRITE_BYTES} bytes are written at a time`);
  return await within(path, folder, async (target, root) => {
    await makeFolders(dirname(target), root, folder);
    // Nothing is cut short before it is known to be inside.
    const file = await openInside(target, constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK, folder);
    try {
      await file.truncate(0);
      await file.write(bytes, 0, bytes.length, 0);
      if (folder.shellUser !== null) await file.chown(folder.shellUser.uid, folder.shellUser.gid);
      return done(`wrote ${bytes.length} bytes to ${relative(root, target)}`);
    } finally {
      await file.close();
    }
  });
}

export async function listWorkFiles(path: string, folder: Folder): Promise<ToolResult> {
  return await within(path, folder, async (target, root) => {
    await refuseLinks(target, root);
    const entries = await readdir(target, { withFileTypes: true });
    const names = entries.map((entry) => {
      if (entry.isDirectory()) return `${entry.name}/`;
      return entry.isSymbolicLink() ? `${entry.name} (a link: refused)` : entry.name;
    });
    const shown = names.toSorted().slice(0, MAX_ENTRIES);
    const rest = names.length - shown.length;
    return done([...shown, ...(rest > 0 ? [`[${rest} more]`] : [])].join("\n") || "[empty]");
  });
}

async function within(
  path: string,
  { workDir }: Folder,
  work: (target: string, root: string) => Promise<ToolResult>,
): Promise<ToolResult> {
  try {
    const root = await realpath(workDir);
    if (path.includes("\0")) throw new PathRefused("a path has no zero bytes");
    const target = resolve(root, path);
    if (target !== root && !target.startsWith(root + sep)) throw outside(path);
    return await work(target, root);
  } catch (error) {
    if (error instanceof PathRefused) return failed(error.message);
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return failed(`${code}: ${REASONS[code] ?? "the file system refuses it"}`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is no folder",
  ELOOP: "links are not followed",
  ENOSPC: "there is no room left",
};

async function openInside(target: string, flags: number, { workDir }: Folder): Promise<FileHandle> {
  const root = await realpath(workDir);
  await refuseLinks(dirname(target), root);
  const file = await open(target, flags | constants.O_NOFOLLOW, 0o644);
  try {
    const [opened, stat] = await Promise.all([readlink(`/proc/self/fd/${file.fd}`), file.stat()]);
    if (!opened.startsWith(root + sep)) throw outside(target);
    if (stat.isDirectory()) throw new PathRefused("it is a folder");
    // A second name of a file may be one of outside.
    if (!stat.isFile() || stat.nlink > 1) throw new PathRefused("only plain files with one name are read and written");
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function makeFolders(path: string, root: string, { shellUser }: Folder): Promise<void> {
  const parts = relative(root, path).split(sep);
  let at = root;
  for (const part of parts.filter((each) => each !== "")) {
    at = join(at, part);
    const made = await mkdir(at).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "EEXIST") return false;
        throw error;
      },
    );
    await refuseLinks(at, root);
    if (!made || shellUser === null) continue;
    const folder = await open(at, constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      await folder.chown(shellUser.uid, shellUser.gid);
    } finally {
      await folder.close();
    }
  }
}

/** Each part of the way, for an answer that says so; `openInside` looks again at what was opened. */
async function refuseLinks(path: string, root: string): Promise<void> {
  let at = root;
  for (const part of relative(root, path).split(sep)) {
    at = join(at, part);
    if ((await lstat(at)).isSymbolicLink()) throw new PathRefused(`links are not followed: ${relative(root, at)}`);
  }
}

function outside(path: string): PathRefused {
  return new PathRefused(`${path} is outside of the work folder: paths are relative to it`);
}
