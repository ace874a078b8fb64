/**
 * The control API against the least that a Durable Object can do: writes on one application, reads of it, and the rates
 * that the design asks for.
 */
import * as z from "zod";
import { runCount, runRound, type Call, type LoadOptions, type Round } from "./api/load.ts";
import { startServers } from "./api/servers.ts";
import type { Bench, BenchOptions, BenchResult, Ratio } from "./bench.ts";
import { runFromCommandLine } from "./command-line.ts";
import { Client, expectOk } from "./proxy/http-client.ts";
import { median, spread } from "./statistics.ts";

const CLIENTS = 8;
const BASE = "/client/v4/accounts/00000000000000000000000000000001/containers";
const HEADERS = { authorization: "Bearer bench-token", "content-type": "application/json" };
const LISTED = 1_000;
/** Writes whose rows are counted. */
const BILLED = 50;

/** From the design. */
const WRITES_PER_SECOND = 200;
const READS_PER_SECOND = 500;
const P99_MS = 100;
/** Of the peer's rate: ours passes a token, the account, an audit row and validation on top. */
const READ_RATIO = 0.4;
const WRITE_RATIO = 0.25;

const cost = z.object({ rowsWritten: z.number(), alarmsSet: z.number() });
const billing = z.object({ account: cost, application: cost });
const created = z.object({ result: z.object({ id: z.string() }) });

function application(name: string) {
  return { name, instances: 0, configuration: { image: "hello-world" } };
}

export const apiBench: Bench = {
  name: "api",
  summary: "the control API: writes on one application and reads of it, against a plain Durable Object",
  run,
};

interface Pairs {
  readonly ours: Round[];
  readonly peer: Round[];
}

async function run({ quick, log, signal }: BenchOptions): Promise<BenchResult> {
  const servers = await startServers("api/gantry", "api/peer");
  const client = new Client();
  try {
    const load: LoadOptions = { clients: CLIENTS, roundMs: 1_500, signal };
    const rounds = quick ? 5 : 12;
    const ours = (method: string, path: string, body?: unknown): Call => ({
      target: { port: servers.oursPort, path, host: `127.0.0.1:${servers.oursPort}` },
      options: { method, headers: HEADERS, ...(body === undefined ? {} : { body: JSON.stringify(body) }) },
    });
    const peer = (method: string): Call => ({
      target: { port: servers.peerPort, path: "/", host: `127.0.0.1:${servers.peerPort}` },
      options: { method, ...(method === "POST" ? { body: '{"instances":0}' } : {}) },
    });
    const send = async ({ target, options }: Call) =>
      JSON.parse((await expectOk(client, target, options)).body) as unknown;

    const { id } = created.parse(await send(ours("POST", `${BASE}/applications`, application("bench")))).result;
    const patch = (body: object) => ours("PATCH", `${BASE}/applications/${id}`, body);
    const write = (index: number) => patch({ check_every: 60 + (index % 2) });
    // Counts are held against the account's quota too.
    const writeCount = (index: number) => patch({ max_instances: 5 + (index % 2) });
    const read = () => ours("GET", `${BASE}/applications/${id}`);
    const readBill = async () => billing.parse(await send(ours("GET", `/__bench/billing/${id}`)));

    log("reads …");
    const reads = await alternate(read, () => peer("GET"), rounds, load);
    log("writes …");
    const writes = await alternate(write, () => peer("POST"), rounds, load);
    const countWrites: Round[] = [];
    for (let round = 0; round < 3; round++) countWrites.push(await runRound(writeCount, load));
    const costOf = async (make: (index: number) => Call): Promise<string> => {
      const before = await readBill();
      for (let index = 0; index < BILLED; index++) await send(make(index));
      const after = await readBill();
      const rows = (kind: "account" | "application") => (after[kind].rowsWritten - before[kind].rowsWritten) / BILLED;
      const alarms = (after.application.alarmsSet - before.application.alarmsSet) / BILLED;
      return `${rows("account")} rows of the account, ${rows("application")} of the application, ${alarms} alarms`;
    };
    const costs = { write: await costOf(write), countWrite: await costOf(writeCount) };
    log(`${LISTED} creations, and their list …`);
    const creations = await runCount((n) => ours("POST", `${BASE}/applications`, application(`b${n}`)), LISTED, load);
    const lists: number[] = [];
    for (let n = 0; n < 5; n++) {
      const startedAt = performance.now();
      await send(ours("GET", `${BASE}/applications`));
      lists.push(performance.now() - startedAt);
    }

    return {
      ratios: ratiosOf(reads, writes),
      lines: [
        `reads, 8 clients: ours ${line(reads.ours)}; peer ${line(reads.peer)}; noise ${noise(reads)}`,
        `writes on one application, 8 clients: ours ${line(writes.ours)}; peer ${line(writes.peer)}; noise ${noise(writes)}`,
        `such a write costs ${costs.write}`,
        `writes of a count, 8 clients: ours ${line(countWrites)}; each costs ${costs.countWrite}`,
        `creations, 8 clients: ${creations.toFixed(0)}/s; list of ${LISTED + 1}: ${median(lists).toFixed(0)} ms`,
      ],
      figures: { reads, writes, countWrites, costs, creations, lists },
    };
  } finally {
    client.close();
    await servers.close();
  }
}

/** A B, B A, A B: a drift of the machine cancels. */
async function alternate(
  ours: (index: number) => Call,
  peer: (index: number) => Call,
  rounds: number,
  load: LoadOptions,
): Promise<Pairs> {
  const pairs: Pairs = { ours: [], peer: [] };
  const sides = [
    { make: peer, into: pairs.peer },
    { make: ours, into: pairs.ours },
  ];
  // Once for the just-in-time compilers and the connections.
  for (const { make } of sides) await runRound(make, load);
  for (let round = 0; round < rounds; round++) {
    for (const { make, into } of round % 2 === 0 ? sides : sides.toReversed()) into.push(await runRound(make, load));
  }
  return pairs;
}

function ratiosOf(reads: Pairs, writes: Pairs): Ratio[] {
  return [
    { name: "reads", value: median(rateRatios(reads)), target: READ_RATIO, better: "higher" },
    { name: "writes", value: median(rateRatios(writes)), target: WRITE_RATIO, better: "higher" },
    absolute("reads", median(reads.ours.map(rate)), READS_PER_SECOND, "reads/s", "higher"),
    absolute("read p99", median(reads.ours.map(p99)), P99_MS, "ms", "lower"),
    absolute("writes", median(writes.ours.map(rate)), WRITES_PER_SECOND, "writes/s", "higher"),
    absolute("write p99", median(writes.ours.map(p99)), P99_MS, "ms", "lower"),
  ];
}

function absolute(name: string, value: number, limit: number, unit: string, better: Ratio["better"]): Ratio {
  return { name, value: value / limit, of: `${limit} ${unit}`, target: 1, better };
}

function rateRatios({ ours, peer }: Pairs): number[] {
  return ours.map(({ perSecond }, index) => perSecond / (peer[index]?.perSecond ?? Number.NaN));
}

function rate({ perSecond }: Round): number {
  return perSecond;
}

function p99(round: Round): number {
  return round.p99;
}

function line(rounds: readonly Round[]): string {
  const [perSecond, p50, high] = [rounds.map(rate), rounds.map((round) => round.p50), rounds.map(p99)].map(median);
  return `${perSecond?.toFixed(0)}/s, p50 ${p50?.toFixed(1)} ms, p99 ${high?.toFixed(1)} ms`;
}

function noise(pairs: Pairs): string {
  return `± ${(spread(rateRatios(pairs)) * 100).toFixed(0)} %`;
}

if (import.meta.main) await runFromCommandLine([apiBench]);
