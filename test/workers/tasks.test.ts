/** Tasks inside workerd: sent in, done by jobs or by the pool, retried, given up, cancelled, kept and forgotten. */
import { evictDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import { applicationStub } from "../../src/stubs.ts";
import { call, createApplication, domainError, eventsOf, eventually, raw, testEnv } from "./client.ts";
import { crash, fill, http, pool, ring, run, send, sql, taskOf, tasksOf, until } from "./tasks-world.ts";

describe.concurrent("a task that runs", () => {
  it("is done by a job of its own, which has its payload", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true });
    const task = await send(id, { ...run("exit=0 print=hello"), payload: { a: 1 }, fairness_key: "team" });
    expect(task).toMatchObject({ mode: "run", state: "queued", payload: { a: 1 }, tries: 0, job: null, ttl: 3600 });
    const done = await until(id, task.id, "succeeded");
    expect(done).toMatchObject({ reason: "Completed", tries: 1 });
    const { result: job } = await call("GET", `/applications/${id}/jobs/${done.job}`);
    expect(job).toMatchObject({
      task: task.id,
      payload: '{"a":1}',
      fairness_key: "team",
      status: { state: "succeeded" },
    });
  });

  it("runs where the one before it ran, which was not let go", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true, job_instances: 1 });
    const tasks = Array.from({ length: 5 }, () => run("exit=0"));
    await call("POST", `/applications/${id}/tasks/batch`, { tasks });
    const done = await eventually(async () => {
      const found = await tasksOf(id, "&state=succeeded");
      return found.length === 5 && found;
    });
    const slots = await Promise.all(
      done.map(async ({ job }: { job: string }) => {
        const { result } = await call("GET", `/applications/${id}/jobs/${job}/attempts`);
        return result[0].deployment_id;
      }),
    );
    expect(new Set(slots).size).toBe(1);
  });

  it("takes no place of others while it waits to be tried again", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true, job_instances: 1 });
    const waits = await send(id, run("exit=1", { backoff: "1h", max_backoff: "1h" }));
    const { job } = await until(id, waits.id, "running");
    await eventually(async () => (await call("GET", `/applications/${id}/jobs/${job}`)).result.status.failed === 1);
    const next = await send(id, run("exit=0"));
    await until(id, next.id, "succeeded");
    expect(await taskOf(id, waits.id)).toMatchObject({ state: "running" });
    expect((await tasksOf(id, "&state=running")).map((one: { id: string }) => one.id)).toEqual([waits.id]);
  });

  it("is dead with the reason of its job when that fails, and retried by a job of its own", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true });
    const limits = { retries: 1, backoff: 0, max_backoff: 0, loss_retries: 2, timeout: "1m", deadline: "2m" };
    const task = await send(id, run("exit=3", { ...limits, shell: true }));
    const dead = await until(id, task.id, "dead");
    expect(dead).toMatchObject({ reason: "BackoffLimitExceeded", run: { ...limits, timeout: 60, deadline: 120 } });
    const { result: job } = await call("GET", `/applications/${id}/jobs/${dead.job}`);
    expect(job).toMatchObject({ retries: 1, loss_retries: 2, timeout: 60, deadline: 120, status: { failed: 2 } });
    expect((await eventsOf(id)).find(({ name }) => name === "TaskDead")?.details).toMatchObject({ task: task.id });
    expect(await tasksOf(id, "&state=dead")).toHaveLength(1);
    expect(Date.parse(dead.remove_at) - Date.parse(dead.finished_at)).toBe(7 * 86_400_000);
    expect((await call("POST", `/applications/${id}/tasks/${task.id}/retry`)).result).toMatchObject({ failures: 0 });
    const again = await eventually(async () => {
      const found = await taskOf(id, task.id);
      return found.state === "dead" && found.job !== dead.job && found;
    });
    expect(again).toMatchObject({ tries: 2, idempotency_key: null });
  });

  it("ends at once where a rule for its exit code says so", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true });
    const rules = [{ action: "fail_job", exit_codes: { operator: "in", values: [9] } }];
    const task = await send(id, run("exit=9", { retries: 5, failure_policy: rules }));
    expect(await until(id, task.id, "dead")).toMatchObject({ reason: "FailurePolicy", run: { failure_policy: rules } });
  });

  it("is run as it is where no shell is wanted", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true });
    const logs = async (shell: boolean) => {
      const { job } = await until(id, (await send(id, run("exit=0 print=hello", { shell }))).id, "succeeded");
      return (await call("GET", `/applications/${id}/jobs/${job}/attempts/1/logs`)).status;
    };
    expect([await logs(true), await logs(false)]).toEqual([200, 404]);
  });

  it("is cancelled with its container", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true });
    const task = await send(id, run("after=never"));
    await until(id, task.id, "running");
    expect((await call("POST", `/applications/${id}/tasks/${task.id}/cancel`)).status).toBe(200);
    expect(await until(id, task.id, "cancelled")).toMatchObject({ reason: "Cancelled" });
    await eventually(async () => (await call("GET", `/applications/${id}/instances-v2`)).result.length === 0);
    const refused = await call("POST", `/applications/${id}/tasks/${task.id}/retry`);
    expect([refused.status, domainError(refused).error]).toEqual([409, "TASK_FINISHED"]);
  });

  it("is refused by an application that runs no jobs", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const refused = await call("POST", `/applications/${id}/tasks`, run("exit=0"));
    expect([refused.status, domainError(refused).error]).toEqual([400, "JOB_CREATE_NOT_ALLOWED"]);
    expect(await tasksOf(id)).toEqual([]);
  });
});

const keyed = (key: string, count: number) => ({
  tasks: Array.from({ length: count }, (_, n) => ({ ...http(`/${key}/${n}`), fairness_key: key })),
});

describe.concurrent("a task that is posted", () => {
  it("reaches a member of the pool as it was asked for, and 2xx completes it", async ({ expect }) => {
    const { id, name, container } = await pool();
    const task = await send(id, {
      ...http("/work?a=1", { method: "PUT", headers: { "X-Own": "1" } }),
      payload: { x: 1 },
    });
    expect(await until(id, task.id, "succeeded")).toMatchObject({
      status: 200,
      tries: 1,
      failures: 0,
      http: { method: "PUT", headers: { "X-Own": "1" } },
    });
    expect(container.received).toEqual(["PUT /work 7"]);
    expect(container.lastHeaders).toMatchObject({
      "content-type": "application/json",
      "gantry-task": task.id,
      "gantry-task-try": "1",
      "x-own": "1",
    });
    const text = await send(id, { ...http("/text"), payload: "as it is" });
    expect(await until(id, text.id, "succeeded")).toMatchObject({ payload: "as it is" });
    expect(container.lastHeaders["content-type"]).toBe("text/plain;charset=utf-8".replace(";", "; "));
    const forged = { "gantry-task": task.id, "gantry-task-try": "9", "x-own": "2" };
    expect((await raw("GET", `http://${name}.localhost/`, undefined, forged)).status).toBe(200);
    expect(container.lastHeaders["x-own"]).toBe("2");
    expect(Object.keys(container.lastHeaders).filter((header) => header.startsWith("gantry-task"))).toEqual([]);
  });

  it("is tried again with back-off when the answer is not 2xx, and dead when its retries are used up", async ({
    expect,
  }) => {
    const { id, container } = await pool();
    container.statuses.set("/bad", 503);
    const mended = await send(id, http("/bad", { backoff: "20s", max_backoff: "40s" }));
    const waiting = await eventually(async () => {
      const found = await taskOf(id, mended.id);
      return found.failures === 1 && found;
    });
    expect(waiting).toMatchObject({
      state: "queued",
      reason: "Answer",
      status: 503,
      http: { backoff: 20, max_backoff: 40 },
    });
    const waits = Date.parse(waiting.not_before) - Date.parse(waiting.started_at);
    expect(waits).toBeGreaterThanOrEqual(20_000);
    const given = await send(id, http("/bad", { retries: 2, backoff: 0 }));
    expect(await until(id, given.id, "dead")).toMatchObject({ reason: "RetriesExhausted", status: 503, tries: 3 });
    container.statuses.delete("/bad");
    await sql(id, `UPDATE tasks SET body = json_set(body, '$.notBefore', 1) WHERE id = '${mended.id}'`);
    await evictDurableObject(applicationStub(testEnv, id));
    await ring(id);
    expect(await until(id, mended.id, "succeeded")).toMatchObject({ tries: 2, failures: 1 });
    await call("POST", `/applications/${id}/tasks/${given.id}/retry`);
    expect(await until(id, given.id, "succeeded")).toMatchObject({ tries: 4, failures: 0 });
  });

  it("fails when there is no whole answer in time", async ({ expect }) => {
    const { id, container } = await pool();
    container.hangs.add("/slow");
    const task = await send(id, http("/slow", { timeout: 1, retries: 0 }));
    expect(await until(id, task.id, "dead")).toMatchObject({ tries: 1, status: null });
    expect((await taskOf(id, task.id)).message).toContain("no whole answer within 1 s");
  });

  it("fails when no member was ready for as long as it waits, and is dead with that reason", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1, configuration: { image: "never-boots" } });
    const waits = await send(id, http("/", { wait: 1, retries: 3, backoff: "1h", max_backoff: "1h" }));
    const dies = await send(id, http("/", { wait: 1, retries: 0 }));
    expect(waits.http).toMatchObject({ wait: 1 });
    expect(await until(id, dies.id, "dead")).toMatchObject({ tries: 1, reason: "NoReadyInstance", status: null });
    const again = await eventually(async () => {
      const found = await taskOf(id, waits.id);
      return found.reason !== null && found;
    });
    expect(again).toMatchObject({ state: "queued", failures: 1, reason: "NoReadyInstance" });
    expect((await send(id, http("/"))).http).toMatchObject({ wait: 600 });
  });

  it("whose outcome nobody knows is tried again, and what an older try comes to changes nothing", async ({
    expect,
  }) => {
    const { id, container } = await pool();
    container.hangs.add("/hang");
    const task = await send(id, http("/hang"));
    await until(id, task.id, "running");
    await crash(id);
    container.hangs.delete("/hang");
    await ring(id);
    expect(await until(id, task.id, "succeeded")).toMatchObject({ tries: 2, failures: 0, losses: 1 });
    expect(container.lastHeaders["gantry-task-try"]).toBe("2");
  });

  it("waits where no member is wanted, and begins when one is", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const task = await send(id, http("/work"));
    expect(await taskOf(id, task.id)).toMatchObject({ state: "queued", tries: 0 });
    await call("PATCH", `/applications/${id}`, { instances: 1 });
    expect(await until(id, task.id, "succeeded")).toMatchObject({ tries: 1 });
  });

  it("starts a pool that follows its queue, with as many members as wait for it", async ({ expect }) => {
    const autoscaling = { min: 0, max: 3, queue_depth: 2 };
    const { id } = await createApplication({ instances: 0, autoscaling, max_parallel_tasks: 1 });
    const tasks = Array.from({ length: 8 }, (_, n) => http(`/turn/${n}`));
    await call("POST", `/applications/${id}/tasks/batch`, { tasks });
    await eventually(async () => (await tasksOf(id, "&state=succeeded")).length === 8);
    expect((await call("GET", `/applications/${id}`)).result.instances).toBe(3);
  });

  it("is cancelled while it is under way, and while it waits", async ({ expect }) => {
    const { id, container } = await pool();
    container.hangs.add("/hang");
    const underWay = await send(id, http("/hang"));
    const waiting = await send(id, { ...http("/later"), delay: "1h" });
    expect(Date.parse(waiting.not_before) - Date.parse(waiting.created_at)).toBe(3_600_000);
    await until(id, underWay.id, "running");
    for (const { id: task } of [underWay, waiting]) {
      const { result } = await call("POST", `/applications/${id}/tasks/${task}/cancel`);
      expect(result).toMatchObject({ state: "cancelled", reason: "Cancelled" });
      expect((await call("DELETE", `/applications/${id}/tasks/${task}`)).status).toBe(200);
      expect((await call("GET", `/applications/${id}/tasks/${task}`)).status).toBe(404);
    }
    expect(container.received).toEqual([]);
  });

  it("is one of so many at a time as its application says", async ({ expect }) => {
    const { id, container } = await pool({ max_parallel_tasks: 1 });
    container.hangs.add("/hang");
    const tasks = Array.from({ length: 5 }, () => http("/hang"));
    await call("POST", `/applications/${id}/tasks/batch`, { tasks });
    const running = async (count: number) => {
      return await eventually(async () => (await tasksOf(id, "&state=running")).length === count);
    };
    await running(1);
    await call("PATCH", `/applications/${id}`, { max_parallel_tasks: 2 });
    await running(2);
    const { result } = await call("GET", `/applications/${id}`);
    expect(result.max_parallel_tasks).toBe(2);
    await call("PUT", `/applications/${id}`, { ...result, max_parallel_tasks: 4 });
    await running(4);
    expect(container.attempts).toBe(4);
  });

  it("is done also where there are more than one event may begin", async ({ expect }) => {
    const { id, container } = await pool({ max_parallel_tasks: 100 });
    for (let batch = 0; batch < 6; batch += 1) {
      await call("POST", `/applications/${id}/tasks/batch`, keyed(`batch-${batch}`, 100));
    }
    await eventually(
      async () => (await sql(id, "SELECT id FROM tasks WHERE state <> 'succeeded' LIMIT 1")).length === 0,
    );
    expect(container.received).toHaveLength(600);
  });

  it("of the key with few is not behind those of the key with many", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, max_parallel_tasks: 1 });
    await call("POST", `/applications/${id}/tasks/batch`, keyed("many", 60));
    await call("POST", `/applications/${id}/tasks/batch`, keyed("few", 5));
    await call("PATCH", `/applications/${id}`, { instances: 1 });
    await eventually(async () => (await tasksOf(id, "&state=succeeded")).length === 65);
    const order = (await tasksOf(id)).toSorted((a: { started_at: string }, b: { started_at: string }) =>
      a.started_at < b.started_at ? -1 : 1,
    );
    const last = order.findLastIndex(({ fairness_key }: { fairness_key: string }) => fairness_key === "few");
    expect(last).toBeLessThan(20);
    expect((await tasksOf(id, "&fairness_key=few")).length).toBe(5);
  });
});

describe.concurrent("sending in", () => {
  it("the same key is the same task, and another body is refused", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const body = { ...http("/a"), idempotency_key: "k", payload: { a: 1, b: 2 } };
    const task = await send(id, body);
    const again = await call("POST", `/applications/${id}/tasks`, { ...body, payload: { b: 2, a: 1 } });
    expect([again.status, again.result.id]).toEqual([200, task.id]);
    expect((await taskOf(id, "k")).id).toBe(task.id);
    const other = await call("POST", `/applications/${id}/tasks`, { ...body, payload: 2 });
    expect([other.status, domainError(other).error]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
    const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
    const batch = JSON.stringify({ tasks: [http("/b"), http("/b")] });
    const path = `/applications/${id}/tasks/batch`;
    expect((await raw("POST", path, batch, headers)).status).toBe(201);
    expect((await raw("POST", path, batch, headers)).status).toBe(201);
    expect(await tasksOf(id)).toHaveLength(3);
  });

  it("is for tokens that may submit jobs, which also look at them, and change nothing else", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const scoped = { name: "submitter", scopes: ["job:submit"], applications: [id] };
    const token = (await call("POST", "/tokens", scoped)).result.value;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const path = `/applications/${id}/tasks`;
    const ask = async (method: string, to: string, body?: object) => {
      return (await raw(method, to, body === undefined ? undefined : JSON.stringify(body), headers)).status;
    };
    const body = { ...http("/a"), idempotency_key: "k" };
    expect(await ask("POST", path, body)).toBe(201);
    expect([await ask("GET", path), await ask("GET", `${path}/k`)]).toEqual([200, 200]);
    expect([await ask("POST", `${path}/k/cancel`), await ask("DELETE", `${path}/k`)]).toEqual([403, 403]);
  });

  it("takes all of a batch, or none", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    await send(id, { ...http("/a"), idempotency_key: "k" });
    const tasks = [http("/b"), { ...http("/c"), idempotency_key: "k" }];
    const refused = await call("POST", `/applications/${id}/tasks/batch`, { tasks });
    expect([refused.status, domainError(refused).details]).toMatchObject([422, { index: 1 }]);
    expect(await tasksOf(id)).toHaveLength(1);
  });

  it("lists page by page, newest first", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true });
    const tasks = Array.from({ length: 5 }, (_, n) => ({ ...http(`/${n}`), fairness_key: n % 2 ? "odd" : "even" }));
    await call("POST", `/applications/${id}/tasks/batch`, { tasks });
    await send(id, { ...run("exit=0"), delay: 3600 });
    const path = `/applications/${id}/tasks?mode=http&state=queued&per_page=2`;
    const paths: string[] = [];
    for (let token: string | undefined = ""; token !== undefined;) {
      const page: Awaited<ReturnType<typeof call>> = await call(
        "GET",
        token === "" ? path : `${path}&page_token=${token}`,
      );
      paths.push(...page.result.map((task: { http: { path: string } }) => task.http.path));
      token = page.result_info?.next_page_token;
    }
    expect(paths).toEqual(["/4", "/3", "/2", "/1", "/0"]);
    expect(await tasksOf(id, "&fairness_key=odd")).toHaveLength(2);
  });

  it("is refused when too many are open, and told when to come again", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    await fill(id, 10_000);
    await evictDurableObject(applicationStub(testEnv, id));
    const headers = { "content-type": "application/json" };
    const answer = await raw("POST", `/applications/${id}/tasks`, JSON.stringify(http("/more")), headers);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "10"]);
    await call("DELETE", `/applications/${id}/tasks/filler-1`);
    await send(id, http("/more"));
  });

  it("refuses what has no meaning, and says where", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true });
    const refused = async (body: object) => {
      const answer = await call("POST", `/applications/${id}/tasks`, body);
      return [answer.status, Object.keys(domainError(answer).details)];
    };
    expect(await refused({ ...http("/a"), run: {} })).toEqual([400, ["run"]]);
    expect(await refused({ ...http("/a"), payload: "x".repeat(16_385) })).toEqual([400, ["payload"]]);
    expect(await refused({ ...http("/a", { method: "GET" }), payload: "x" })).toEqual([400, ["payload"]]);
    expect(await refused(http("//elsewhere.test/"))).toEqual([400, ["http.path"]]);
    expect(await refused(http("/a", { headers: { "gantry-task": "1" } }))).toEqual([400, ["http.headers.gantry-task"]]);
    expect(await refused({ ...http("/a"), ttl: 1 })).toEqual([400, ["ttl"]]);
    expect(await refused({ mode: "run", run: { command: ["a"] } })).toEqual([400, ["run.command"]]);
  });
});

describe.concurrent("what is over", () => {
  it("is kept for its time, then goes with its job, and leaves no timer", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0, jobs: true });
    const task = await send(id, { ...run("exit=0"), ttl: 60 });
    const done = await until(id, task.id, "succeeded");
    expect(Date.parse(done.remove_at) - Date.parse(done.finished_at)).toBe(60_000);
    await eventually(async () => (await call("GET", `/applications/${id}/instances-v2`)).result.length === 0);
    await sql(id, "UPDATE tasks SET remove_at = 1");
    await evictDurableObject(applicationStub(testEnv, id));
    await ring(id);
    expect(await tasksOf(id)).toEqual([]);
    expect((await call("GET", `/applications/${id}/jobs/${done.job}`)).status).toBe(404);
    expect(await sql(id, "SELECT key FROM timers")).toEqual([]);
  });

  it("has cost few rows", async ({ expect }) => {
    const { id } = await pool();
    const application = applicationStub(testEnv, id);
    const rows = async () => (await application.billing()).rowsWritten;
    await until(id, (await send(id, http("/first"))).id, "succeeded");
    const before = await rows();
    const tasks = Array.from({ length: 20 }, () => http("/work"));
    await call("POST", `/applications/${id}/tasks/batch`, { tasks });
    await eventually(async () => (await tasksOf(id, "&state=succeeded")).length === 21);
    expect(((await rows()) - before) / 20).toBeLessThanOrEqual(7);
  });
});
