/** Calls of the SDK's `pool`, where some members are broken: each call asks each member once at most. */
import { exports } from "cloudflare:workers";
import { describe, it, vi } from "vitest";
import { createContainers } from "../../src/sdk/containers.ts";
import { createApplication, untilReady } from "./client.ts";
import { containerOf, FakeContainer } from "./fake-container.ts";

/** What members do with calls, and how often each got each of them. */
function members(behaviours: ReadonlyMap<FakeContainer, "500" | "hangs up">) {
  const asked = new Map<string, number>();
  // oxlint-disable-next-line typescript/unbound-method -- called below with the object that it belongs to
  const answer = FakeContainer.prototype.fetch;
  vi.spyOn(FakeContainer.prototype, "fetch").mockImplementation(async function fetch(
    this: FakeContainer,
    port,
    request,
  ) {
    const call = request.headers.get("x-call");
    if (call === null) return await answer.call(this, port, request);
    const key = `${call} at ${[...behaviours.keys()].indexOf(this)}`;
    asked.set(key, (asked.get(key) ?? 0) + 1);
    const behaviour = behaviours.get(this);
    if (behaviour === "hangs up") throw new Error("Network connection lost.");
    return behaviour === "500" ? new Response("broken", { status: 500 }) : await answer.call(this, port, request);
  });
  return asked;
}

describe("a call of a pool", () => {
  it.for([
    ["GET", ["hangs up"]],
    ["POST", ["hangs up"]],
    ["GET", ["500"]],
    ["GET", ["hangs up", "500"]],
    ["POST", ["hangs up", "500"]],
    ["GET", ["hangs up", "hangs up"]],
  ] as const)(
    "with %s finds the member that works, and asks no other twice: %j",
    async ([method, broken], { expect }) => {
      const { id, name } = await createApplication({ instances: 3 });
      const containers = (await untilReady(id, 3)).map((instance) => containerOf(instance.id));
      const asked = members(
        new Map(broken.map((behaviour, index) => [containers[index] as FakeContainer, behaviour] as const)),
      );
      const { web } = createContainers(exports.Gantry, { web: { image: "./", name } });
      const pool = web.pool({ attempts: 3, backoffMs: 5 });
      const statuses = await Promise.all(
        Array.from({ length: 20 }, async (_, caller) => {
          const seen: number[] = [];
          for (let call = 0; call < 5; call += 1) {
            const body = method === "POST" ? { body: "job" } : {};
            const response = await pool.fetch("/work", { method, headers: { "x-call": `${caller}-${call}` }, ...body });
            await response.text();
            seen.push(response.status);
          }
          return seen;
        }),
      );
      expect(statuses.flat().filter((status) => status !== 200)).toEqual([]);
      expect([...asked].filter(([key, times]) => times > 1 && !key.endsWith("at -1"))).toEqual([]);
      expect([...asked.keys()].filter((key) => !key.endsWith("at -1")).length).toBeGreaterThan(0);
    },
  );
});
