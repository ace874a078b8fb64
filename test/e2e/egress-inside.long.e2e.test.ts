/**
 * What a real container is given beside the outside: the gateways of bindings, Workers that stand in for hosts, and secrets
 * in its environment, which are others after a restart.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, docker, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
let upstream: Server;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    request.resume();
    const { host, "x-forwarded-host": asked } = request.headers;
    response.end(JSON.stringify({ upstream: asked ?? host, method: request.method, url: request.url }));
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  await plane.start({ GANTRY_EGRESS_CONNECT_TO: JSON.stringify({ "*": `http://127.0.0.1:${port}` }) });
});
afterAll(async () => {
  await plane.stop();
  upstream.closeAllConnections();
  upstream.close();
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

async function application(name: string, egress: object, configuration: object = {}) {
  const configured = { image: "behaves", ...configuration };
  const id = await plane.create(name, { instances: 1, configuration: configured, egress });
  const [one] = await plane.untilReady(id, 1);
  if (one === undefined) throw new Error("no instance");
  return { id, instance: one };
}

interface Called {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A request that the container itself makes. */
const from =
  (name: string) =>
  async (method: string, url: string, headers: Record<string, string> = {}, body?: string): Promise<Called> => {
    const call = JSON.stringify({ url, method, headers, ...(body === undefined ? {} : { body }) });
    return JSON.parse((await plane.ingress(name, "/call", { method: "POST", body: call })).body);
  };

/** `hello`, over a WebSocket that the container opens. */
async function says(name: string, url: string): Promise<unknown> {
  const path = `/say?url=${encodeURIComponent(url)}`;
  return JSON.parse((await plane.ingress(name, path, { method: "POST", body: "hello" })).body);
}

function upstreamOf({ body }: Called): unknown {
  return JSON.parse(body);
}

function refusalOf({ status, body }: Called): [number, string] {
  return [status, JSON.parse(body).errors[0].error];
}

const grant = (type: string, binding: string, prefix: string, access = "write") => ({ type, binding, prefix, access });

describe("a container", () => {
  it("keeps objects in a bucket, below its prefix", async ({ expect }) => {
    await application("keeping", { bindings: [grant("r2", "FILES", "mine/")] });
    const ask = from("keeping");
    const file = "http://r2.gantry.internal/FILES/mine/report.txt";
    const headers = { "content-type": "text/plain", "gantry-meta-author": "alice" };
    const put = await ask("PUT", file, headers, "0123456789");
    expect([put.status, JSON.parse(put.body)]).toEqual([200, expect.objectContaining({ size: 10 })]);
    const whole = await ask("GET", file);
    expect(whole).toMatchObject({ status: 200, body: "0123456789", headers });
    const part = await ask("GET", file, { range: "bytes=2-4" });
    expect([part.status, part.body, part.headers["content-range"]]).toEqual([206, "234", "bytes 2-4/10"]);
    const same = await ask("GET", file, { "if-none-match": whole.headers["etag"] ?? "" });
    expect([same.status, same.body]).toEqual([304, ""]);
    expect((await ask("PUT", file, { "if-none-match": "*" }, "another")).status).toBe(412);
    const listed = JSON.parse((await ask("GET", "http://r2.gantry.internal/FILES/")).body);
    expect([listed.prefix, listed.objects.map(({ key }: { key: string }) => key)]).toEqual([
      "mine/",
      ["mine/report.txt"],
    ]);
    const other = "http://r2.gantry.internal/FILES/other/report.txt";
    for (const method of ["GET", "PUT", "DELETE"]) {
      expect(refusalOf(await ask(method, other)), method).toEqual([403, "BINDING_NOT_GRANTED"]);
    }
    expect((await ask("DELETE", file)).status).toBe(204);
    expect(refusalOf(await ask("GET", file))).toEqual([404, "KEY_NOT_FOUND"]);
  });

  it("keeps values in a namespace with metadata, and reads where it may only read", async ({ expect }) => {
    const bindings = [grant("kv", "NAMES", "mine/"), grant("kv", "NAMES", "shared/", "read")];
    const { id } = await application("naming", { bindings });
    const ask = from("naming");
    const kv = "http://kv.gantry.internal/NAMES";
    const metadata = { "gantry-metadata": '{"since":3}' };
    expect((await ask("PUT", `${kv}/mine/a?ttl=3600`, metadata, "käse")).status).toBe(204);
    expect(await ask("GET", `${kv}/mine/a`)).toMatchObject({ status: 200, body: "käse", headers: metadata });
    const { keys } = JSON.parse((await ask("GET", `${kv}/?prefix=mine/`)).body);
    expect(keys).toEqual([{ name: "mine/a", expiration: expect.any(Number), metadata: { since: 3 } }]);
    expect(refusalOf(await ask("GET", `${kv}/shared/a`))).toEqual([404, "KEY_NOT_FOUND"]);
    expect(refusalOf(await ask("PUT", `${kv}/shared/a`, {}, "x"))).toEqual([403, "BINDING_NOT_GRANTED"]);
    // The grant is the application's, and holds for its next request.
    await plane.call("PUT", `/applications/${id}/egress`, { bindings: bindings.slice(1) });
    expect(refusalOf(await ask("GET", `${kv}/mine/a`))).toEqual([403, "BINDING_NOT_GRANTED"]);
  });

  it("calls objects by name, over WebSockets too, which know who calls", async ({ expect }) => {
    const { instance } = await application("visiting", { bindings: [grant("do", "ROOMS", "web:")] });
    const ask = from("visiting");
    const room = "do.gantry.internal/ROOMS/web:lobby";
    const told = JSON.parse((await ask("GET", `http://${room}/who?x=1`, { "gantry-caller": "forged" })).body);
    expect(told).toMatchObject({ name: "web:lobby", method: "GET", path: "/who?x=1" });
    expect(told.headers["gantry-caller"]).toContain(`application="visiting", instance="${instance.id}"`);
    expect(await ask("POST", `http://${room}/echo`, {}, "hello")).toMatchObject({ status: 201, body: "hello" });
    expect(await says("visiting", `ws://${room}/socket`)).toEqual({ heard: "web:lobby: hello" });
    const elsewhere = await says("visiting", "ws://do.gantry.internal/ROOMS/other/socket");
    expect(elsewhere).toEqual({ error: "the WebSocket failed" });
    expect(refusalOf(await ask("GET", "http://do.gantry.internal/ROOMS/other/who"))).toEqual([
      403,
      "BINDING_NOT_GRANTED",
    ]);
  });
});

describe("a Worker that stands in for a host", () => {
  it("answers a container, sends it elsewhere, or lets it pass", async ({ expect }) => {
    const handlers = [{ hosts: ["handled.test"], methods: ["POST"], binding: "STAND_IN" }];
    const { id, instance } = await application("handled", { allow: ["handled.test", "rewritten.test"], handlers });
    const ask = from("handled");
    const post = (url: string) => ask("POST", url, {}, "hello");
    const answered = await post("http://handled.test/stream");
    expect([answered.status, answered.body]).toEqual([203, "hello"]);
    const caller = JSON.parse(decodeURIComponent(answered.headers["x-caller"] ?? ""));
    expect(caller).toMatchObject({ application: "handled", instance: instance.id });
    expect((await post("https://handled.test/stream")).status).toBe(203);
    expect(upstreamOf(await post("http://handled.test/rewrite?a=1"))).toEqual({
      upstream: "rewritten.test",
      method: "POST",
      url: "/?a=1",
    });
    expect(upstreamOf(await post("https://handled.test/pass"))).toMatchObject({
      upstream: "handled.test",
      url: "/pass",
    });
    // Of a method that it does not handle.
    expect(upstreamOf(await ask("GET", "http://handled.test/stream"))).toMatchObject({ upstream: "handled.test" });
    expect(refusalOf(await post("http://handled.test/nothing"))).toEqual([502, "EGRESS_HANDLER_FAILED"]);
    // What it makes of a request is decided on like any other.
    await plane.call("PUT", `/applications/${id}/egress`, { allow: ["handled.test"], handlers });
    expect(refusalOf(await post("http://handled.test/rewrite"))).toEqual([403, "EGRESS_DENIED"]);
  });
});

describe("a secret in the environment", () => {
  it("is the changed one after a restart, and the one before until then", async ({ expect }) => {
    await plane.call("POST", "/secrets", { name: "rotated", value: "first-value" });
    const secrets = [{ name: "API_KEY", type: "env", secret: "rotated" }];
    const { id, instance } = await application("rotating", {}, { secrets });
    const key = async () => {
      const [container] = await workloads(instance.id);
      const inspected = await docker("inspect", "--format", "{{json .Config.Env}}", container?.id ?? "");
      return (JSON.parse(inspected) as string[]).filter((line) => line.startsWith("API_KEY="));
    };
    expect(await key()).toEqual(["API_KEY=first-value"]);
    expect((await plane.call("PATCH", "/secrets/rotated", { value: "second-value" })).status).toBe(200);
    expect(await key()).toEqual(["API_KEY=first-value"]);
    expect((await plane.call("POST", `/applications/${id}/instances/${instance.id}/restart`)).status).toBe(200);
    const restarted = await plane.untilReady(id, 1);
    expect(restarted).toMatchObject([{ id: instance.id, generation: instance.generation + 1 }]);
    expect(await key()).toEqual(["API_KEY=second-value"]);
    const told = JSON.stringify([await plane.events(id), await plane.call("GET", `/applications/${id}`), plane.logs]);
    expect(["first-value", "second-value"].filter((value) => told.includes(value))).toEqual([]);
  });
});
