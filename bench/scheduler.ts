/**
 * The scheduler with its instances: from `PUT` of an application of 1,000 to all of them ready, on a container platform in
 * memory, against the least that as many Durable Objects can do.
 */
import * as z from "zod";
import { hasMemoryFolder, startServers, type ApiServers } from "./api/servers.ts";
import type { Bench, BenchOptions, BenchResult, Ratio } from "./bench.ts";
import { runFromCommandLine } from "./command-line.ts";
import { Client, expectOk } from "./proxy/http-client.ts";
import { median, spread } from "./statistics.ts";

const BASE = "/client/v4/accounts/00000000000000000000000000000001/containers";
const HEADERS = { authorization: "Bearer bench-token", "content-type": "application/json" };
const INSTANCES = 1_000;
const WARM_UP = 50;
/** How often it is looked whether all containers of a round are gone. */
const LOOK_MS = 200;

/** From the design. */
const PER_SECOND = 200;
/** Of the peer's rate: ours plans, launches, checks, and keeps twice the rows and an event of each step on top. */
const PEER_RATIO = 0.3;

const placed = z.object({ result: z.object({ id: z.string() }) });
const billing = z.object({ application: z.object({ rowsWritten: z.number(), alarmsSet: z.number() }) });
const containers = z.object({ running: z.int() });

interface Round {
  /** Seconds. */
  readonly ours: number;
  readonly peer: number;
  /** Written by the application, its alarms included. */
  readonly rows: number;
}

export const schedulerBench: Bench = {
  name: "scheduler",
  summary: `the scheduler: ${INSTANCES} instances from PUT to all ready, against as many plain Durable Objects`,
  run,
};

async function run(options: BenchOptions): Promise<BenchResult> {
  const { quick, log } = options;
  const inMemory = await hasMemoryFolder();
  const rounds = await measure(options, inMemory, quick ? 3 : 7);
  // What a developer's machine makes of it: mostly what its disk takes.
  if (!quick && inMemory) log("the same with the stores on disk …");
  const onDisk = !quick && inMemory ? await measure(options, false, 2) : [];
  return {
    ratios: ratiosOf(rounds),
    lines: [
      `${INSTANCES} instances, stores ${inMemory ? "in memory" : "on disk"}: ${line(rounds)}`,
      ...(onDisk.length === 0 ? [] : [`stores on disk: ${line(onDisk)}`]),
      `rows of the application for each instance: ${(median(rounds.map(({ rows }) => rows)) / INSTANCES).toFixed(2)}`,
    ],
    figures: { rounds, onDisk },
  };
}

async function measure({ log, signal }: BenchOptions, inMemory: boolean, count: number): Promise<Round[]> {
  const servers = await startServers("api/gantry", "scheduler/peer", inMemory);
  const client = new Client();
  try {
    const sides = sidesOf(client, servers, signal);
    await sides.peer(WARM_UP);
    await sides.ours("warm-up", WARM_UP);
    const rounds: Round[] = [];
    for (let round = 1; round <= count; round += 1) {
      const peer = await sides.peer(INSTANCES);
      const { seconds, rows } = await sides.ours(`bench-${round}`, INSTANCES);
      rounds.push({ ours: seconds, peer, rows });
      log(`round ${round}: ours ${perSecond(seconds)}/s, peer ${perSecond(peer)}/s`);
    }
    return rounds;
  } finally {
    client.close();
    await servers.close();
  }
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
  const peer = async (count: number): Promise<number> => {
    const startedAt = performance.now();
    await call(peerPort, "POST", `/?count=${count}`);
    return (performance.now() - startedAt) / 1_000;
  };
  /** Places them, and removes them again, so that nothing of them is in the way of the next round. */
  const ours = async (name: string, instances: number): Promise<{ seconds: number; rows: number }> => {
    const startedAt = performance.now();
    const put = { name, instances, configuration: { image: "hello-world" } };
    const { id } = placed.parse(await ask("PUT", `${BASE}/applications/${name}`, put)).result;
    await ask("GET", `${BASE}/applications/${id}/wait?state=ready`);
    const seconds = (performance.now() - startedAt) / 1_000;
    const { running } = containers.parse(await ask("GET", "/__bench/containers"));
    if (running !== instances) throw new Error(`${running} containers run, not ${instances}`);
    const { application } = billing.parse(await ask("GET", `/__bench/billing/${id}`));
    await ask("DELETE", `${BASE}/applications/${id}`);
    while (containers.parse(await ask("GET", "/__bench/containers")).running > 0) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return { seconds, rows: application.rowsWritten + application.alarmsSet };
  };
  return { peer, ours };
}

/** The fastest round: what else the machine does only takes away. The ratio to the peer is the median, both see it. */
function ratiosOf(rounds: readonly Round[]): Ratio[] {
  const rate = INSTANCES / Math.min(...rounds.map(({ ours }) => ours));
  const ratio = median(rounds.map(({ ours, peer }) => peer / ours));
  return [
    { name: "instances", value: rate / PER_SECOND, of: `${PER_SECOND} instances/s`, target: 1, better: "higher" },
    { name: "rate", value: ratio, target: PEER_RATIO, better: "higher" },
  ];
}

function line(rounds: readonly Round[]): string {
  const ours = rounds.map((round) => round.ours);
  const peer = rounds.map((round) => round.peer);
  return `ours ${perSecond(median(ours))}/s (best ${perSecond(Math.min(...ours))}/s), peer ${perSecond(median(peer))}/s; noise ± ${(spread(ours) * 100).toFixed(0)} %`;
}

function perSecond(seconds: number): string {
  return (INSTANCES / seconds).toFixed(0);
}

if (import.meta.main) await runFromCommandLine([schedulerBench]);
