/** Who may call which application of its account, what that hears of it, and that no call is lost while it is replaced. */
import { exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import { applicationStub } from "../../src/stubs.ts";
import { call, domainError, eventually, instancesOf, raw, testEnv } from "./client.ts";
import { containerOf } from "./fake-container.ts";
import {
  addressesOf,
  callerOf,
  containerCalling,
  echo,
  inside,
  named,
  PUBLIC,
  refusal,
  running,
  type Echo,
} from "./internal-world.ts";

describe.concurrent("the policy", () => {
  it("names who may be called, itself too, and says what to add", async ({ expect }) => {
    const { id, name, host, instance } = await running({ configuration: PUBLIC });
    const { v4 } = await addressesOf(id, `${name}-0`);
    const attempts = containerOf(instance).attempts;
    const caller = callerOf("front");
    for (const url of [
      host,
      `http://port-9090.${name}.gantry.internal`,
      `http://id-${name}-0.${name}.gantry.internal`,
      v4,
    ]) {
      expect(await refusal(`${url}/x`, {}, ["other", `${name}x`, `${name}*`], caller)).toMatchObject({
        status: 403,
        error: "EGRESS_DENIED",
        message: expect.stringContaining(`add "${name}" to egress.internal of front`),
        told: { code: "EGRESS_DENIED", retryable: "false" },
        details: {
          host: new URL(url).hostname,
          rule: "internal",
          reason: "not_allowed",
          application: "front",
          instance: caller.instance,
          called: name,
        },
      });
    }
    expect((await refusal(host, {}, [], callerOf(name))).error).toBe("EGRESS_DENIED");
    expect(containerOf(instance).attempts).toBe(attempts);
    for (const internal of [[name], ["other", name], ["*"]]) {
      expect((await echo(host, {}, internal, callerOf(name))).instance).toBe(instance);
      expect((await echo(v4, {}, internal, callerOf(name))).instance).toBe(instance);
    }
  });

  it("tells nothing about what it does not name", async ({ expect }) => {
    const { error } = await refusal("http://nobody-there.gantry.internal/", {}, ["other"]);
    expect(error).toBe("EGRESS_DENIED");
    const unknown = await refusal("http://10.128.255.253/", {}, []);
    expect(unknown).toMatchObject({
      error: "EGRESS_DENIED",
      message: expect.stringContaining("the name of the application"),
    });
  });

  it("names applications and not their ids", async ({ expect }) => {
    const { id, name } = await running();
    expect((await refusal(`http://${id}.gantry.internal/`, {}, [id])).error).toBe("EGRESS_DENIED");
    expect((await refusal(`http://${id}.gantry.internal/`, {}, [name])).error).toBe("EGRESS_DENIED");
  });
});

const FORGED = { "gantry-caller": 'application="root"', "gantry-via": "x, y" };

describe.concurrent("who calls", () => {
  it("is never what a caller says of itself, whichever way it comes", async ({ expect }) => {
    const { id, name } = await running({ ingress: { mode: "public" }, named_instances: 1, configuration: PUBLIC });
    const { v4, v6 } = await addressesOf(id, `${name}-0`);
    const path = `http://control.test/a/${name}`;
    const outside = [
      `http://${name}.localhost`,
      path,
      `${path}/@${name}-0`,
      `${path}/@ada`,
      `${path}/@ada/:9090`,
      v4,
      v6,
    ];
    for (const url of outside) {
      const response = await raw("GET", `${url}/x`, undefined, FORGED);
      const { headers } = await response.json<Echo>();
      expect([url, headers["gantry-caller"], headers["gantry-via"]]).toEqual([url, undefined, undefined]);
    }
    for (const url of [`/a/${name}/x`, `/a/${name}/@ada/x`, `/a/${name}/:9090/x`]) {
      const response = await exports.Gantry.fetch(`http://gantry.internal${url}`, { headers: FORGED });
      const { headers } = await response.json<Echo>();
      expect([url, headers["gantry-caller"], headers["gantry-via"]]).toEqual([url, undefined, undefined]);
    }
    const others = {
      ...FORGED,
      "gantry-port": "9090",
      "gantry-terminal": "1",
      "gantry-direct": "named",
      "gantry-task": "t",
    };
    for (const url of [`http://${name}.gantry.internal`, `http://id-ada.${name}.gantry.internal`, v4]) {
      const { headers, port } = await echo(`${url}/x`, { headers: others });
      expect([port, headers["gantry-via"]]).toEqual([8_080, "x, y, front"]);
      expect(headers["gantry-caller"]).toMatch(/^application="front", /);
      const own = Object.keys(headers).filter((header) => header.startsWith("gantry-"));
      expect(own.toSorted()).toEqual(["gantry-caller", "gantry-via"]);
    }
    const http = { path: "/t", headers: FORGED };
    const task = await call("POST", `/applications/${id}/tasks`, { mode: "http", payload: 1, http });
    expect([task.status, domainError(task).error]).toEqual([400, "VALIDATE_INPUT"]);
  });
});

const via = (text: string) => ({ headers: { "gantry-via": text } });

describe.concurrent("a circle of calls", () => {
  it("is ended in its third round, and after eight applications", async ({ expect }) => {
    const { name, host, id } = await running({ configuration: PUBLIC });
    const { v4 } = await addressesOf(id, `${name}-0`);
    for (const url of [host, v4]) {
      expect((await echo(url, via(`${name}, b`))).headers["gantry-via"]).toBe(`${name}, b, front`);
      expect(await refusal(url, via(`${name}, b, ${name}, b`))).toMatchObject({
        status: 508,
        error: "CALL_LOOP",
        told: { code: "CALL_LOOP", retryable: "false" },
        details: { application: name, via: [name, "b", name, "b"] },
      });
      expect((await refusal(url, via("a, b, c, d, e, f, g, h"))).error).toBe("CALL_LOOP");
      await echo(url, via("a, b, c, d, e, f, g"));
    }
  });
});

const rolling = { description: "", min_healthy_time: "0s" };
const target = (value: string) => ({ ...PUBLIC, environment_variables: [{ name: "COLOUR", value }] });

/** Calls each host again and again meanwhile; what came of it, for each host. */
async function callingMeanwhile(
  name: string,
  hosts: readonly string[],
  work: (seen: () => ReadonlySet<string>) => Promise<void>,
): Promise<Set<string>[]> {
  const container = await containerCalling(name);
  const over = new AbortController();
  const all = hosts.map(() => new Set<string>());
  const clients = hosts.map(async (host, client) => {
    const seen = all[client] ?? new Set();
    for (let nth = 0; !over.signal.aborted; nth += 1) {
      const response = await container.fetch(`${host}/x`, nth % 2 === 0 ? {} : { method: "POST", body: "x" });
      const body = await response.text();
      const { status, headers } = response;
      seen.add(status === 200 ? `200 ${headers.get("gantry-instance")}` : `${status} ${body}`);
      // Others have their turn.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return seen;
  });
  try {
    await work(() => new Set(all.flatMap((each) => [...each])));
  } finally {
    over.abort();
  }
  return await Promise.all(clients);
}

const completed = (id: string, rollout: string) =>
  eventually(async () => (await call("GET", `/applications/${id}/rollouts/${rollout}`)).result.phase === "completed");

describe("a container", () => {
  it("calls as itself, by the policy of its application as that is now", async ({ expect }) => {
    const { name, host, instance } = await running();
    const caller = await containerCalling(name);
    const response = await caller.fetch(`${host}/x`, { headers: FORGED });
    const { headers } = await response.json<Echo>();
    expect(response.headers.get("gantry-instance")).toBe(instance);
    expect(headers["gantry-caller"]).toMatch(
      new RegExp(`^application="app-[0-9a-f]+", instance="${caller.instance}", generation=1$`),
    );
    const other = await containerCalling("somebody-else");
    const denied = await other.fetch(`${host}/x`);
    expect([denied.status, denied.headers.get("gantry-error")]).toEqual([403, "EGRESS_DENIED"]);
  });
});

describe("a rollout of the application that is called", () => {
  it.for(["rolling", "blue_green"])("fails no call of its name: %s", async (strategy, { expect }) => {
    const { id, host, name } = await running({}, 3);
    const seen = await callingMeanwhile(name, [host, host, host], async (seenNow) => {
      const body = { ...rolling, strategy, target_configuration: target("new") };
      const { result } = await call("POST", `/applications/${id}/rollouts`, body);
      await completed(id, result.id);
      const fresh = (await instancesOf(id)).filter(({ version }) => version === 2);
      await eventually(async () => fresh.every((one) => seenNow().has(`200 ${one.id}`)));
    });
    const answers = seen.flatMap((each) => [...each]);
    expect(answers.filter((answer) => !answer.startsWith("200 "))).toEqual([]);
    expect(new Set(answers).size).toBeGreaterThan(3);
  });

  it("fails no call of an instance's name and addresses, whose container is another then", async ({ expect }) => {
    const { id, at, name } = await named({}, { stop_grace: "1s" });
    const { instance } = await echo(`${at("ada")}/`);
    const { v4, v6 } = await addressesOf(id, "ada");
    const seen = await callingMeanwhile(name, [at("ada"), v4, v6], async () => {
      const body = { ...rolling, strategy: "rolling", target_configuration: target("new") };
      const { result } = await call("POST", `/applications/${id}/rollouts`, body);
      await call("POST", `/applications/${id}/instances/ada/restart`);
      await eventually(async () => (await instancesOf(id)).some((one) => one.ready && one.generation === 2));
      await completed(id, result.id);
    });
    expect(seen.map((each) => [...each])).toEqual(seen.map(() => [`200 ${instance}`]));
    expect(containerOf(instance ?? "").starts.at(-1)?.env).toMatchObject({ COLOUR: "new" });
  });
});

const upload = async (url: string) => {
  const body = new Blob(["x".repeat(200_000)]).stream().pipeThrough(new IdentityTransformStream());
  return await inside(url, { method: "POST", body });
};

describe.concurrent("what can be sent only once", () => {
  it("goes to a member that takes requests now, whatever was known moments ago", async ({ expect }) => {
    const { id, host } = await running({}, 2);
    await Promise.all(Array.from({ length: 10 }, async () => await echo(host)));
    // Through another isolate, as it were: this one's copy of the routing does not know.
    await applicationStub(testEnv, id).patch({ instances: 1 }, null);
    const statuses = await Promise.all(Array.from({ length: 10 }, async () => (await upload(`${host}/x`)).status));
    expect(statuses).toEqual(statuses.map(() => 200));
  });

  it("waits for an instance that has just gone to be back", async ({ expect }) => {
    const { id, at } = await named();
    await echo(`${at("ada")}/`);
    const { v4 } = await addressesOf(id, "ada");
    for (const host of [at("ada"), v4]) {
      await echo(`${host}/`);
      await applicationStub(testEnv, id).act("ada", "restart", "test");
      expect((await upload(`${host}/x`)).status).toBe(200);
    }
  });
});
