/**
 * Lays out the file tree of the stand-in base image: Node, its shared libraries, busybox for /bin/sh and the usual
 * small programs, accounts, name service and CA certificates. `base-image.ts` packs it.
 */
import { existsSync } from "node:fs";
import {
  chmod,
  copyFile,
  cp,
  link,
  mkdir,
  readFile,
  readdir,
  realpath,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { run } from "./run.ts";
import { sharedLibraries } from "./shared-libraries.ts";

const TEXT_FILES: Readonly<Record<string, string>> = {
  "etc/passwd":
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n",
  "etc/group": "root:x:0:\nnogroup:x:65534:\nnode:x:1000:\n",
  // Without it glibc asks no DNS server for a name that is not in /etc/hosts on some versions.
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
  "etc/os-release": 'PRETTY_NAME="Gantry stand-in base"\nID=gantry\n',
};
const FOLDERS = [
  "root",
  "home/node",
  "tmp",
  "var/tmp",
  "run",
  "proc",
  "sys",
  "dev",
  "opt",
  "usr/bin",
  "usr/sbin",
  "app",
];
/** Of Debian's essential packages, and not in busybox: what a terminal is made with. */
const SCRIPT = "/usr/bin/script";
const CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt";
// Loaded by glibc at run time when a name is looked up, so that ldd does not list them.
const NAME_SERVICE = /^libnss_(dns|files)\.so\.2$|^libresolv\.so\.2$/;

export interface BaseSources {
  readonly node: string;
  readonly busybox: string;
}

/** The Node binary to put into images: the one of the npm package `node`, else the one that runs this. */
export function findNodeBinary(projectDir: string): string {
  const packaged = createRequire(join(projectDir, "package.json"));
  try {
    const manifest = packaged.resolve("node/package.json");
    const binary = join(dirname(manifest), "bin/node");
    if (existsSync(binary)) return binary;
  } catch {
    // The package is not installed.
  }
  return process.execPath;
}

export async function layOut(tree: string, sources: BaseSources): Promise<void> {
  for (const folder of FOLDERS) await mkdir(join(tree, folder), { recursive: true });
  await chmod(join(tree, "tmp"), 0o1777);
  await chmod(join(tree, "var/tmp"), 0o1777);
  for (const [path, text] of Object.entries(TEXT_FILES)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  await addNode(tree, sources.node);
  await addBusybox(tree, sources.busybox);
  if (existsSync(SCRIPT)) {
    await copyFile(SCRIPT, join(tree, SCRIPT));
    await addLibraries(tree, SCRIPT);
  }
  if (existsSync(CA_BUNDLE)) {
    await mkdir(join(tree, "etc/ssl/certs"), { recursive: true });
    await cp(CA_BUNDLE, join(tree, CA_BUNDLE), { dereference: true });
  }
}

async function addNode(tree: string, node: string): Promise<void> {
  await mkdir(join(tree, "usr/local/bin"), { recursive: true });
  await copyOrLink(node, join(tree, "usr/local/bin/node"));
  await addLibraries(tree, node);
}

/** Copies a program's libraries to the paths it looks at. */
export async function addLibraries(tree: string, program: string): Promise<void> {
  const libraries = await sharedLibraries(program);
  const libc = libraries.find((path) => path.endsWith("/libc.so.6"));
  const nameService = libc === undefined ? [] : await nameServiceBeside(libc);
  for (const library of [...libraries, ...nameService]) {
    await mkdir(join(tree, dirname(library)), { recursive: true });
    await copyFile(await realpath(library), join(tree, library));
  }
}

async function nameServiceBeside(libc: string): Promise<string[]> {
  const folder = dirname(libc);
  return (await readdir(folder)).filter((name) => NAME_SERVICE.test(name)).map((name) => join(folder, name));
}

async function addBusybox(tree: string, busybox: string): Promise<void> {
  await mkdir(join(tree, "bin"), { recursive: true });
  await copyFile(busybox, join(tree, "bin/busybox"));
  await chmod(join(tree, "bin/busybox"), 0o755);
  for (const applet of (await run(busybox, ["--list"])).trim().split("\n")) {
    if (applet !== "busybox") await symlink("busybox", join(tree, "bin", applet));
  }
  await symlink("/bin/env", join(tree, "usr/bin/env"));
}

/** A hard link where the tree is on the same disk: the binary has 120 MB. */
async function copyOrLink(from: string, to: string): Promise<void> {
  try {
    await link(await realpath(from), to);
  } catch {
    await copyFile(from, to);
  }
  await chmod(to, 0o755);
}

/**
 * What the tree is made from, as text to take a digest of. It must cost no process, since it runs at every start, and
 * be the same for two checkouts with the same Node, which share an engine: so no times.
 */
export async function describeSources(node: string): Promise<string> {
  const { size } = await stat(node);
  return [await readFile(import.meta.filename, "utf8"), size, process.arch].join("\n");
}
