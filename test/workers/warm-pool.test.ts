/** Members that are kept ready beyond what is needed: what they are for, what they count as, and what refuses them. */
import { describe, it } from "vitest";
import { applicationStub } from "../../src/stubs.ts";
import { freshAccount } from "./accounts.ts";
import { call, createApplication, domainError, eventually, instancesOf, raw, testEnv, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";

async function pool(body: Record<string, unknown>, ready: number) {
  const { id, name } = await createApplication({ ingress: { mode: "public" }, ...body });
  const members = await untilReady(id, ready);
  const host = `http://${name}.localhost`;
  const asked = async () => {
    const response = await raw("GET", `${host}/x`);
    await response.text();
    return response.status === 200 ? response.headers.get("gantry-instance") : response.status;
  };
  return { id, name, host, members: members.map((one) => one.id), asked };
}

async function often<T>(times: number, ask: () => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let left = times; left > 0; left -= 1) answers.push(await ask());
  return answers;
}

const startsOf = (members: readonly string[]) => members.map((id) => containerOf(id).starts.length);
const view = async (id: string) => (await call("GET", `/applications/${id}`)).result;

describe.concurrent("a warm pool", () => {
  it("keeps one more ready, which no request gets, and gives it the traffic of one that is lost at once", async ({
    expect,
  }) => {
    const { id, members, asked } = await pool({ instances: 1, warm: 1 }, 2);
    const [serving, ...others] = new Set(await often(12, asked));
    expect(others).toEqual([]);
    const spare = members.find((member) => member !== serving) ?? "";
    expect(containerOf(spare).received).toEqual([]);

    containerOf(String(serving)).vanish();
    // The very request that finds it out is answered, by a container that had been started long before.
    expect(await asked()).toBe(spare);
    expect(startsOf([spare])).toEqual([1]);
    // It stays: whoever comes back is the spare one from here on.
    await eventually(async () => containerOf(String(serving)).starts.length === 2);
    await untilReady(id, 2);
    expect(new Set(await often(8, asked))).toEqual(new Set([spare]));
  });

  it("has its member at hand when more are needed, and starts another one for the next time", async ({ expect }) => {
    const { id, members, asked } = await pool({ instances: 1, warm: 1 }, 2);
    await asked();
    await call("PATCH", `/applications/${id}`, { instances: 2 });
    const answered = async () => new Set(await often(8, asked));
    await eventually(async () => (await answered()).size === 2);
    expect(await answered()).toEqual(new Set(members));
    expect(startsOf(members)).toEqual([1, 1]);
    await untilReady(id, 3);
  });

  it("comes on top of what the load asks for, and is what is left when nobody comes", async ({ expect }) => {
    const autoscaling = { min: 0, max: 2, queue_depth: 1, idle_after: "1s" };
    const { id, asked } = await pool({ instances: 1, warm: 1, autoscaling }, 2);
    const application = applicationStub(testEnv, id);
    await eventually(async () => {
      // As its own timer would.
      await application.load("nobody", { inFlight: 0, requestsPerSecond: 0, at: Date.now() });
      return (await view(id)).instances === 0;
    });
    const [left] = await untilReady(id, 1);
    expect(await asked()).toBe(left?.id);
    expect(startsOf([left?.id ?? ""])).toEqual([1]);
    // It says that somebody came, so that another one is made ready in its stead.
    await eventually(async () => (await view(id)).instances === 1);
    await untilReady(id, 2);
  });

  it("does not answer for an application that a user has scaled to 0, and is ready when he scales it up", async ({
    expect,
  }) => {
    const { id, host, members } = await pool({ instances: 0, warm: 1 }, 1);
    const refused = await raw("GET", `${host}/`);
    expect([refused.status, containerOf(members[0] ?? "").received]).toEqual([503, []]);
    expect((await refused.json<{ errors: { message: string }[] }>()).errors[0]?.message).toContain("scaled to 0");
    await call("PATCH", `/applications/${id}`, { instances: 1 });
    const answer = await raw("GET", `${host}/`);
    await answer.text();
    expect([answer.headers.get("gantry-instance"), startsOf(members)]).toEqual([members[0], [1]]);
  });

  it("is replaced with the rest when a new version comes", async ({ expect }) => {
    const { id } = await pool({ instances: 1, warm: 2 }, 3);
    const rollout = await call("POST", `/applications/${id}/rollouts`, {
      description: "new",
      strategy: "rolling",
      min_healthy_time: 0,
      target_configuration: { image: "hello-world", environment_variables: [{ name: "A", value: "b" }] },
    });
    expect(rollout.status).toBe(200);
    await eventually(async () => {
      const all = await instancesOf(id);
      return all.length === 3 && all.every(({ id: one }) => containerOf(one).starts.at(-1)?.env["A"] === "b");
    });
  });

  it("is given up when it is set to 0, and shown until then", async ({ expect }) => {
    const { id } = await pool({ instances: 1, warm: 2 }, 3);
    expect(await view(id)).toMatchObject({ instances: 1, warm: 2, health: { instances: { healthy: 3 } } });
    expect((await call("PATCH", `/applications/${id}`, { warm: 0 })).result).not.toHaveProperty("warm");
    await untilReady(id, 1);
  });

  it("counts towards max_instances, with what it is too many by", async ({ expect }) => {
    const body = { name: "too-warm", instances: 3, warm: 2, max_instances: 4, configuration: { image: "hello-world" } };
    const refusal = domainError(await call("POST", "/applications", body));
    expect(refusal.details["warm"]).toContain("3 instances and 2 warm ones are 1 more than max_instances (4)");
    const { id } = await createApplication({ instances: 2, warm: 1, max_instances: 3 });
    const cases = [
      [{ warm: 3 }, "warm", "2 instances and 3 warm ones are 2 more than max_instances (3)"],
      [{ instances: 3 }, "instances", "3 instances and 1 warm ones are 1 more than max_instances (3)"],
      [{ max_instances: 2 }, "max_instances", "2 instances and 1 warm ones are 1 more than max_instances (2)"],
      [{ autoscaling: { min: 1, max: 3, target_rps: 1 } }, "autoscaling.max", "are 1 more than max_instances (3)"],
    ] as const;
    for (const [patch, field, why] of cases) {
      const { error, details } = domainError(await call("PATCH", `/applications/${id}`, patch));
      expect([error, details[field]]).toEqual(["VALIDATE_INPUT", expect.stringContaining(why)]);
    }
    expect((await call("PATCH", `/applications/${id}`, { instances: 1, warm: 2 })).status).toBe(200);
  });

  it("counts in the account's limits, whoever is warm", async ({ expect }) => {
    const account = await freshAccount();
    await account.call("PATCH", "/me", { limits: { total_instances: 4 } });
    const { id } = (await account.create({ instances: 2, warm: 1 })).result;
    const refusal = await account.call("PATCH", `/applications/${id}`, { warm: 3 });
    expect(domainError(refusal).error).toBe("SURPASSED_TOTAL_LIMITS");
    expect((await account.call("PATCH", `/applications/${id}`, { warm: 2 })).status).toBe(200);
    expect((await account.create({ instances: 1 })).status).toBe(400);
  });
});
