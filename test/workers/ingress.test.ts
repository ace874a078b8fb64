/** Requests from outside: how an application is addressed, who may call it, and what a failing instance costs. */
import { exports } from "cloudflare:workers";
import { describe, it, vi } from "vitest";
import { applicationStub } from "../../src/stubs.ts";
import { call, createApplication, domainError, eventually, raw, testEnv, untilReady, type Envelope } from "./client.ts";
import { containerOf } from "./fake-container.ts";

interface Echo {
  port: number;
  path: string;
  search: string;
  method: string;
  headers: Record<string, string>;
  body: string;
}

const BIG = 200_000;

/** An application whose routing the Worker has in its cache. */
async function warm(instances: number, body: Record<string, unknown> = {}) {
  const { id, name } = await createApplication({ instances, ...body });
  const members = await untilReady(id, instances);
  const host = `http://${name}.localhost`;
  await (await raw("GET", `${host}/warm`)).text();
  return { id, name, host, members, containers: members.map((member) => containerOf(member.id)) };
}

async function echo(method: string, url: string, headers: Record<string, string> = {}, body?: BodyInit): Promise<Echo> {
  const response = await raw(method, url, body, headers);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return await response.json<Echo>();
}

/** A body whose length nobody knows beforehand. */
function streamed(bytes: number): ReadableStream {
  return new Blob(["x".repeat(bytes)]).stream().pipeThrough(new IdentityTransformStream());
}

async function refusal(response: Response) {
  const envelope = await response.json<Envelope>();
  return { status: response.status, retryAfter: response.headers.get("retry-after"), ...domainError(envelope) };
}

describe("an application's address", () => {
  it("is its own host, and path, query, method and body arrive as they were sent", async ({ expect }) => {
    const { host } = await warm(1, { configuration: { image: "hello-world", ports: [{ name: "http", port: 9_090 }] } });
    const seen = await echo("PUT", `${host}/deep/path?q=1&q=%2F`, { "x-mine": "yes", cookie: "a=1" }, "hello");
    expect(seen).toMatchObject({ port: 9_090, path: "/deep/path", search: "?q=1&q=%2F", method: "PUT", body: "hello" });
    expect(seen.headers).toMatchObject({ "x-mine": "yes", cookie: "a=1" });
    expect(seen.headers["x-forwarded-prefix"]).toBeUndefined();
    // Nobody outside speaks for Gantry.
    const forged = await echo("GET", `${host}/x`, { "x-forwarded-prefix": "/evil", "gantry-refused": "not-ready" });
    expect(forged.headers).not.toHaveProperty("x-forwarded-prefix");
    expect(forged.headers).not.toHaveProperty("gantry-refused");
  });

  it("is a path of the control plane's host, whose prefix is taken off and told", async ({ expect }) => {
    const { id, name } = await warm(1);
    for (const key of [name, id]) {
      const seen = await echo("GET", `http://control.test/a/${key}/deep/path?q=1`);
      expect(seen).toMatchObject({ path: "/deep/path", search: "?q=1" });
      expect(seen.headers["x-forwarded-prefix"]).toBe(`/a/${key}`);
    }
    expect((await echo("GET", `http://control.test/a/${name}`)).path).toBe("/");
    expect((await echo("GET", `http://control.test/a/${name}/`)).path).toBe("/");
    expect((await echo("GET", `http://control.test/a/${name}//x`)).path).toBe("//x");
  });

  it("under a path has an opaque origin and no cookies either way", async ({ expect }) => {
    const { name, host } = await warm(1);
    const response = await raw("GET", `http://control.test/a/${name}/cookie`, undefined, { cookie: "session=1" });
    expect(response.headers.get("content-security-policy")).toBe("sandbox");
    expect(response.headers.get("set-cookie")).toBeNull();
    expect((await response.json<Echo>()).headers["cookie"]).toBeUndefined();
    const own = await raw("GET", `${host}/cookie`);
    // Nor does a page of the control plane get code from there, were it made to ask for it.
    const asks = async (headers: Record<string, string>) =>
      (await raw("GET", `http://control.test/a/${name}/x`, undefined, headers)).status;
    expect(await asks({ "sec-fetch-site": "same-origin", "sec-fetch-dest": "script" })).toBe(403);
    expect(await asks({ "service-worker": "script" })).toBe(403);
    expect(await asks({ "sec-fetch-site": "same-origin", "sec-fetch-dest": "empty" })).toBe(200);
    expect(await asks({ "sec-fetch-site": "cross-site", "sec-fetch-dest": "script" })).toBe(200);
    expect([own.headers.get("set-cookie"), own.headers.get("content-security-policy")]).toEqual(["a=1", null]);
  });

  it("has a container compress for those clients alone who say that they take it", async ({ expect }) => {
    const { host } = await warm(1);
    const asks = async (clientAcceptEncoding: string) => {
      const cf: Partial<IncomingRequestCfProperties> = { clientAcceptEncoding };
      // The platform puts its own in the place of what the client said.
      const request = new Request(`${host}/x`, { headers: { "accept-encoding": "br, gzip" }, cf: cf as CfProperties });
      return (await (await exports.default.fetch(request)).json<Echo>()).headers["accept-encoding"];
    };
    expect(await asks("")).toBe("identity");
    expect(await asks("gzip, deflate, br, zstd")).toBe("br, gzip");
  });

  it("is answered over https too", async ({ expect }) => {
    const { name } = await warm(1);
    expect((await echo("GET", `https://${name}.localhost/x?to=https://other.test/`)).search).toBe(
      "?to=https://other.test/",
    );
  });

  it("that nobody has is a 404, and so is one that was deleted", async ({ expect }) => {
    const { id, name, host } = await warm(1);
    expect((await raw("GET", "http://nobody.localhost/")).status).toBe(404);
    await call("DELETE", `/applications/${id}`);
    await eventually(async () => (await raw("GET", `${host}/`)).status === 404);
    expect((await refusal(await raw("GET", `http://control.test/a/${name}/`))).error).toBe("APPLICATION_NOT_FOUND");
  });
});

describe("who may call", () => {
  it("a private application from outside is nobody, token or not", async ({ expect }) => {
    const { name } = await createApplication({ ingress: { mode: "private" } });
    for (const authorization of ["", "Bearer test-token"]) {
      for (const url of [`http://${name}.localhost/`, `http://control.test/a/${name}/`]) {
        const answer = await refusal(await raw("GET", url, undefined, { authorization }));
        expect(answer).toMatchObject({ status: 403, error: "FORBIDDEN", details: { ingress: "private" } });
      }
    }
  });

  it("one with a token is who has it, and the application never sees it", async ({ expect }) => {
    const { host, name, containers } = await warm(1, { ingress: { mode: "token" } });
    const before = containers[0]?.attempts;
    for (const authorization of ["", "Bearer wrong"]) {
      const response = await raw("GET", `${host}/`, undefined, { authorization });
      expect(response.headers.get("www-authenticate")).toContain("Bearer");
      expect(await refusal(response)).toMatchObject({ status: 401, error: "UNAUTHORIZED" });
    }
    expect(containers[0]?.attempts).toBe(before);
    for (const url of [`${host}/x`, `http://control.test/a/${name}/x`]) {
      expect(
        (await echo("POST", url, { authorization: "Bearer test-token" }, "hello")).headers["authorization"],
      ).toBeUndefined();
      const protocols = "app.v1, gantry.token.test-token";
      const { headers } = await echo(
        "POST",
        url,
        { authorization: "Bearer test-token", "sec-websocket-protocol": protocols },
        "hello",
      );
      expect(headers["sec-websocket-protocol"]).toBe("app.v1");
    }
  });

  it("a public one is everybody, and its own authorization is the application's", async ({ expect }) => {
    const { host } = await warm(1, { ingress: { mode: "public" } });
    expect((await echo("GET", `${host}/`, { authorization: "Basic abc" })).headers["authorization"]).toBe("Basic abc");
  });

  it("is decided by a policy no older than moments, however long nobody called", async ({ expect }) => {
    const { id, host } = await warm(1);
    await call("PATCH", `/applications/${id}`, { ingress: { mode: "private" } });
    const { now } = Date;
    vi.spyOn(Date, "now").mockImplementation(() => now() + 10_000);
    expect((await raw("GET", `${host}/x`)).status).toBe(403);
  });

  it("is asked of the application that answers, not of one that had its name before", async ({ expect }) => {
    const { id, name, host, containers } = await warm(1);
    await call("DELETE", `/applications/${id}`);
    await eventually(async () => containers.every((container) => !container.running));
    const next = await createApplication({ name, ingress: { mode: "private" } });
    await untilReady(next.id, 1);
    const answer = await raw("GET", `${host}/x`);
    expect([answer.status, answer.headers.get("gantry-instance")]).toEqual([403, null]);
  });

  it("follows a patch", async ({ expect }) => {
    const { id, host } = await warm(1);
    await call("PATCH", `/applications/${id}`, { ingress: { mode: "private" } });
    await eventually(async () => (await raw("GET", `${host}/`)).status === 403);
    await call("PATCH", `/applications/${id}`, { ingress: { mode: "public" } });
    expect(await eventually(async () => (await raw("GET", `${host}/`)).status === 200)).toBe(true);
  });
});

describe("when nobody can answer", () => {
  it("an application at 0 says so at once, with a time to come back", async ({ expect }) => {
    const { name } = await createApplication({ instances: 0 });
    const answer = await refusal(await raw("GET", `http://${name}.localhost/`));
    expect(answer).toMatchObject({ status: 503, retryAfter: "1", error: "SCALED_TO_ZERO", retryable: true });
  });

  it("a request waits for the first ready instance instead of failing", async ({ expect }) => {
    const { name } = await createApplication({ instances: 1 });
    expect((await echo("POST", `http://${name}.localhost/x`, {}, "kept")).body).toBe("kept");
  });

  it("a request that waited its time gets 503 and the reason", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 1 }, "never-starts");
    await eventually(async () => (await call("GET", `/applications/${id}`)).result.health.instances.starting === 1);
    const pending = raw("GET", `http://${name}.localhost/`);
    const now = Date.now();
    // The request's own clock starts when it gets there, so each round is a whole waiting time later.
    let round = 0;
    const answer = eventually(async () => {
      round += 1;
      vi.setSystemTime(now + 31_000 * round);
      // A change wakes who waits; nobody is ready all the same.
      await call("PATCH", `/applications/${id}`, { check_every: 60 + round });
      return await Promise.race([pending, new Promise<undefined>((resolve) => setTimeout(resolve, 10))]);
    });
    try {
      const refused = await refusal(await answer);
      expect(refused).toMatchObject({ status: 503, retryAfter: "1", error: "NO_READY_INSTANCE", retryable: true });
    } finally {
      vi.useRealTimers();
    }
  });

  it("a request that waits while the application is scaled to 0 is told", async ({ expect }) => {
    const { id, name } = await createApplication({ instances: 1 }, "never-starts");
    const pending = raw("GET", `http://${name}.localhost/`);
    await call("PATCH", `/applications/${id}`, { instances: 0 });
    expect(await refusal(await pending)).toMatchObject({ status: 503, error: "SCALED_TO_ZERO" });
  });
});

describe("an answer", () => {
  it("names the instance that gave it", async ({ expect }) => {
    const { host, members } = await warm(1);
    expect((await raw("GET", `${host}/`)).headers.get("gantry-instance")).toBe(members[0]?.id);
  });

  it("of an application that pretends to be Gantry's refusal is an answer", async ({ expect }) => {
    const { host, containers } = await warm(1);
    const before = containers[0]?.attempts ?? 0;
    const response = await raw("GET", `${host}/forged`);
    expect([response.status, await response.text()]).toEqual([200, "mine"]);
    expect(response.headers.get("gantry-refused")).toBeNull();
    expect(containers[0]?.attempts).toBe(before + 1);
  });

  it("comes from every instance in turn when there are many requests", async ({ expect }) => {
    const { host, members } = await warm(3);
    const answers = await Promise.all(Array.from({ length: 60 }, async () => await raw("GET", `${host}/`)));
    const seen = new Set(answers.map(({ headers }) => headers.get("gantry-instance")));
    expect(seen).toEqual(new Set(members.map(({ id }) => id)));
  });

  it("of a WebSocket under a path sets no cookie and cannot pretend to be a refusal", async ({ expect }) => {
    const { name } = await warm(1);
    const answer = await raw("GET", `http://control.test/a/${name}/ws`, undefined, { upgrade: "websocket" });
    answer.webSocket?.accept();
    answer.webSocket?.close();
    expect([answer.status, answer.headers.get("set-cookie"), answer.headers.get("gantry-refused")]).toEqual([
      101,
      null,
      null,
    ]);
  });

  it("of a WebSocket is the application's own, in both directions", async ({ expect }) => {
    const { name, host, members } = await warm(1);
    for (const url of [`${host}/ws`, `http://control.test/a/${name}/ws`]) {
      const response = await raw("GET", url, undefined, { upgrade: "websocket" });
      expect(response.status).toBe(101);
      expect(response.headers.get("gantry-instance")).toBe(members[0]?.id);
      const socket = response.webSocket;
      if (socket === null) throw new Error("no WebSocket");
      const { promise, resolve } = Promise.withResolvers<unknown>();
      socket.addEventListener("message", ({ data }) => resolve(data));
      socket.accept();
      socket.send("hello");
      expect(await promise).toBe("echo hello");
      socket.close();
    }
  });
});

describe("an instance that does not take a request", () => {
  it("costs the caller of a small POST nothing, and each is delivered once", async ({ expect }) => {
    const { id, host, containers } = await warm(2);
    // The Worker's copy of the routing knows nothing of it yet.
    await call("PATCH", `/applications/${id}`, { instances: 1 });
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => await raw("POST", `${host}/p${index}`, "x".repeat(1_000))),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const delivered = containers.flatMap(({ received }) => received).filter((line) => line.startsWith("POST"));
    expect(delivered.toSorted()).toEqual(answers.map((_, index) => `POST /p${index} 1000`).toSorted());
  });

  it("costs the caller of a big streamed body an honest failure, since it is gone", async ({ expect }) => {
    const { id, host, containers } = await warm(1);
    // Through another isolate, as it were: this one's copy of the routing does not know.
    await applicationStub(testEnv, id).patch({ instances: 0 }, null);
    const answer = await refusal(await raw("POST", `${host}/big`, streamed(BIG)));
    expect(answer).toMatchObject({ status: 502, retryAfter: "1", error: "INSTANCE_UNREACHABLE", retryable: true });
    expect(containers[0]?.received.filter((line) => line.includes("/big"))).toEqual([]);
  });

  it("takes a big streamed body whole when it is ready", async ({ expect }) => {
    const { host } = await warm(1);
    expect((await echo("POST", `${host}/big`, {}, streamed(BIG))).body).toHaveLength(BIG);
  });
});

describe("an instance that dies with a request in it", () => {
  it("has it sent to another when it may be sent twice", async ({ expect }) => {
    const { host, containers } = await warm(2);
    const [broken, other] = containers;
    if (broken === undefined || other === undefined) throw new Error("two are wanted");
    broken.dropsAnswers = true;
    for (let index = 0; index < 10; index += 1) await echo("PUT", `${host}/p${index}`, {}, "x");
    expect(broken.received.filter((line) => line.startsWith("PUT")).length).toBeGreaterThan(0);
    expect(other.received.filter((line) => line.startsWith("PUT"))).toHaveLength(10);
  });

  it("never has a POST sent twice", async ({ expect }) => {
    const { host, containers } = await warm(2);
    for (const container of containers) container.dropsAnswers = true;
    const answer = await refusal(await raw("POST", `${host}/pay`, "10"));
    expect(answer).toMatchObject({ status: 502, error: "INSTANCE_UNREACHABLE" });
    expect(containers.flatMap(({ received }) => received).filter((line) => line.includes("/pay"))).toEqual([
      "POST /pay 2",
    ]);
  });

  it("is out of routing at its first failure", async ({ expect }) => {
    const { host, members, containers } = await warm(2);
    const [broken] = containers;
    if (broken === undefined) throw new Error("no container");
    const before = broken.attempts;
    broken.cutNetwork();
    await eventually(async () => {
      await echo("GET", `${host}/`);
      return broken.attempts > before;
    });
    const failed = broken.attempts;
    for (let index = 0; index < 20; index += 1) {
      expect((await raw("GET", `${host}/`)).headers.get("gantry-instance")).toBe(members[1]?.id);
    }
    // One more is possible: the copy may be refreshed before the instance has told its application.
    expect(broken.attempts - failed).toBeLessThanOrEqual(1);
  });
});
