/**
 * Egress of real containers through real interception, with upstreams on loopback: what the evaluator says of a request, a
 * container finds out.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { wireEgress } from "../../src/api/wire/egress.ts";
import { HOSTS_TABLE, POLICIES, type PolicyName, type TableEntry } from "../egress/hosts-table.ts";
import { ControlPlane, docker, eventually, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
let upstream: Server;
/** What has come to the upstream, whichever host it was for. */
const received: { host: string; url: string; headers: IncomingMessage["headers"] }[] = [];

beforeAll(async () => {
  upstream = createServer((request, response) => {
    const host = String(request.headers["x-forwarded-host"]);
    const scheme = String(request.headers["x-forwarded-proto"]);
    received.push({ host: `${scheme}://${host}`, url: request.url ?? "", headers: request.headers });
    request.resume();
    const to = new URL(request.url ?? "/", "http://upstream").searchParams.get("to");
    if (to !== null) response.writeHead(302, { location: to }).end();
    else response.end(JSON.stringify({ upstream: host, sent: request.headers }));
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  // What workerd fetches the harness sends through this process, where redirects would be followed.
  const real = globalThis.fetch;
  globalThis.fetch = (url, asked) => {
    const target = url instanceof Request ? url.url : url.toString();
    if (!target.includes(`:${port}/`)) return real(url, asked);
    const { method, headers, body } = asked as unknown as Request;
    return real(url, { method, headers, body, redirect: "manual", duplex: "half" } as RequestInit);
  };
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

interface Asked {
  readonly status: number;
  readonly body: string;
}

async function application(name: string, egress: object | null): Promise<{ id: string; instance: string }> {
  const id = await plane.create(name, {
    instances: 1,
    configuration: { image: "behaves" },
    ...(egress === null ? {} : { egress }),
  });
  const [one] = await plane.untilReady(id, 1);
  return { id, instance: one?.id ?? "" };
}

/** Connections of its own, byte by byte, so that it may say of a host whatever it likes. */
async function asksRaw(name: string, entries: readonly TableEntry[]): Promise<Asked[]> {
  const asks = entries.map(({ url, method, way }) => {
    const parsed = way === "url" ? new URL(url.trim()) : null;
    const authority = parsed?.host ?? /^[a-z]+:\/\/([^/]*)/i.exec(url)?.[1] ?? "";
    const path = parsed === null ? "/" : parsed.pathname + parsed.search;
    return { address: SOMEWHERE, tls: parsed?.protocol === "https:", authority, path, method };
  });
  const answer = await plane.ingress(name, "/ask", { method: "POST", body: JSON.stringify(asks) });
  return JSON.parse(answer.body);
}

/** Nobody's: connections to it are intercepted like any other. */
const SOMEWHERE = "198.51.100.7";

/** As a program asks, redirects followed. */
async function fetches(name: string, url: string, headers: Record<string, string> = {}) {
  const sent = Object.fromEntries(Object.entries(headers).map(([key, value]) => [`x-send-${key}`, value]));
  const answer = await plane.ingress(name, `/fetch?url=${encodeURIComponent(url)}`, { headers: sent });
  return JSON.parse(answer.body) as { status: number; body?: string; error?: string; url?: string };
}

const statusOf = async (name: string) => (await fetches(name, "http://203.0.113.9/")).status;

function reasonOf({ status, body }: Asked, method: string): string {
  if (method === "HEAD") return status === 200 ? "allowed" : "unanswered";
  try {
    const parsed = JSON.parse(body);
    if (parsed.upstream !== undefined) return "allowed";
    const { error, details } = parsed.errors[0];
    return error === "EGRESS_DENIED" ? String(details.reason) : String(error);
  } catch {
    return "unanswered";
  }
}

describe("a real container", () => {
  it("gets what the evaluator allows, of hosts in every spelling, and nothing else", async ({ expect }) => {
    await plane.call("POST", "/secrets", { name: "hosts-table-key", value: "key-of-the-table" });
    const differing: unknown[] = [];
    let asked = 0;
    for (const policy of Object.keys(POLICIES) as PolicyName[]) {
      const name = policy.replaceAll("_", "-");
      await application(name, wireEgress(POLICIES[policy]));
      const entries = HOSTS_TABLE.filter((entry) => entry.policy === policy && entry.way !== "none");
      const answers = await asksRaw(name, entries);
      asked += answers.length;
      for (const [index, answer] of answers.entries()) {
        const entry = entries[index];
        const seen = reasonOf(answer, entry?.method ?? "");
        // What is no host at all the platform may refuse before anybody is asked, and nobody answers by HTTPS that is off; it takes a path of two slashes for
        // one with a host, which is then decided on and asked.
        const isOther =
          ["malformed", "https_off"].includes(entry?.expected ?? "") || /^[a-z]+:\/\/[^/]*\/\//.test(entry?.url ?? "");
        const isSame = seen === entry?.expected || (isOther && entry?.expected !== "allowed" && seen !== "allowed");
        if (!isSame) differing.push([entry?.url, entry?.expected, seen, answer.status, answer.body.slice(0, 200)]);
      }
    }
    expect(differing).toEqual([]);
    expect(asked).toBeGreaterThan(200);
  });

  it("trusts what answers for an allowed host by HTTPS, and hears of a redirect to a denied one", async ({
    expect,
  }) => {
    await application("trusting", { allow: ["*.example.test"], internal: [] });
    const fetched = await fetches("trusting", "https://api.example.test/path?x=1");
    expect([fetched.status, JSON.parse(fetched.body ?? "{}").upstream]).toEqual([200, "api.example.test"]);
    const to = encodeURIComponent("https://evil.test/");
    const redirected = await fetches("trusting", `https://api.example.test/?to=${to}`);
    expect([redirected.status, redirected.url, redirected.body]).toEqual([
      403,
      "https://evil.test/",
      expect.stringContaining("EGRESS_DENIED"),
    ]);
    expect(received.map(({ host }) => host)).not.toContain("https://evil.test");
  });

  it("reaches no other port, and nothing that is no HTTP", async ({ expect }) => {
    await application("ported", { default: "allow" });
    expect((await fetches("ported", "http://203.0.113.9:8080/")).status).toBe(0);
    expect((await fetches("ported", "http://203.0.113.9:22/")).status).toBe(0);
  });

  it("is under another rule with its next request", async ({ expect }) => {
    const { id, instance } = await application("changing", { allow: ["a.example.test"] });
    expect(await statusOf("changing")).toBe(403);
    await plane.call("PATCH", `/applications/${id}/instances/${instance}/egress`, { allow: ["203.0.113.9"] });
    expect(await statusOf("changing")).toBe(200);
    await plane.call("DELETE", `/applications/${id}/instances/${instance}/egress`);
    expect(await statusOf("changing")).toBe(403);
    await plane.call("PUT", `/applications/${id}/egress`, { allow: ["203.0.113.0/24"] });
    expect(await statusOf("changing")).toBe(200);
  });
});

describe("a credential", () => {
  const VALUE = `secret-${crypto.randomUUID()}`;

  it("is set outside: it is in no environment, log, answer or event, and gone after a redirect", async ({ expect }) => {
    await plane.call("POST", "/secrets", { name: "api-key", value: VALUE });
    const { id, instance } = await application("keyed", {
      allow: ["keyed.example.test", "203.0.113.0/24"],
      credentials: [{ hosts: ["203.0.113.1"], header: "Authorization", prefix: "Bearer ", secret: "api-key" }],
    });
    received.length = 0;
    const own = { authorization: "Bearer forged" };
    await fetches("keyed", "http://203.0.113.1/v1", own);
    await fetches("keyed", `http://203.0.113.1/?to=${encodeURIComponent("http://203.0.113.2/after")}`);
    const seen = received.map(({ host, url, headers }) => [host, url.split("?")[0], headers.authorization]);
    expect(seen).toEqual([
      ["https://203.0.113.1", "/v1", `Bearer ${VALUE}`],
      ["https://203.0.113.1", "/", `Bearer ${VALUE}`],
      ["http://203.0.113.2", "/after", undefined],
    ]);
    const [container] = await workloads(instance);
    const everything = await Promise.all([
      docker("inspect", container?.id ?? ""),
      docker("logs", container?.id ?? ""),
      docker("exec", container?.id ?? "", "sh", "-c", "env; cat /proc/*/environ 2>/dev/null || true"),
      ...["", "/events?per_page=1000", "/egress", "/egress/log", "/instances-v2", "/versions"].map(async (path) =>
        JSON.stringify(await plane.call("GET", `/applications/${id}${path}`)),
      ),
      plane.fetch("/metrics", { headers: { authorization: "Bearer e2e-token" } }).then(({ body }) => body),
      plane.call("GET", "/secrets").then((answer) => JSON.stringify(answer)),
    ]);
    expect(everything.filter((text) => text.includes(VALUE))).toEqual([]);
    expect(plane.logs.filter((line) => line.includes(VALUE))).toEqual([]);
  });
});

describe("denials", () => {
  it("are listed, with what was asked for and why", async ({ expect }) => {
    const { id, instance } = await application("denied", { allow: [] });
    await fetches("denied", "http://203.0.113.66/");
    const [line] = await eventually(async () => {
      const { result } = await plane.call("GET", `/applications/${id}/egress/log`);
      return result.length > 0 && result;
    });
    expect(line).toMatchObject({ host: "203.0.113.66", method: "GET", rule: "allow", count: 1, instance });
    const [event] = (await plane.events(id)).filter(({ name }) => name === "EgressDenied");
    expect(event?.details).toMatchObject({ host: "203.0.113.66", rule: "allow" });
  });
});
