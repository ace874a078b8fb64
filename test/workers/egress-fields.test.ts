/** Each field of an egress policy, seen by a request that leaves a container. */
import { env } from "cloudflare:workers";
import { describe, inject, it } from "vitest";
import { call, createApplication, untilReady, type Envelope } from "./client.ts";
import { ask, denial, HANDLED, running, statusOf } from "./egress-world.ts";
import { newRepository, pushImage } from "./registry-push-world.ts";

/** In development a host can be another server: here it is one that echoes what it is asked. */
function toOutside(): void {
  (env as unknown as Record<string, string>)["GANTRY_EGRESS_CONNECT_TO"] = JSON.stringify({
    "*.outside.test": inject("outside"),
  });
}

interface Echo {
  readonly url: string;
  readonly method: string;
  readonly rawHeaders: readonly string[];
}

async function echoOf(response: Response): Promise<Echo & { readonly headers: ReadonlyMap<string, string> }> {
  const echo = await response.json<Echo>();
  const headers = new Map<string, string>();
  for (let index = 0; index < echo.rawHeaders.length; index += 2) {
    headers.set((echo.rawHeaders[index] ?? "").toLowerCase(), echo.rawHeaders[index + 1] ?? "");
  }
  return { ...echo, headers };
}

async function newSecret(value: string): Promise<string> {
  const name = `KEY_${crypto.randomUUID().slice(0, 8)}`;
  const { status, errors } = await call("POST", "/secrets", { name, value });
  if (status >= 300) throw new Error(JSON.stringify(errors));
  return name;
}

describe.concurrent("a policy", () => {
  it("says what happens to hosts that no list names", async ({ expect }) => {
    const closed = await running({ default: "deny", handlers: HANDLED });
    const open = await running({ default: "allow", deny: ["b.test"], handlers: HANDLED });
    expect(await denial(closed.instance, "http://a.test/")).toBe("default: not_allowed");
    expect(await statusOf(open.instance, "http://a.test/")).toBe(200);
    expect(await denial(open.instance, "http://b.test/")).toBe("deny[0]: denied");
    expect(await denial(open.instance, "http://10.0.0.1/")).toBe("default: private_address");
  });

  it("allows what a list names and nothing else, whatever its default is", async ({ expect }) => {
    const { instance } = await running({ default: "allow", allow: ["*.a.test", "c.test"], handlers: HANDLED });
    expect(await statusOf(instance, "http://x.A.test./")).toBe(200);
    expect(await statusOf(instance, "https://c.test/")).toBe(200);
    expect(await denial(instance, "http://a.test/")).toBe("allow: not_allowed");
    const none = await running({ default: "allow", allow: [], handlers: HANDLED });
    expect(await denial(none.instance, "http://c.test/")).toBe("allow: not_allowed");
  });

  it("allows and denies by port and by method", async ({ expect }) => {
    const { instance } = await running({
      allow: [{ host: "a.test", ports: [443] }, { host: "b.test", methods: ["GET", "HEAD"] }, "c.test"],
      deny: [{ host: "c.test", ports: [80], methods: ["POST"] }],
      handlers: HANDLED,
    });
    expect(await statusOf(instance, "https://a.test/")).toBe(200);
    expect(await denial(instance, "http://a.test/")).toBe("allow: not_allowed");
    expect(await statusOf(instance, "http://b.test/")).toBe(200);
    expect(await denial(instance, "http://b.test/", "POST")).toBe("allow: not_allowed");
    expect(await denial(instance, "http://c.test/", "POST")).toBe("deny[0]: denied");
    expect(await statusOf(instance, "https://c.test/", "POST")).toBe(200);
    expect(await statusOf(instance, "http://c.test/", "PUT")).toBe(200);
  });

  it("reaches nothing by HTTPS where that is not intercepted", async ({ expect }) => {
    const { instance } = await running({ allow: ["a.test"], intercept_https: false, handlers: HANDLED });
    expect(await statusOf(instance, "http://a.test/")).toBe(200);
    expect(await denial(instance, "https://a.test/")).toBe("intercept_https: https_off");
  });

  it("sends the methods of a host that a Worker handles there, and others to the host", async ({ expect }) => {
    toOutside();
    const { instance } = await running({
      allow: ["*.outside.test"],
      handlers: [{ hosts: ["h.outside.test"], methods: ["GET"], binding: "STAND_IN_PLAIN" }],
    });
    const handled = await (await ask(instance, "http://h.outside.test/echo?1")).json();
    expect(handled).toMatchObject({ url: "http://h.outside.test/echo?1", body: "" });
    const passed = await echoOf(await ask(instance, "http://h.outside.test/echo?1", { method: "POST", body: "x" }));
    expect(passed).toMatchObject({ url: "/echo?1", method: "POST", bytes: 1 });
    expect(await echoOf(await ask(instance, "http://other.outside.test/echo"))).toMatchObject({ url: "/echo" });
    const unlisted = await running({ allow: [], handlers: HANDLED });
    expect(await denial(unlisted.instance, "http://a.test/")).toBe("allow: not_allowed");
  });
});

describe.concurrent("a denial", () => {
  it("says in a sentence what was denied and why, and beside it which rule, and who asked", async ({ expect }) => {
    const app = await running({ allow: ["a.test"] });
    const response = await ask(app.instance, "https://B.test./x?secret=1", { method: "PUT", body: "x" });
    const { errors } = await response.json<Envelope>();
    const { name: application, instance } = app;
    expect([response.status, response.headers.get("content-type"), errors]).toEqual([
      403,
      expect.stringContaining("application/json"),
      [
        {
          code: 1000,
          error: "EGRESS_DENIED",
          message: "PUT to b.test was denied: egress.allow does not name it",
          retryable: false,
          details: { host: "b.test", rule: "allow", reason: "not_allowed", application, instance },
        },
      ],
    ]);
  });
});

describe.concurrent("a credential", () => {
  it("is the secret behind its prefix, in its header, at its hosts", async ({ expect }) => {
    toOutside();
    const secret = await newSecret("s3cr3t-value");
    const { instance } = await running({
      allow: ["*.outside.test"],
      credentials: [{ hosts: ["api.outside.test"], header: "X-Api-Key", prefix: "Key ", secret }],
    });
    const headers = { "x-api-key": "of the container" };
    const sent = await echoOf(await ask(instance, "https://api.outside.test/echo", { headers }));
    expect(sent.headers.get("x-api-key")).toBe("Key s3cr3t-value");
    const other = await echoOf(await ask(instance, "https://other.outside.test/echo", { headers }));
    expect(other.headers.get("x-api-key")).toBe("of the container");
  });

  it("is for its methods and paths, and its hosts are for nothing else", async ({ expect }) => {
    toOutside();
    const secret = await newSecret("s3cr3t-value");
    const credential = { hosts: ["api.outside.test"], header: "authorization", secret };
    const { instance } = await running({
      allow: ["*.outside.test"],
      credentials: [{ ...credential, methods: ["POST"], paths: ["/echo", "/v1/*"] }],
    });
    const init = { method: "POST", body: "x" };
    const sent = await echoOf(await ask(instance, "http://api.outside.test/echo", init));
    expect(sent.headers.get("authorization")).toBe("s3cr3t-value");
    expect(await denial(instance, "http://api.outside.test/echo")).toBe("credentials[0]: credential_scope");
    expect(await denial(instance, "http://api.outside.test/v2/x", "POST")).toBe("credentials[0]: credential_scope");
    expect(await statusOf(instance, "http://api.outside.test/v1/x", "POST")).not.toBe(403);
  });
});

describe.concurrent("what is inside", () => {
  it("is called by the names that the policy has, or by any with a star", async ({ expect }) => {
    const called = await createApplication();
    await untilReady(called.id, 1);
    const url = `http://${called.name}.gantry.internal/`;
    const one = await running({ internal: [called.name] });
    const every = await running({ internal: ["*"] });
    const none = await running({ default: "allow" });
    expect(await Promise.all([one, every].map(({ instance }) => statusOf(instance, url)))).toEqual([200, 200]);
    expect(await denial(none.instance, url)).toBe("internal: not_allowed");
  });

  it("is a binding of that type and name, below its prefix, to be read or written", async ({ expect }) => {
    const prefix = `${crypto.randomUUID()}/`;
    const writer = await running({ bindings: [{ type: "kv", binding: "NAMES", prefix, access: "write" }] });
    const reader = await running({ bindings: [{ type: "kv", binding: "NAMES", prefix }] });
    const url = `http://kv.gantry.internal/NAMES/${prefix}a`;
    const put = { method: "PUT", body: "value" };
    expect((await ask(writer.instance, url, put)).status).toBeLessThan(300);
    expect(await (await ask(reader.instance, url)).text()).toBe("value");
    expect((await ask(reader.instance, url, put)).status).toBe(403);
    expect((await ask(writer.instance, "http://kv.gantry.internal/NAMES/elsewhere", put)).status).toBe(403);
    expect((await ask(writer.instance, `http://r2.gantry.internal/FILES/${prefix}a`, put)).status).toBe(403);
  });

  it("is a repository of the account's registry that the policy names, to be read", async ({ expect }) => {
    const name = newRepository();
    await pushImage(name, "latest");
    const url = `http://registry.gantry.internal/v2/${name}/manifests/latest`;
    const readers = await Promise.all([[name], ["team/*"], ["*"]].map((registry) => running({ registry })));
    expect(await Promise.all(readers.map(({ instance }) => statusOf(instance, url)))).toEqual([200, 200, 200]);
    const other = await running({ registry: ["teams/*"] });
    expect(await statusOf(other.instance, url)).toBe(403);
    expect(await statusOf(readers[0]?.instance ?? "", url, "PUT")).toBe(405);
  });
});
