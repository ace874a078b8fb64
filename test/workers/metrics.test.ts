/** `/metrics`: what Prometheus reads of an account, who may read what of it, and what it costs. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, it, vi } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import { accountStub, applicationStub } from "../../src/stubs.ts";
import { parseMetrics, valuesOf, type MetricFamily } from "../prometheus.ts";
import { ACCOUNT_ID, call, createApplication, domainError, eventually, raw, testEnv, untilReady } from "./client.ts";

const IDLE = { instances: 0 };
const ROOT = "http://control.test/metrics";

async function scrape(path = ROOT, token = "test-token"): Promise<Map<string, MetricFamily>> {
  const response = await raw("GET", path, undefined, { authorization: `Bearer ${token}` });
  if (response.status !== 200) throw new Error(await response.text());
  return parseMetrics(await response.text());
}

async function accountRows(): Promise<number> {
  return (await accountStub(testEnv, ACCOUNT_ID).billing()).rowsWritten;
}

function namesOf(families: ReadonlyMap<string, MetricFamily>): (string | undefined)[] | undefined {
  return families.get("gantry_application_up")?.metrics.map(({ labels }) => labels["application"]);
}

async function newToken(body: Record<string, unknown>): Promise<string> {
  return (await call("POST", "/tokens", { name: "metrics", ...body })).result.value;
}

describe("metrics", () => {
  it("are in Prometheus' text format, at the root and below the account", async ({ expect }) => {
    const { name } = await createApplication(IDLE);
    for (const path of [ROOT, "/metrics", "http://control.test/client/v4/containers/metrics"]) {
      const response = await raw("GET", path);
      expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(response.headers.get("x-request-id")).not.toBeNull();
      expect(valuesOf(parseMetrics(await response.text()), "gantry_application_up", "application")[name]).toBe(1);
    }
  });

  it("count an application's instances and name them with their labels", async ({ expect }) => {
    const { id, name } = await createApplication({
      instances: 2,
      configuration: {
        image: "hello-world",
        labels: [
          { name: "team", value: 'a "b" \\ ü' },
          { name: "a.b", value: "1" },
          { name: "a-b", value: "2" },
        ],
      },
    });
    const instances = await untilReady(id, 2);
    const families = await scrape(`/metrics?application=${name}`);
    const of = (state: string) => valuesOf(families, `gantry_application_instances_${state}`, "application")[name];
    expect(["desired", "active", "ready", "failed", "starting"].map(of)).toEqual([2, 2, 2, 0, 0]);
    expect(valuesOf(families, "gantry_application_generation", "application")).toEqual({ [name]: 1 });
    expect(families.get("gantry_instance_ready")?.metrics).toEqual(
      instances.map((instance) => ({
        name: "gantry_instance_ready",
        labels: {
          application: name,
          instance: instance.name,
          deployment: instance.deployment_id,
          version: "1",
          label_team: 'a "b" \\ ü',
          label_a_b_conflict1: "1",
          label_a_b_conflict2: "2",
        },
        value: 1,
      })),
    );
  });

  it("agree with the events, also after the application was out of memory", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 1 }, "exits-3");
    await eventually(async () => (await call("GET", `/applications/${id}/events?name=VMFailed`)).result.length >= 2);
    await call("PATCH", `/applications/${id}`, { instances: 0 });
    await eventually(async () => (await call("GET", `/applications/${id}/instances-v2`)).result.length === 0);
    await evictDurableObject(applicationStub(testEnv, id));
    const events: { type: string; name: string; details: Record<string, unknown> }[] = (
      await call("GET", `/applications/${id}/events?per_page=1000`)
    ).result;
    const families = await scrape(`/metrics?application=${id}`);
    const types: Record<string, number> = {};
    for (const { type } of events) types[type] = (types[type] ?? 0) + 1;
    expect(valuesOf(families, "gantry_events_total", "type", { application: name })).toEqual(types);
    const exits = events.filter(({ details }) => details["outcome"] === "exited").length;
    expect(valuesOf(families, "gantry_container_ends_total", "outcome")["exited"]).toBe(exits);
  });

  it("count rows and alarms as the objects themselves do, the instances' when asked", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 1 });
    const [instance] = await untilReady(id, 1);
    const deployment = instance?.deployment_id ?? "";
    const families = await scrape("/metrics?instance_costs=true");
    const { rowsWritten, alarmsSet } = await applicationStub(testEnv, id).billing();
    const rows = valuesOf(families, "gantry_object_rows_written_total", "class", { application: name });
    expect(rows["Application"]).toBe(rowsWritten);
    expect(rows["Instance"]).toBeGreaterThan(0);
    expect(valuesOf(families, "gantry_object_alarms_set_total", "class", { application: name })["Application"]).toBe(
      alarmsSet,
    );
    expect(valuesOf(families, "gantry_object_rows_written_total", "deployment", { class: "Instance" })).toHaveProperty(
      deployment,
    );
    expect(valuesOf(await scrape(), "gantry_object_rows_written_total", "class")).not.toHaveProperty("Instance");
  });

  it("count the account's requests by route and status, and write nothing for it", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const countOf = async (route: string, method: string, status: string) => {
      const families = await scrape();
      return valuesOf(families, "gantry_api_requests_total", "route", { method, status })[route] ?? 0;
    };
    const before = [
      await countOf("/applications/:id", "GET", "2xx"),
      await countOf("/applications/:id", "GET", "4xx"),
      await countOf("/applications/:id", "PATCH", "4xx"),
      await countOf("/tokens", "POST", "4xx"),
    ];
    const rows = await accountRows();
    for (let request = 0; request < 3; request += 1) await call("GET", `/applications/${id}`);
    await call("GET", "/applications/missing");
    await scrape();
    expect(await accountRows()).toBe(rows);
    await call("PATCH", `/applications/${id}`, { instances: -1 });
    const reader = await newToken({ scopes: ["read"] });
    await raw("POST", "/tokens", "{}", { authorization: `Bearer ${reader}` });
    await raw("GET", `/applications/${id}`, undefined, { authorization: "Bearer wrong" });
    const after = [
      await countOf("/applications/:id", "GET", "2xx"),
      await countOf("/applications/:id", "GET", "4xx"),
      await countOf("/applications/:id", "PATCH", "4xx"),
      await countOf("/tokens", "POST", "4xx"),
    ];
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([3, 1, 1, 1]);
  });

  it("do not write to what they look at, and set no alarm", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    await untilReady(id, 1);
    await eventually(async () => {
      const before = await applicationStub(testEnv, id).billing();
      await call("GET", `/applications/${id}`);
      return before.rowsWritten === (await applicationStub(testEnv, id).billing()).rowsWritten;
    });
    const before = await applicationStub(testEnv, id).billing();
    for (let time = 0; time < 3; time += 1) await scrape("/metrics?instance_costs=true");
    expect(await applicationStub(testEnv, id).billing()).toEqual(before);
  });
});

describe("who may read metrics", () => {
  it("reads those of the applications that its token reaches, and nothing of the account", async ({ expect }) => {
    const mine = await createApplication(IDLE);
    const other = await createApplication(IDLE);
    const token = await newToken({ scopes: ["read"], applications: [mine.name] });
    const families = await scrape(ROOT, token);
    expect(valuesOf(families, "gantry_application_up", "application")).toEqual({ [mine.name]: 1 });
    expect(families.has("gantry_api_requests_total")).toBe(false);
    const refused = await raw("GET", `/metrics?application=${other.id}`, undefined, {
      authorization: `Bearer ${token}`,
    });
    expect([refused.status, domainError(await refused.json()).error]).toEqual([404, "APPLICATION_NOT_FOUND"]);
  });

  it.for([
    ["nobody", "", 401],
    ["invoke", null, 403],
  ] as const)("not %s", async ([scope, header, status], { expect }) => {
    const token = header ?? `Bearer ${await newToken({ scopes: [scope] })}`;
    expect((await raw("GET", ROOT, undefined, { authorization: token })).status).toBe(status);
  });

  it("gets an application once that it names twice", async ({ expect }) => {
    const { id, name } = await createApplication(IDLE);
    const families = await scrape(`/metrics?application=${id}&application=${name}`);
    expect(valuesOf(families, "gantry_application_up", "application")).toEqual({ [name]: 1 });
  });
});

describe("a scrape", () => {
  it("goes on without an application that does not answer, and says so", async ({ expect }) => {
    const broken = await createApplication(IDLE);
    const sound = await createApplication(IDLE);
    await runInDurableObject(applicationStub(testEnv, broken.id), (application: Application) => {
      Object.defineProperty(application, "metrics", { value: () => Promise.reject(new Error("out of order")) });
    });
    const up = valuesOf(await scrape(), "gantry_application_up", "application");
    await evictDurableObject(applicationStub(testEnv, broken.id));
    expect([up[broken.name], up[sound.name]]).toEqual([0, 1]);
    expect(valuesOf(await scrape(), "gantry_application_up", "application")[broken.name]).toBe(1);
  });

  it("of many applications has each once, in the same order every time", async ({ expect }) => {
    const created = await Promise.all(Array.from({ length: 40 }, () => createApplication(IDLE)));
    const names = namesOf(await scrape());
    expect(new Set(names)).toEqual(new Set([...(names ?? []), ...created.map(({ name }) => name)]));
    expect(namesOf(await scrape())).toEqual(names);
  });
});

describe("the log", () => {
  it("has a line for each write of a known caller, without what the request carried", async ({ expect }) => {
    const log = vi.spyOn(console, "log");
    const { id } = await createApplication(IDLE);
    await call("GET", `/applications/${id}`);
    await raw("PATCH", `/applications/${id}?secret=hunter2`, '{"secret":"hunter2"}');
    await raw("DELETE", `/applications/${id}`, undefined, { authorization: "Bearer hunter2" });
    const lines = log.mock.calls.map(([line]) => line).filter((line) => line?.message === "api.request");
    const seen = lines.map(({ method, route, status, actor }) => [method, route, status, actor]);
    expect(seen).toEqual([
      ["POST", "/applications", 201, "operator"],
      ["PATCH", "/applications/:id", 400, "operator"],
    ]);
    expect(lines[0]).toMatchObject({ requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(JSON.stringify(log.mock.calls)).not.toContain("hunter2");
  });
});
