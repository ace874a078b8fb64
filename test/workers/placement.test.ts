/** Where instances go: spread, constraints, nearness, weights, what is said about it, and where they really are. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import { applicationStub, instanceStub, locationHint } from "../../src/stubs.ts";
import { freshAccount, type TestAccount } from "./accounts.ts";
import { domainError, eventually, testEnv, type WireInstance } from "./client.ts";
import { containerOf } from "./fake-container.ts";

interface Placed extends WireInstance {
  location: { name: string; region: string };
  requested_location: string | null;
  blocked?: { reason: string };
}

const ALL = ["afr", "apac", "eeur", "enam", "me", "oc", "sam", "weur", "wnam"];
const FAR = "2030-01-01T00:00:00.000Z";

/** An account in which only these locations are enabled. */
async function accountWith(...codes: string[]): Promise<TestAccount> {
  const account = await freshAccount();
  await enable(account, Object.fromEntries(ALL.map((code) => [code, codes.includes(code)])));
  return account;
}

async function enable(account: TestAccount, codes: Record<string, boolean>): Promise<void> {
  const locations = Object.entries(codes).map(([location, enabled]) => ({ location, enabled }));
  const { status, errors } = await account.call("PATCH", "/me", { locations });
  if (status !== 200) throw new Error(JSON.stringify(errors));
}

async function instances(account: TestAccount, id: string): Promise<Placed[]> {
  return (await account.call("GET", `/applications/${id}/instances-v2`)).result;
}

const byLocation = (all: readonly Placed[]) => {
  const counts: Record<string, number> = {};
  for (const { requested_location: code } of all) counts[code ?? "none"] = (counts[code ?? "none"] ?? 0) + 1;
  return counts;
};

async function scaled(account: TestAccount, id: string, count: number): Promise<Placed[]> {
  await account.call("PATCH", `/applications/${id}`, { instances: count });
  await account.ready(id, count);
  return await instances(account, id);
}

async function created(account: TestAccount, body: Record<string, unknown> = {}): Promise<string> {
  const { result, status, errors } = await account.create(body);
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return result.id;
}

async function view(account: TestAccount, id: string) {
  return (await account.call("GET", `/applications/${id}`)).result;
}

/** What the application waits for is due now. */
async function ring(id: string): Promise<void> {
  await runInDurableObject(applicationStub(testEnv, id), (_: Application, state) => {
    state.storage.sql.exec("UPDATE timers SET due_at = 0");
  });
  await runDurableObjectAlarm(applicationStub(testEnv, id));
}

describe("instances", () => {
  it("are spread evenly over the enabled locations, and none moves when that changes", async ({ expect }) => {
    const account = await accountWith("weur", "enam", "apac");
    const id = await created(account, { instances: 6 });
    const first = (await account.ready(id, 6)) as Placed[];
    expect(byLocation(first)).toEqual({ weur: 2, enam: 2, apac: 2 });

    await enable(account, { apac: false });
    await ring(id);
    expect((await instances(account, id)).map((one) => one.id)).toEqual(first.map((one) => one.id));
    await account.call("PATCH", `/applications/${id}`, { instances: 0 });
    await eventually(async () => (await instances(account, id)).length === 0);
    const second = await scaled(account, id, 6);
    expect(byLocation(second)).toEqual({ weur: 3, enam: 3 });

    await enable(account, { apac: true });
    await ring(id);
    expect((await instances(account, id)).map((one) => one.id)).toEqual(second.map((one) => one.id));
  });

  it("get the region that they go to in their id, from which their object is hinted, and are told their location", async ({
    expect,
  }) => {
    const account = await accountWith("sam");
    const [instance] = await account.ready(await created(account), 1);
    const deployment = instance?.deployment_id ?? "";
    expect(deployment).toMatch(/^sam-0-/);
    expect(locationHint(deployment)).toBe("sam");
    expect(containerOf(instance?.id ?? "").starts[0]?.env["GANTRY_LOCATION"]).toBe("sam");
  });

  it("go to the locations in proportion to their weights", async ({ expect }) => {
    const account = await accountWith("weur", "enam");
    await account.call("PATCH", "/me", { locations: [{ location: "weur", weight: 3 }] });
    const id = await created(account, { instances: 8 });
    expect(byLocation((await account.ready(id, 8)) as Placed[])).toEqual({ weur: 6, enam: 2 });
  });

  it("keep clear of a location where a start has just failed", async ({ expect }) => {
    const account = await accountWith("weur", "enam");
    const id = await created(account, { configuration: { image: "refused-by-platform" } });
    const [failed] = await eventually(async () => {
      const all = await instances(account, id);
      return all[0]?.losses !== undefined && all[0].losses > 0 && all;
    });
    expect(failed?.requested_location).toBe("enam");
    await account.call("PATCH", `/applications/${id}`, { instances: 3 });
    // Evenly it would be one more in each.
    expect(byLocation(await instances(account, id))).toEqual({ enam: 1, weur: 2 });
  });
});

describe("constraints", () => {
  it.for([
    ["regions", { regions: ["weur", "EEUR"] }, { weur: 1, eeur: 1 }],
    ["cities, in either case", { cities: ["mad"] }, { madrid: 2 }],
    ["pops, in either case", { pops: ["MAD01"] }, { madrid: 2 }],
    ["jurisdiction", { jurisdiction: "us", accept_verified_placement: true }, { enam: 1, wnam: 1 }],
  ] as const)("by %s keep instances where they may be", async ([, constraints, counts], { expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", {
      locations: [{ location: "madrid", region: "WEUR", city: "MAD", pop: "mad01", enabled: true }],
    });
    if ("regions" in constraints) await enable(account, { madrid: false });
    const place = [{ name: "PLACE", value: "asked" }];
    const configuration = { image: "hello-world", environment_variables: place };
    const id = await created(account, { instances: 2, constraints, configuration });
    expect(byLocation((await account.ready(id, 2)) as Placed[])).toEqual(counts);
    const shown = (await view(account, id)).constraints;
    expect(shown).toMatchObject({ tiers: [1, 2] });
    expect(Object.keys(shown)).toEqual(expect.arrayContaining(Object.keys(constraints)));
  });

  it("that no location can ever meet are refused by name in every write", async ({ expect }) => {
    const account = await freshAccount();
    const id = await created(account, { instances: 0 });
    const whole = { instances: 0, configuration: { image: "hello-world" } };
    for (const [field, constraints] of [
      ["constraints.cities", { cities: ["LIS"] }],
      ["constraints.pops", { pops: ["lis01"] }],
      ["constraints.jurisdiction", { regions: ["WEUR"], jurisdiction: "us", accept_verified_placement: true }],
    ] as const) {
      const answers = [
        await account.create({ constraints }),
        await account.call("PATCH", `/applications/${id}`, { constraints }),
        await account.call("PUT", `/applications/${id}`, { ...whole, constraints }),
      ];
      for (const answer of answers) {
        const { error, details } = domainError(answer);
        expect([answer.status, error, typeof details[field]]).toEqual([400, "LOCATION_NOT_ALLOWED", "string"]);
      }
    }
  });

  it.for([
    ["constraints.jurisdiction", { jurisdiction: "eu" }, "accept_verified_placement"],
    ["constraints.accept_verified_placement", { accept_verified_placement: true }, "regions"],
    ["constraints.regions.0", { regions: ["MOON"] }, "must be one of"],
    ["constraints.region", { region: "WEUR" }, "give regions"],
  ] as const)("with a wrong %s are refused, saying why", async ([, constraints, text], { expect }) => {
    const answer = await (await freshAccount()).create({ constraints });
    expect(answer.status).toBe(400);
    expect(JSON.stringify(domainError(answer).details)).toContain(text);
  });

  it("that change move what is outside of them, one more at a time, and are gone when they are given empty", async ({
    expect,
  }) => {
    const account = await accountWith("weur", "enam");
    const id = await created(account, { instances: 4 });
    const before = (await account.ready(id, 4)) as Placed[];
    const staying = before.filter((one) => one.requested_location === "weur").map((one) => one.id);
    await account.call("PATCH", `/applications/${id}`, { constraints: { regions: ["WEUR"] } });
    const after = await eventually(async () => {
      const all = await instances(account, id);
      return all.length === 4 && all.every((one) => one.ready && one.requested_location === "weur") && all;
    });
    expect(after.map((one) => one.id)).toEqual(expect.arrayContaining(staying));
    expect(staying).toHaveLength(2);
    const { result } = await account.call("PATCH", `/applications/${id}`, { constraints: {} });
    expect(result.constraints).toEqual({ tiers: [1, 2] });
    const { result: dry } = await account.call("PUT", `/applications/${id}?dry_run=true`, {
      instances: 4,
      constraints: { regions: ["ENAM"] },
      configuration: { image: "hello-world" },
    });
    expect(dry.changes).toContainEqual({ field: "constraints.regions", from: null, to: ["ENAM"] });
    expect(dry.instances).toEqual({ start: 0, stop: 0, update: 4, unchanged: 0 });
  });
});

describe("locations of the account's own", () => {
  it("are added with a region, which never changes", async ({ expect }) => {
    const account = await freshAccount();
    const patch = (location: object) => account.call("PATCH", "/me", { locations: [location] });
    expect(domainError(await patch({ location: "lisbon" })).details).toHaveProperty(["locations[0].location"]);
    const { result } = await patch({ location: "lisbon", region: "WEUR", city: "lis", name: "Lisbon" });
    const shown = result.locations.find(({ location }: { location: string }) => location === "lisbon");
    expect(shown).toMatchObject({ region: "WEUR", city: "LIS", pop: null, weight: 1, enabled: true, name: "Lisbon" });
    expect((await patch({ location: "lisbon", region: "ENAM" })).status).toBe(400);
    expect((await patch({ location: "weur", region: "ENAM" })).status).toBe(400);
    expect((await patch({ location: "auto", region: "ENAM" })).status).toBe(400);
  });
});

describe("nearness", () => {
  it("to another application draws new instances to where that one is", async ({ expect }) => {
    const account = await accountWith("oc");
    const near = await created(account);
    await account.ready(near, 1);
    await enable(account, { weur: true, enam: true });
    const affinities = { colocation: { application: near } };
    const id = await created(account, { instances: 2, affinities });
    expect(byLocation((await account.ready(id, 2)) as Placed[])).toEqual({ oc: 2 });
    expect((await view(account, id)).affinities).toEqual(affinities);
    // A cycle is no trouble.
    await account.call("PATCH", `/applications/${near}`, { affinities: { colocation: { application: id } } });
    expect(byLocation(await scaled(account, near, 2))).toEqual({ oc: 2 });
  });

  it("to each other keeps instances in one location", async ({ expect }) => {
    const account = await accountWith("weur", "enam", "apac");
    const id = await created(account, { instances: 3, affinities: { colocation: "datacenter" } });
    expect(Object.values(byLocation((await account.ready(id, 3)) as Placed[]))).toEqual([3]);
  });

  it("to an application that is not there is refused", async ({ expect }) => {
    const answer = await (await freshAccount()).create({ affinities: { colocation: { application: "nobody" } } });
    const { error, details } = domainError(answer);
    expect([answer.status, error]).toEqual([400, "VALIDATE_INPUT"]);
    expect(details).toEqual({ "affinities.colocation.application": expect.stringContaining("create it first") });
  });
});

describe("a placement for which no location is enabled", () => {
  it("is blocked with the reason, waits without a storm, and is placed after one is enabled", async ({ expect }) => {
    const account = await accountWith();
    const id = await created(account, { instances: 2 });
    expect(await instances(account, id)).toEqual([]);
    const { blocked, state } = await view(account, id);
    expect(blocked).toMatchObject({ reason: "NoLocationEnabled", message: expect.stringContaining("enable one") });
    expect(Date.parse(blocked.retry_at) - Date.parse(blocked.since)).toBeLessThanOrEqual(30_000);
    expect(state).toBe("provisioning");

    const stub = applicationStub(testEnv, id);
    const before = await stub.billing();
    await ring(id);
    await eventually(async () => (await view(account, id)).blocked?.reason === "NoLocationEnabled");
    const after = await stub.billing();
    expect(after.alarmsSet - before.alarmsSet).toBeLessThanOrEqual(2);
    expect(after.rowsWritten - before.rowsWritten).toBeLessThanOrEqual(3);

    await enable(account, { weur: true });
    await ring(id);
    await account.ready(id, 2);
    expect(await view(account, id)).not.toHaveProperty("blocked");
    const { result: events } = await account.call("GET", `/applications/${id}/events?per_page=100`);
    const told = events.filter(({ name }: { name: string }) => name === "PlacementBlocked");
    expect(told).toHaveLength(1);
  });

  it("can be written back while it is blocked", async ({ expect }) => {
    const account = await accountWith();
    const id = await created(account, { instances: 2 });
    const read = await view(account, id);
    expect(read.blocked.reason).toBe("NoLocationEnabled");
    const { status, result } = await account.call("PUT", `/applications/${id}?dry_run=true`, read);
    expect([status, result.changes]).toEqual([200, []]);
  });

  it("is not blocked for longer than it is wanted", async ({ expect }) => {
    const account = await accountWith();
    const id = await created(account, { instances: 2 });
    const { result } = await account.call("PATCH", `/applications/${id}`, { instances: 0 });
    expect(result).not.toHaveProperty("blocked");
  });
});

describe("explanations", () => {
  it("show the decision that an instance was placed by, also after the object was reset", async ({ expect }) => {
    const account = await accountWith("weur", "enam");
    const id = await created(account, { instances: 2 });
    const [, second] = await account.ready(id, 2);
    const path = `/applications/${id}/instances/${second?.id}/explain`;
    const { result } = await account.call("GET", path);
    expect(result).toMatchObject({
      instance_id: second?.id,
      requested_location: "weur",
      location: { name: "unknown", region: "unknown" },
      decision: {
        location: "weur",
        table: [
          { location: "enam", score: -1, scores: { spread: -1 } },
          { location: "weur", score: 1, scores: { spread: 1 } },
        ],
        filtered: { disabled: 7, regions: 0, jurisdiction: 0, cities: 0, pops: 0, capacity: 0 },
      },
      misplaced_before: 0,
      blocked: null,
    });
    expect(Date.parse(result.decided_at)).toBeLessThan(Date.parse(FAR));
    expect((await account.call("GET", `/applications/${id}/instances/nobody/explain`)).status).toBe(404);
  });

  it("show what the planner would do, and do nothing", async ({ expect }) => {
    const account = await accountWith("weur");
    const id = await created(account, { instances: 1 });
    const [instance] = await account.ready(id, 1);
    const plan = async () => (await account.call("GET", `/applications/${id}/plan`)).result;
    expect(await plan()).toMatchObject({
      desired: { instances: 1, version: 1, deleting: false },
      actions: [],
      counts: { place: 0, unchanged: 1 },
      blocked: null,
      requeue_at: null,
    });
    await enable(account, { weur: false });
    await account.call("PATCH", `/applications/${id}`, { instances: 2 });
    expect((await plan()).blocked).toMatchObject({
      reason: "NoLocationEnabled",
      decision: { filtered: { disabled: 9 } },
    });
    await enable(account, { weur: true });
    await eventually(async () => {
      const { actions, blocked } = await plan();
      return blocked === null && (actions.length === 0 || actions[0].location === "weur");
    });
    expect((await instances(account, id)).some(({ id: one }) => one === instance?.id)).toBe(true);
  });
});

/** A container that says that it runs in `place`; `asked`: where it was asked to. */
const saying = (place: string, extra: { name: string; value: string }[] = []) => ({
  image: "hello-world",
  environment_variables: [{ name: "PLACE", value: place }, ...extra],
});

describe("the observed place", () => {
  it.for([
    ["", []],
    ["by env where there is no shell", [{ name: "SHELL", value: "env" }]],
  ] as const)("is read inside the container %s, once, and costs no row", async ([, extra], { expect }) => {
    const account = await accountWith("weur");
    const id = await created(account, { configuration: saying("ENAM", [...extra]) });
    const [instance] = (await account.ready(id, 1)) as Placed[];
    expect(instance).toMatchObject({ requested_location: "weur", location: { name: "enam01", region: "ENAM" } });
    const { result } = await account.call("GET", `/dash/applications/${id}/instances`);
    expect(result.instances[0].location).toBe("enam01");
    const container = containerOf(instance?.id ?? "");
    const { execs } = container;
    await runInDurableObject(instanceStub(testEnv, instance?.deployment_id ?? ""), (_, state) => {
      state.storage.sql.exec("UPDATE timers SET due_at = 0");
    });
    await runDurableObjectAlarm(instanceStub(testEnv, instance?.deployment_id ?? ""));
    expect(container.execs).toBe(execs);
  });

  it("is unknown where the image cannot say, and traffic does not wait for it", async ({ expect }) => {
    const account = await accountWith("weur");
    const id = await created(account, { configuration: saying("WEUR", [{ name: "SHELL", value: "none" }]) });
    const [instance] = (await account.ready(id, 1)) as Placed[];
    expect(instance?.location).toEqual({ name: "unknown", region: "unknown" });
  });

  it("is verified before traffic when that is accepted: unknown waits, and says why", async ({ expect }) => {
    const account = await accountWith("weur");
    const constraints = { regions: ["WEUR"], accept_verified_placement: true };
    const configuration = saying("WEUR", [{ name: "SHELL", value: "none" }]);
    const id = await created(account, { constraints, configuration });
    const instance = await eventually(async () => {
      const [one] = await instances(account, id);
      return one?.status.reason?.includes("could not be read") === true && one;
    });
    expect(instance.ready).toBe(false);
    const right = await created(account, { constraints, configuration: saying("asked") });
    const [ready] = (await account.ready(right, 1)) as Placed[];
    expect(ready?.location.region).toBe("WEUR");
  });

  it("outside the constraints is replaced three times under new ids, then blocked, never ready", async ({ expect }) => {
    const account = await accountWith("weur");
    const constraints = { jurisdiction: "eu", accept_verified_placement: true };
    const id = await created(account, { constraints, configuration: saying("ENAM") });
    await eventually(async () => (await view(account, id)).blocked?.reason === "LocationUnsatisfied");
    const { result: events } = await account.call("GET", `/applications/${id}/events?per_page=1000`);
    const placed = events.filter(({ name }: { name: string }) => name === "SchedulerPlaced");
    const ids = new Set(placed.map((event: { deployment_id: string }) => event.deployment_id));
    expect([placed.length, ids.size]).toEqual([4, 4]);
    expect([...ids].every((one) => String(one).startsWith("euweur-0-"))).toBe(true);
    const ready = events.filter(({ statusChange }: { statusChange: { ready?: boolean } }) => statusChange.ready);
    expect(ready).toEqual([]);
    const [instance] = await eventually(async () => {
      const all = await instances(account, id);
      return all.length === 1 && all;
    });
    expect(instance).toMatchObject({ blocked: { reason: "LocationUnsatisfied" }, status: { state: "stopped" } });
    const explain = await account.call("GET", `/applications/${id}/instances/${instance?.id}/explain`);
    expect(explain.result).toMatchObject({ misplaced_before: 3, location: { region: "ENAM" } });

    // Other constraints let it start again.
    await account.call("PATCH", `/applications/${id}`, { constraints: {} });
    await account.ready(id, 1);
    expect(await view(account, id)).not.toHaveProperty("blocked");
  });
});
