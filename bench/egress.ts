/**
 * What a request of a container to the outside costs under a policy, against one that no policy looks at: same image, same
 * interception, same upstream on loopback, in one run. And long bodies both ways, with the memory that they take.
 */
import type { Bench, BenchOptions, BenchResult } from "./bench.ts";
import { runFromCommandLine } from "./command-line.ts";
import { measureRounds, measureStream, stream, type StreamFigures, type StreamOptions } from "./egress/measure.ts";
import { linesOf, ratiosOf } from "./egress/report.ts";
import { startServers } from "./egress/servers.ts";
import { GantrySide, PeerSide } from "./egress/sides.ts";
import { startUpstream } from "./egress/upstream.ts";

const HOST = "bench.example.test";
const CLIENTS = [1, 8];
const MIB = 1_024;
/** Before what is measured, for the buffers that everything takes once. */
const FIRST_MIB = 64;
const CREDENTIAL = { header: "x-bench-key", value: "value-of-the-bench" };

export const egressBench: Bench = {
  name: "egress",
  summary: "requests of a container under a policy of 100 rules with a credential, against none; 1 GiB up and down",
  run,
};

async function run({ quick, log, signal }: BenchOptions): Promise<BenchResult> {
  const upstream = await startUpstream(CREDENTIAL.header);
  try {
    const servers = await startServers(log, upstream.origin);
    const ours = new GantrySide(servers.oursPort);
    const [bare, stock] = [new PeerSide("bare", servers.peerPort), new PeerSide("stock", servers.peerPort)];
    const sides = [stock, bare, ours];
    try {
      await ours.create(HOST, CREDENTIAL);
      const rounds = [];
      for (const clients of CLIENTS) {
        log(`small requests, ${clients} at a time …`);
        const options = { clients, rounds: quick ? 6 : 16, roundMs: 1_500, signal };
        rounds.push({ clients, rounds: await measureRounds(sides, `http://${HOST}/`, options) });
      }
      if (upstream.counted() === 0) throw new Error("no request of ours had its credential");
      const streams: StreamFigures[] = [];
      for (const scheme of ["http", "https"] as const) {
        for (const way of ["up", "down"] as const) {
          for (const side of [bare, ours]) {
            log(`${MIB} MiB ${way} by ${scheme}, ${side.name} …`);
            const options: StreamOptions = { way, scheme, host: HOST, mib: MIB, signal };
            await stream(side, { ...options, mib: FIRST_MIB });
            streams.push(await measureStream(side, options));
          }
        }
      }
      const figures = { rounds, streams };
      const notes = servers.standIns.map((line) => `stand-in: ${line}`);
      return { ratios: ratiosOf(figures), lines: [...linesOf(figures), ...notes], figures };
    } finally {
      for (const side of sides) side.close();
      await servers.close();
    }
  } finally {
    upstream.close();
  }
}

if (import.meta.main) await runFromCommandLine([egressBench]);
