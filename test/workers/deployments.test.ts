/** deployments v2: standalone ones and those of applications, by the routes and the bodies that clients use. */
import { describe, it } from "vitest";
import { accountStub, applicationStub, publicInstanceId } from "../../src/stubs.ts";
import { ACCOUNT_ID, call, createApplication, domainError, eventually, testEnv, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";
import { admittedOnly, billed, forget, send, unheard } from "./writes.ts";

const BODY = { image: "hello-world", location: "weur" };
/** What `wrangler cloudchamber create` sends. */
const WRANGLER = { ...BODY, ssh_public_key_ids: [], network: { assign_ipv6: "predefined" } };
const env = (value: string) => ({ environment_variables: [{ name: "A", value }] });
const unknown = () => `auto-0-${crypto.randomUUID().replaceAll("-", "")}-0123456789ab`;

async function create(body: object = BODY, headers: Record<string, string> = {}) {
  const answer = await send("POST", "/deployments/v2", body, headers);
  if (answer.status !== 201) throw new Error(`not created: ${JSON.stringify(answer.errors)}`);
  return answer.result;
}

const pathOf = (id: string) => `/deployments/${id}/v2`;
const containerBehind = (id: string) => containerOf(publicInstanceId(testEnv, id));
const applicationOf = (id: string) =>
  (id.split("-")[2] ?? "").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

/** As lists are. */
const byApplication = (a: string, b: string) => (applicationOf(a) < applicationOf(b) ? -1 : 1);

async function running(id: string) {
  return await eventually(async () => {
    const { result } = await send("GET", pathOf(id));
    return result?.current_placement?.status.ready === true && result;
  });
}

async function listed(query: string): Promise<string[]> {
  return (await send("GET", `/deployments/v2?${query}`)).result.map(({ id }: { id: string }) => id);
}

describe("a standalone deployment", () => {
  it("is made as wrangler asks for it, and runs", async ({ expect }) => {
    const made = await create({
      ...WRANGLER,
      ...env("1"),
      instance_type: "basic",
      labels: [{ name: "a", value: "b" }],
    });
    expect(made).toMatchObject({
      account_id: ACCOUNT_ID,
      version: 0,
      type: "default",
      image: "hello-world",
      location: { name: "weur", enabled: true, region: "WEUR" },
      vcpu: 0.25,
      memory: "1024MiB",
      memory_mib: 1_024,
      disk: { size_mb: 4_000 },
      ...env("1"),
      labels: [{ name: "a", value: "b" }],
      network: { mode: "public" },
      state: { current: "placed" },
    });
    expect(made.app_id).toBeUndefined();
    const now = await running(made.id);
    expect(now.current_placement).toMatchObject({ id: `${made.id}.1`, deployment_id: made.id, terminate: false });
    expect(now.network.ipv6).toContain(":");
    expect(now.current_placement.status.ipv6Address).toBe(now.network.ipv6);
    expect(containerBehind(made.id).starts[0]?.env).toMatchObject({ A: "1", GANTRY_LOCATION: "weur" });
  });

  it("stands in no list of applications and behind no path of them", async ({ expect }) => {
    const { id } = await create();
    const application = applicationOf(id);
    const ids = (await send("GET", "/applications")).result.map((other: { id: string }) => other.id);
    expect(ids).not.toContain(application);
    const dash = (await send("GET", "/dash/applications")).result.map((other: { id: string }) => other.id);
    expect(dash).not.toContain(application);
    for (const path of ["", "/instances", "/events", "/versions"]) {
      expect((await send("GET", `/applications/${application}${path}`)).status).toBe(404);
    }
    expect((await send("PATCH", `/applications/${application}`, { instances: 2 })).status).toBe(404);
  });

  it("keeps its id over a change, whose version and placement follow", async ({ expect }) => {
    const { id } = await create({ ...BODY, ...env("1"), ports: [{ name: "http", port: 8_080 }] });
    await running(id);
    const { status, result } = await send("PATCH", pathOf(id), { ...env("2"), labels: [{ name: "a", value: "b" }] });
    expect([status, result.id, result.version]).toEqual([200, id, 1]);
    expect(result).toMatchObject({ ...env("2"), ports: [{ name: "http", port: 8_080 }] });
    const now = await eventually(async () => {
      const seen = (await send("GET", pathOf(id))).result;
      return seen.current_placement.id === `${id}.2` && seen.current_placement.status.ready && seen;
    });
    expect(now.current_placement.deployment_version).toBe(1);
    expect(containerBehind(id).starts.map((start) => start.env["A"])).toEqual(["1", "2"]);
    expect(await listed(`app_id=${applicationOf(id)}`)).toEqual([id]);
  });

  it("takes another location, and tells its container", async ({ expect }) => {
    const { id } = await create();
    await running(id);
    const { result } = await send("PATCH", pathOf(id), { location: "enam" });
    expect([result.location.name, result.version]).toEqual(["enam", 1]);
    await eventually(async () => containerBehind(id).starts.at(-1)?.env["GANTRY_LOCATION"] === "enam");
  });

  it("is not touched by a change to what it is, which writes no row", async ({ expect }) => {
    const { id } = await create({ ...BODY, ...env("1") });
    await running(id);
    const before = await billed(applicationOf(id));
    for (const body of [{}, { ...BODY, ...env("1") }]) {
      const { status, result } = await send("PATCH", pathOf(id), body);
      expect([status, result.version]).toEqual([200, 0]);
    }
    expect(await billed(applicationOf(id))).toBe(before);
    expect(containerBehind(id).starts).toHaveLength(1);
  });

  it("is changed by all of many writers", async ({ expect }) => {
    const { id } = await create();
    const bodies = [env("1"), { labels: [{ name: "a", value: "b" }] }, { entrypoint: ["node"] }];
    const answers = await Promise.all(bodies.map(async (body) => await send("PATCH", pathOf(id), body)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const { result } = await send("GET", pathOf(id));
    expect(result).toMatchObject({
      version: 3,
      ...env("1"),
      labels: [{ name: "a", value: "b" }],
      entrypoint: ["node"],
    });
  });

  it("is gone after a delete, and its container too", async ({ expect }) => {
    const { id } = await create();
    await running(id);
    const { status, result } = await send("DELETE", pathOf(id));
    expect([status, result.id]).toEqual([200, id]);
    expect((await send("GET", pathOf(id))).status).toBe(404);
    expect((await send("DELETE", pathOf(id))).status).toBe(404);
    expect(await listed(`app_id=${applicationOf(id)}`)).toEqual([]);
    await eventually(async () => !containerBehind(id).running);
  });

  it("comes back under a new id when it is recreated", async ({ expect }) => {
    const { id } = await create({ ...BODY, ...env("1") });
    await running(id);
    const { status, result } = await send("POST", `/deployments/${id}/recreate`, { ...BODY, ...env("2") });
    expect([status, result.version, result.id === id]).toEqual([200, 0, false]);
    expect(result).toMatchObject(env("2"));
    expect((await send("GET", pathOf(id))).status).toBe(404);
    await running(result.id);
    await eventually(async () => !containerBehind(id).running);
  });

  it.for([
    ["location", { image: "hello-world" }],
    ["image", { location: "weur" }],
    ["dns", { ...BODY, dns: { servers: ["1.1.1.1"] } }],
    ["provisioner", { ...BODY, provisioner: { type: "cloudinit" } }],
    ["instances", { ...BODY, instances: 2 }],
    ["command", { ...BODY, command: ["x"] }],
    [
      "environment_variables[1].name",
      { ...BODY, environment_variables: [...env("1").environment_variables, ...env("2").environment_variables] },
    ],
  ])("over %s is refused by field", async ([field, body], { expect }) => {
    const answer = await send("POST", "/deployments/v2", body);
    expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, [field]]);
  });

  it("is refused for a location that there is not, and for an image that is not declared", async ({ expect }) => {
    const nowhere = await send("POST", "/deployments/v2", { ...BODY, location: "moon" });
    expect([nowhere.status, domainError(nowhere).error]).toEqual([400, "LOCATION_NOT_ALLOWED"]);
    const imageless = await send("POST", "/deployments/v2", { ...BODY, image: "postgres:16" });
    expect(Object.keys(domainError(imageless).details)).toContain("image");
  });

  it.for([
    ["network", { network: { mode: "private" } }],
    ["ports", { ports: [{ name: "http", port: 80 }] }],
    ["authorized_keys", { authorized_keys: [] }],
    ["dns", { dns: {} }],
    ["type", { type: "jobs" }],
    ["image", { image: "" }],
  ])("keeps its %s: a change is refused by field", async ([field, body], { expect }) => {
    const { id } = await create();
    const answer = await send("PATCH", pathOf(id), body);
    expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, [field]]);
    expect((await send("GET", pathOf(id))).result.version).toBe(0);
  });
});

describe("a retry of what was not heard", () => {
  it("makes one deployment", async ({ expect }) => {
    const label = { labels: [{ name: "run", value: crypto.randomUUID() }] };
    const key = { "idempotency-key": crypto.randomUUID() };
    const first = await create({ ...BODY, ...label }, key);
    await unheard(ACCOUNT_ID, key["idempotency-key"]);
    await forget(applicationOf(first.id));
    const second = await create({ ...BODY, ...label }, key);
    expect(second.id).toBe(first.id);
    expect(await listed(`label=run=${label.labels[0]?.value}`)).toEqual([first.id]);
  });

  it("changes a deployment once", async ({ expect }) => {
    const { id } = await create();
    const key = { "idempotency-key": crypto.randomUUID() };
    await send("PATCH", pathOf(id), env("2"), key);
    await unheard(ACCOUNT_ID, key["idempotency-key"]);
    expect((await send("PATCH", pathOf(id), env("2"), key)).result.version).toBe(1);
  });

  it("of a delete succeeds", async ({ expect }) => {
    const { id } = await create();
    const key = { "idempotency-key": crypto.randomUUID() };
    await send("DELETE", pathOf(id), undefined, key);
    await unheard(ACCOUNT_ID, key["idempotency-key"]);
    const again = await send("DELETE", pathOf(id), undefined, key);
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, null]);
  });

  it("of a recreation leaves one, wherever it was cut off", async ({ expect }) => {
    const label = { labels: [{ name: "run", value: crypto.randomUUID() }] };
    const body = { ...BODY, ...label };
    const { id } = await create(body);
    const key = { "idempotency-key": crypto.randomUUID() };
    const first = await send("POST", `/deployments/${id}/recreate`, body, key);
    await unheard(ACCOUNT_ID, key["idempotency-key"]);
    const second = await send("POST", `/deployments/${id}/recreate`, body, key);
    expect([second.status, second.result.id]).toEqual([200, first.result.id]);
    expect(await listed(`label=run=${label.labels[0]?.value}`)).toEqual([first.result.id]);
  });
});

describe("a recreation that was cut off", () => {
  it.for(["before anything", "behind the new deployment"] as const)(
    "%s is finished by a retry",
    async (cut, { expect }) => {
      const label = { labels: [{ name: "run", value: crypto.randomUUID() }] };
      const body = { ...BODY, ...label };
      const { id } = await create(body);
      const path = `/deployments/${id}/recreate`;
      const key = crypto.randomUUID();
      const seed = await admittedOnly("POST", path, body, key);
      if (cut === "behind the new deployment") {
        const view = await applicationStub(testEnv, applicationOf(id)).view();
        if (view === null) throw new Error("no view");
        const { row, configuration } = view;
        const name = `deployment-${seed}`;
        await accountStub(testEnv, ACCOUNT_ID).reserveName(name, seed, "deployment");
        const made = { id: seed, accountId: row.accountId, name, kind: row.kind, spec: row.spec, configuration };
        await applicationStub(testEnv, seed).create({ ...made, revision: "r" });
      }
      const { status, result } = await send("POST", path, body, { "idempotency-key": key });
      expect([status, applicationOf(result.id)]).toEqual([200, seed]);
      expect(await listed(`label=run=${label.labels[0]?.value}`)).toEqual([result.id]);
    },
  );
});

describe("the deployments of an application", () => {
  it("are shown with it, one by one and in lists", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 });
    const ids = (await untilReady(id, 2)).map((instance) => instance.deployment_id).toSorted();
    const all = (await send("GET", `/applications/${id}/deployments`)).result;
    expect(all.map((deployment: { id: string }) => deployment.id).toSorted()).toEqual(ids);
    expect(all[0]).toMatchObject({
      app_id: id,
      app_version: 1,
      location: { name: expect.stringMatching(/^[a-z]{2,4}$/), enabled: true },
      network: { mode: "private" },
    });
    const { name: location } = all[0].location;
    expect(await listed(`app_id=${id}&location=${location}`)).toContain(all[0].id);
    expect(await listed(`app_id=${id}&location=nowhere`)).toEqual([]);
    expect((await send("GET", `/applications/${id}/deployments/${ids[0]}`)).result.id).toBe(ids[0]);
    expect((await send("GET", pathOf(ids[1] ?? ""))).result.id).toBe(ids[1]);
    expect(await listed(`app_id=${id}`)).toEqual(ids);
    expect((await send("GET", `/applications/${id}/deployments/${unknown()}`)).status).toBe(404);
  });

  it("are changed with it only", async ({ expect }) => {
    const { id, name } = await createApplication();
    const [instance] = await untilReady(id, 1);
    const answer = await send("PATCH", pathOf(instance?.deployment_id ?? ""), env("2"));
    expect(answer.status).toBe(400);
    expect(domainError(answer).message).toContain(`change the application`);
    expect(domainError(answer).message).toContain(name);
    const recreate = `/applications/${id}/deployments/${instance?.deployment_id}/recreate`;
    expect(Object.keys(domainError(await send("POST", recreate, env("2"))).details)).toEqual(["environment_variables"]);
  });

  it("are replaced by others when they are deleted or recreated", async ({ expect }) => {
    const { id } = await createApplication();
    const [first] = await untilReady(id, 1);
    expect((await send("DELETE", pathOf(first?.deployment_id ?? ""))).status).toBe(200);
    const second = await eventually(async () => {
      const [instance, ...more] = (await send("GET", `/applications/${id}/deployments`)).result;
      return (
        more.length === 0 &&
        instance?.id !== first?.deployment_id &&
        instance?.current_placement.status.ready &&
        instance
      );
    });
    const { status, result } = await send("POST", `/applications/${id}/deployments/${second.id}/recreate`, {});
    expect([status, result.app_id]).toEqual([200, id]);
    expect(result.id).not.toBe(second.id);
    await running(result.id);
    expect((await send("GET", `/applications/${id}/deployments/${result.id}`)).status).toBe(200);
  });
});

describe("a list of deployments", () => {
  it("is narrowed by each filter", async ({ expect }) => {
    const run = crypto.randomUUID();
    const labels = [{ name: "run", value: run }];
    const first = await create({ ...BODY, labels, network: { mode: "public", assign_ipv4: "predefined" } });
    const second = await create({ ...BODY, labels: [...labels, { name: "b", value: "c" }], location: "enam" });
    const { network } = await running(first.id);
    await running(second.id);
    const both = [first.id, second.id].toSorted(byApplication);
    expect(await listed(`label=run:${run}`)).toEqual(both);
    expect(await listed(`label=run=${run}&label=b:c`)).toEqual([second.id]);
    expect(await listed(`label=run=${run}&location=weur`)).toEqual([first.id]);
    expect(await listed(`label=run=${run}&image=exits-0`)).toEqual([]);
    expect(await listed(`label=run=${run}&image=hello-world&state=running`)).toEqual(both);
    expect(await listed(`label=run=${run}&state=stopped`)).toEqual([]);
    expect(network.ipv4).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(await listed(`ipv4=${network.ipv4}`)).toEqual([first.id]);
    expect(await listed("ipv4=running")).toEqual([]);
    expect((await send("GET", "/deployments/v2?state=happy")).status).toBe(400);
  });

  it("comes in pages that together are the whole", async ({ expect }) => {
    const { id } = await createApplication({ instances: 3 });
    await untilReady(id, 3);
    await create();
    const whole = await listed("");
    const seen: string[] = [];
    let token: string | undefined;
    do {
      const page = await send("GET", `/deployments/v2?per_page=2${token === undefined ? "" : `&page_token=${token}`}`);
      expect(page.result.length).toBeLessThanOrEqual(2);
      seen.push(...page.result.map((deployment: { id: string }) => deployment.id));
      token = page.result_info?.next_page_token;
    } while (token !== undefined);
    expect(seen).toEqual(whole);
    expect(new Set(seen).size).toBe(seen.length);
    expect((await send("GET", "/deployments/v2?page_token=x")).status).toBe(400);
  });
});

describe("a deployment that is not there", () => {
  it.for(["x", "%2e%2e", "auto-0-zz", "auto-0-00000000000000000000000000000000-000000000000"])(
    "is a 404, whatever its id: %s",
    async (id, { expect }) => {
      for (const [method, path, body] of [
        ["GET", pathOf(id)],
        ["PATCH", pathOf(id), env("1")],
        ["DELETE", pathOf(id)],
        ["POST", `/deployments/${id}/recreate`, BODY],
        ["GET", `/deployments/${id}/placements`],
      ] as const) {
        const answer = await send(method, path, body);
        expect([method, answer.status]).toEqual([method, 404]);
      }
    },
  );

  it("never becomes an object", async ({ expect }) => {
    const id = unknown();
    expect((await send("GET", pathOf(id))).status).toBe(404);
    const names = testEnv.APPLICATION.idFromName(applicationOf(id)).toString();
    const { listDurableObjectIds } = await import("cloudflare:test");
    const known = (await listDurableObjectIds(testEnv.APPLICATION)).map(String);
    expect(known).not.toContain(names);
  });

  it("is also one that a limited token may not reach, or make", async ({ expect }) => {
    const { id } = await create();
    const other = await createApplication({ instances: 0 });
    const { result: token } = await call("POST", "/tokens", {
      name: "limited",
      scopes: ["deploy"],
      applications: [other.name],
    });
    const limited = { authorization: `Bearer ${token.value}` };
    expect((await send("GET", pathOf(id), undefined, limited)).status).toBe(404);
    expect((await send("DELETE", pathOf(id), undefined, limited)).status).toBe(404);
    expect((await send("GET", `/placements/${id}.1`, undefined, limited)).status).toBe(404);
    expect((await send("GET", "/deployments/v2", undefined, limited)).result).toEqual([]);
    expect((await send("POST", "/deployments/v2", BODY, limited)).status).toBe(403);
  });
});

describe("the legacy base", () => {
  it("gives the same without the envelope", async ({ expect }) => {
    const base = `http://control.test/client/v4/accounts/${ACCOUNT_ID}/cloudchamber`;
    const made = (await send("POST", `${base}/deployments/v2`, WRANGLER)) as unknown as { id: string };
    expect(made.id).toMatch(/^[a-z]+-0-[0-9a-f]{32}-[0-9a-f]{12}$/);
    const placements = (await send("GET", `${base}/deployments/${made.id}/placements`)) as unknown as object;
    expect(Object.values(placements)[0]).toMatchObject({ deployment_id: made.id });
    expect(await send("DELETE", `${base}/deployments/${made.id}/v2`)).toMatchObject({ id: made.id, status: 200 });
  });
});
