/** An archive that is larger than memory, with the memory that the server takes at points on its way. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { startDownloader } from "../../test/e2e/downloader/server.ts";
import { startSyntheticRegistry } from "./synthetic.ts";

const GB = 1_000_000_000;
const SAMPLE_MS = 50;
const WARM_UP_BYTES = 64 * 1_048_576;

export interface MemoryPoint {
  /** Sent by then. */
  readonly bytes: number;
  /** The most since the beginning. */
  readonly most: number;
}

export interface LongFigures {
  readonly bytes: number;
  readonly seconds: number;
  /** Before, when one small archive had been sent. */
  readonly before: number;
  readonly points: readonly MemoryPoint[];
}

/** `gb`: the whole. One layer is longer than a tar's plain header can say, where there is room for it. */
export async function measureLong(gb: number, signal: AbortSignal): Promise<LongFigures> {
  const layers = gb >= 20 ? [9 * GB, 500_000_000, 4 * GB, 4 * GB, (gb - 17.5) * GB] : [gb * GB * 0.6, gb * GB * 0.4];
  const [large, small] = [await startSyntheticRegistry(layers), await startSyntheticRegistry([WARM_UP_BYTES])];
  const server = await startDownloader();
  try {
    await receive(server.origin, small.reference, signal);
    const before = await residentBytes(server.pid);
    let most = before;
    let received = 0;
    const wanted = [...new Set([0.5, 5, gb])].filter((each) => each <= gb).map((each) => each * GB);
    const points: MemoryPoint[] = [];
    const over = new AbortController();
    const sampling = (async () => {
      while (!over.signal.aborted) {
        most = Math.max(most, await residentBytes(server.pid));
        while (wanted[0] !== undefined && received >= wanted[0]) points.push({ bytes: wanted.shift() ?? 0, most });
        await sleep(SAMPLE_MS);
      }
    })();
    sampling.catch(() => undefined);
    const began = performance.now();
    try {
      await receive(server.origin, large.reference, signal, (bytes) => (received += bytes));
    } finally {
      over.abort();
      await sampling;
    }
    const seconds = (performance.now() - began) / 1_000;
    most = Math.max(most, await residentBytes(server.pid));
    for (const bytes of wanted) points.push({ bytes, most });
    if (received < large.bytes) throw new Error(`${received} bytes came of an image of ${large.bytes}`);
    return { bytes: large.bytes, seconds, before, points };
  } finally {
    await Promise.allSettled([server.stop(), large.stop(), small.stop()]);
  }
}

/** By curl, whose bytes are only counted. */
async function receive(
  origin: string,
  image: string,
  signal: AbortSignal,
  count: (bytes: number) => void = () => undefined,
): Promise<void> {
  const url = `${origin}/api/download?${new URLSearchParams({ image }).toString()}`;
  const child = spawn("curl", ["--silent", "--show-error", "--fail", url], {
    stdio: ["ignore", "pipe", "inherit"],
    signal,
  });
  const end = once(child, "close");
  child.stdout.on("data", (chunk: Buffer) => count(chunk.length));
  const [code] = await end;
  if (code !== 0) throw new Error(`curl ended with ${code}`);
}

async function residentBytes(pid: number): Promise<number> {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has no memory`);
  return Number(kib) * 1_024;
}
