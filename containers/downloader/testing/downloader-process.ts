/** The real server, as a process of this machine that reaches nothing but loopback. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const SERVER = join(import.meta.dirname, "../server.ts");

export interface DownloaderProcess {
  readonly origin: string;
  /** All that it has printed. */
  output(): string;
  signal(name: "SIGTERM"): void;
  readonly exit: Promise<readonly [code: number | null, signal: string | null]>;
  stop(): Promise<void>;
}

export async function startDownloader(env: Readonly<Record<string, string>> = {}): Promise<DownloaderProcess> {
  const own = { PORT: "0", DOWNLOADER_ALLOW_PRIVATE: "true", DOWNLOADER_HUB_URL: "", DOWNLOADER_RATE_LIMIT: "0" };
  const child = spawn(process.execPath, [SERVER], {
    env: { ...process.env, ...own, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const exit = once(child, "exit") as Promise<[number | null, string | null]>;
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", () => {
      const found = /"downloader\.listening","port":(\d+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    void exit.then(([code]) => reject(new Error(`the downloader ended with ${code}: ${output}`)));
  });
  return {
    origin: `http://127.0.0.1:${port}`,
    output: () => output,
    signal: (name) => child.kill(name),
    exit,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exit;
    },
  };
}
