import { describe, it } from "vitest";
import { containerPort, newRunRecord, portProbe } from "../../test/unit/container-port.ts";
import type { ProbeSpec } from "../orchestrator/probe-spec.ts";
import { isReachable, probeOnce, SILENT_IMAGE_READY_MS } from "./probe.ts";

const NOW = 1_000_000;
const PLACED = { startedAt: NOW, deploymentId: "d", generation: 1 };
const LISTENS = { listens: true, ...PLACED };
const HTTP = portProbe({ type: "http", expectStatus: ["2xx", "404"] });

const tcp = (port: number, kind: ProbeSpec["kind"]) => portProbe({ type: "tcp", port, kind });
const open = (...ports: number[]) => containerPort({ accepts: async (port) => ports.includes(port) });
const failing = (error: unknown) => containerPort({ fetch: () => Promise.reject(error) });

describe("a check of a port", () => {
  it.for([
    [true, { verdict: "passed", detail: "port 8080 accepts connections" }],
    [false, { verdict: "refused", detail: "port 8080 refuses connections" }],
    [new Error("no network"), { verdict: "refused", detail: "port 8080 refuses connections" }],
  ] as const)("asks whether it accepts connections: %s", async ([accepts, result], { expect }) => {
    const asked: unknown[] = [];
    const port = containerPort({
      accepts: async (...args) => {
        asked.push(args);
        if (accepts instanceof Error) throw accepts;
        return accepts;
      },
    });
    expect(await probeOnce(port, portProbe({ type: "tcp", timeoutMs: 700 }), LISTENS, NOW)).toEqual(result);
    expect(asked).toEqual([[8080, 700]]);
  });
});

describe("a check over HTTP", () => {
  it.for([
    [200, "passed"],
    [299, "passed"],
    [404, "passed"],
    [403, "failed"],
    [302, "failed"],
    [500, "failed"],
  ] as const)("of an answer %d has %s", async ([status, verdict], { expect }) => {
    const port = containerPort({ fetch: async () => new Response("text", { status }) });
    expect(await probeOnce(port, HTTP, LISTENS, NOW)).toEqual({
      verdict,
      detail: `GET / on port 8080 answered ${status}`,
    });
  });

  it("asks as it was declared, and follows no redirect", async ({ expect }) => {
    const asked: { port: number; request: Request }[] = [];
    const port = containerPort({
      fetch: async (number, request) => {
        asked.push({ port: number, request });
        return new Response(null, { status: 204 });
      },
    });
    const http = { method: "POST", path: "/health?deep=1", headers: { "x-token": "t" }, body: "ping" };
    const { detail } = await probeOnce(port, { ...HTTP, port: 9_000, http }, LISTENS, NOW);
    expect(detail).toBe("POST /health?deep=1 on port 9000 answered 204");
    const [first] = asked;
    expect([first?.port, first?.request.url, first?.request.method, first?.request.redirect]).toEqual([
      9_000,
      "http://localhost:9000/health?deep=1",
      "POST",
      "manual",
    ]);
    expect(first?.request.headers.get("x-token")).toBe("t");
    expect(first?.request.headers.get("user-agent")).toBe("Gantry-Check/1.0");
    expect(await first?.request.text()).toBe("ping");
  });

  it("says who asks unless it is declared otherwise, and has no body unless one is", async ({ expect }) => {
    const asked: Request[] = [];
    const port = containerPort({
      fetch: async (_, request) => {
        asked.push(request);
        return new Response();
      },
    });
    const http = { method: "GET", path: "/", headers: { "user-agent": "me" }, body: null };
    await probeOnce(port, { ...HTTP, http }, LISTENS, NOW);
    expect([asked[0]?.headers.get("user-agent"), asked[0]?.body]).toEqual(["me", null]);
  });

  it("reads no answer to its end", async ({ expect }) => {
    let isCancelled = false;
    const body = new ReadableStream({ cancel: () => void (isCancelled = true) });
    await probeOnce(containerPort({ fetch: async () => new Response(body) }), HTTP, LISTENS, NOW);
    expect(isCancelled).toBe(true);
  });

  it("without an answer in time says how long it waited", async ({ expect }) => {
    const port = containerPort({
      fetch: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        }),
    });
    expect(await probeOnce(port, { ...HTTP, timeoutMs: 5 }, LISTENS, NOW)).toEqual({
      verdict: "timeout",
      detail: "port 8080 gave no answer within 5 ms",
    });
  });

  it("of a port where nobody listens says what the platform said, in short", async ({ expect }) => {
    expect(await probeOnce(failing(new Error("connection refused")), HTTP, LISTENS, NOW)).toEqual({
      verdict: "refused",
      detail: "port 8080: connection refused",
    });
    expect(await probeOnce(failing("broken"), HTTP, LISTENS, NOW)).toMatchObject({ detail: "port 8080: broken" });
    const { detail } = await probeOnce(failing(new Error("x".repeat(500))), HTTP, LISTENS, NOW);
    expect(detail).toBe(`port 8080: ${"x".repeat(120)}`);
  });
});

describe("a check for any answer", () => {
  const ANY = portProbe({ type: "any" });
  const refusing = containerPort({ fetch: () => Promise.reject(new Error("connection refused")) });
  const late = NOW + SILENT_IMAGE_READY_MS;

  it("passes whatever the status is", async ({ expect }) => {
    const port = containerPort({ fetch: async () => new Response(null, { status: 500 }) });
    const silent = { listens: false, ...PLACED };
    expect(await probeOnce(port, ANY, silent, late)).toMatchObject({ verdict: "passed" });
  });

  it.for([
    ["it has run for ten seconds and never listened", refusing, false, late, "silent"],
    ["it has not run that long yet", refusing, false, late - 1, "refused"],
    ["it has listened before", refusing, true, late, "refused"],
    ["it runs no more", { ...refusing, running: false }, false, late, "refused"],
  ] as const)(
    "is silent only when nobody needs to be there: %s",
    async ([, port, listens, now, verdict], { expect }) => {
      const result = await probeOnce(port, ANY, { ...PLACED, listens }, now);
      expect(result.verdict).toBe(verdict);
      expect(result.detail).toBe(verdict === "silent" ? "runs without listening" : "port 8080: connection refused");
    },
  );
});

describe("is anybody there", () => {
  it("of what never listened is whether it runs", async ({ expect }) => {
    const record = newRunRecord({ listens: false, probes: [tcp(80, "ready")] });
    expect(await isReachable(open(), record, NOW)).toBe(true);
    expect(await isReachable({ ...open(80), running: false }, record, NOW)).toBe(false);
  });

  it("is whether one of the ports that it needs for traffic does not refuse", async ({ expect }) => {
    const record = newRunRecord({ listens: true, probes: [tcp(80, "ready"), tcp(81, "ready"), tcp(82, "health")] });
    expect(await isReachable(open(81), record, NOW)).toBe(true);
    expect(await isReachable(open(82), record, NOW)).toBe(false);
    expect(await isReachable(open(), record, NOW)).toBe(false);
  });
});
