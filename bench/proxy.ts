/**
 * A request through Gantry against a request through the stock `Container` class: same image, same machine, real
 * workerd and real containers, cold and warm, in one run. From outside, and from another Worker through its binding, by hand
 * and with the SDK.
 */
import type { Bench, BenchOptions, BenchResult } from "./bench.ts";
import { runFromCommandLine } from "./command-line.ts";
import { measureCold } from "./proxy/cold.ts";
import { linesOf, ratiosOf, type WayFigures } from "./proxy/report.ts";
import { startServers } from "./proxy/servers.ts";
import { EntitySide, GantrySide, StockSide, type Way } from "./proxy/sides.ts";
import { measureWarm } from "./proxy/warm.ts";

const CLIENTS = 8;

export const proxyBench: Bench = {
  name: "proxy",
  summary: "cold and warm requests through Gantry, against the stock Container class with the same image",
  run,
};

async function run({ quick, log, signal }: BenchOptions): Promise<BenchResult> {
  const servers = await startServers(log, [
    ["stock", "stock-caller"],
    ["control-plane", "caller"],
  ]);
  const [stockPort = 0, oursPort = 0] = servers.ports;
  const ours = new GantrySide(oursPort);
  const stock = new StockSide(stockPort);
  try {
    await ours.create();
    log("cold requests …");
    const cold = await measureCold(ours, stock, servers, quick ? 5 : 20, signal);
    log("warm requests …");
    const targets = [await ours.warmUp(), await stock.warmUp()] as const;
    const warm = await measureWarm(...targets, { clients: CLIENTS, rounds: quick ? 8 : 16, roundMs: 1_500, signal });
    const single = await measureWarm(...targets, { clients: 1, rounds: quick ? 4 : 8, roundMs: 500, signal });
    await Promise.all([ours.stop(), stock.stop()]);
    const byWay = async (way: Way): Promise<WayFigures> => {
      log(`cold and warm requests: ${way} …`);
      const sides = [new EntitySide("ours", oursPort, way), new EntitySide("stock", stockPort, way)] as const;
      try {
        await servers.untilNoContainers();
        const colds = await measureCold(...sides, servers, quick ? 3 : 20, signal);
        const entities = [await sides[0].warmUp(), await sides[1].warmUp()] as const;
        const rounds = { clients: CLIENTS, rounds: quick ? 6 : 16, roundMs: 1_500, signal };
        const warms = await measureWarm(...entities, rounds);
        await Promise.all(sides.map((side) => side.stop()));
        return { cold: colds, warm: warms };
      } finally {
        for (const side of sides) side.close();
      }
    };
    const ways = { binding: await byWay("binding"), sdk: await byWay("sdk") };
    const figures = { cold, warm, single, ways };
    const notes = servers.standIns.map((line) => `stand-in: ${line}`);
    return { ratios: ratiosOf(figures), lines: [...linesOf(figures), ...notes], figures };
  } finally {
    ours.close();
    stock.close();
    await servers.close();
  }
}

if (import.meta.main) await runFromCommandLine([proxyBench]);
