/** What the attempts of a job are started with: its own in place of the application's, and what tells them who they are. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import type { Instance } from "../../src/containers/instance.ts";
import { applicationStub, instanceStub } from "../../src/stubs.ts";
import { call, domainError, raw, testEnv } from "./client.ts";
import { attemptsOf, containerOfRunning, ended, jobsApplication, post, run, startsOf, submit, task } from "./jobs-world.ts"; // prettier-ignore

/** All that an object has stored, as text. */
async function storedIn(object: DurableObjectStub<Application | Instance>): Promise<string> {
  return await runInDurableObject(object as DurableObjectStub<Application>, (_, { storage }) => {
    const tables = storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    const own = tables.filter(({ name }) => !name.startsWith("_cf"));
    return JSON.stringify(own.map(({ name }) => storage.sql.exec(`SELECT * FROM "${name}"`).toArray()));
  });
}

describe.concurrent("an attempt", () => {
  it("runs the application's command where the job has none, and else its own, by a shell that keeps its output", async ({
    expect,
  }) => {
    const entrypoint = ["/app/server", "--quiet"];
    const id = await jobsApplication({}, { entrypoint, command: ["run"] });
    const variables = { environment_variables: [{ name: "TASK", value: "exit=0" }] };
    const inherited = await run(id, variables);
    const own = await run(id, { ...variables, entrypoint: ["/app/migrate"], command: ["--to", "7"] });
    const alone = await run(id, { ...variables, entrypoint: ["/app/migrate"] });
    expect([inherited, own, alone].map((job) => [...job.entrypoint, ...job.command])).toEqual([
      ["/app/server", "--quiet", "run"],
      ["/app/migrate", "--to", "7"],
      ["/app/migrate"],
    ]);
    const [started] = await startsOf(id, own.id);
    expect(started?.entrypoint?.slice(0, 2)).toEqual(["/bin/sh", "-c"]);
    expect(started?.entrypoint?.slice(5)).toEqual(["/app/migrate", "--to", "7"]);
    expect((await startsOf(id, inherited.id))[0]?.entrypoint?.slice(5)).toEqual(["/app/server", "--quiet", "run"]);
    expect((await startsOf(id, alone.id))[0]?.entrypoint?.slice(5)).toEqual(["/app/migrate"]);
  });

  it("runs the image of its job", async ({ expect }) => {
    const id = await jobsApplication();
    const done = await run(id, task("exit=0", { image: "exits-0" }));
    expect(done.image).toBe("exits-0");
    expect((await startsOf(id, done.id)).map(({ image }) => image)).toEqual(["local/exits-0:1"]);
  });

  it.for([
    ["instance_type", { instance_type: "basic" }, { vcpu: 0.25, memoryMib: 1_024 }],
    ["vcpu", { vcpu: 2 }, { vcpu: 2, memoryMib: 256 }],
    ["vcpus", { vcpus: 2 }, { vcpu: 2, memoryMib: 256 }],
    ["memory_mib", { memory_mib: 512 }, { vcpu: 0.0625, memoryMib: 512 }],
  ] as const)("runs in the size of its job: %s", async ([, given, size], { expect }) => {
    const id = await jobsApplication();
    const done = await run(id, task("exit=0", given));
    expect(done).toMatchObject({ vcpu: size.vcpu, vcpus: size.vcpu, memory_mib: size.memoryMib, memory_mb: size.memoryMib }); // prettier-ignore
    expect((await startsOf(id, done.id)).map((started) => started.size)).toMatchObject([size]);
  });

  it("has the variables of its job beside the application's, and in their place", async ({ expect }) => {
    const inherited = [
      { name: "FROM", value: "application" },
      { name: "LEVEL", value: "info" },
    ];
    const id = await jobsApplication({}, { environment_variables: inherited });
    const variables = [
      { name: "TASK", value: "exit=0" },
      { name: "FROM", value: "job" },
    ];
    const done = await run(id, { ...task(""), environment_variables: variables });
    const [started] = await startsOf(id, done.id);
    expect(started?.env).toMatchObject({ FROM: "job", LEVEL: "info", GANTRY_JOB: done.id, GANTRY_ATTEMPT: "1" });
    expect(done.environment_variables).toEqual(variables);
  });

  it("has a number that grows with each attempt, so that what an older one says can be refused", async ({ expect }) => {
    const id = await jobsApplication();
    const done = await run(id, task("exit=1 second=0", { completions: 2, retries: 2 }));
    const starts = await startsOf(id, done.id);
    expect(starts.map(({ env }) => env["GANTRY_ATTEMPT"])).toEqual(["1", "2", "3", "4"]);
    const indexes = starts.map(({ env }) => Number(env["GANTRY_JOB_INDEX"]));
    expect(indexes.toSorted((a, b) => a - b)).toEqual([0, 0, 1, 1]);
  });

  it("has the secrets of its job, which nothing shows, stores or tells", async ({ expect }) => {
    const id = await jobsApplication();
    const value = `the-${crypto.randomUUID()}-word`;
    const secrets = [{ name: "PASSWORD", value, type: "env" }];
    const submitted = await submit(id, task("after=never", { secrets }));
    const container = await containerOfRunning(id, submitted.id);
    expect(container.starts.map(({ env }) => env["PASSWORD"])).toEqual([value]);
    expect(submitted.secrets).toEqual([{ name: "PASSWORD", type: "env" }]);
    const [attempt] = await attemptsOf(id, submitted.id);
    const paths = ["", "/jobs", `/jobs/${submitted.id}`, `/jobs/${submitted.id}/attempts`, "/events", "/instances-v2"];
    const texts = await Promise.all(paths.map(async (path) => (await raw("GET", `/applications/${id}${path}`)).text()));
    texts.push(await (await raw("GET", "/audit?per_page=1000")).text());
    texts.push(await storedIn(applicationStub(testEnv, id)));
    texts.push(await storedIn(instanceStub(testEnv, attempt?.deployment_id ?? "")));
    expect(texts.filter((text) => text.includes(value))).toEqual([]);
    container.finish(0);
    await ended(id, submitted.id);
    await call("DELETE", `/applications/${id}/jobs/${submitted.id}`);
  });

  it("is not to have a secret under the name of one of the application", async ({ expect }) => {
    await call("POST", "/secrets", { name: "of-the-application", value: "x" });
    const id = await jobsApplication(
      {},
      { secrets: [{ name: "PASSWORD", type: "env", secret: "of-the-application" }] },
    );
    const refused = await post(id, task("exit=0", { secrets: [{ name: "PASSWORD", value: "y" }] }));
    expect([refused.status, Object.keys(domainError(refused).details)]).toEqual([400, ["secrets[0].name"]]);
    const done = await run(id, task("exit=0", { secrets: [{ name: "OTHER", value: "y" }] }));
    expect((await startsOf(id, done.id))[0]?.env).toMatchObject({ PASSWORD: "x", OTHER: "y" });
  });

  it("is of an image that is known, else the job is refused and nothing is made", async ({ expect }) => {
    const id = await jobsApplication();
    const refused = await post(id, task("exit=0", { image: "no-such-image" }));
    expect([refused.status, domainError(refused).error]).toEqual([400, "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE"]);
    expect((await call("GET", `/applications/${id}/jobs`)).result).toEqual([]);
  });

  it("shows the payload of its job, of 16 KiB at most", async ({ expect }) => {
    const id = await jobsApplication();
    const most = "ä".repeat(8_192);
    expect((await submit(id, task("exit=0", { payload: most, suspend: true }))).payload).toBe(most);
    const refused = await post(id, task("exit=0", { payload: `${most}.` }));
    expect([refused.status, domainError(refused).details]).toMatchObject([400, { payload: "must be at most 16 KiB" }]);
  });
});
