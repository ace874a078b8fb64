/** Schedules and jobs as resources: several applications may have one of a name, and a job is done once. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { gantry, newAccount, startPlane, stopPlane, type Account } from "./plane.ts";

beforeAll(startPlane, 60_000);
afterAll(stopPlane);

interface Told {
  readonly steps: readonly {
    readonly resource: string;
    readonly action: string;
    readonly changes: readonly { field: string; from: unknown; to: unknown }[];
  }[];
  readonly left: readonly string[];
}

async function ran(account: Account, command: string, resources: readonly object[], ...flags: string[]) {
  const stdin = JSON.stringify({ owner: "team", resources });
  const { code, out, err } = await gantry({ account, stdin }, command, "-f", "-", "--json", ...flags);
  // What is refused has no steps.
  const { steps = [], left = [] } = (out === "" ? {} : JSON.parse(out)) as Partial<Told>;
  return { code, err, steps, left, actions: Object.fromEntries(steps.map((step) => [step.resource, step.action])) };
}

const apply = (account: Account, resources: readonly object[], ...flags: string[]) =>
  ran(account, "apply", resources, ...flags);

const application = (name: string, more: object = {}) => ({
  kind: "application",
  name,
  spec: { instances: 0, jobs: true, configuration: { image: "hello-world" }, ...more },
});
const schedule = (of: string, more: object = {}, name = "nightly") => ({
  kind: "schedule",
  name,
  spec: { application: of, cron: "0 3 1 1 *", job: {}, ...more },
});
/** Suspended, so that nothing of it depends on when it is looked at. */
const job = (more: object = {}, name = "migrate") => ({
  kind: "job",
  name,
  spec: { application: "web", suspend: true, ...more },
});
const WEB = application("web");

const jobsIn = (account: Account) => account.api.list("GET /applications/{id}/jobs", { params: { id: "web" } });
const schedulesIn = async (account: Account, id: string) =>
  (await account.api.list("GET /applications/{id}/schedules", { params: { id } })).map(({ name, owner, cron }) => ({
    name,
    owner,
    cron,
  }));

describe.concurrent("schedules", () => {
  it("go by their application and their name, after it, and with it", async ({ expect }) => {
    const account = await newAccount();
    const resources = [schedule("web"), schedule("api", { cron: "@weekly" }), WEB, application("api")];
    const made = await apply(account, resources);
    expect([made.code, made.err]).toEqual([0, ""]);
    expect(made.steps.map(({ resource }) => resource)).toEqual([
      "application/web",
      "schedule/web/nightly",
      "application/api",
      "schedule/api/nightly",
    ]);
    const cronIn = async (id: string) => (await schedulesIn(account, id)).map(({ cron }) => cron);
    expect([await cronIn("web"), await cronIn("api")]).toEqual([["0 3 1 1 *"], ["@weekly"]]);
    const twice = await apply(account, [WEB, schedule("web"), schedule("web")]);
    expect(twice.err).toContain("schedule/web/nightly: is declared twice");
    const gone = await ran(account, "destroy", resources, "--yes");
    const order = gone.steps.map(({ resource }) => resource.split("/")[0]);
    expect([gone.code, order]).toEqual([0, ["schedule", "schedule", "application", "application"]]);
  });

  it("are changed in what is other, however it is spelled", async ({ expect }) => {
    const account = await newAccount();
    await apply(account, [
      WEB,
      schedule("web", { time_zone: "europe/berlin", jitter: "5m", job: { timeout: "1h", vcpus: 0.25 } }),
    ]);
    const same = schedule("web", {
      time_zone: "Europe/Berlin",
      jitter: 300,
      history: { succeeded: 3, failed: 1 },
      job: { timeout: 3600, vcpu: 0.25, completions: 1 },
    });
    expect((await apply(account, [WEB, same])).actions["schedule/web/nightly"]).toBe("none");
    const other = schedule("web", { suspend: true, misfire: { policy: "all" }, job: { timeout: "2h", vcpu: 0.25 } });
    const { steps } = await apply(account, [WEB, other]);
    expect(steps[1]?.changes).toEqual([
      { field: "time_zone", from: "Europe/Berlin", to: "UTC" },
      { field: "misfire.policy", from: "one", to: "all" },
      { field: "jitter", from: 300, to: 0 },
      { field: "suspend", from: false, to: true },
      { field: "job.timeout", from: 3600, to: 7200 },
      { field: "misfire.limit", from: null, to: 10 },
    ]);
    expect((await ran(account, "diff", [WEB, other])).actions["schedule/web/nightly"]).toBe("none");
  });

  it("are somebody's: nobody's are adopted or left, another's left alone", async ({ expect }) => {
    const account = await newAccount();
    await apply(account, [WEB]);
    const params = { id: "web" };
    const make = (name: string, owner?: string) =>
      account.api.send("POST /applications/{id}/schedules", {
        params,
        body: { name, cron: "@daily", job: {} },
        ...(owner === undefined ? {} : { owner }),
      });
    await make("nightly");
    await make("by-hand");
    await make("theirs", "other");
    await make("old", "team");
    const nightly = schedule("web", { cron: "@daily" });
    expect((await apply(account, [WEB, nightly])).err).toContain("give --adopt");
    const refused = await apply(account, [WEB, schedule("web", {}, "theirs")], "--adopt");
    expect(refused.err).toContain("belongs to other");
    expect(refused.err).toContain("(DELETE /applications/web/schedules/theirs/owner)");
    expect((await ran(account, "diff", [WEB])).left).toEqual(["schedule/web/old"]);
    const adopted = await apply(account, [WEB, nightly], "--adopt", "--prune");
    expect(adopted.actions).toEqual({
      "application/web": "none",
      "schedule/web/nightly": "adopt",
      "schedule/web/old": "delete",
    });
    expect(await schedulesIn(account, "web")).toEqual([
      { name: "by-hand", owner: null, cron: "@daily" },
      { name: "nightly", owner: "team", cron: "@daily" },
      { name: "theirs", owner: "other", cron: "@daily" },
    ]);
  });

  it("need an application that is there", async ({ expect }) => {
    const account = await newAccount();
    const { err } = await apply(account, [
      schedule("none"),
      { kind: "schedule", name: "a", spec: { cron: "@daily", job: {} } },
    ]);
    expect(err).toContain("schedule/a: spec.application");
    expect((await apply(account, [schedule("none")])).err).toContain("there is no application/none");
  });
});

describe.concurrent("jobs", () => {
  it("are done once: again they are left alone, and under another name they are one more", async ({ expect }) => {
    const account = await newAccount();
    const wanted = job({ completions: 2, timeout: "10m", environment_variables: [{ name: "A", value: "b" }] });
    const planned = await ran(account, "diff", [WEB, wanted]);
    expect(planned.steps[1]?.changes.map(({ field }) => field).toSorted()).toEqual([
      "completions",
      "environment_variables",
      "timeout",
    ]);
    expect((await apply(account, [WEB, wanted])).actions["job/web/migrate"]).toBe("create");
    expect((await apply(account, [WEB, wanted], "--prune")).actions["job/web/migrate"]).toBe("none");
    await apply(account, [WEB, wanted, job({}, "migrate-2")], "--prune");
    expect((await jobsIn(account)).map(({ name }) => name)).toEqual(["migrate-2", "migrate"]);
    const { out } = await gantry({ account }, "export");
    expect(out).not.toContain("migrate");
  });

  it("never change: another is refused, and with --allow-replace in its place", async ({ expect }) => {
    const account = await newAccount();
    await apply(account, [WEB, job({ entrypoint: ["/a"], command: ["b"] })]);
    const other = job({ entrypoint: ["/a"], command: ["c"], vcpu: 0.25 });
    const refused = await apply(account, [WEB, other]);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("command, vcpu: other than declared")]);
    expect(refused.err).toContain("--allow-replace");
    expect((await apply(account, [WEB, other], "--allow-replace")).actions["job/web/migrate"]).toBe("replace");
    const all = await jobsIn(account);
    expect(all.filter(({ terminate }) => !terminate).map(({ command }) => command)).toEqual([["c"]]);
    // What was said before is of the application again.
    expect((await ran(account, "diff", [WEB, job()])).err).toContain("entrypoint, vcpu, command: other than declared");
  });

  it("are resumed and suspended, and made again when they were deleted", async ({ expect }) => {
    const account = await newAccount();
    await apply(account, [WEB, job()]);
    const params = { id: "web", job: "migrate" };
    await account.api.send("DELETE /applications/{id}/jobs/{job}", { params });
    expect(await jobsIn(account)).toEqual([]);
    expect((await apply(account, [WEB, job()])).actions["job/web/migrate"]).toBe("create");
    expect(await jobsIn(account)).toHaveLength(1);
    const resumed = await apply(account, [WEB, job({ suspend: false })]);
    expect(resumed.steps[1]).toMatchObject({
      action: "update",
      changes: [{ field: "suspend", from: true, to: false }],
    });
    const [now] = await jobsIn(account);
    expect([now?.name, now?.suspend]).toEqual(["migrate", false]);
  });

  it("have no secrets in a manifest", async ({ expect }) => {
    const account = await newAccount();
    const { code, err } = await apply(account, [WEB, job({ secrets: [{ name: "A", value: "hunter2" }] })]);
    expect([code, err.includes("spec.secrets: are values"), err.includes("hunter2")]).toEqual([1, true, false]);
  });
});
