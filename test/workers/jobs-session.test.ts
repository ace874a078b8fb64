/** A boot of workerd that has ended all containers of the boot before. */
import { runInDurableObject } from "cloudflare:test";
import { it } from "vitest";
import type { Application } from "../../src/orchestrator/application.ts";
import type { ApplicationCore } from "../../src/orchestrator/application-core.ts";
import { applicationStub } from "../../src/stubs.ts";
import { testEnv } from "./client.ts";
import { attemptsOf, containerOfAttempt, ended, jobsApplication, running, submit, task } from "./jobs-world.ts";

it("has lost the attempts that ran: each is counted, and tried again under a number of its own", async ({ expect }) => {
  const id = await jobsApplication();
  const { id: job } = await submit(
    id,
    task("exit=0 after=never", { completions: 2, parallelism: 2, retries: 0, loss_retries: 0 }),
  );
  const before = await running(id, job, 2);
  await runInDurableObject(applicationStub(testEnv, id), (application: Application) => {
    const { core } = application as unknown as { core: ApplicationCore };
    core.db.transaction(() => core.scheduler.loseAll("SessionEnded"));
    core.pass();
  });
  const after = (await running(id, job, 2)).map((attempt) => {
    containerOfAttempt(attempt).finish(0);
    return attempt.number;
  });
  expect(new Set(after)).toEqual(new Set([3, 4]));
  expect((await ended(id, job)).status).toMatchObject({ state: "succeeded", succeeded: 2, lost: 2, failed: 0 });
  const lost = (await attemptsOf(id, job)).filter(({ state }) => state === "lost");
  expect(lost.map(({ number, reason }) => `${number} ${reason}`)).toEqual(["1 SessionEnded", "2 SessionEnded"]);
  expect(new Set(lost.map((one) => one.deployment_id))).toEqual(new Set(before.map((one) => one.deployment_id)));
});
