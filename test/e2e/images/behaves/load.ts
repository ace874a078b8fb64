/** Many small requests from inside: so many clients with a connection of their own each, one request after the other. */
import { Agent, request } from "node:http";

interface Loaded {
  /** Of each request, in milliseconds. */
  readonly latencies: readonly number[];
  readonly seconds: number;
  /** Answers other than 200, and none. */
  readonly failed: number;
  readonly failure: string | null;
}

/** `clients`, and for how many `ms`. */
export async function load(url: string, options: URLSearchParams): Promise<Loaded> {
  const latencies: number[] = [];
  let failed = 0;
  let failure: string | null = null;
  const began = performance.now();
  const deadline = began + Number(options.get("ms"));
  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let before = performance.now(); before < deadline;) {
      const problem = await once(agent, url);
      const after = performance.now();
      if (problem === null) latencies.push(after - before);
      else {
        failed += 1;
        failure ??= problem;
      }
      before = after;
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: Number(options.get("clients")) }, client));
  return { latencies, seconds: (performance.now() - began) / 1_000, failed, failure };
}

/** Null: answered. */
function once(agent: Agent, url: string): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const call = request(url, { agent }, (answer) => {
    answer.resume();
    answer.once("end", () => resolve(answer.statusCode === 200 ? null : `answered ${answer.statusCode}`));
    answer.once("error", (error) => resolve(String(error)));
  });
  call.once("error", (error) => resolve(String(error)));
  call.end();
  return promise;
}
