/** What callers of real containers may rely on when these fail: from outside, through the binding, with the SDK. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, docker, eventually, workloads } from "./control-plane.ts";

const plane = new ControlPlane(join(import.meta.dirname, "caller/wrangler.jsonc"));
beforeAll(() => plane.start());
afterAll(() => plane.stop());
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

const BEHAVES = {
  image: "behaves",
  ports: [{ name: "http", port: 8080 }],
  checks: [{ type: "http", kind: "ready", port: "http", http: { path: "/health" } }],
};
const caller = (path: string, init: RequestInit = {}) => plane.callWorker("caller", path, init);
const outside = (path: string, init: RequestInit = {}) => fetch(`${plane.origin}${path}`, init);

/** What one member says, which only a bound Worker may ask for by its name. */
async function ask(application: string, member: string, path: string): Promise<Record<string, number>> {
  const response = await caller(`/binding/${application}/@${member}${path}`);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return await response.json<Record<string, number>>();
}

async function pool(name: string): Promise<{ id: string; members: string[] }> {
  const id = await plane.create(name, { instances: 3, named_instances: 1, configuration: BEHAVES });
  await plane.untilReady(id, 3);
  return { id, members: [0, 1, 2].map((index) => `${name}-${index}`) };
}

describe("an application's own 429 and 503", () => {
  it("pass once, whichever way they are asked for", async ({ expect }) => {
    const { members } = await pool("own");
    const ways = [
      ["outside", (path: string, init: RequestInit) => outside(`/a/own${path}`, init)],
      ["binding", (path: string, init: RequestInit) => caller(`/binding/own${path}`, init)],
      ["sdk", (path: string, init: RequestInit) => caller(`/any/own${path}`, init)],
    ] as const;
    for (const [name, way] of ways) {
      for (const code of [429, 503]) {
        const headers = { "x-call": `${name}-${code}` };
        const response = await way(`/status?code=${code}`, { method: "POST", body: "work", headers });
        expect([response.status, response.headers.get("retry-after")]).toEqual([code, "7"]);
        expect(await response.json()).toEqual({ mine: true });
      }
    }
    const counts: Record<string, number> = {};
    for (const member of members) {
      for (const [call, times] of Object.entries(await ask("own", member, "/calls")))
        counts[call] = (counts[call] ?? 0) + times;
    }
    const once = ways.flatMap(([name]) => [429, 503].map((code) => [`${name}-${code}`, 1]));
    expect(counts).toEqual(Object.fromEntries(once));
  });
});

describe("a container that is killed in the middle of an upload", () => {
  it.for([
    ["from outside", outside, "/a/killed-0/upload"],
    ["through the binding", caller, "/binding/killed-1/upload"],
    ["with the SDK's any", caller, "/any/killed-2/upload"],
    ["with the SDK's pool", caller, "/pool/killed-3/upload"],
  ] as const)("takes it with it, and no other gets it: %s", async ([, way, path], { expect }) => {
    // A name of its own: what an earlier one of that name left in caches is not what is tested here.
    const name = path.split("/")[2] ?? "";
    const { id, members } = await pool(name);
    const sender = new Sender();
    const answering = way(path, {
      method: "POST",
      headers: { "x-call": "upload" },
      body: sender.body,
      duplex: "half",
    } as RequestInit);
    const victim = await eventually(async () => {
      for (const member of members) if ((await ask(name, member, "/calls"))["upload"] === 1) return member;
      return undefined;
    });
    const { result: instances } = await plane.call("GET", `/applications/${id}/instances-v2`);
    const { id: instance } = instances.find((one: { name: string }) => one.name === victim);
    const [container] = await workloads(instance);
    // Whoever goes on sending what nobody reads gets a broken pipe for an answer.
    sender.pause();
    await docker("kill", container?.id ?? "");
    const response = await answering;
    expect(response.status).toBe(502);
    expect(await response.text()).toContain("INSTANCE_UNREACHABLE");
    await eventually(async () => (await plane.instances(id)).some(({ generation }) => generation === 2));
    await plane.untilReady(id, 3);
    for (const member of members) expect(await ask(name, member, "/calls")).not.toHaveProperty("upload");
  });
});

/** A body that is on its way, and never all of it. */
class Sender {
  #isPaused = false;
  readonly body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      await sleep(5);
      if (this.#isPaused) await new Promise(() => undefined);
      controller.enqueue(new Uint8Array(16_384));
    },
  });

  pause(): void {
    this.#isPaused = true;
  }
}

describe("a pool with one broken member", () => {
  it.for(["500", "hang-up", "dead"] as const)("hides it from twenty callers at a time: %s", async (how, { expect }) => {
    const { id, members } = await pool(`pooled-${how}`);
    // One that is asked: the others may be further away.
    const asked = (await caller(`/pool/pooled-${how}/health`)).headers.get("gantry-instance") ?? "";
    const { result: instances } = await plane.call("GET", `/applications/${id}/instances-v2`);
    const { name: broken } = instances.find((one: { id: string }) => one.id === asked);
    if (how === "dead") {
      const [container] = await workloads(asked);
      await docker("kill", container?.id ?? "");
    } else {
      await ask(`pooled-${how}`, broken, `/told?work=${how}`);
    }
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async (_, caller_) => {
        const seen: number[] = [];
        for (let call = 0; call < 5; call += 1) {
          const headers = { "x-call": `${caller_}-${call}` };
          const method = call % 2 === 0 ? "POST" : "GET";
          const response = await caller(`/pool/pooled-${how}/work`, {
            method,
            headers,
            ...(method === "POST" && { body: "job" }),
          });
          await response.text();
          seen.push(response.status);
        }
        return seen;
      }),
    );
    expect(statuses.flat()).toEqual(Array.from({ length: 100 }, () => 200));
    await plane.untilReady(id, 3);
    let failures = 0;
    for (const member of members) {
      const counts = Object.values(await ask(`pooled-${how}`, member, "/calls"));
      expect(counts.filter((times) => times > 1)).toEqual([]);
      if (member === broken) failures = counts.length;
    }
    // It was asked, so that there was something to hide.
    if (how !== "dead") expect(failures).toBeGreaterThan(0);
  });
});

describe("an image that does not boot", () => {
  it("is started once for a caller who would try five times", async ({ expect }) => {
    const id = await plane.create("unbootable", {
      instances: 0,
      named_instances: 1,
      configuration: { image: "broken" },
    });
    const response = await caller("/get/unbootable/alice/");
    expect([response.status, response.headers.get("gantry-error")]).toEqual([503, "INSTANCE_CANNOT_START"]);
    const starts = (await plane.events(id)).filter(({ name }) => name === "VMFailedToStart");
    expect(starts).toHaveLength(1);
  });
});
