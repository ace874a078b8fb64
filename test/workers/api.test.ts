/** What the control API answers, as Cloudflare's clients read it. */
import { describe, it } from "vitest";
import {
  ACCOUNT_ID,
  call,
  createApplication,
  eventsOf,
  eventually,
  instancesOf,
  raw,
  untilReady,
  type Envelope,
} from "./client.ts";
import { containerOf } from "./fake-container.ts";

const IDLE = { instances: 0 };

/** All pages of a list, as a client walks them. */
async function pages(path: string): Promise<Envelope[]> {
  const found: Envelope[] = [];
  let token: string | undefined;
  do {
    const page = await call("GET", `${path}${token === undefined ? "" : `&page_token=${token}`}`);
    found.push(page);
    token = page.result_info?.next_page_token;
  } while (token !== undefined && found.length < 50);
  return found;
}

async function idsOf(query: string): Promise<string[]> {
  return (await call("GET", `/applications?${query}`)).result.map((application: { id: string }) => application.id);
}

/** `deriveContainerState` of wrangler 4.164 (src/containers/list.ts), which reads nothing but the counters. */
function wranglerState(counts: Record<string, number>): string {
  if ((counts["failed"] ?? 0) > 0) return "degraded";
  if ((counts["starting"] ?? 0) > 0 || (counts["scheduling"] ?? 0) > 0) return "provisioning";
  return (counts["active"] ?? 0) > 0 ? "active" : "ready";
}

/** `buildInstanceRows` and `deriveInstanceState` of the same wrangler (src/containers/instances.ts). */
function wranglerRows(data: Envelope["result"]): { id: string; name: string; state: string; version: number }[] {
  const known = ["running", "failed", "stopping", "stopped", "unhealthy"];
  const byId = new Map(data.instances.map((instance: { id: string }) => [instance.id, instance]));
  return data.durable_objects.map((object: { id: string; name: string; deployment_id: string }) => {
    const instance = byId.get(object.deployment_id) as Envelope["result"];
    const status = instance?.current_placement?.status;
    const word = status?.container_status ?? status?.health;
    const state = word === "placed" ? "provisioning" : known.includes(word) ? word : "unknown";
    return { id: object.id, name: object.name, state, version: instance?.app_version };
  });
}

describe("the envelope", () => {
  it("is Cloudflare's on success", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const response = await raw("GET", `/applications/${id}`);
    expect(response.headers.get("content-type")).toContain("application/json");
    expect(await response.json()).toEqual({
      success: true,
      errors: [],
      messages: [],
      result: expect.objectContaining({ id }),
    });
  });

  it("carries result_info on lists only", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    expect((await call("GET", "/applications?per_page=1")).result_info).toMatchObject({ per_page: 1, count: 1 });
    expect((await call("GET", `/applications/${id}`)).result_info).toBeUndefined();
  });

  it("needs no token for the health of the control plane", async ({ expect }) => {
    const response = await raw("GET", "http://control.test/healthz", undefined, { authorization: "" });
    expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
  });
});

describe("an application", () => {
  it("is created with what was asked for, and defaults said out loud", async ({ expect }) => {
    const name = `full-${crypto.randomUUID().slice(0, 8)}`;
    const body = {
      name,
      instances: 0,
      max_instances: 7,
      ingress: { mode: "token" },
      check_every: "90s",
      configuration: {
        image: "hello-world",
        environment_variables: [{ name: "A", value: "1" }],
        labels: [{ name: "team", value: "media" }],
        ports: [{ name: "http", port: 9_090 }],
        checks: [{ type: "http", port: "http", kind: "ready", http: { path: "/health" } }],
      },
    };
    const { status, result } = await call("POST", "/applications", body);
    expect(status).toBe(201);
    expect(result).toMatchObject({
      account_id: ACCOUNT_ID,
      name,
      version: 1,
      scheduling_policy: "default",
      instances: 0,
      max_instances: 7,
      ingress: { mode: "token" },
      check_every: 90,
      generation: 1,
      observed_generation: 1,
      state: "ready",
      health: { instances: { active: 0, healthy: 0, failed: 0, starting: 0, scheduling: 0 } },
    });
    expect(result.configuration).toMatchObject({
      ...body.configuration,
      checks: [{ http: { method: "GET", path: "/health" }, timeout: "1s" }],
      vcpu: 0.0625,
      memory_mib: 256,
      disk: { size_mb: 2_000 },
    });
    expect((await call("GET", `/applications/${result.id}`)).result).toEqual(result);
    expect((await call("GET", `/applications/${name}`)).result).toEqual(result);
  });

  it("is found by name and by image in the list", async ({ expect }) => {
    const { id, name } = await createApplication(IDLE);
    const other = await createApplication(IDLE, "exits-0");
    expect(await idsOf(`name=${name}`)).toEqual([id]);
    expect(await idsOf("image=exits-0")).toContain(other.id);
    expect(await idsOf("image=exits-0")).not.toContain(id);
    expect(await idsOf("name=nobody")).toEqual([]);
  });

  it("stands in the list exactly once, whatever the page size", async ({ expect }) => {
    const made = await Promise.all(Array.from({ length: 5 }, async () => (await createApplication(IDLE)).id));
    const found = await pages("/applications?per_page=2");
    expect(found.every(({ result, result_info: info }) => result.length === info?.count && result.length <= 2)).toBe(
      true,
    );
    const ids = found.flatMap(({ result }) => result.map((application: { id: string }) => application.id));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(made));
  });

  it("keeps its place in the pages while one before it goes", async ({ expect }) => {
    const made = await Promise.all(Array.from({ length: 4 }, async () => (await createApplication(IDLE)).id));
    const [first] = await pages("/applications?per_page=1000");
    const ids: string[] = first?.result.map((application: { id: string }) => application.id);
    const half = await call("GET", `/applications?per_page=${ids.length - 1}`);
    const [gone] = made.toSorted();
    await call("DELETE", `/applications/${gone}`);
    const rest = await call("GET", `/applications?page_token=${half.result_info?.next_page_token}`);
    expect(rest.result.map((application: { id: string }) => application.id)).toEqual(ids.slice(-1));
  });

  it("acts at once on a patched count and counts it as a generation", async ({ expect }) => {
    const { id } = await createApplication(IDLE);
    const { result } = await call("PATCH", `/applications/${id}`, { instances: 2, check_every: 30 });
    expect(result).toMatchObject({ instances: 2, check_every: 30, generation: 2, observed_generation: 2 });
    await untilReady(id, 2);
  });

  it("is not changed by a patch that says what it is already", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, max_instances: 3 });
    const before = (await call("GET", `/applications/${id}`)).result;
    const patch = { instances: 0, max_instances: 3, configuration: { image: "hello-world" } };
    expect((await call("PATCH", `/applications/${id}`, patch)).result).toEqual(before);
    expect((await call("PATCH", `/applications/${id}`, {})).result).toEqual(before);
  });

  it("runs fewer when its maximum is lowered", async ({ expect }) => {
    const { id } = await createApplication({ instances: 3 });
    await untilReady(id, 3);
    expect((await call("PATCH", `/applications/${id}`, { max_instances: 1 })).result).toMatchObject({ instances: 1 });
    await untilReady(id, 1);
  });

  it("stores a patched configuration as a version and leaves what runs alone", async ({ expect }) => {
    const { id } = await createApplication();
    const [before] = await untilReady(id, 1);
    const configuration = { image: "hello-world", environment_variables: [{ name: "A", value: "2" }] };
    const { result } = await call("PATCH", `/applications/${id}`, { configuration });
    expect(result).toMatchObject({ version: 1, generation: 2 });
    expect(result.configuration.environment_variables).toBeUndefined();
    const versions = (await call("GET", `/applications/${id}/versions`)).result;
    expect(
      versions.map(({ version, percentage }: { version: number; percentage: number }) => [version, percentage]),
    ).toEqual([
      [2, 0],
      [1, 100],
    ]);
    expect(versions[0].configuration).toMatchObject(configuration);
    expect(await instancesOf(id)).toEqual([before]);
    expect(containerOf(before?.id ?? "").starts).toHaveLength(1);
  });

  it("is gone after a delete, by id, by name and in lists, and deleting it again is a 404", async ({ expect }) => {
    const { id, name } = await createApplication(IDLE);
    expect((await call("DELETE", `/applications/${name}`)).status).toBe(200);
    for (const path of [id, name]) expect((await call("GET", `/applications/${path}`)).status).toBe(404);
    expect((await call("DELETE", `/applications/${id}`)).status).toBe(404);
    expect((await call("GET", `/applications?name=${name}`)).result).toEqual([]);
  });

  it("of a name is created once when many ask at the same time", async ({ expect }) => {
    const name = `race-${crypto.randomUUID().slice(0, 8)}`;
    const body = { name, instances: 0, configuration: { image: "hello-world" } };
    const answers = await Promise.all(Array.from({ length: 8 }, async () => await call("POST", "/applications", body)));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([201, 409, 409, 409, 409, 409, 409, 409]);
    expect((await call("GET", `/applications?name=${name}`)).result).toHaveLength(1);
  });
});

describe("instances", () => {
  it("are the same in v2, in v1 and one by one, by id and by name", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 2 });
    const instances = await untilReady(id, 2);
    expect(instances.map((instance) => instance.name)).toEqual([`${name}-0`, `${name}-1`]);
    expect(instances[0]).toMatchObject({
      application_id: id,
      image: "hello-world",
      status: { state: "running" },
      configuration: { vcpu: 0.0625, memory: 256, disk: 2_000 },
      version: 1,
    });
    expect(instances[0]?.id).toMatch(/^[0-9a-f]{64}$/);
    expect((await call("GET", `/applications/${name}/instances`)).result).toEqual({ instances });
    for (const key of [instances[1]?.id, instances[1]?.name]) {
      expect((await call("GET", `/applications/${id}/instances/${key}`)).result).toEqual(instances[1]);
    }
  });

  it("are filtered by name and by whether they are active", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 2 });
    const instances = await untilReady(id, 2);
    const list = async (query: string) => (await call("GET", `/applications/${id}/instances-v2?${query}`)).result;
    expect(await list(`name_prefix=${name}-1`)).toEqual([instances[1]]);
    expect(await list(`name_prefix=${instances[0]?.id}`)).toEqual([instances[0]]);
    expect(await list("name_prefix=other")).toEqual([]);
    expect(await list("state=active")).toEqual(instances);
    expect(await list("state=not-active")).toEqual([]);
  });

  it("come in pages that together are the whole", async ({ expect }) => {
    const { id } = await createApplication({ instances: 5 });
    const instances = await untilReady(id, 5);
    const found = await pages(`/applications/${id}/instances-v2?per_page=2`);
    expect(found.map(({ result }) => result.length)).toEqual([2, 2, 1]);
    expect(found.flatMap(({ result }) => result)).toEqual(instances);
  });
});

describe("the dashboard's endpoints", () => {
  it("give what wrangler's list needs", async ({ expect }) => {
    const { id, name } = await createApplication();
    await untilReady(id, 1);
    const found = (await pages("/dash/applications?per_page=25")).flatMap(({ result }) => result);
    const mine = found.find((application) => application.id === id);
    expect(mine).toMatchObject({ name, instances: 1, version: 1, image: "hello-world" });
    expect(Date.parse(mine.updated_at)).not.toBeNaN();
    expect(wranglerState(mine.health.instances)).toBe("active");
  });

  it("join instances and objects as wrangler does", async ({ expect }) => {
    const { id } = await createApplication({ instances: 3 });
    const instances = await untilReady(id, 3);
    const found = await pages(`/dash/applications/${id}/instances?per_page=2`);
    const rows = found.flatMap(({ result }) => wranglerRows(result));
    expect(rows).toEqual(
      instances.map((instance) => ({ id: instance.id, name: instance.name, state: "running", version: 1 })),
    );
  });
});

describe("states and counters", () => {
  it.for([
    ["hello-world", 2, "active", { active: 2, healthy: 2, failed: 0, starting: 0, scheduling: 0 }, "running"],
    [
      "never-starts",
      2,
      "provisioning",
      { active: 0, healthy: 0, failed: 0, starting: 2, scheduling: 0 },
      "provisioning",
    ],
    ["never-boots", 1, "degraded", { active: 0, healthy: 0, failed: 1, starting: 0, scheduling: 0 }, "failed"],
    ["hello-world", 0, "ready", { active: 0, healthy: 0, failed: 0, starting: 0, scheduling: 0 }, undefined],
  ] as const)(
    "of %s × %i are %s, for us and for wrangler",
    async ([image, count, state, counts, instance], { expect }) => {
      const { id } = await createApplication({ instances: count, configuration: { image } });
      const application = await eventually(async () => {
        const { result } = await call("GET", `/applications/${id}`);
        const { assigned, ...counted } = result.health.instances;
        return assigned === counts.starting && JSON.stringify(counted) === JSON.stringify(counts) && result;
      });
      expect(application.state).toBe(state);
      expect(wranglerState(application.health.instances)).toBe(state);
      const rows = wranglerRows((await call("GET", `/dash/applications/${id}/instances`)).result);
      expect(rows.map((row) => row.state)).toEqual(Array.from({ length: count }, () => instance));
      expect((await instancesOf(id)).map(({ status }) => status.state)).toEqual(rows.map((row) => row.state));
    },
  );

  it("say which instance fails, how, and how often", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1, configuration: { image: "exits-3" } });
    const [error] = await eventually(async () => {
      const { errors } = (await call("GET", `/applications/${id}`)).result.health;
      return errors.length > 0 && errors;
    });
    expect(error.instance_id).toBe((await instancesOf(id))[0]?.id);
    expect(error.event).toMatch(/exit code 3, \d+ in a row/);
  });

  it("agree with wrangler's rule at every moment of a start and a loss", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 });
    const disagreements: unknown[] = [];
    const watch = async () => {
      const { result } = await call("GET", `/applications/${id}`);
      if (result.state !== wranglerState(result.health.instances)) disagreements.push(result);
      return result;
    };
    await eventually(async () => (await watch()).health.instances.healthy === 2);
    const [one] = await instancesOf(id);
    containerOf(one?.id ?? "").exit(3);
    await eventually(
      async () => (await watch()).health.instances.healthy === 2 && (await instancesOf(id))[0]?.generation === 2,
    );
    expect(disagreements).toEqual([]);
  });
});

describe("events", () => {
  it("are read from a cursor, each once and in order", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 2 });
    await untilReady(id, 2);
    const all = (await call("GET", `/applications/${id}/events`)).result;
    const seen: { id: string }[] = [];
    let after: string | undefined = "0";
    while (after !== undefined) {
      const page: Envelope = await call("GET", `/events?application=${name}&per_page=2&after=${after}`);
      seen.push(...page.result);
      after = page.result_info?.next_page_token;
    }
    expect(seen).toEqual(all);
    expect(seen.map((event) => Number(event.id))).toEqual(seen.map((_, index) => index + 1));
    expect((await call("GET", `/applications/${id}/events?after=${seen.length}`)).result).toEqual([]);
  });

  it("tell a start in Cloudflare's words", async ({ expect }) => {
    const { id } = await createApplication();
    await untilReady(id, 1);
    const events = await eventsOf(id);
    expect(events.map(({ name }) => name)).toEqual(["ApplicationCreated", "SchedulerPlaced", "ContainerStarted"]);
    expect(events[2]).toMatchObject({ type: "Info", statusChange: { health: "running", ready: true }, generation: 1 });
  });
});
