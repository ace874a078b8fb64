/** Schedules inside workerd: routes, firing, crashes and evictions on the way, manual runs, the watchdog, what they cost. */
import { createScheduledController, evictDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import page from "../../docs/cron.md?raw";
import { LATE_MS, LOOK_EVERY_MS } from "../../src/account/cron-watch.ts";
import control from "../../src/index.ts";
import { sweep } from "../../src/jobs/schedules/watch.ts";
import { accountStub, applicationStub } from "../../src/stubs.ts";
import { freshAccount } from "./accounts.ts";
import { ACCOUNT_ID, call, createApplication, domainError, eventually, raw, testEnv } from "./client.ts";
import { jobsApplication, running, startsOf, task } from "./jobs-world.ts";
import {
  alarmOf,
  createSchedule,
  finished,
  HOUR_MS,
  hourly,
  jobsOf,
  loseAlarm,
  MINUTE_MS,
  nextHour,
  ring,
  ringAt,
  scheduleOf,
  told,
  travelTo,
} from "./schedules-world.ts";
import { turned } from "./turns.ts";

const put = (id: string, body: Record<string, unknown>, headers: Record<string, string> = {}) =>
  raw("PUT", `/applications/${id}/schedules/nightly`, JSON.stringify(body), {
    "content-type": "application/json",
    ...headers,
  });

const minute = async () => {
  await control.scheduled(createScheduledController({ cron: "* * * * *" }), testEnv);
};

const watched = async () => {
  travelTo(Date.now() + 10 * HOUR_MS);
  return (await accountStub(testEnv, ACCOUNT_ID).overdueCron()).map(({ application }) => application);
};

const costOf = async (id: string, work: () => Promise<unknown>) => {
  const rows = async () => {
    const { rowsWritten, alarmsSet } = await applicationStub(testEnv, id).billing();
    return rowsWritten + alarmsSet;
  };
  const before = await rows();
  await work();
  return (await rows()) - before;
};

describe("a schedule", () => {
  it("is created, shown with its next runs, listed, changed and deleted", async ({ expect }) => {
    const id = await jobsApplication();
    const made = await createSchedule(id, {
      cron: "30 2 * * *",
      time_zone: "europe/berlin",
      starting_deadline: "1h",
      jitter: "10m",
      misfire: { policy: "all" },
      history: { succeeded: 5 },
      job: { timeout: "1h", completions: 2 },
    });
    expect(made).toMatchObject({
      app_id: id,
      name: "nightly",
      cron: "30 2 * * *",
      time_zone: "Europe/Berlin",
      concurrency: "allow",
      misfire: { policy: "all", limit: 10, after_suspension: false },
      starting_deadline: 3_600,
      dst_gap: "run_after",
      dst_overlap: "first",
      jitter: 600,
      suspend: false,
      history: { succeeded: 5, failed: 1 },
      job: { timeout: "1h", completions: 2, parallelism: 1 },
      status: { active: 0, fired: 0, skipped: 0, missed: 0, last_scheduled_at: null },
    });
    const { upcoming, next_run_at: next } = made.status;
    expect(upcoming).toHaveLength(5);
    expect(Date.parse(next)).toBeGreaterThanOrEqual(Date.parse(upcoming[0]));
    expect(Date.parse(next)).toBeLessThanOrEqual(Date.parse(upcoming[0]) + 600_000);
    expect(await scheduleOf(id)).toEqual(made);

    const changed = await put(id, hourly({ concurrency: "forbid" }));
    expect(changed.status).toBe(200);
    await createSchedule(id, { ...hourly(), name: "another" });
    const listed = await call("GET", `/applications/${id}/schedules?per_page=1`);
    expect(listed.result).toMatchObject([{ name: "another" }]);
    const rest = await call("GET", `/applications/${id}/schedules?page_token=${listed.result_info?.next_page_token}`);
    expect(rest.result).toMatchObject([{ id: made.id, name: "nightly", concurrency: "forbid", jitter: 0 }]);

    expect((await call("DELETE", `/applications/${id}/schedules/nightly`)).status).toBe(200);
    expect(domainError(await call("DELETE", `/applications/${id}/schedules/nightly`)).error).toBe("SCHEDULE_NOT_FOUND");
    expect(domainError(await call("GET", `/applications/${id}/schedules/nightly`)).error).toBe("SCHEDULE_NOT_FOUND");
  });

  it.for([
    ["five fields", { cron: "* * * * * *" }, "cron"],
    ["a day that never is", { cron: "0 0 30 2 *" }, "cron"],
    ["an ambiguous dialect", { cron: "0 0 L * *" }, "cron"],
    ["a zone in the expression", { cron: "TZ=UTC 0 0 * * *" }, "cron"],
    ["a zone that is none", { time_zone: "Europe/Atlantis" }, "time_zone"],
    ["a jitter beyond the next run", { jitter: "61m" }, "jitter"],
    ["a limit of what has none", { misfire: { policy: "one", limit: 3 } }, "misfire.limit"],
    ["nothing after a suspension", { misfire: { policy: "skip", after_suspension: true } }, "misfire.after_suspension"],
    ["a deadline that alarms miss", { starting_deadline: 5 }, "starting_deadline"],
    ["secrets of its own", { job: { secrets: [] } }, "job.secrets"],
    ["a job that cannot be", { job: { parallelism: 3 } }, "job.parallelism"],
    ["a job without its image", { job: { image: "nowhere.example.com/none:1" } }, "image"],
    ["a long name", { name: "n".repeat(53) }, "name"],
  ] as const)("is refused with %s", async ([, body, field], { expect }) => {
    const id = await jobsApplication();
    const refused = await call("POST", `/applications/${id}/schedules`, { name: "nightly", ...hourly(), ...body });
    expect(refused.status).toBe(400);
    expect(domainError(refused).details).toHaveProperty([field]);
    expect((await call("GET", `/applications/${id}/schedules`)).result).toEqual([]);
  });

  it("is refused where no jobs run, and twice under one name", async ({ expect }) => {
    const { id: jobless } = await createApplication({ instances: 0 });
    const refused = await call("POST", `/applications/${jobless}/schedules`, { name: "nightly", ...hourly() });
    expect(domainError(refused).error).toBe("JOB_CREATE_NOT_ALLOWED");
    const id = await jobsApplication();
    await createSchedule(id, hourly());
    const twice = await call("POST", `/applications/${id}/schedules`, { name: "nightly", ...hourly() });
    expect([twice.status, domainError(twice).error]).toEqual([409, "SCHEDULE_ALREADY_EXISTS"]);
  });

  it("is written by whoever knows its ETag, and by nobody while another has the lease", async ({ expect }) => {
    const id = await jobsApplication();
    const first = await put(id, hourly());
    const etag = first.headers.get("etag") ?? "";
    expect((await put(id, hourly({ concurrency: "forbid" }), { "if-match": etag })).status).toBe(200);
    expect((await put(id, hourly(), { "if-match": etag })).status).toBe(412);
    await call("POST", `/applications/${id}/lease`, { ttl: 60 });
    const patch = await call("PATCH", `/applications/${id}/schedules/nightly`, { suspend: true });
    expect(domainError(patch).error).toBe("LEASE_HELD");
    expect(domainError(await call("DELETE", `/applications/${id}/schedules/nightly`)).error).toBe("LEASE_HELD");
    expect((await scheduleOf(id)).suspend).toBe(false);
  });

  it("is made by who may deploy, run and suspended by who may operate, and seen by who may read", async ({
    expect,
  }) => {
    const id = await jobsApplication();
    const other = await jobsApplication();
    await createSchedule(id, hourly());
    const path = `/applications/${id}/schedules`;
    const attempts = [
      ["GET", path, undefined],
      ["POST", `${path}/nightly/run`, undefined],
      ["PATCH", `${path}/nightly`, { suspend: true }],
      ["PUT", `${path}/nightly`, hourly()],
    ] as const;
    const answersOf = async (body: Record<string, unknown>) => {
      const { result: token } = await call("POST", "/tokens", {
        name: `t-${crypto.randomUUID().slice(0, 8)}`,
        ...body,
      });
      const authorization = `Bearer ${token.value}`;
      const statuses: number[] = [];
      for (const [method, at, content] of attempts) {
        const headers = { authorization, "content-type": "application/json" };
        statuses.push(
          (await raw(method, at, content === undefined ? undefined : JSON.stringify(content), headers)).status,
        );
      }
      return statuses;
    };
    expect(await answersOf({ scopes: ["read"] })).toEqual([200, 403, 403, 403]);
    expect(await answersOf({ scopes: ["operate"] })).toEqual([200, 201, 200, 403]);
    expect(await answersOf({ scopes: ["deploy"] })).toEqual([200, 201, 200, 200]);
    expect(await answersOf({ scopes: ["deploy"], applications: [other] })).toEqual([404, 404, 404, 404]);
    const { result: audit } = await call("GET", "/audit?per_page=100");
    expect(JSON.stringify(audit)).toContain(`${path}/nightly/run`);
  });

  it("is made, run and deleted once by each idempotency key", async ({ expect }) => {
    const account = await freshAccount();
    const { result } = await account.create({ instances: 0, jobs: true });
    const path = `/applications/${result.id}/schedules`;
    const once = { "idempotency-key": crypto.randomUUID() };
    const twice = async (method: string, at: string, body?: unknown) => {
      const headers = { "idempotency-key": crypto.randomUUID() };
      const answers = [await account.raw(method, at, body, headers), await account.raw(method, at, body, headers)];
      return await Promise.all(answers.map(async (answer) => (await answer.json<{ result: unknown }>()).result));
    };
    for (const [first, second] of [
      await twice("POST", path, { name: "nightly", ...hourly() }),
      await twice("POST", `${path}/nightly/run`),
      await twice("DELETE", `${path}/nightly`),
    ]) {
      expect(first).toEqual(second);
    }
    expect((await account.raw("DELETE", `${path}/nightly`, undefined, once)).status).toBe(404);
  });
});

describe("a scheduled run", () => {
  it("begins at its time, knows it, and can be asked for by its schedule", async ({ expect }) => {
    const id = await jobsApplication();
    await createSchedule(id, hourly({ job: task("exit=0 print=hello") }));
    const slot = nextHour();
    expect(await alarmOf(id)).toBe(slot);
    await ringAt(id, slot);
    const [job] = await finished(id, 1);
    expect(job).toMatchObject({
      name: `nightly-${slot / MINUTE_MS}`,
      schedule: "nightly",
      scheduled_at: new Date(slot).toISOString(),
      status: { state: "succeeded" },
    });
    const named = await call("GET", `/applications/${id}/jobs?name=${job.name}`);
    expect(named.result).toHaveLength(1);
    const [start] = await startsOf(id, job.id);
    expect(start?.env["GANTRY_SCHEDULED_AT"]).toBe(new Date(slot).toISOString());
    expect(await told(id, "ScheduleFired")).toMatchObject([{ schedule: "nightly", job: job.id, manual: false }]);
    expect(await scheduleOf(id)).toMatchObject({
      status: { fired: 1, last_scheduled_at: new Date(slot).toISOString(), active: 0 },
    });
  });

  it.for([
    ["Europe/Berlin", "30 2 * * *", "2027-03-27T12:00Z", ["2027-03-28T01:00", "2027-03-29T00:30"], {}],
    ["Europe/Berlin", "30 2 * * *", "2027-03-27T12:00Z", ["2027-03-29T00:30"], { dst_gap: "skip" }],
    ["Europe/Berlin", "30 2 * * *", "2027-10-30T12:00Z", ["2027-10-31T00:30", "2027-11-01T01:30"], {}],
    // Half an hour back.
    [
      "Australia/Lord_Howe",
      "45 1 * * *",
      "2027-04-03T12:00Z",
      ["2027-04-03T14:45", "2027-04-03T15:15"],
      { dst_overlap: "both" },
    ],
  ] as const)("follows the clocks of %s with %s from %s on", async ([zone, cron, from, times, rule], { expect }) => {
    const id = await jobsApplication();
    travelTo(Date.parse(from));
    const { status } = await createSchedule(id, hourly({ cron, time_zone: zone, ...rule }));
    const shown: string[] = status.upcoming.slice(0, times.length);
    expect(shown.map((time) => time.slice(0, 16))).toEqual(times);
    for (const time of times) await ringAt(id, Date.parse(`${time}Z`));
    const jobs = await finished(id, times.length);
    expect(jobs.map(({ scheduled_at: at }) => at.slice(0, 16)).toReversed()).toEqual(times);
  });

  it("runs the version that is active then", async ({ expect }) => {
    const id = await jobsApplication();
    await createSchedule(id, hourly());
    const environment = [{ name: "COLOUR", value: "blue" }];
    await call("PUT", `/applications/${id}`, {
      instances: 0,
      jobs: true,
      configuration: { image: "hello-world", environment_variables: environment },
    });
    await ringAt(id, nextHour());
    const [job] = await finished(id, 1);
    expect(job.version).toBe(2);
    const [start] = await startsOf(id, job.id);
    expect(start?.env["COLOUR"]).toBe("blue");
  });

  it("of a size of its own is granted by the account, or skipped with its reason", async ({ expect }) => {
    const account = await freshAccount();
    const { result } = await account.create({ instances: 0, job_instances: 1 });
    const path = `/applications/${result.id}/schedules`;
    const made = await account.raw("POST", path, {
      name: "nightly",
      ...hourly({ job: { vcpu: 2, memory_mib: 6_144 } }),
    });
    expect(made.status).toBe(201);
    const limited = await account.call("PATCH", "/me", { limits: { total_vcpu: 1 } });
    expect(limited.status).toBe(200);
    await ringAt(result.id, nextHour());
    const { result: events } = await account.call("GET", `/applications/${result.id}/events?name=ScheduleSkipped`);
    expect(events).toMatchObject([{ details: { reason: "Refused" } }]);
    expect((await account.call("GET", `/applications/${result.id}/jobs`)).result).toEqual([]);
    await account.call("PATCH", "/me", { limits: { total_vcpu: 100 } });
    await ringAt(result.id, nextHour());
    const { result: jobs } = await account.call("GET", `/applications/${result.id}/jobs`);
    expect(jobs).toMatchObject([{ vcpu: 2, schedule: "nightly" }]);
  });

  it("is made once, whoever rings twice and whatever dies meanwhile", async ({ expect }) => {
    const id = await jobsApplication();
    await createSchedule(id, hourly({ history: { succeeded: 100 } }));
    const stub = () => applicationStub(testEnv, id);
    let slot = nextHour();
    for (let round = 0; round < 6; round += 1, slot += HOUR_MS) {
      travelTo(slot);
      if (round % 2 === 0) await evictDurableObject(stub()).catch(() => undefined);
      await Promise.all([ring(id), stub().pokeCron(), stub().pokeCron()].map((rung) => Promise.resolve(rung)));
      if (round % 3 === 0) await evictDurableObject(stub()).catch(() => undefined);
      await stub().pokeCron();
    }
    const jobs = await finished(id, 6);
    expect(new Set(jobs.map(({ scheduled_at: at }) => at)).size).toBe(6);
    expect((await scheduleOf(id)).status).toMatchObject({ fired: 6, missed: 0 });
  });

  it("replaces the one that runs, which is cancelled, or is skipped beside it", async ({ expect }) => {
    const id = await jobsApplication();
    const body = hourly({ concurrency: "replace", job: task("after=never") });
    await createSchedule(id, body);
    const slot = nextHour();
    await ringAt(id, slot);
    const [first] = await jobsOf(id);
    await running(id, first.id);
    await ringAt(id, slot + HOUR_MS);
    await finished(id, 1);
    const [second, old] = await jobsOf(id);
    expect(old).toMatchObject({ id: first.id, status: { state: "cancelled" } });
    await running(id, second.id);
    await put(id, { ...body, concurrency: "forbid" });
    await ringAt(id, slot + 2 * HOUR_MS);
    expect(await told(id, "ScheduleSkipped")).toMatchObject([{ reason: "AlreadyRunning", schedule: "nightly" }]);
    expect(await scheduleOf(id)).toMatchObject({ status: { active: 1, fired: 2, skipped: 1 } });
    const refused = await call("POST", `/applications/${id}/schedules/nightly/run`);
    expect([refused.status, domainError(refused).error]).toEqual([409, "SCHEDULE_BUSY"]);
  });

  it("is not kept longer than the history says", async ({ expect }) => {
    const id = await jobsApplication();
    await createSchedule(id, hourly({ history: { succeeded: 1, failed: 1 }, job: task("exit=0") }));
    const slot = nextHour();
    for (const [hour, code] of [0, 1, 1, 0].entries()) {
      await put(id, hourly({ history: { succeeded: 1, failed: 1 }, job: task(`exit=${code}`) }));
      await ringAt(id, slot + hour * HOUR_MS);
      await eventually(async () => (await jobsOf(id)).every(({ finished_at: at }) => at !== null));
    }
    const kept = await finished(id, 2);
    expect(kept.map(({ status }) => status.state)).toEqual(["succeeded", "failed"]);
    const at = (hour: number) => new Date(slot + hour * HOUR_MS).toISOString();
    expect(kept.map((job) => job.scheduled_at)).toEqual([at(3), at(2)]);
  });
});

describe("a schedule that is suspended", () => {
  it("has no alarm and fires nothing; resumed, it goes on with its next run, unless it is to make up", async ({
    expect,
  }) => {
    const id = await jobsApplication();
    await createSchedule(id, hourly({ suspend: true, misfire: { policy: "one" } }));
    expect(await alarmOf(id)).toBeNull();
    const slot = nextHour();
    travelTo(slot + 5_000);
    const resumed = await call("PATCH", `/applications/${id}/schedules/nightly`, { suspend: false });
    expect(resumed.result).toMatchObject({ suspend: false, status: { fired: 0 } });
    await ring(id);
    expect(await jobsOf(id)).toEqual([]);
    await put(id, hourly({ misfire: { policy: "one", after_suspension: true } }));
    await call("PATCH", `/applications/${id}/schedules/nightly`, { suspend: true });
    travelTo(slot + 3 * HOUR_MS + 5_000);
    await call("PATCH", `/applications/${id}/schedules/nightly`, { suspend: false });
    await ring(id);
    const [job, ...others] = await finished(id, 1);
    expect(others).toEqual([]);
    expect(job.scheduled_at).toBe(new Date(slot + 3 * HOUR_MS).toISOString());
  });

  it("may be run by hand", async ({ expect }) => {
    const id = await jobsApplication();
    await createSchedule(id, hourly({ suspend: true }));
    const made = await call("POST", `/applications/${id}/schedules/nightly/run`);
    expect(made.status).toBe(201);
    expect(made.result).toMatchObject({ schedule: "nightly", name: `nightly-${made.result.id.slice(0, 8)}` });
    await finished(id, 1);
    expect(await told(id, "ScheduleFired")).toMatchObject([{ manual: true, job: made.result.id }]);
    const missing = await call("POST", `/applications/${id}/schedules/other/run`);
    expect([missing.status, domainError(missing).error]).toEqual([404, "SCHEDULE_NOT_FOUND"]);
  });
});

describe("the watchdog", () => {
  it("fires what has lost its alarm, within two minutes and the minute of its own", async ({ expect }) => {
    const id = await jobsApplication();
    await createSchedule(id, hourly());
    const slot = nextHour();
    await loseAlarm(id);
    travelTo(slot + LATE_MS - 5_000);
    await minute();
    expect(await jobsOf(id)).toEqual([]);
    travelTo(slot + LATE_MS);
    await minute();
    const [job] = await finished(id, 1);
    expect(job.scheduled_at).toBe(new Date(slot).toISOString());
    expect(await alarmOf(id)).toBe(slot + HOUR_MS);
  });

  it("leaves alone who is in time, and writes nothing for that", async ({ expect }) => {
    const id = await jobsApplication();
    await createSchedule(id, hourly());
    const index = accountStub(testEnv, ACCOUNT_ID);
    // Whatever other tests have left is seen to first.
    travelTo(nextHour() + LATE_MS);
    await sweep(testEnv);
    const before = [await index.billing(), await applicationStub(testEnv, id).billing()];
    await minute();
    travelTo(Date.now() + LOOK_EVERY_MS - MINUTE_MS);
    await minute();
    expect([await index.billing(), await applicationStub(testEnv, id).billing()]).toEqual(before);
  });

  it("forgets an application that is deleted, or has no schedule any more", async ({ expect }) => {
    const [deleted, emptied] = [await jobsApplication(), await jobsApplication()];
    for (const id of [deleted, emptied]) await createSchedule(id, hourly());
    expect(await watched()).toEqual(expect.arrayContaining([deleted, emptied]));
    await call("DELETE", `/applications/${emptied}/schedules/nightly`);
    await call("DELETE", `/applications/${deleted}`);
    await eventually(async () => !(await watched()).includes(deleted));
    // That one is forgotten with the next look.
    await sweep(testEnv);
    expect(await watched()).not.toContain(emptied);
    expect(await alarmOf(emptied)).toBeNull();
  });
});

describe("what schedules cost", () => {
  it("is 5 rows to create, 9 for each run before its job begins, 4 for one that is skipped, and none to look", async ({
    expect,
  }) => {
    const id = await jobsApplication({ jobs: undefined, job_instances: 1 });
    const body = hourly({ job: task("after=never") });
    expect(await costOf(id, () => createSchedule(id, body))).toBe(5);
    const slot = nextHour();
    await ringAt(id, slot);
    const [first] = await jobsOf(id);
    await running(id, first.id);
    // What its start has written, and its timer, are gone by then.
    const settled = async (next: number) => {
      await ringAt(id, next - MINUTE_MS);
      await eventually(async () => {
        const isStill = (await costOf(id, () => turned(20))) === 0;
        if ((await alarmOf(id)) === next) return isStill;
        await ring(id);
        return false;
      });
    };
    await settled(slot + HOUR_MS);
    // There is no room: the job waits.
    expect(await costOf(id, () => ringAt(id, slot + HOUR_MS))).toBe(9);
    await put(id, { ...body, concurrency: "forbid" });
    await settled(slot + 2 * HOUR_MS);
    expect(await costOf(id, () => ringAt(id, slot + 2 * HOUR_MS))).toBe(4);
    const looks = [() => scheduleOf(id), () => applicationStub(testEnv, id).pokeCron()];
    for (const look of looks) expect(await costOf(id, look)).toBe(0);
    expect(await costOf(id, () => put(id, { ...body, concurrency: "forbid" }))).toBe(0);
  });

  it("is an alarm at the next run and nothing else while none is due", async ({ expect }) => {
    const id = await jobsApplication();
    await createSchedule(id, hourly());
    const slot = nextHour();
    await ringAt(id, slot);
    await finished(id, 1);
    await eventually(async () => (await alarmOf(id)) === slot + HOUR_MS);
    const cost = await costOf(id, async () => {
      await scheduleOf(id);
      await jobsOf(id);
      await evictDurableObject(applicationStub(testEnv, id)).catch(() => undefined);
    });
    expect(cost).toBeLessThanOrEqual(0);
    expect(await alarmOf(id)).toBe(slot + HOUR_MS);
  });
});

describe("docs/cron.md", () => {
  it("has lines that work as they stand", async ({ expect }) => {
    const id = await jobsApplication();
    const lines = page.replaceAll("\n  ", " ").matchAll(/^api (\w+) '?(\S+?)'?(?: -d '(.*)')?$/gm);
    const answers: [string, number][] = [];
    for (const [, method = "", path = "", body] of lines) {
      const at = path.replace("/applications/web", `/applications/${id}`);
      const { status } = await call(method, at, body === undefined ? undefined : JSON.parse(body));
      answers.push([method, status]);
    }
    expect(answers).toEqual([
      ["POST", 201],
      ["GET", 200],
      ["GET", 200],
      ["POST", 201],
      ["PATCH", 200],
      ["PUT", 200],
      ["DELETE", 200],
    ]);
  });
});
