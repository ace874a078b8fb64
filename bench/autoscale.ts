/**
 * An application that follows its load, on real containers: 50 requests a second from start to end, of which more and more
 * are under way at a time, up to 200, and then few again. How soon it has what the load asks for, whether it flaps, and
 * what its callers see of all that.
 */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { driveLoad } from "./autoscale/load.ts";
import { linesOf, ratiosOf, type CountSample } from "./autoscale/report.ts";
import type { Bench, BenchOptions, BenchResult } from "./bench.ts";
import { runFromCommandLine } from "./command-line.ts";
import { Client, expectOk } from "./proxy/http-client.ts";
import { startServers } from "./proxy/servers.ts";

const PER_SECOND = 50;
const PEAK = 200;
const AFTER = 5;
const TARGET_CONCURRENCY = 25;
const RISE_MS = 60_000;
const HOLD_MS = 90_000;
/** The window, five minutes of stabilisation, and a minute for all that was asked for within the fall. */
const FALL_MS = 450_000;
const NAME = "scaled";
const APPLICATIONS = "/client/v4/accounts/00000000000000000000000000000001/containers/applications";
const TOKEN = "bench-token";

export const autoscaleBench: Bench = {
  name: "autoscale",
  summary: "50 requests a second, from 0 to 200 under way and back, on real containers that follow their load",
  run,
};

async function run({ quick, log, signal }: BenchOptions): Promise<BenchResult> {
  const servers = await startServers(log, [["control-plane"]]);
  const [port = 0] = servers.ports;
  const control = new Client();
  const api = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const target = { port, path: `${APPLICATIONS}${path}`, host: `127.0.0.1:${port}` };
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    return JSON.parse((await expectOk(control, target, { method, headers, ...json })).body).result;
  };
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  const over = new AbortController();
  try {
    const { id } = await api("POST", "", {
      name: NAME,
      instances: 1,
      autoscaling: { min: 1, max: 12, target_concurrency: TARGET_CONCURRENCY },
      configuration: {
        image: "hello-world",
        instance_type: "lite",
        ports: [{ name: "http", port: 8080 }],
        checks: [{ type: "http", kind: "ready", port: "http", http: { path: "/health" } }],
      },
    });
    while ((await api("GET", `/${id}/instances-v2`)).filter(isReady).length === 0) await sleep(100);
    const beganAt = performance.now();
    const counts: CountSample[] = [];
    const count = async () => {
      const { instances: wanted } = await api("GET", `/${id}`);
      const ready = (await api("GET", `/${id}/instances-v2`)).filter(isReady).length;
      const at = performance.now() - beganAt;
      if (counts.at(-1)?.wanted !== wanted) log(`${Math.round(at / 1_000)} s: ${wanted} instances`);
      counts.push({ at, wanted, ready });
    };
    const counting = (async () => {
      while (!over.signal.aborted) {
        // An idle connection may be closed just as it is used again: there is another count in a second.
        await count().catch((error: unknown) => log(`not counted: ${String(error)}`));
        await sleep(1_000);
      }
    })();
    const peakAt = RISE_MS;
    const fallAt = quick ? null : RISE_MS + HOLD_MS;
    const answers = await driveLoad({
      perSecond: PER_SECOND,
      durationMs: RISE_MS + HOLD_MS + (quick ? 0 : FALL_MS),
      concurrencyAt: (ms) => (fallAt !== null && ms >= fallAt ? AFTER : PEAK * Math.min(1, ms / RISE_MS)),
      call: (takesMs) => stream(agent, port, takesMs),
      signal,
    });
    over.abort();
    await counting;
    const wantedAtPeak = PEAK / TARGET_CONCURRENCY;
    const figures = { answers, counts, peakAt, fallAt, wantedAtPeak, wantedAtEnd: 1 };
    return { ratios: ratiosOf(figures), lines: linesOf(figures), figures };
  } finally {
    over.abort();
    agent.destroy();
    control.close();
    await servers.close();
  }
}

function isReady({ ready }: { readonly ready: boolean }): boolean {
  return ready;
}

/** An answer of two lines, the second of which comes so much later. */
function stream(agent: Agent, port: number, takesMs: number): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const path = `/stream?lines=2&ms=${takesMs}`;
    const call = request({ agent, host: "127.0.0.1", port, path, headers: { host: `${NAME}.localhost:${port}` } });
    call.once("error", reject);
    call.once("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.once("error", reject);
      response.once("end", () => {
        // An answer that broke off is none.
        const isWhole = response.statusCode !== 200 || body === "1\n2\n";
        resolve({ status: isWhole ? (response.statusCode ?? 0) : 0, body });
      });
    });
    call.end();
  });
}

if (import.meta.main) await runFromCommandLine([autoscaleBench]);
