/** The object that instances of an application share, asked as a container asks it: through the gateway. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { describe, it, vi } from "vitest";
import { MAX_VALUE_BYTES } from "../../src/samples/shared-state.ts";
import { ask, refusal } from "./gateways-world.ts";

const GRANT = [{ type: "do", binding: "SAMPLES_STATE", prefix: "web:", access: "write" }] as const;

/** An object of its own. */
function shared(name = `web:${crypto.randomUUID()}`) {
  return async (method: string, path: string, body?: string): Promise<Response> =>
    await ask(
      method,
      `http://do.gantry.internal/SAMPLES_STATE/${name}${path}`,
      body === undefined ? {} : { body, headers: { "content-type": "application/json" } },
      GRANT,
    );
}

const RATE = JSON.stringify({ limit: 3, windowSeconds: 60 });

describe("a shared count", () => {
  it("is one for all who count under its name", async ({ expect }) => {
    const name = `web:${crypto.randomUUID()}`;
    const answers = await Promise.all(Array.from({ length: 5 }, () => shared(name)("POST", "/count", RATE)));
    const verdicts = await Promise.all(answers.map((answer) => answer.json<{ allowed: boolean }>()));
    expect(verdicts.filter(({ allowed }) => allowed).length).toBe(3);
    expect(await (await shared()("POST", "/count", RATE)).json()).toMatchObject({ allowed: true, remaining: 2 });
  });

  it("lets more through when the first have become old", async ({ expect }) => {
    const counted = shared();
    const began = Date.now();
    for (let index = 0; index < 3; index += 1) await counted("POST", "/count", RATE);
    vi.setSystemTime(began + 59_000);
    expect(await (await counted("POST", "/count", RATE)).json()).toMatchObject({ allowed: false, remaining: 0 });
    vi.setSystemTime(began + 61_000);
    expect(await (await counted("POST", "/count", RATE)).json()).toMatchObject({ allowed: true });
    vi.useRealTimers();
  });

  it("writes no row", async ({ expect }) => {
    const name = `web:${crypto.randomUUID()}`;
    await shared(name)("POST", "/count", RATE);
    await shared(name)("PUT", "/value?ttl=60", "x");
    const stub = env.SAMPLES_STATE.getByName(name);
    const tables = await runInDurableObject(stub, (_, state) =>
      state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'").toArray(),
    );
    expect(tables).toEqual([]);
    expect(await runInDurableObject(stub, (_, state) => state.storage.getAlarm())).toBeNull();
  });

  it.for(["", "{", "null", '{"limit": 0, "windowSeconds": 60}', '{"limit": 1}', '{"limit": 1, "windowSeconds": 9999}'])(
    "refuses what is no rate: %s",
    async (body, { expect }) => {
      expect((await shared()("POST", "/count", body)).status).toBe(400);
    },
  );
});

describe("a shared value", () => {
  it("is what was written last, until its time is over", async ({ expect }) => {
    const value = shared();
    expect((await value("GET", "/value")).status).toBe(404);
    const began = Date.now();
    await value("PUT", "/value?ttl=10", '{"bytes":1}');
    await value("PUT", "/value?ttl=10", '{"bytes":2}');
    const answer = await value("GET", "/value");
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.json()).toEqual({ bytes: 2 });
    vi.setSystemTime(began + 11_000);
    expect((await value("GET", "/value")).status).toBe(404);
    vi.useRealTimers();
  });

  it("is waited for by those who know the one before", async ({ expect }) => {
    const value = shared();
    const first = value("GET", "/value?wait=20");
    // Both are under way: the second is not answered before the first is there.
    await vi.waitFor(async () => {
      const written = await (await value("PUT", "/value?ttl=60", "one")).json<{ hasReaders: boolean }>();
      expect(written.hasReaders).toBe(true);
    });
    const seen = await first;
    expect(await seen.text()).toBe("one");
    const version = (await value("GET", "/value")).headers.get("etag")?.replaceAll('"', "");
    const next = value("GET", `/value?after=${version}&wait=20`);
    await value("PUT", "/value?ttl=60", "two");
    expect(await (await next).text()).toBe("two");
  });

  it("that is known is not sent again", async ({ expect }) => {
    const value = shared();
    const { version } = await (await value("PUT", "/value?ttl=60", "one")).json<{ version: number }>();
    expect((await value("GET", `/value?after=${version}`)).status).toBe(304);
  });

  it("that nobody reads is written to nobody", async ({ expect }) => {
    const value = shared();
    expect(await (await value("PUT", "/value?ttl=60", "one")).json()).toMatchObject({ hasReaders: false });
  });

  it("is gone when it is deleted", async ({ expect }) => {
    const value = shared();
    await value("PUT", "/value?ttl=60", "one");
    expect((await value("DELETE", "/value")).status).toBe(204);
    expect((await value("GET", "/value")).status).toBe(404);
  });

  it("has a limit of its size and of its time", async ({ expect }) => {
    const value = shared();
    expect((await value("PUT", "/value?ttl=60", "x".repeat(MAX_VALUE_BYTES))).status).toBe(200);
    expect((await value("PUT", "/value?ttl=60", "x".repeat(MAX_VALUE_BYTES + 1))).status).toBe(413);
    for (const query of ["", "?ttl=0", "?ttl=99999", "?ttl=x"]) {
      expect((await value("PUT", `/value${query}`, "x")).status, query).toBe(400);
    }
    expect((await value("GET", "/value?wait=99")).status).toBe(400);
    expect((await value("GET", "/other")).status).toBe(404);
  });

  it("of another prefix is nobody's who has not got it", async ({ expect }) => {
    expect(await refusal(await shared("mail:x")("GET", "/value"))).toMatchObject({ error: "BINDING_NOT_GRANTED" });
  });
});
