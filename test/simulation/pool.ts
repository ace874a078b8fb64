/** Shares jobs among threads, the next job to whichever is idle. Stops handing out jobs once `onDone` says so. */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Done, Job } from "./worker.ts";

export async function runJobs(jobs: Iterable<Job>, threads: number, onDone: (done: Done) => boolean): Promise<void> {
  const queue = jobs[Symbol.iterator]();
  let isOver = false;
  await Promise.all(
    Array.from({ length: threads }, async () => {
      const worker = new Worker(join(import.meta.dirname, "worker.ts"));
      try {
        for (let next = queue.next(); next.done !== true && !isOver; next = queue.next()) {
          if (!onDone(await askOne(worker, next.value))) isOver = true;
        }
      } finally {
        await worker.terminate();
      }
    }),
  );
}

function askOne(worker: Worker, job: Job): Promise<Done> {
  const { promise, resolve, reject } = Promise.withResolvers<Done>();
  worker.once("message", resolve);
  worker.once("error", reject);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  worker.postMessage(job);
  return promise.finally(() => {
    worker.off("message", resolve);
    worker.off("error", reject);
  });
}
