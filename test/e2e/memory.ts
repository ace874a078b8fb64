/** How much memory the runtime takes while something streams through it. */
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const SAMPLE_MS = 100;

/** Of all workerd processes that this one has started, in bytes. */
export async function workerdMemory(): Promise<number> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,rss=,args="]);
  const processes = stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [pid, parent, rss, program = ""] = line.trim().split(/\s+/);
      return { pid: Number(pid), parent: Number(parent), bytes: Number(rss) * 1_024, program };
    });
  const ours = new Set([process.pid]);
  for (let size = 0; size !== ours.size;) {
    size = ours.size;
    for (const { pid, parent } of processes) if (ours.has(parent)) ours.add(pid);
  }
  const found = processes.filter(({ pid, program }) => ours.has(pid) && program.endsWith("/workerd"));
  if (found.length === 0) throw new Error("no workerd of this process runs");
  return found.reduce((sum, { bytes }) => sum + bytes, 0);
}

export interface Growth {
  readonly before: number;
  readonly most: number;
  readonly samples: number;
}

/** From just before the work to its end. */
export async function growthDuring(sample: () => Promise<number>, work: () => Promise<void>): Promise<Growth> {
  const before = await sample();
  let most = before;
  let samples = 0;
  const over = new AbortController();
  const sampling = (async () => {
    while (!over.signal.aborted) {
      most = Math.max(most, await sample());
      samples += 1;
      await sleep(SAMPLE_MS);
    }
  })();
  // An interruption ends the sampler's program too: whoever waits for the work hears of it first.
  sampling.catch(() => undefined);
  try {
    await work();
  } finally {
    over.abort();
    await sampling;
  }
  return { before, most: Math.max(most, await sample()), samples };
}
