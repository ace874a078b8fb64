/** A real container calls another application, by name and by address, while what it calls is being replaced. */
import { build } from "esbuild";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, eventually } from "./control-plane.ts";
import { coloured, Rollouts } from "./rollouts.ts";

const plane = new ControlPlane();
const rollouts = new Rollouts(plane);
let program = "";

beforeAll(async () => {
  const bundled = await build({
    entryPoints: [join(import.meta.dirname, "internal-caller.ts")],
    bundle: true,
    minify: true,
    platform: "node",
    format: "cjs",
    write: false,
  });
  program = bundled.outputFiles[0]?.text ?? "";
  await plane.start();
});
afterAll(() => plane.stop());
afterEach(async ({ task }) => await rollouts.clean(task.result?.state === "fail"));

interface Called {
  readonly status: number;
  readonly instance: string | null;
  readonly body: string;
}

interface Kept {
  /** How often each outcome came: a status and who answered, or what went wrong. */
  readonly seen: Record<string, number>;
}

async function ask<Answer>(path: string, asked: object): Promise<Answer> {
  const { status, body } = await plane.fetch(`/a/front/${path}`, { method: "POST", body: JSON.stringify(asked) });
  if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
  return JSON.parse(body) as Answer;
}

const fromInside = async (url: string, init: object = {}) => await ask<Called>("call", { url, ...init });

/** For calls by https. */
const TRUSTED = { name: "NODE_EXTRA_CA_CERTS", value: "/etc/cloudflare/certs/cloudflare-containers-ca.crt" };

async function front(internal: readonly string[]) {
  const id = await plane.create("front", {
    instances: 1,
    ingress: { mode: "public" },
    egress: { internal },
    configuration: { image: "hello-world", entrypoint: ["node", "--eval", program], environment_variables: [TRUSTED] },
  });
  const [instance] = await plane.untilReady(id, 1);
  return { id, instance: instance?.id ?? "" };
}

describe("a container that calls another application", () => {
  it("has no failed call through a rollout of it, by name and by address", async ({ expect }) => {
    const { instance: caller } = await front(["back", "front"]);
    const configuration = { ...coloured("red"), network: { mode: "public", assign_ipv4: "predefined" } };
    const id = await plane.create("back", {
      instances: 2,
      named_instances: 1,
      check_every: "1s",
      ingress: { mode: "private" },
      configuration,
    });
    await plane.untilReady(id, 2);
    const itself = await fromInside("http://front.gantry.internal/headers", { headers: { "gantry-caller": "forged" } });
    expect(JSON.parse(itself.body)).toMatchObject({
      "gantry-caller": `application="front", instance="${caller}", generation=1`,
      "gantry-via": "front",
    });
    expect((await fromInside("http://port-8080.back.gantry.internal/json")).status).toBe(200);
    // From outside it is nobody's.
    expect((await plane.ingress("back", "/json")).status).toBe(403);
    const ada = await fromInside("http://id-ada.back.gantry.internal/json");
    expect(ada.status).toBe(200);
    const found = (await plane.instances(id)).find((one) => one.id === ada.instance);
    const { ips } = (await plane.call("GET", `/ips?deployment_id=${found?.deployment_id}`)).result;
    const [v4]: string[] = ips.map(({ ip }: { ip: string }) => ip);
    // The local engine has no IPv6.
    const named = "id-ada.back.gantry.internal";
    const urls = ["http://back.gantry.internal", "https://back.gantry.internal", `http://${named}`, `http://${v4}`];
    expect((await fromInside(`http://${v4}/json`)).instance).toBe(ada.instance);

    await ask("begin", { urls: urls.map((url) => `${url}/json`), everyMs: 50 });
    const rollout = await rollouts.begin(id, { target_configuration: { ...configuration, ...coloured("green") } });
    await plane.call("POST", `/applications/${id}/instances/ada/restart`);
    await rollouts.until(id, rollout, ({ phase }) => phase === "completed");
    await eventually(async () => (await plane.instances(id)).every(({ version, ready }) => version === 2 && ready));
    const { seen } = await ask<Kept>("end", {});
    const failed = Object.entries(seen).filter(([outcome]) => !outcome.includes("/json 200 "));
    expect(failed).toEqual([]);
    // The pool has answered from old and new ones, the instance from itself alone.
    const answeredBy = (url: string) =>
      Object.keys(seen)
        .filter((outcome) => outcome.startsWith(`${url}/`))
        .map((outcome) => outcome.split(" ")[2]);
    expect(answeredBy(urls[0] ?? "").length).toBeGreaterThan(2);
    for (const url of urls.slice(2)) expect(answeredBy(url)).toEqual([ada.instance]);
    for (const url of urls) expect(seen[`${url}/json 200 ${answeredBy(url)[0]}`]).toBeGreaterThan(5);
  });

  it("is denied what its policy does not name, and may be let by the next call", async ({ expect }) => {
    const { id: caller } = await front([]);
    const id = await plane.create("back", { instances: 1, configuration: coloured("red") });
    await plane.untilReady(id, 1);
    const denied = await fromInside("http://back.gantry.internal/json");
    expect(denied).toMatchObject({ status: 403, body: expect.stringContaining("EGRESS_DENIED") });
    await plane.call("PUT", `/applications/${caller}/egress`, { internal: ["back"] });
    expect((await fromInside("http://back.gantry.internal/json")).status).toBe(200);
    for (const scheme of ["ws", "wss"]) {
      const socket = await ask<{ said: string }>("socket", {
        url: `${scheme}://back.gantry.internal/ws`,
        say: "hello",
      });
      expect(socket.said).toContain("hello");
    }
    expect((await fromInside("http://nobody.gantry.internal/")).status).toBe(403);
  });
});
