/** Gateways of bindings: what is granted and what is there; and Durable Objects. */
import { env } from "cloudflare:workers";
import { describe, it } from "vitest";
import { bindingProblem } from "../../src/egress/bindings/known.ts";
import type { BindingGrant } from "../../src/egress/policy/policy.ts";
import { ALL, ask, at, bound, CALLER, refusal } from "./gateways-world.ts";

const R2 = "http://r2.gantry.internal";
const grant = (prefix: string, access: "read" | "write" = "read"): BindingGrant[] =>
  (["r2", "kv", "do"] as const).map((type) => ({
    type,
    binding: { r2: "FILES", kv: "NAMES", do: "ROOMS" }[type],
    prefix,
    access,
  }));

describe("a binding", () => {
  it("that is not granted is refused, with the grant that would be needed", async ({ expect }) => {
    const answer = await refusal(await ask("PUT", `${R2}/FILES/a/b`, { body: "x" }, []));
    expect(answer).toMatchObject({
      status: 403,
      error: "BINDING_NOT_GRANTED",
      details: {
        binding: "FILES",
        key: "a/b",
        needed: '{"type":"r2","binding":"FILES","prefix":"a/b","access":"write"}',
      },
    });
    expect(await bound.FILES.head("a/b")).toBeNull();
  });

  it("that is not granted looks the same whether it is there or not", async ({ expect }) => {
    const there = await refusal(await ask("GET", `${R2}/FILES/a`, {}, []));
    const missing = await refusal(await ask("GET", `${R2}/NOTHING/a`, {}, []));
    expect(JSON.stringify(missing).replaceAll("NOTHING", "FILES")).toBe(JSON.stringify(there));
  });

  it("is confined to its prefix, whatever the spelling of the path", async ({ expect }) => {
    const prefix = `${crypto.randomUUID()}/a/`;
    const other = prefix.replace(/a\/$/, "ab/secret");
    await bound.FILES.put(other, "secret");
    await bound.NAMES.put(other, "secret");
    const root = prefix.slice(0, -2);
    const tricks = [
      other,
      `${prefix}../ab/secret`,
      `${prefix}%2e%2e/ab/secret`,
      `${prefix}.%2E/ab/secret`,
      `/${prefix}x`,
      `${root}a`,
      `${root}a%5C..%5Cab/secret`,
      `${root}A/x`,
      `%2e%2e/FILES/${other}`,
      encodeURIComponent(encodeURIComponent(prefix)),
    ];
    for (const [host, binding] of [
      ["r2", "FILES"],
      ["kv", "NAMES"],
      ["do", "ROOMS"],
    ] as const) {
      // An object's name is one segment, in which no dots mean anything.
      for (const trick of tricks.filter((each) => host !== "do" || !each.startsWith(prefix))) {
        for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
          const path = `/${binding}/${host === "do" ? trick.replaceAll("/", "%2F") : trick}`;
          const response = await at(host, grant(prefix, "write"))(method, path, {}, method === "PUT" ? "x" : undefined);
          expect(response.status, `${method} ${host} ${path}`).toBe(403);
        }
      }
    }
    expect(await (await bound.FILES.get(other))?.text()).toBe("secret");
    // Not out of it: dots that are no URL's are a part of the key.
    const literal = await at("r2", grant(prefix, "write"))("PUT", `/FILES/${prefix}..%2Fab%2Fsecret`, {}, "mine");
    expect(await literal.json()).toMatchObject({ key: `${prefix}../ab/secret` });
    expect(await (await bound.FILES.get(other))?.text()).toBe("secret");
  });

  it("that may be read is not written", async ({ expect }) => {
    for (const [host, path] of [
      ["r2", "/FILES/k"],
      ["kv", "/NAMES/k"],
      ["do", "/ROOMS/k"],
    ] as const) {
      for (const method of ["PUT", "DELETE"]) {
        const response = await at(host, grant(""))(method, path, {}, method === "PUT" ? "x" : undefined);
        expect(await refusal(response)).toMatchObject({
          status: 403,
          details: { access: "write", granted: ['read ""'] },
        });
      }
    }
  });

  it("that the control plane does not have, or has as another kind, is said to be missing", async ({ expect }) => {
    for (const binding of ["HALLS", "NAMES", "FUNCTIONS", "INGRESS_DOMAIN"]) {
      const grants: BindingGrant[] = [{ type: "r2", binding, prefix: "", access: "write" }];
      const answer = await refusal(await ask("GET", `${R2}/${binding}/a`, {}, grants));
      expect(answer).toMatchObject({ status: 503, error: "BINDING_NOT_AVAILABLE", retryable: false });
      expect(answer.message).toContain("r2_buckets[] of the control plane's wrangler.jsonc");
    }
  });

  it.for(["ACCOUNT", "APPLICATION", "INSTANCE", "REGISTRY", "IMAGE_PREPARATION", "ACCOUNTS_TOO"])(
    "of Gantry's own is reached by nobody: %s",
    async (binding, { expect }) => {
      const grants: BindingGrant[] = [{ type: "do", binding, prefix: "", access: "write" }];
      const answer = await refusal(await ask("GET", `http://do.gantry.internal/${binding}/x/y`, {}, grants));
      expect(answer).toMatchObject({ status: 503, error: "BINDING_NOT_AVAILABLE" });
      expect(answer.message).toContain("Gantry's own");
      for (const type of ["do", "r2", "kv"] as const) expect(bindingProblem({ type, binding }, env)).toContain("own");
    },
  );

  it("that is real is known by its type", ({ expect }) => {
    expect(ALL.map((each) => bindingProblem(each, env))).toEqual([null, null, null]);
    expect(bindingProblem({ type: "do", binding: "X" }, env)).toContain("it has ROOMS, SAMPLES_STATE;");
  });

  it.for([
    ["r2", "POST", "/FILES/k", "GET, HEAD, PUT, DELETE"],
    ["kv", "PATCH", "/NAMES/k", "GET, HEAD, PUT, DELETE"],
    ["r2", "OPTIONS", "/FILES/", "GET"],
    ["kv", "POST", "/NAMES", "GET"],
  ] as const)("of %s answers %s %s with what it can", async ([host, method, path, allowed], { expect }) => {
    const response = await at(host)(method, path);
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allowed);
  });

  it.for([
    ["r2", "/FILES/%ff", "key"],
    ["r2", `/FILES/${"k".repeat(1_025)}`, "key"],
    ["kv", `/NAMES/${"é".repeat(257)}`, "key"],
    ["do", `/ROOMS/${"k".repeat(1_025)}`, "key"],
    ["do", "/ROOMS/", "key"],
    ["r2", "/FILES/k?versionId=1", "versionId"],
    ["kv", "/NAMES/k?ttl=60", "ttl"],
    ["r2", "/FILES/?limit=0", "limit"],
    ["r2", "/FILES/?limit=1001", "limit"],
    ["r2", "/FILES/?include=all", "include"],
    ["r2", "/FILES/?start=x", "start"],
    ["kv", "/NAMES/?delimiter=/", "delimiter"],
    ["kv", `/NAMES/?prefix=${"k".repeat(513)}`, "prefix"],
  ] as const)("of %s refuses %s by its field", async ([host, path, field], { expect }) => {
    const answer = await refusal(await at(host)("GET", path));
    expect(answer).toMatchObject({ status: 400, error: "VALIDATE_INPUT", details: { [field]: expect.any(String) } });
  });

  it("without a key is neither written nor deleted", async ({ expect }) => {
    for (const [host, path] of [
      ["r2", "/FILES/"],
      ["kv", "/NAMES/"],
    ] as const) {
      expect((await at(host)("HEAD", path)).status).toBe(400);
      expect((await at(host)("PUT", path, {}, "x")).status).toBe(400);
      expect((await at(host)("DELETE", path)).status).toBe(400);
    }
  });
});

describe("an object", () => {
  const rooms = at("do");

  it("gets the request as it was sent, and who is calling", async ({ expect }) => {
    const response = await rooms("DELETE", "/ROOMS/a%2Fb/x%2Fy/z?q=1&q=2", {
      "x-own": "1",
      "gantry-caller": 'application="admin"',
      "gantry-anything": "1",
    });
    const { headers, ...rest } = await response.json<{ headers: Record<string, string> }>();
    expect(rest).toEqual({ name: "a/b", method: "DELETE", path: "/x%2Fy/z?q=1&q=2" });
    expect(headers).toMatchObject({
      "x-own": "1",
      "gantry-caller": `application="web", instance="${CALLER.instance}", generation=7`,
    });
    expect(Object.keys(headers)).not.toContain("gantry-anything");
  });

  it("streams both ways, with its own status and headers", async ({ expect }) => {
    let send: ((text: string) => void) | undefined;
    let close: (() => void) | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        send = (text) => controller.enqueue(new TextEncoder().encode(text));
        close = () => controller.close();
      },
    });
    const response = await rooms("POST", "/ROOMS/a/echo", {}, body);
    expect([response.status, response.headers.get("x-room")]).toEqual([201, "yes"]);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    // Each is answered before the next is sent.
    for (const text of ["one", "two"]) {
      send?.(text);
      expect(await reader?.read()).toEqual({ done: false, value: text });
    }
    close?.();
    expect(await reader?.read()).toMatchObject({ done: true });
  });

  it("takes WebSockets, of those that may write", async ({ expect }) => {
    const response = await rooms("GET", "/ROOMS/lobby/socket", { upgrade: "websocket" });
    const { webSocket: socket } = response;
    expect(response.status).toBe(101);
    const said = new Promise((resolve) => socket?.addEventListener("message", ({ data }) => resolve(data)));
    socket?.accept();
    socket?.send("hello");
    expect(await said).toBe("lobby: hello");
    socket?.close();
    const reading = await at("do", grant(""))("GET", "/ROOMS/lobby/socket", { upgrade: "websocket" });
    expect(await refusal(reading)).toMatchObject({ status: 403, details: { access: "write" } });
  });

  it("that may be read takes GET and HEAD", async ({ expect }) => {
    const reading = at("do", grant("a"));
    expect((await reading("GET", "/ROOMS/ab")).status).toBe(200);
    expect((await reading("HEAD", "/ROOMS/a")).status).toBe(200);
    expect((await reading("OPTIONS", "/ROOMS/a")).status).toBe(403);
    expect((await reading("GET", "/ROOMS/b")).status).toBe(403);
    // Offered by some clients with each request, and taken up by nobody.
    expect((await reading("GET", "/ROOMS/a", { connection: "upgrade", upgrade: "h2c" })).status).toBe(200);
  });

  it("that throws is said to have failed", async ({ expect }) => {
    const answer = await refusal(await rooms("GET", "/ROOMS/a/fails"));
    expect(answer).toMatchObject({
      status: 502,
      error: "BINDING_FAILED",
      message: expect.stringContaining("the room is closed"),
    });
  });
});
