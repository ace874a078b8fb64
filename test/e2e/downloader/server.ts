/** The downloader as it is in its image, as a process of this machine: bundled, on loopback, without Gantry around it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleWorkloads } from "../../../dev/launcher/workload-bundles.ts";

const PROJECT_DIR = join(import.meta.dirname, "../../..");
const SERVER = join(PROJECT_DIR, "containers/downloader/dist/server.js");
const END_MS = 10_000;

export interface Downloader {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  readonly pid: number;
  /** All that it has printed. */
  output(): string;
  stop(): Promise<void>;
}

export interface DownloaderOptions {
  /** Of the environment, beside what lets it reach loopback. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Once before the first is started. */
export async function bundleDownloader(): Promise<void> {
  await bundleWorkloads(PROJECT_DIR);
}

export async function startDownloader({ env = {} }: DownloaderOptions = {}): Promise<Downloader> {
  const own = {
    ...process.env,
    PORT: "0",
    DOWNLOADER_ALLOW_PRIVATE: "true",
    DOWNLOADER_RATE_LIMIT: "0",
    // Docker Hub is not in reach of tests.
    DOWNLOADER_HUB_URL: "",
  };
  const folder = await mkdtemp(join(tmpdir(), "downloader-server-"));
  const program = join(folder, "server.cjs");
  // As in the image: without the package.json that says of the sources that they are modules.
  await copyFile(SERVER, program);
  const child = spawn(process.execPath, [program], {
    env: { ...own, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", () => {
      const found = /(?:port|:)\D{0,3}(\d{2,5})/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`the downloader ended with ${code}: ${output}`)));
  });
  return {
    origin: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    output: () => output,
    stop: async () => {
      await ended(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const late = setTimeout(() => child.kill("SIGKILL"), END_MS);
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
  clearTimeout(late);
}
