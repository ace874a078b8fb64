/**
 * Jobs: from their submission to the last of them done, on a container platform in memory whose commands end at once,
 * against the least that Durable Objects can do that run as many tasks. One job of many completions, and many tasks of one.
 */
import * as z from "zod";
import { hasMemoryFolder, startServers, type ApiServers } from "./api/servers.ts";
import type { Bench, BenchOptions, BenchResult } from "./bench.ts";
import { runFromCommandLine } from "./command-line.ts";
import { Client, expectOk } from "./proxy/http-client.ts";
import { median, spread } from "./statistics.ts";

const BASE = "/client/v4/accounts/00000000000000000000000000000001/containers";
const HEADERS = { authorization: "Bearer bench-token", "content-type": "application/json" };
const AT_ONCE = 50;
const WARM_UP = 100;
/** Tasks that one request takes. */
const BATCH = 100;
const LOOK_MS = 250;
/** The longest that a request waits. */
const WAIT = "25s";

/**
 * Of the peer's rate: ours launches a container, follows its command, keeps its exit code and output, destroys it, and tells
 * of each step, in eleven rows where the peer writes three.
 */
const PEER_RATIO = 0.2;

const made = z.object({ result: z.object({ id: z.string() }) });
const waited = z.object({ result: z.object({ finished_at: z.string().nullable() }) });
const listed = z.object({ result: z.array(z.unknown()) });
const billing = z.object({ application: z.object({ rowsWritten: z.number(), alarmsSet: z.number() }) });

const COMMAND = {
  entrypoint: ["/bin/sh", "-c"],
  command: ["true"],
  environment_variables: [{ name: "TASK", value: "exit=0 after=0" }],
};

/** Attempts a second. */
interface Round {
  readonly job: number;
  readonly tasks: number;
  readonly peer: number;
  /** Written by the application for each attempt of the job, its alarms included. */
  readonly rows: number;
}

export const jobsBench: Bench = {
  name: "jobs",
  summary: `jobs: attempts/s of one job and of as many tasks, ${AT_ONCE} at a time, against plain Durable Objects`,
  run,
};

async function run({ quick, log, signal }: BenchOptions): Promise<BenchResult> {
  const count = quick ? 1_000 : 10_000;
  const servers = await startServers("api/gantry", "jobs/peer", await hasMemoryFolder());
  const client = new Client();
  const rounds: Round[] = [];
  try {
    const sides = sidesOf(client, servers, signal);
    await sides.peer(WARM_UP);
    await sides.job("warm-up", WARM_UP);
    await sides.tasks("warm-up-tasks", WARM_UP);
    for (let round = 1; round <= 3; round += 1) {
      const { seconds, rows } = await sides.job(`job-${round}`, count);
      const peer = await sides.peer(count);
      const tasks = await sides.tasks(`tasks-${round}`, count);
      rounds.push({ job: count / seconds, tasks: count / tasks, peer: count / peer, rows: rows / count });
      log(`round ${round}: ${line(rounds.slice(-1))}`);
    }
  } finally {
    client.close();
    await servers.close();
  }
  const ratio = (kind: "job" | "tasks") => median(rounds.map((round) => round[kind] / round.peer));
  return {
    ratios: [
      { name: "one job", value: ratio("job"), target: PEER_RATIO, better: "higher" },
      { name: "tasks", value: ratio("tasks"), target: PEER_RATIO, better: "higher" },
    ],
    lines: [
      `${count} attempts, ${AT_ONCE} at a time: ${line(rounds)}; noise ± ${(100 * spread(rounds.map(({ job }) => job))).toFixed(0)} %`,
      `rows of the application for each attempt of the job: ${median(rounds.map(({ rows }) => rows)).toFixed(2)}`,
    ],
    figures: rounds,
  };
}

function sidesOf(client: Client, { oursPort, peerPort }: ApiServers, signal: AbortSignal) {
  const call = async (port: number, method: string, path: string, body?: unknown): Promise<string> => {
    signal.throwIfAborted();
    const target = { port, path, host: `127.0.0.1:${port}` };
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    return (await expectOk(client, target, { method, headers: HEADERS, ...text })).body;
  };
  const ask = async (method: string, path: string, body?: unknown) =>
    JSON.parse(await call(oursPort, method, path, body)) as unknown;
  const application = async (name: string): Promise<string> => {
    const put = { name, instances: 0, job_instances: AT_ONCE, configuration: { image: "hello-world" } };
    return made.parse(await ask("PUT", `${BASE}/applications/${name}`, put)).result.id;
  };
  /** In seconds, with what the application wrote for it. */
  const job = async (name: string, completions: number): Promise<{ seconds: number; rows: number }> => {
    const id = await application(name);
    const path = `${BASE}/applications/${id}`;
    const startedAt = performance.now();
    const body = { ...COMMAND, name, completions, parallelism: AT_ONCE };
    const { id: own } = made.parse(await ask("POST", `${path}/jobs`, body)).result;
    await finished(async () => {
      const answer = await ask("GET", `${path}/jobs/${own}/wait?state=finished&timeout=${WAIT}`).catch(() => null);
      return waited.safeParse(answer).data?.result.finished_at != null;
    });
    const seconds = (performance.now() - startedAt) / 1_000;
    const { application: cost } = billing.parse(await ask("GET", `/__bench/billing/${id}`));
    await ask("DELETE", path);
    return { seconds, rows: cost.rowsWritten + cost.alarmsSet };
  };
  const tasks = async (name: string, count: number): Promise<number> => {
    const path = `${BASE}/applications/${await application(name)}`;
    const startedAt = performance.now();
    const batch = Array.from({ length: BATCH }, () => ({ mode: "run", run: COMMAND }));
    for (let sent = 0; sent < count; sent += BATCH) await ask("POST", `${path}/tasks/batch`, { tasks: batch });
    const left = async (state: string) =>
      listed.parse(await ask("GET", `${path}/tasks?state=${state}&per_page=1`)).result.length;
    await finished(async () => (await left("queued")) + (await left("running")) === 0);
    const seconds = (performance.now() - startedAt) / 1_000;
    await ask("DELETE", path);
    return seconds;
  };
  const peer = async (count: number): Promise<number> => {
    const startedAt = performance.now();
    await call(peerPort, "POST", `/?count=${count}&at_once=${AT_ONCE}`);
    return (performance.now() - startedAt) / 1_000;
  };
  const finished = async (look: () => Promise<boolean>): Promise<void> => {
    while (!(await look())) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };
  return { job, tasks, peer };
}

function line(rounds: readonly Round[]): string {
  const rate = (kind: keyof Round) => `${median(rounds.map((round) => round[kind])).toFixed(0)}/s`;
  return `one job ${rate("job")}, tasks ${rate("tasks")}, peer ${rate("peer")}`;
}

if (import.meta.main) await runFromCommandLine([jobsBench]);
