/** Calls of containers to other applications of their account: by name, by port, by instance and by address. */
import { exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import { freshAccount } from "./accounts.ts";
import { call, createApplication, eventually, instancesOf } from "./client.ts";
import { containerOf } from "./fake-container.ts";
import {
  addressesOf,
  asleep,
  callerOf,
  echo,
  inside,
  named,
  PRIVATE,
  PUBLIC,
  refusal,
  running,
} from "./internal-world.ts";

describe.concurrent("an application by its name", () => {
  it("gets what was sent, whatever its ingress is, and is told who calls", async ({ expect }) => {
    for (const mode of ["private", "token", "public"]) {
      const { host, name, instance } = await running({ ingress: { mode } });
      const headers = { "x-mine": "yes", authorization: "Bearer its-own", cookie: "a=1" };
      const seen = await echo(`${host}/deep/path?q=%2F`, { method: "PUT", headers, body: "hello" }, [name]);
      expect(seen).toMatchObject({ path: "/deep/path", search: "?q=%2F", method: "PUT", body: "hello", instance });
      expect(seen.headers).toMatchObject({
        ...headers,
        "gantry-caller": `application="front", instance="${"c0ffee".padEnd(64, "0")}", generation=4`,
        "gantry-via": "front",
      });
      const own = Object.keys(seen.headers).filter((header) => header.startsWith("gantry-"));
      expect(own.toSorted()).toEqual(["gantry-caller", "gantry-via"]);
      expect(seen.headers).not.toHaveProperty("x-forwarded-prefix");
    }
  });

  it("is told the name of a caller that has one", async ({ expect }) => {
    const { host } = await running();
    const { headers } = await echo(host, {}, ["*"], callerOf("front", { name: 'a"b' }));
    expect(headers["gantry-caller"]).toContain(String.raw`name="a\"b"`);
  });

  it("answers https as well, and on another port of it", async ({ expect }) => {
    const { name } = await running();
    expect(await echo(`https://${name}.gantry.internal/x?to=https://a`)).toMatchObject({ port: 8_080, path: "/x" });
    expect(await echo(`http://port-5432.${name}.gantry.internal/x`)).toMatchObject({ port: 5_432, path: "/x" });
    const { headers } = await echo(`http://port-9090.${name}.gantry.internal/`);
    expect(headers).not.toHaveProperty("gantry-port");
  });

  it("may have any name that an application can have", async ({ expect }) => {
    const name = `port-80_x-${crypto.randomUUID().slice(0, 8)}`;
    await running({ name });
    expect(await echo(`http://${name}.gantry.internal/x`)).toMatchObject({ port: 8_080 });
    expect(await echo(`http://port-9090.${name}.gantry.internal/x`)).toMatchObject({ port: 9_090 });
  });

  it("answers from all members in turn", async ({ expect }) => {
    const { host, members } = await running({}, 3);
    const answers = await Promise.all(Array.from({ length: 40 }, async () => await echo(host)));
    expect(new Set(answers.map(({ instance }) => instance))).toEqual(new Set(members.map(({ id }) => id)));
  });

  it("is waited for while it starts", async ({ expect }) => {
    const { name } = await createApplication(PRIVATE);
    expect(await echo(`http://${name}.gantry.internal/first`)).toMatchObject({ path: "/first" });
  });

  it("that is scaled to zero is refused as to any caller, and started where its load says how many there are", async ({
    expect,
  }) => {
    const { name } = await createApplication({ instances: 0, ...PRIVATE });
    expect(await refusal(`http://${name}.gantry.internal/`)).toMatchObject({
      status: 503,
      error: "SCALED_TO_ZERO",
      told: { code: "SCALED_TO_ZERO", retryable: "true" },
      details: { application: name },
    });
    const autoscaling = { min: 0, max: 2, target_concurrency: 5 };
    const scaled = await createApplication({ instances: 0, autoscaling, ...PRIVATE });
    expect(await echo(`http://${scaled.name}.gantry.internal/up`)).toMatchObject({ path: "/up" });
  });

  it("that nobody has is 404, and no other account's", async ({ expect }) => {
    expect(await refusal("http://nobody-there.gantry.internal/")).toMatchObject({
      status: 404,
      error: "APPLICATION_NOT_FOUND",
      told: { code: "APPLICATION_NOT_FOUND", retryable: "false" },
      details: { application: "nobody-there" },
    });
    const { name } = await running();
    const account = await freshAccount();
    const foreign = callerOf("front", { accountId: account.id });
    expect(await refusal(`http://${name}.gantry.internal/`, {}, [name], foreign)).toMatchObject({
      status: 404,
      error: "APPLICATION_NOT_FOUND",
      details: { application: name },
    });
    // Each account has its own of that name.
    const { result } = await account.create({ name, named_instances: 1, ...PRIVATE });
    const [member] = await account.ready(result.id, 1);
    const first = await echo(`http://${name}.gantry.internal/`);
    for (let round = 0; round < 2; round += 1) {
      const theirs = await echo(`http://${name}.gantry.internal/`, {}, [name], foreign);
      expect([theirs.instance, (await echo(`http://${name}.gantry.internal/`)).instance]).toEqual([
        member?.id,
        first.instance,
      ]);
    }
    const ada = await echo(`http://id-ada.${name}.gantry.internal/`, {}, [name], foreign);
    expect((await account.call("GET", `/applications/${result.id}/instances-v2`)).result).toContainEqual(
      expect.objectContaining({ id: ada.instance, name: "ada" }),
    );
    expect(await refusal(`http://id-ada.${name}.gantry.internal/`)).toMatchObject({ error: "INSTANCE_NOT_FOUND" });
  });

  it("has nothing to do with what a bound Worker may say", async ({ expect }) => {
    const account = await freshAccount();
    const { result } = await account.create();
    await account.ready(result.id, 1);
    const key = encodeURIComponent(`/${account.id}/${result.name}`);
    const answer = await exports.Gantry.fetch(`http://gantry.internal/a/${key}/x`);
    expect([answer.status, answer.headers.get("gantry-error")]).toEqual([404, "APPLICATION_NOT_FOUND"]);
  });

  it("that is no name is refused with the reason", async ({ expect }) => {
    expect(await refusal("http://x.web.gantry.internal/")).toMatchObject({
      status: 400,
      error: "VALIDATE_INPUT",
      details: { "x.web.gantry.internal": expect.stringContaining("id-<instance>") },
    });
  });
});

describe.concurrent("one instance", () => {
  it("is made by the first call of its name, and woken by the next", async ({ expect }) => {
    const { id, at, name } = await named({}, { sleep_after: "1s" });
    const first = await echo(`${at("ada")}/hello`, {}, [name]);
    expect(first).toMatchObject({ path: "/hello", port: 8_080 });
    expect(first.headers["gantry-via"]).toBe("front");
    const other = await echo(`${at("bob_2")}/`);
    expect(other.instance).not.toBe(first.instance);
    expect(await echo(`http://port-9090.id-ada.${name}.gantry.internal/x`)).toMatchObject({
      port: 9_090,
      path: "/x",
      instance: first.instance,
    });
    await asleep(id);
    expect((await echo(`${at("ada")}/again`)).instance).toBe(first.instance);
    expect((await instancesOf(id)).find((one) => one.name === "ada")).toMatchObject({ generation: 2 });
  });

  it("that nobody can be called by is 404", async ({ expect }) => {
    const { name } = await running();
    expect(await refusal(`http://id-ada.${name}.gantry.internal/`)).toMatchObject({
      status: 404,
      error: "INSTANCE_NOT_FOUND",
      details: { application: name, instance: "ada" },
    });
  });

  it("of a pool is called by its number, and waited for while it comes back", async ({ expect }) => {
    const { name, id, members } = await running({}, 2);
    const second = members.find((member) => member.name === `${name}-1`);
    const url = `http://id-${name}-1.${name}.gantry.internal/`;
    expect((await echo(url)).instance).toBe(second?.id);
    await call("POST", `/applications/${id}/instances/${second?.id}/restart`);
    for (let round = 0; round < 10; round += 1) expect((await echo(url)).instance).toBe(second?.id);
    await eventually(async () => (await instancesOf(id)).some((one) => one.ready && one.generation === 2));
    await call("POST", `/applications/${id}/instances/${second?.id}/cordon`);
    const answer = await eventually(async () => {
      const seen = await refusal(url).catch(() => undefined);
      return seen?.status === 503 && seen;
    });
    // Nobody knows when that ends.
    expect(answer).toMatchObject({ error: "INSTANCE_NOT_READY", message: expect.stringContaining("cordoned") });
  });

  it("is reached at its addresses, however they are written", async ({ expect }) => {
    const { id, name, instance } = await running({ configuration: PUBLIC });
    const { v4, v6 } = await addressesOf(id, `${name}-0`);
    const mapped = `http://[::ffff:${v4.slice("http://".length)}]`;
    for (const host of [v4, v6, mapped, v4.replace("http:", "https:")]) {
      const seen = await echo(`${host}/x`, { method: "POST", body: "b" }, [name]);
      expect(seen).toMatchObject({ port: 8_080, path: "/x", body: "b", instance });
      expect(seen.headers["gantry-caller"]).toMatch(/^application="front"/);
    }
    expect(await echo(`${v4}:9090/x`)).toMatchObject({ port: 9_090 });
  });

  it("that sleeps is woken by a call of its address, as by its name", async ({ expect }) => {
    const { id, at } = await named({}, { sleep_after: "1s" });
    const { instance } = await echo(`${at("ada")}/`);
    const { v4, v6 } = await addressesOf(id, "ada");
    for (const host of [v4, v6]) {
      await asleep(id);
      expect((await echo(`${host}/x`)).instance).toBe(instance);
    }
    await call("POST", `/applications/${id}/instances/ada/stop`);
    await asleep(id);
    const held = await refusal(`${v4}/x`);
    expect(held).toMatchObject({ status: 503, error: "INSTANCE_NOT_READY", details: { instance_name: "ada" } });
  });

  it("whose address nobody has, or another account, is 404", async ({ expect }) => {
    expect(await refusal("http://10.128.255.254/")).toMatchObject({ status: 404, error: "INSTANCE_NOT_FOUND" });
    const account = await freshAccount();
    const { result } = await account.create({ configuration: PUBLIC });
    await account.ready(result.id, 1);
    const ips: { ip: string; ipType: string }[] = (await account.call("GET", "/ips")).result.ips;
    const address = ips.find(({ ipType }) => ipType === "v4")?.ip ?? "";
    expect(await refusal(`http://${address}/`)).toMatchObject({
      status: 404,
      error: "INSTANCE_NOT_FOUND",
      message: `no instance has the address ${address}`,
      details: { address },
    });
    const own = callerOf("front", { accountId: account.id });
    expect(await echo(`http://${address}/x`, {}, [result.name], own)).toMatchObject({ path: "/x" });
  });
});

describe.concurrent("a stream", () => {
  it("goes down as it comes", async ({ expect }) => {
    const { host, instance } = await running();
    const { body } = await inside(`${host}/stream`);
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("first");
    containerOf(instance).streams = false;
    let rest = "";
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) rest += part.value;
    expect(rest).toBe(" last");
  });

  it("goes up without being kept", async ({ expect }) => {
    const { host } = await running();
    const body = new Blob(["x".repeat(300_000)]).stream().pipeThrough(new IdentityTransformStream());
    expect((await echo(`${host}/up`, { method: "POST", body })).body).toHaveLength(300_000);
  });

  it("may be a WebSocket, of a pool, an instance and an address", async ({ expect }) => {
    const { id, at } = await named({ instances: 1 });
    await echo(`${at("ada")}/`);
    const { v6 } = await addressesOf(id, "ada");
    const pool = at("ada").replace("id-ada.", "");
    for (const host of [pool, at("ada"), v6, pool.replace("http:", "https:")]) {
      const { status, webSocket } = await inside(`${host}/ws`, { headers: { upgrade: "websocket" } });
      expect(status).toBe(101);
      const { promise, resolve } = Promise.withResolvers<string>();
      webSocket?.addEventListener("message", ({ data }) => resolve(String(data)));
      webSocket?.accept();
      webSocket?.send("hello");
      expect(await promise).toBe("echo hello");
      webSocket?.close();
    }
  });
});
