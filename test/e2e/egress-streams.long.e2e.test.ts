/**
 * Long bodies that a real container sends and gets through egress: whole, counted, and in flat memory. `STREAM_MIB=1024` is
 * the long run.
 */
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { startUpstream, type Upstream } from "../../bench/egress/upstream.ts";
import { ControlPlane, eventually } from "./control-plane.ts";
import { growthDuring, workerdMemory } from "./memory.ts";

const MIB = 1_048_576;
const STREAM_MIB = Number(process.env["STREAM_MIB"] ?? 256);
/** Far below what is streamed; above what a runtime's heap breathes. */
const MOST_GROWTH_MIB = 96;
/** Before what is measured, for the buffers that everything takes once. */
const FIRST_MIB = 32;

const plane = new ControlPlane();
let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
  await plane.startByItself({ GANTRY_EGRESS_CONNECT_TO: JSON.stringify({ "*": upstream.origin }) });
});
afterAll(async () => {
  await plane.stop();
  upstream.close();
});
afterEach(async () => {
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

/** How many bytes have arrived at the other end. */
async function moved(name: string, way: "up" | "down", scheme: string, bytes: number): Promise<number> {
  const url = `${scheme}://bytes.example.test/${way === "up" ? "" : `?bytes=${bytes}`}`;
  const path = way === "up" ? `/push?bytes=${bytes}&` : "/pull?";
  const answer = JSON.parse((await plane.ingress(name, `${path}url=${encodeURIComponent(url)}`)).body);
  if (answer.status !== 200) throw new Error(`answered ${JSON.stringify(answer)}`);
  return way === "up" ? JSON.parse(answer.body).bytes : answer.bytes;
}

describe("a body that a container moves through egress", () => {
  it.for([
    ["up", "http"],
    ["down", "http"],
    ["up", "https"],
    ["down", "https"],
  ] as const)("passes whole and in flat memory: %s by %s", async ([way, scheme], { expect }) => {
    const name = `${way}-${scheme}`;
    const id = await plane.create(name, {
      instances: 1,
      configuration: { image: "behaves" },
      egress: { allow: ["bytes.example.test"] },
    });
    await plane.untilReady(id, 1);
    await moved(name, way, scheme, FIRST_MIB * MIB);
    const bytes = STREAM_MIB * MIB;
    const { before, most, samples } = await growthDuring(workerdMemory, async () => {
      expect(await moved(name, way, scheme, bytes)).toBe(bytes);
    });
    const [from, to] = [before, most].map((each) => Math.round(each / MIB));
    console.log(`${STREAM_MIB} MiB ${way} by ${scheme}, workerd: ${from} → at most ${to} MiB, ${samples} samples`);
    expect((most - before) / MIB).toBeLessThan(MOST_GROWTH_MIB);
    const total = bytes + FIRST_MIB * MIB;
    const usage = await eventually(async () => {
      const told = (await plane.call("GET", `/applications/${id}/egress`)).result.usage;
      return told.requests === 2 && told;
    });
    expect(usage).toMatchObject(way === "up" ? { bytes_up: total } : { bytes_down: total });
  });
});
