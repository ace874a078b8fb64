import { describe, it } from "vitest";
import { configurationSchema } from "../api/schemas/configuration.ts";
import { revisionOf, toLaunchSpec } from "./launch-spec.ts";

const specOf = (configuration: object) =>
  toLaunchSpec(configurationSchema.parse({ image: "hello-world", ...configuration }));
const revision = (configuration: object) => revisionOf(specOf(configuration));
const PORTS = [{ name: "http", port: 9_090 }];

describe("a launch spec", () => {
  it("without ports takes any answer on 8080 as readiness", ({ expect }) => {
    expect(specOf({})).toMatchObject({
      port: 8_080,
      probes: [{ name: "answering", kind: "ready", type: "any", port: 8_080, intervalMs: null }],
      entrypoint: null,
    });
    expect(specOf({}).size).toEqual({ vcpu: 0.0625, memoryMib: 256, diskMb: 2_000 });
  });

  it("with a port but no check wants it to accept connections", ({ expect }) => {
    expect(specOf({ ports: PORTS })).toMatchObject({
      port: 9_090,
      probes: [{ name: "listening", kind: "ready", type: "tcp", port: 9_090, intervalMs: null }],
    });
  });

  it("wants every required port to open before it has started, and to listen while it is ready", ({ expect }) => {
    const ports = [...PORTS, { name: "admin", port: 1 }];
    const { port, probes } = specOf({ ports, required_ports: ["admin", 7_000] });
    expect(port).toBe(9_090);
    expect(probes).toMatchObject([
      { name: "opened-1", kind: "startup", type: "tcp", port: 1, intervalMs: null },
      { name: "listening-1", kind: "ready", type: "tcp", port: 1, intervalMs: 10_000, attempts: 3 },
      { name: "opened-7000", kind: "startup", type: "tcp", port: 7_000 },
      { name: "listening-7000", kind: "ready", type: "tcp", port: 7_000 },
      // Requests go there, required or not.
      { name: "listening", kind: "ready", type: "tcp", port: 9_090 },
    ]);
    const ready = { type: "http", port: "http", kind: "ready", http: { path: "/" } };
    const both = specOf({ ports, required_ports: ["http"], checks: [ready] });
    expect(both.probes.map(({ name }) => name)).toEqual(["ready-0", "opened-9090", "listening-9090"]);
  });

  it("sends requests to the first required port where no ports are declared", ({ expect }) => {
    const { port, probes, env } = specOf({ required_ports: [7_000, 7_001] });
    expect([port, env]).toEqual([7_000, {}]);
    expect(probes.map(({ name }) => name)).toEqual(["opened-7000", "listening-7000", "opened-7001", "listening-7001"]);
  });

  it.for<[object, string, string]>([
    [{ required_ports: ["http"] }, "required_ports.0", "none is declared"],
    [{ ports: PORTS, required_ports: [1, "admin"] }, "required_ports.1", "declared: http"],
    [{ ports: PORTS, required_ports: ["http", 9_090] }, "required_ports.1", "is there twice: port 9090"],
    [{ required_ports: [] }, "required_ports", ">=1"],
    [{ required_ports: [70_000] }, "required_ports.0", ""],
  ])("of %j is none", ([configuration, path, message], { expect }) => {
    const { error } = configurationSchema.safeParse({ image: "hello-world", ...configuration });
    const issue = error?.issues.find((found) => found.path.join(".") === path);
    expect(issue?.message).toContain(message);
  });

  it("resolves each check's port by name and its times to milliseconds", ({ expect }) => {
    const ports = [...PORTS, { name: "admin", port: 1 }];
    const check = { type: "http", port: "admin", kind: "ready", http: { path: "/h" }, timeout: 2, interval: "1m" };
    expect(specOf({ ports, checks: [check] }).probes).toEqual([
      {
        name: "ready-0",
        kind: "ready",
        type: "http",
        port: 1,
        http: { method: "GET", path: "/h", headers: {}, body: null },
        expectStatus: ["2xx"],
        timeoutMs: 2_000,
        intervalMs: 60_000,
        attempts: 3,
        graceMs: 0,
      },
    ]);
  });

  it("takes what a check says of itself, and the usual where it says nothing", ({ expect }) => {
    const check = { type: "http", port: "http", http: { path: "/" } };
    const { probes } = specOf({
      ports: PORTS,
      checks: [
        { ...check, kind: "startup", name: "boot" },
        { ...check, kind: "startup", interval: "250ms" },
        { ...check, kind: "health", expect_status: [204, "3xx"], grace_period: "1m", attempts_before_failure: 5 },
      ],
    });
    expect(probes).toMatchObject([
      { name: "boot", kind: "startup", intervalMs: null },
      { name: "startup-1", kind: "startup", intervalMs: 250 },
      { kind: "health", intervalMs: 10_000, expectStatus: ["204", "3xx"], graceMs: 60_000, attempts: 5 },
      { name: "listening", kind: "ready" },
    ]);
  });

  it("has two minutes to start, five seconds to drain and ten to stop, unless it says otherwise", ({ expect }) => {
    expect(specOf({})).toMatchObject({ startupDeadlineMs: 120_000, drainTimeoutMs: 5_000, stopGraceMs: 10_000 });
    expect(specOf({ startup_deadline: "10m", drain_timeout: 0, stop_grace: "90s" })).toMatchObject({
      startupDeadlineMs: 600_000,
      drainTimeoutMs: 0,
      stopGraceMs: 90_000,
    });
  });

  it("starts the entrypoint with the command as its arguments", ({ expect }) => {
    expect(specOf({ entrypoint: ["sh", "-c"], command: ["true"] }).entrypoint).toEqual(["sh", "-c", "true"]);
  });
});

describe("a revision", () => {
  it("does not depend on the order of keys", async ({ expect }) => {
    const [a, b] = [
      { name: "A", value: "1" },
      { name: "B", value: "2" },
    ];
    const one = await revision({ environment_variables: [a, b], ports: PORTS });
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(await revision({ ports: PORTS, environment_variables: [b, a] })).toBe(one);
  });

  it("is the same for the same thing said differently", async ({ expect }) => {
    expect(await revision({ instance_type: "dev" })).toBe(await revision({}));
    expect(await revision({ vcpu: 0.0625, memory_mib: 256 })).toBe(await revision({ instance_type: "lite" }));
  });

  it.for([
    { image: "other" },
    { environment_variables: [{ name: "A", value: "1" }] },
    { labels: [{ name: "a", value: "1" }] },
    { entrypoint: ["a"] },
    { entrypoint: ["a b"] },
    { entrypoint: ["a", "b"] },
    { ports: PORTS },
    { vcpu: 1 },
    { instance_type: "basic" },
  ])("differs for %j", async (configuration, { expect }) => {
    const others = [{}, { entrypoint: ["ab"] }, { environment_variables: [{ name: "A", value: "2" }] }];
    const revisions = await Promise.all(others.map(revision));
    expect(revisions).not.toContain(await revision(configuration));
  });
});
