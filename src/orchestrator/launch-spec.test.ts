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
