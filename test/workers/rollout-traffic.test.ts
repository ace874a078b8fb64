/** Who gets which version while a rollout shares requests out: by chance, by a cookie, by a header, whichever way they come. */
import { exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import { createContainers } from "../../src/sdk/containers.ts";
import { call, createApplication, eventually, instancesOf, raw, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";

const coloured = (value: string) => ({ image: "hello-world", environment_variables: [{ name: "COLOUR", value }] });

const on = (port: number) => ({ ...coloured(String(port)), ports: [{ name: "http", port }] });
const userHeaders = (nth: number) => ({ "x-user": `user-${nth}` });

interface Shared {
  readonly id: string;
  readonly name: string;
  readonly rollout: string;
  readonly host: string;
}

/** Four instances, one of which is at the target as soon as this returns, and a quarter of the requests. */
async function shareOut(sticky: object | null): Promise<Shared> {
  const { id, name } = await createApplication({ instances: 4, configuration: coloured("old") });
  await untilReady(id, 4);
  const body = {
    description: "",
    strategy: "new_instances",
    kind: "full_manual",
    percentage: 25,
    min_healthy_time: "0s",
    ...(sticky === null ? {} : { sticky }),
    target_configuration: coloured("new"),
  };
  const { result, errors } = await call("POST", `/applications/${id}/rollouts`, body);
  if (result === null) throw new Error(JSON.stringify(errors));
  const rollout = `/applications/${id}/rollouts/${result.id}`;
  await eventually(async () => (await call("GET", rollout)).result.phase === "waiting");
  return { id, name, rollout, host: `http://${name}.localhost` };
}

function colourOf(response: Response): string {
  const instance = response.headers.get("gantry-instance");
  if (instance === null) throw new Error(`${response.status}: nobody has answered`);
  return containerOf(instance).starts.at(-1)?.env["COLOUR"] ?? "";
}

async function coloursOf(count: number, ask: (nth: number) => Promise<Response>): Promise<string[]> {
  const colours: string[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    const response = await ask(nth);
    await response.text();
    colours.push(colourOf(response));
  }
  return colours;
}

const shareOfNew = (colours: readonly string[]) =>
  (colours.filter((colour) => colour === "new").length * 100) / colours.length;
/** Five standard deviations of so many tries, of a quarter. */
const tolerance = (count: number) => 5 * Math.sqrt((25 * 75) / count);

describe.concurrent("a percentage of the requests", () => {
  it("goes to the new version, whichever way they come in", async ({ expect }) => {
    const { name, host } = await shareOut(null);
    const { web } = createContainers(exports.Gantry, { web: { image: "./", name } });
    const COUNT = 120;
    const all: string[] = [];
    const ways: Record<string, () => Promise<Response>> = {
      host: async () => await raw("GET", `${host}/x`),
      path: async () => await raw("GET", `http://control.test/a/${name}/x`),
      any: async () => await web.any().fetch("/x"),
      pool: async () => await web.pool().fetch("/x"),
    };
    for (const [way, ask] of Object.entries(ways)) {
      const colours = await coloursOf(COUNT, ask);
      all.push(...colours);
      expect(colours, way).toContain("new");
      expect(colours, way).toContain("old");
      const response = await ask();
      await response.text();
      expect(response.headers.get("set-cookie")).toBeNull();
    }
    expect(Math.abs(shareOfNew(all) - 25)).toBeLessThan(tolerance(all.length));
  });

  it("stays with a client by a cookie, which its container never sees", async ({ expect }) => {
    const { host, name, rollout, id } = await shareOut({ cookie: true });
    const cookies: string[] = [];
    const first = await coloursOf(40, async () => {
      const response = await raw("GET", `${host}/x`);
      const [cookie = ""] = response.headers.get("set-cookie")?.split(";") ?? [];
      cookies.push(cookie);
      return response;
    });
    expect(new Set(first)).toEqual(new Set(["old", "new"]));
    expect(new Set(cookies).size).toBe(40);
    for (let round = 0; round < 2; round += 1) {
      const again = await coloursOf(40, async (nth) => {
        const response = await raw("GET", `${host}/x`, undefined, { cookie: `a=1; ${cookies[nth]}; b=2` });
        expect(response.headers.get("set-cookie")).toBeNull();
        const seen = containerOf(response.headers.get("gantry-instance") ?? "").lastHeaders;
        expect(seen["cookie"]).toBe("a=1; b=2");
        return response;
      });
      expect(again).toEqual(first);
    }
    // The application's own cookies are its own.
    const both = await raw("GET", `${host}/cookie`);
    expect(both.headers.getSetCookie()).toEqual(["a=1", expect.stringMatching(/^gantry-version=/)]);
    await both.text();
    // Under a path no cookie goes either way.
    const path = await raw("GET", `http://control.test/a/${name}/x`, undefined, { cookie: cookies[0] ?? "" });
    expect([path.headers.get("set-cookie"), (await path.json<{ headers: object }>()).headers]).toEqual([
      null,
      expect.not.objectContaining({ cookie: expect.anything() }),
    ]);
    // A WebSocket is a request too.
    const socket = await raw("GET", `${host}/ws`, undefined, { upgrade: "websocket", cookie: cookies[0] ?? "" });
    expect([socket.status, colourOf(socket), socket.headers.get("set-cookie")]).toEqual([
      101,
      first[0],
      "evil=1; path=/",
    ]);
    socket.webSocket?.accept();
    socket.webSocket?.close();
    const unknown = await raw("GET", `${host}/ws`, undefined, { upgrade: "websocket" });
    expect(unknown.headers.getSetCookie()).toContainEqual(expect.stringMatching(/^gantry-version=/));
    unknown.webSocket?.accept();
    unknown.webSocket?.close();
    // Whoever has the new version keeps it to the end, and the cookie is not the container's after it either.
    await call("POST", rollout, { action: "promote" });
    await eventually(async () => (await call("GET", `/applications/${id}`)).result.active_rollout_id === undefined);
    const late = await raw("GET", `${host}/x`, undefined, { cookie: cookies[0] ?? "" });
    expect([(await late.json<{ headers: Record<string, string> }>()).headers["cookie"], colourOf(late)]).toEqual([
      undefined,
      "new",
    ]);
  });

  it("stays with a client by a header, the same for all who send the same, also with the SDK", async ({ expect }) => {
    const { host, name } = await shareOut({ header: "x-user" });
    const { web } = createContainers(exports.Gantry, { web: { image: "./", name } });
    const asUser = async (nth: number) => await raw("GET", `${host}/x`, undefined, userHeaders(nth));
    const first = await coloursOf(50, asUser);
    expect(Math.abs(shareOfNew(first) - 25)).toBeLessThan(tolerance(50));
    expect(await coloursOf(50, asUser)).toEqual(first);
    expect(await coloursOf(50, async (nth) => await web.any().fetch("/x", { headers: userHeaders(nth) }))).toEqual(
      first,
    );
    expect(await coloursOf(50, async (nth) => await web.pool().fetch("/x", { headers: userHeaders(nth) }))).toEqual(
      first,
    );
    // Of each version, so many.
    const asked = new Set<string | null>();
    const narrow = await coloursOf(50, async (nth) => {
      const response = await web.pool({ size: 1 }).fetch("/x", { headers: userHeaders(nth) });
      asked.add(response.headers.get("gantry-instance"));
      return response;
    });
    expect([narrow, asked.size]).toEqual([first, 2]);
    const inPath = async (nth: number) =>
      await raw("GET", `http://control.test/a/${name}/x`, undefined, userHeaders(nth));
    expect(await coloursOf(50, inPath)).toEqual(first);
  });

  it("fails for nobody when the side that it was given has nobody left", async ({ expect }) => {
    const { host, id } = await shareOut({ header: "x-user" });
    const asUser = async (nth: number) => await raw("GET", `${host}/x`, undefined, userHeaders(nth));
    const first = await coloursOf(40, asUser);
    const [fresh] = (await untilReady(id, 4)).filter(
      (one) => containerOf(one.id).starts.at(-1)?.env["COLOUR"] === "new",
    );
    containerOf(fresh?.id ?? "").cutNetwork();
    const then = await coloursOf(40, asUser);
    expect(first).toContain("new");
    expect(new Set(then)).toEqual(new Set(["old"]));
  });
});

describe("the port that a version listens on", () => {
  it("is that of whoever answers, old and new", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 2, configuration: on(9_001) });
    await untilReady(id, 2);
    const body = { strategy: "new_instances", kind: "full_manual", percentage: 50, min_healthy_time: "0s" };
    const target = { description: "", target_configuration: on(9_002) };
    const { result } = await call("POST", `/applications/${id}/rollouts`, { ...body, ...target });
    const rollout = `/applications/${id}/rollouts/${result.id}`;
    await eventually(async () => (await call("GET", rollout)).result.phase === "waiting");
    const seen = new Set<string>();
    for (let nth = 0; nth < 60; nth += 1) {
      const response = await raw("GET", `http://${name}.localhost/x`);
      const { port } = await response.json<{ port: number }>();
      expect(String(port)).toBe(colourOf(response));
      seen.add(String(port));
    }
    expect(seen).toEqual(new Set(["9001", "9002"]));
  });

  it("is that of the version that an instance with a name runs, however lately that has changed", async ({
    expect,
  }) => {
    const body = { instances: 0, named_instances: 1, ingress: { mode: "public" }, configuration: on(9_001) };
    const { id, name } = await createApplication(body);
    const portOf = async () => {
      const response = await raw("GET", `http://control.test/a/${name}/@ada/x`);
      return response.status === 200 ? (await response.json<{ port: number }>()).port : await response.text();
    };
    expect(await portOf()).toBe(9_001);
    const rolling = { description: "", strategy: "rolling", min_healthy_time: "0s", target_configuration: on(9_002) };
    await call("POST", `/applications/${id}/rollouts`, rolling);
    await call("POST", `/applications/${id}/instances/ada/restart`);
    await eventually(async () => (await instancesOf(id)).some(({ ready, generation }) => ready && generation === 2));
    // Where the instance is was looked up for the first call, and is known for two seconds.
    expect(await portOf()).toBe(9_002);
  });
});
