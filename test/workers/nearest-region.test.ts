/** Which region answers whom: the nearest, the next one while that has too much, and any that is left. */
import { exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import { call, createApplication, eventually, instancesOf, raw, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";

const PARIS = { latitude: "48.85", longitude: "2.35", country: "FR", continent: "EU", colo: "CDG" };
const SYDNEY = { country: "AU", continent: "OC" };

/** Two members in each of the regions. */
async function spread(regions: readonly string[], body: Record<string, unknown> = {}) {
  const { id, name } = await createApplication({ instances: 2 * regions.length, constraints: { regions }, ...body });
  await untilReady(id, 2 * regions.length);
  const host = `http://${name}.localhost`;
  const members = new Map<string, string>();
  for (const one of await instancesOf(id)) members.set(one.id, regionOf(one));
  const at = (region: string) => [...members].flatMap(([member, own]) => (own === region ? [member] : []));
  /** The region that answers somebody from there. */
  const asked = async (cf: object, path = "/") => {
    const response = await from(cf, `${host}${path}`);
    await response.text();
    return members.get(response.headers.get("gantry-instance") ?? "") ?? `nobody: ${response.status}`;
  };
  return { id, name, host, at, asked };
}

function regionOf(one: unknown): string {
  return (one as { requested_location: string }).requested_location.toUpperCase();
}

async function from(cf: object, url: string): Promise<Response> {
  return await exports.default.fetch(new Request(url, { cf: cf as CfProperties }));
}

async function often<T>(times: number, ask: () => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let left = times; left > 0; left -= 1) answers.push(await ask());
  return answers;
}

const OPEN = { ingress: { mode: "public" } };

describe.concurrent("a pool in several regions", () => {
  it("answers everybody from the nearest, and one of whom nothing is known from any", async ({ expect }) => {
    const { asked } = await spread(["WEUR", "OC", "ENAM"], OPEN);
    expect(new Set(await often(10, () => asked(PARIS)))).toEqual(new Set(["WEUR"]));
    expect(new Set(await often(10, () => asked(SYDNEY)))).toEqual(new Set(["OC"]));
    expect(new Set(await often(10, () => asked({ colo: "SEA" })))).toEqual(new Set(["ENAM"]));
    const anywhere = new Set(await often(40, () => asked({ country: "XX" })));
    expect(anywhere.size).toBe(3);
  });

  it("answers callers through a binding likewise, and under a path", async ({ expect }) => {
    const { name, at } = await spread(["WEUR", "OC"], OPEN);
    const near = new Set(at("OC"));
    for (const url of [`http://gantry.internal/a/${name}/x`, `http://control.test/a/${name}/x`]) {
      const ask = async () => {
        const request = new Request(url, { cf: SYDNEY });
        const isBound = url.includes("gantry.internal");
        const response = await (isBound ? exports.Gantry.fetch(request) : exports.default.fetch(request));
        await response.text();
        return response.headers.get("gantry-instance") ?? "";
      };
      for (const member of await often(6, ask)) expect(near).toContain(member);
    }
  });

  it("sends on what is too much for the nearest to the next nearest, and comes back", async ({ expect }) => {
    const autoscaling = { min: 6, max: 6, target_concurrency: 2 };
    const { host, at, asked } = await spread(["OC", "WEUR", "ENAM"], { ...OPEN, autoscaling });
    const streams = await often(4, () => from(PARIS, `${host}/stream`));
    const members = streams.map((stream) => stream.headers.get("gantry-instance") ?? "");
    expect(members.toSorted()).toEqual([...at("WEUR"), ...at("WEUR")].toSorted());
    // Each of them has as much as it is to carry.
    expect(await asked(PARIS)).toBe("ENAM");
    for (const member of at("WEUR")) containerOf(member).streams = false;
    await Promise.all(streams.map((stream) => stream.text()));
    await eventually(async () => (await asked(PARIS)) === "WEUR");
    expect(new Set(await often(5, () => asked(PARIS)))).toEqual(new Set(["WEUR"]));
  });

  it("goes on from the next nearest when the nearest has nobody that is ready, and comes back", async ({ expect }) => {
    const { id, at, asked } = await spread(["WEUR", "EEUR", "OC"], OPEN);
    expect(await asked(PARIS)).toBe("WEUR");
    const near = at("WEUR");
    for (const member of near) {
      expect((await call("POST", `/applications/${id}/instances/${member}/cordon`)).status).toBe(200);
    }
    await eventually(async () => (await asked(PARIS)) === "EEUR");
    // It is found out by the request that finds nobody there, too.
    for (const member of at("EEUR")) await containerOf(member).destroy();
    expect(await asked(PARIS)).toBe("OC");
    for (const member of near) await call("POST", `/applications/${id}/instances/${member}/uncordon`);
    await eventually(async () => (await asked(PARIS)) === "WEUR");
  });

  it("tells callers nothing of its load, and no application speaks for it", async ({ expect }) => {
    const { host, name } = await spread(["WEUR"], OPEN);
    const streams = await often(3, () => from(PARIS, `${host}/stream`));
    for (const response of [...streams, await raw("GET", `${host}/forged`), await raw("GET", `${host}/`)]) {
      expect(response.headers.get("gantry-load")).toBeNull();
      expect(response.headers.get("gantry-instance")).not.toBeNull();
    }
    const bound = await exports.Gantry.fetch(`http://gantry.internal/a/${name}/forged`);
    expect(bound.headers.get("gantry-load")).toBeNull();
    for (const stream of streams) await stream.body?.cancel();
  });
});
