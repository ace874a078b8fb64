/** The routes of jobs: what is refused and how, lists and pages, waits, attempts, who may, and that one key makes one job. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Account } from "../../src/account/account.ts";
import type { Application } from "../../src/orchestrator/application.ts";
import { accountStub, applicationStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, call, domainError, eventually, raw, testEnv, type Envelope } from "./client.ts";
import {
  attemptsOf,
  containerOfRunning,
  ended,
  evictApplication,
  jobOf,
  jobsApplication,
  post,
  run,
  submit,
  task,
} from "./jobs-world.ts";

const list = (id: string, query = "") => call("GET", `/applications/${id}/jobs${query}`);
const namesIn = ({ result }: Envelope) => result.map(({ name }: { name: string }) => name);
const waitFor = (id: string, job: string, query: string) => call("GET", `/applications/${id}/jobs/${job}/wait${query}`);

async function as(token: string, method: string, path: string, body?: unknown): Promise<Envelope & { status: number }> {
  const response = await raw(method, path, body === undefined ? undefined : JSON.stringify(body), {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
  });
  return { ...(await response.json<Envelope>()), status: response.status };
}

async function newToken(body: Record<string, unknown>): Promise<string> {
  return (await call("POST", "/tokens", { name: "test", ...body })).result.value;
}

async function keyed(id: string, key: string, body: object) {
  const headers = { "content-type": "application/json", "idempotency-key": key };
  const response = await raw("POST", `/applications/${id}/jobs`, JSON.stringify(body), headers);
  return { ...(await response.json<Envelope>()), status: response.status };
}

describe.concurrent("a list of jobs", () => {
  it("has the newest first, in pages that stay the same while others come and go", async ({ expect }) => {
    const id = await jobsApplication();
    for (const name of ["one", "two", "three", "four", "five"]) await submit(id, task("exit=0", { name, suspend: true })); // prettier-ignore
    const first = await list(id, "?per_page=2");
    expect(namesIn(first)).toEqual(["five", "four"]);
    await submit(id, task("exit=0", { name: "six", suspend: true }));
    await call("DELETE", `/applications/${id}/jobs/five`);
    const second = await list(id, `?per_page=2&page_token=${first.result_info?.next_page_token}`);
    expect(namesIn(second)).toEqual(["three", "two"]);
    const third = await list(id, `?per_page=2&page_token=${second.result_info?.next_page_token}`);
    expect([namesIn(third), third.result_info?.next_page_token]).toEqual([["one"], undefined]);
    const broken = await list(id, "?page_token=nonsense");
    expect([broken.status, Object.keys(domainError(broken).details)]).toEqual([400, ["page_token"]]);
  });

  it("is narrowed by name, by state and by the schedule that made them", async ({ expect }) => {
    const id = await jobsApplication();
    await run(id, task("exit=0", { name: "good" }));
    await run(id, task("exit=1", { name: "bad" }));
    await submit(id, task("exit=0", { name: "later", suspend: true }));
    await runInDurableObject(applicationStub(testEnv, id), (_: Application, { storage }) => {
      storage.sql.exec("UPDATE jobs SET source = 'nightly' WHERE name = 'bad'");
    });
    expect(namesIn(await list(id, "?name=good"))).toEqual(["good"]);
    expect(namesIn(await list(id, "?state=failed"))).toEqual(["bad"]);
    expect(namesIn(await list(id, "?state=suspended"))).toEqual(["later"]);
    expect(namesIn(await list(id, "?state=running"))).toEqual([]);
    expect(namesIn(await list(id, "?schedule=nightly"))).toEqual(["bad"]);
    expect(namesIn(await list(id, "?schedule=nightly&state=succeeded"))).toEqual([]);
    expect((await list(id, "?state=broken")).status).toBe(400);
  });

  it("says of a job what asking for it by id or by name says", async ({ expect }) => {
    const id = await jobsApplication();
    const older = await run(id, task("exit=0", { name: "twin" }));
    const newer = await run(id, task("exit=0", { name: "twin" }));
    const { result } = await list(id);
    expect(result.map((job: { id: string }) => job.id)).toEqual([newer.id, older.id]);
    expect({ ...(await jobOf(id, newer.id)), events: [] }).toEqual(result[0]);
    expect((await jobOf(id, "twin")).id).toBe(newer.id);
    const unnamed = await run(id, task("exit=0"));
    expect(unnamed.name).toBe(`job-${unnamed.id.slice(0, 8)}`);
  });
});

describe.concurrent("waiting for a job", () => {
  it("ends when it is in the state that is asked for, of which finished is any end", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never"));
    const begun = await waitFor(id, job, "?state=running&timeout=10");
    expect([begun.status, begun.result.status.state]).toEqual([200, "running"]);
    const waiting = [waitFor(id, job, "?timeout=10"), waitFor(id, job, "?state=succeeded&timeout=10")];
    (await containerOfRunning(id, job)).finish(0);
    for (const { status, result } of await Promise.all(waiting)) {
      expect([status, result.status.state]).toEqual([200, "succeeded"]);
    }
    const failed = await submit(id, task("exit=1"));
    const cancelled = await submit(id, task("after=never"));
    await call("PATCH", `/applications/${id}/jobs/${cancelled.id}`, { terminate: true });
    const { status, result } = await waitFor(id, failed.id, "?state=failed&timeout=10");
    expect([status, result.status.message]).toEqual([200, "1 attempt failed, of which none is to be tried again"]);
    // With how its attempts ended, as whoever asks for it gets it.
    expect(result.events).toEqual((await jobOf(id, failed.id)).events);
    expect(result.events).toHaveLength(1);
    expect((await waitFor(id, cancelled.id, "?state=cancelled&timeout=10")).status).toBe(200);
    expect((await waitFor(id, failed.id, "?state=running&timeout=10")).status).toBe(200);
  });

  it("is over after its timeout with the state that it is in", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("exit=0", { suspend: true }));
    const waited = await waitFor(id, job, "?timeout=0");
    expect([waited.status, domainError(waited)]).toMatchObject([
      408,
      { error: "WAIT_TIMEOUT", retryable: true, details: { state: "suspended" } },
    ]);
    const wrong = await waitFor(id, job, "?state=happy");
    expect([wrong.status, Object.keys(domainError(wrong).details)]).toEqual([400, ["state"]]);
  });
});

describe.concurrent("attempts of a job", () => {
  it("are listed by number in pages, those that run among them, with how they went", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("exit=0 after-0=never", { completions: 5, parallelism: 2 }));
    await eventually(async () => (await jobOf(id, job)).status.succeeded === 4);
    const page = (query: string) => call("GET", `/applications/${id}/jobs/${job}/attempts?per_page=3${query}`);
    const first = await page("");
    expect(first.result.map(({ number, state }: { number: number; state: string }) => `${number} ${state}`)).toEqual([
      "1 running",
      "2 succeeded",
      "3 succeeded",
    ]);
    expect(first.result[0]).toMatchObject({ ended_at: null, exit_code: null, reason: null, index: 0 });
    (await containerOfRunning(id, job)).finish(0);
    await ended(id, job);
    const second = await page(`&page_token=${first.result_info?.next_page_token}`);
    expect(second.result.map(({ number }: { number: number }) => number)).toEqual([4, 5]);
    expect(second.result_info?.next_page_token).toBeUndefined();
    for (const one of await attemptsOf(id, job)) {
      const times = [one.begun_at, one.started_at ?? one.begun_at, one.ended_at ?? ""];
      expect(times).toEqual(times.toSorted());
    }
  });

  it("that ended last are the events of their job, of which the newest are shown", async ({ expect }) => {
    const id = await jobsApplication({ jobs: undefined, job_instances: 20 });
    const { id: job } = await submit(id, task("exit=0 after-0=never", { completions: 25, parallelism: 20 }));
    await eventually(async () => (await jobOf(id, job)).status.succeeded === 24);
    const { events } = await jobOf(id, job);
    expect(events.map((event: { id: string }) => Number(event.id))).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 6),
    );
    (await containerOfRunning(id, job)).finish(0);
    await ended(id, job);
  });

  it("have no output while they run, no number that is not there, and say so", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never"));
    const container = await containerOfRunning(id, job);
    const early = await call("GET", `/applications/${id}/jobs/${job}/attempts/1/logs`);
    expect([early.status, domainError(early).error]).toEqual([404, "JOB_ATTEMPT_NOT_FOUND"]);
    expect(domainError(early).message).toContain("its output is kept when it ends");
    expect((await call("GET", `/applications/${id}/jobs/${job}/attempts/2/logs`)).status).toBe(404);
    const wrong = await call("GET", `/applications/${id}/jobs/${job}/attempts/first/logs`);
    expect([wrong.status, Object.keys(domainError(wrong).details)]).toEqual([400, ["attempt"]]);
    container.finish(0);
    await ended(id, job);
  });
});

describe.concurrent("a job that is asked for", () => {
  it.for([
    [{ completions: 0 }, "completions"],
    [{ completions: 100_001 }, "completions"],
    [{ parallelism: 2 }, "parallelism"],
    [{ name: "Not A Name" }, "name"],
    [{ entrypoint: [] }, "entrypoint"],
    [{ entrypoint: undefined }, "command"],
    [{ vcpu: 1, vcpus: 1 }, "vcpus"],
    [{ instance_type: "basic", memory_mib: 512 }, "instance_type"],
    [{ max_failed_indexes: 1 }, "max_failed_indexes"],
    [{ timeout: 0.5 }, "timeout"],
    [{ deadline: "never" }, "deadline"],
    [{ backoff: -1 }, "backoff"],
    [{ loss_retries: 1_001 }, "loss_retries"],
    [{ retries: 1.5 }, "retries"],
    [{ ttl: "366d" }, "ttl"],
    [{ fairness_key: "x".repeat(101) }, "fairness_key"],
    [{ shell: "bash" }, "shell"],
    [{ suspend: "yes" }, "suspend"],
    [{ payload: { not: "text" } }, "payload"],
    [{ unknown: 1 }, "unknown"],
    [{ secrets: [{ name: "TASK", value: "x" }] }, "secrets[0].name"],
    [{ secrets: [{ name: "A", value: "x" }, { name: "A", value: "y" }] }, "secrets[1].name"], // prettier-ignore
    [{ secrets: [{ name: "1A", value: "x" }] }, "secrets[0].name"],
    [{ secrets: [{ name: "A", value: "x", type: "file" }] }, "secrets[0].type"],
    [{ environment_variables: [{ name: "A", value: "1" }, { name: "A", value: "2" }] }, "environment_variables[1].name"], // prettier-ignore
    [
      { failure_policy: [{ action: "retry", exit_codes: { operator: "in", values: [1] } }] },
      "failure_policy[0].action",
    ],
    [{ failure_policy: [{ action: "count", exit_codes: { operator: "in", values: [0] } }] }, "failure_policy[0].exit_codes.values"], // prettier-ignore
    [{ failure_policy: [{ action: "count", exit_codes: { operator: "in", values: [256] } }] }, "failure_policy[0].exit_codes.values[0]"], // prettier-ignore
    [{ failure_policy: [{ action: "fail_index", exit_codes: { operator: "in", values: [1] } }] }, "failure_policy[0].action"], // prettier-ignore
    [{ success_policy: [{}] }, "success_policy[0]"],
    [{ success_policy: [{ indexes: "2-1" }] }, "success_policy[0].indexes"],
    [{ success_policy: [{ indexes: "0-1" }] }, "success_policy[0]"],
    [{ success_policy: [{ count: 2 }] }, "success_policy[0]"],
  ] as const)("with %j is refused by the field %s, with what to do", async ([part, field], { expect }) => {
    const id = await shared;
    const answer = await post(id, task("exit=0", part));
    const { error, details } = domainError(answer);
    expect([answer.status, error, Object.keys(details)]).toEqual([400, "VALIDATE_INPUT", [field]]);
    expect(String(Object.values(details)[0]).length).toBeGreaterThan(10);
  });

  it.for([[{}], [{ terminate: false }], [{ terminate: true, suspend: true }], [{ suspend: 1 }], [{ image: "x" }]])(
    "to become %j is refused",
    async ([body], { expect }) => {
      const id = await shared;
      const { id: job } = await submit(id, task("exit=0", { suspend: true }));
      const answer = await call("PATCH", `/applications/${id}/jobs/${job}`, body);
      expect([answer.status, domainError(answer).error]).toEqual([400, "VALIDATE_INPUT"]);
      expect((await jobOf(id, job)).status.state).toBe("suspended");
    },
  );

  it("under If-Match is made only while its application is as it was seen", async ({ expect }) => {
    const id = await jobsApplication();
    const etag = (await raw("GET", `/applications/${id}`)).headers.get("etag") ?? "";
    const ask = (tag: string) => {
      const headers = { "content-type": "application/json", "if-match": tag };
      return raw("POST", `/applications/${id}/jobs`, JSON.stringify(task("exit=0", { suspend: true })), headers);
    };
    expect([(await ask('"another"')).status, (await ask(etag)).status]).toEqual([412, 201]);
    expect((await list(id)).result).toHaveLength(1);
  });

  it("is not found under a name that none has, in each route", async ({ expect }) => {
    const id = await shared;
    const base = `/applications/${id}/jobs/none`;
    const answers = [
      await call("GET", base),
      await call("PATCH", base, { terminate: true }),
      await call("DELETE", base),
      await call("GET", `${base}/wait`),
      await call("GET", `${base}/attempts`),
      await call("GET", `${base}/attempts/1/logs`),
    ];
    for (const answer of answers) {
      expect([answer.status, domainError(answer).error]).toEqual([404, "JOB_NOT_FOUND"]);
    }
  });

  it("in Cloudflare's words is run, and seen in them", async ({ expect }) => {
    const id = await shared;
    const variables = [{ name: "TASK", value: "after=never" }];
    const body = { entrypoint: ["/bin/app"], command: ["go"], timeout: 60, vcpu: 0.0625, memory_mib: 256, secrets: [{ name: "KEY", value: "v", type: "env" }], environment_variables: variables }; // prettier-ignore
    const submitted = await submit(id, body);
    expect(submitted).toMatchObject({ app_id: id, terminate: false, timeout: 60, events: [], disk_mb: 2_000 });
    expect(["queued", "scheduled", "placed", "running"]).toContain(submitted.status.health);
    const container = await containerOfRunning(id, submitted.id);
    await eventually(async () => (await jobOf(id, submitted.id)).status.health === "running");
    const { result } = await call("PATCH", `/applications/${id}/jobs/${submitted.id}`, { terminate: true });
    expect(result.terminate).toBe(true);
    const done = await ended(id, submitted.id);
    expect(done.status.health).toBe("stopped");
    expect(done.events).toMatchObject([{ name: "VMStopped", statusChange: { health: "stopped" } }]);
    expect(container.running).toBe(false);
  });
});

/** One application for what is refused: nothing of it is run. */
const shared = jobsApplication({ job_instances: 5, jobs: undefined });

describe.concurrent("a token for jobs", () => {
  it("submits to the applications that it may reach, looks at jobs, and does nothing else", async ({ expect }) => {
    const [id, other] = [await jobsApplication(), await jobsApplication()];
    const token = await newToken({ scopes: ["job:submit"], applications: [id] });
    const made = await as(token, "POST", `/applications/${id}/jobs`, task("exit=0"));
    expect(made.status).toBe(201);
    const base = `/applications/${id}/jobs/${made.result.id}`;
    expect((await as(token, "POST", `/applications/${other}/jobs`, task("exit=0"))).status).toBe(404);
    expect((await as(token, "PATCH", base, { terminate: true })).status).toBe(403);
    expect((await as(token, "DELETE", base)).status).toBe(403);
    expect((await as(token, "PATCH", `/applications/${id}`, { instances: 1 })).status).toBe(403);
    expect((await as(token, "GET", `/applications/${id}`)).status).toBe(403);
    for (const path of [
      "",
      `/${made.result.id}`,
      `/${made.result.id}/attempts`,
      `/${made.result.id}/wait?timeout=10`,
    ]) {
      expect([path, (await as(token, "GET", `/applications/${id}/jobs${path}`)).status]).toEqual([path, 200]);
    }
  });

  it("that only reads sees jobs and makes none, and one that operates ends them", async ({ expect }) => {
    const id = await jobsApplication();
    const { id: job } = await submit(id, task("after=never"));
    const [reader, operator] = [await newToken({ scopes: ["read"] }), await newToken({ scopes: ["operate"] })];
    expect((await as(reader, "GET", `/applications/${id}/jobs/${job}`)).status).toBe(200);
    expect((await as(reader, "POST", `/applications/${id}/jobs`, task("exit=0"))).status).toBe(403);
    expect((await as(reader, "PATCH", `/applications/${id}/jobs/${job}`, { terminate: true })).status).toBe(403);
    expect((await as(operator, "PATCH", `/applications/${id}/jobs/${job}`, { terminate: true })).status).toBe(200);
    expect((await ended(id, job)).status.message).toMatch(/^cancelled by token test/);
  });
});

describe.concurrent("a job with an Idempotency-Key", () => {
  it("is one, however often it is asked for", async ({ expect }) => {
    const id = await jobsApplication();
    const [key, body] = [crypto.randomUUID(), task("exit=0", { name: "once" })];
    const answers = await Promise.all([keyed(id, key, body), keyed(id, key, body)]);
    const later = await keyed(id, key, body);
    const made = answers.filter(({ status }) => status === 201);
    expect(made.length).toBeGreaterThan(0);
    expect([later.status, later.result.id]).toEqual([201, made[0]?.result.id]);
    expect(namesIn(await list(id))).toEqual(["once"]);
    expect((await keyed(id, key, task("exit=1"))).status).toBe(422);
    expect((await ended(id, later.result.id)).status.succeeded).toBe(1);
  });

  it("is one when whoever made it died before it could say so", async ({ expect }) => {
    const id = await jobsApplication();
    const [key, body] = [crypto.randomUUID(), task("exit=0", { name: "once" })];
    const first = await keyed(id, key, body);
    await forgetAnswer(key);
    await evictApplication(id);
    const again = await keyed(id, key, body);
    expect([again.status, again.result.id]).toEqual([201, first.result.id]);
    expect(namesIn(await list(id))).toEqual(["once"]);
    await ended(id, first.result.id);
    expect(await attemptsOf(id, first.result.id)).toHaveLength(1);
  });
});

/** As if the answer had not been kept: the request has been begun, and that is all that is known of it. */
async function forgetAnswer(key: string): Promise<void> {
  await eventually(async () => {
    return await runInDurableObject(accountStub(testEnv, ACCOUNT_ID), (_: Account, { storage }) => {
      const sql = "UPDATE idempotency SET answer = NULL WHERE key LIKE ? AND answer IS NOT NULL";
      return storage.sql.exec(sql, `% ${key}`).rowsWritten > 0;
    });
  });
}
