/** What the control API refuses: always a 4xx that names what is wrong, never a trace of what was asked for. */
import { describe, it } from "vitest";
import { ACCOUNT_ID, call, createApplication, domainError, raw, type Envelope } from "./client.ts";

const SPEC = { instances: 0, configuration: { image: "hello-world" } };
const PORT = { name: "http", port: 8080 };
const CHECK = { type: "tcp", port: "http", kind: "ready" };
const REFUSED = { success: false, messages: [], result: null };
const FIVE_MB = 5 * 1_024 * 1_024;

/** What a refused create must leave as it was. */
async function names(): Promise<string[]> {
  const { result } = await call("GET", "/applications");
  return result.map((application: { name: string }) => application.name).toSorted();
}

function configured(fields: Record<string, unknown>): Record<string, unknown> {
  return { ...SPEC, configuration: { image: "hello-world", ...fields } };
}

async function post(body: BodyInit | undefined, headers: Record<string, string> = {}) {
  const response = await raw("POST", "/applications", body, { "content-type": "application/json", ...headers });
  return { ...(await response.json<Envelope>()), status: response.status };
}

describe("a caller without a valid token", () => {
  it("gets the same 401 for known and unknown things, with any method", async ({ expect }) => {
    const { id } = await createApplication(SPEC);
    const paths = ["/applications", `/applications/${id}`, "/applications/nothing", "/nothing", "/dash/applications"];
    const answers = await Promise.all(
      paths.flatMap((path) =>
        ["GET", "DELETE", "POST"].map(async (method) => {
          const response = await raw(method, path, undefined, { authorization: "Bearer wrong" });
          return [response.status, response.headers.get("www-authenticate"), await response.text()].join(" ");
        }),
      ),
    );
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toMatch(/^401 Bearer realm="Gantry" \{"success":false/);
    expect((await call("GET", `/applications/${id}`)).status).toBe(200);
  });

  it.for(["", "test-token", "Bearer", "Basic test-token", "Bearer test-token x", "Bearer test-toke"])(
    "is refused with the header %j",
    async (authorization, { expect }) => {
      expect((await raw("GET", "/applications", undefined, { authorization })).status).toBe(401);
    },
  );
});

describe("what is not there", () => {
  it("another account is a 404 that does not tell whether it exists", async ({ expect }) => {
    const url = `http://control.test/client/v4/accounts/${"f".repeat(32)}/containers/applications`;
    const answer = await call("GET", url);
    expect(answer).toMatchObject({ ...REFUSED, status: 404 });
    expect(domainError(answer).error).toBe("ACCOUNT_NOT_FOUND");
  });

  it.for([
    ["GET", ""],
    ["PATCH", ""],
    ["DELETE", ""],
    ["GET", "/versions"],
    ["GET", "/instances"],
    ["GET", "/instances-v2"],
    ["GET", "/instances/x"],
    ["GET", "/events"],
  ] as const)(
    "an unknown application is Cloudflare's APPLICATION_NOT_FOUND for %s %s",
    async ([method, path], { expect }) => {
      const id = crypto.randomUUID();
      const answer = await call(
        method,
        `/applications/${id}${path}`,
        method === "PATCH" ? { instances: 1 } : undefined,
      );
      expect(answer).toMatchObject({ ...REFUSED, status: 404, errors: [{ code: 1609 }] });
      expect(domainError(answer)).toMatchObject({ error: "APPLICATION_NOT_FOUND", details: { application: id } });
    },
  );

  it("an unknown instance is named", async ({ expect }) => {
    const { id } = await createApplication(SPEC);
    const answer = await call("GET", `/applications/${id}/instances/nobody`);
    expect(answer.status).toBe(404);
    expect(domainError(answer)).toMatchObject({ error: "INSTANCE_NOT_FOUND", details: { instance: "nobody" } });
  });

  it.for(["/nothing", "/applications/a/b/c/d", "http://control.test/", "http://control.test/client/v4/nothing"])(
    "the route %s is a 404 in the envelope",
    async (path, { expect }) => {
      const answer = await call("GET", path);
      expect(answer).toMatchObject({ ...REFUSED, status: 404, errors: [{ code: 7003 }] });
    },
  );

  it.for([
    "/applications/%E0%A4%A",
    "/applications/%00",
    "/applications/%",
    "/applications/..%2f..",
    `/applications/${"x".repeat(3_000)}`,
  ])("the path garbage %s is a 404", async (path, { expect }) => {
    expect((await call("GET", path)).status).toBe(404);
  });

  it.for(["/a/%E0%A4%A/", "/a/%/x", "/a/%00/", "/a/%2e%2e/", `/a/${"x".repeat(3_000)}/`, "/a/no-such-application/"])(
    "the ingress path %s is a 404",
    async (path, { expect }) => {
      const answer = await call("GET", `http://control.test${path}`);
      expect(answer).toMatchObject({ ...REFUSED, status: 404 });
    },
  );
});

describe("a method that a path does not take", () => {
  it.for([
    ["PUT", "/applications", "POST, GET"],
    ["DELETE", "/applications", "POST, GET"],
    ["POST", "/applications/x", "GET, PATCH, DELETE, PUT"],
    ["PATCH", "/dash/applications", "GET"],
  ] as const)("%s %s is 405 and says what is allowed", async ([method, path, allowed], { expect }) => {
    const response = await raw(method, path, "{}");
    expect([response.status, response.headers.get("allow")]).toEqual([405, allowed]);
    const answer = await response.json<Envelope>();
    expect(domainError(answer)).toMatchObject({ error: "METHOD_NOT_ALLOWED", details: { allowed } });
  });

  it("HEAD is a GET without a body", async ({ expect }) => {
    const { id } = await createApplication(SPEC);
    const found = await raw("HEAD", `/applications/${id}`);
    expect([found.status, await found.text()]).toEqual([200, ""]);
    expect((await raw("HEAD", "/applications/nothing")).status).toBe(404);
  });
});

describe("a create that is refused", () => {
  const bodies: readonly [string, string, BodyInit | undefined][] = [
    ["garbage", "body", "{not json"],
    ["nothing", "body", undefined],
    ["blanks", "body", " \n "],
    ["bytes that are no text", "body", new Uint8Array([0xff, 0xfe, 0x00, 0x80])],
    ["a number", "body", "7"],
    ["null", "body", "null"],
    ["a list", "body", "[]"],
    ["ten thousand nested lists", "body", "[".repeat(10_000) + "]".repeat(10_000)],
    ["ten thousand nested objects", "a", '{"a":'.repeat(10_000) + "1" + "}".repeat(10_000)],
    [
      "a __proto__ key",
      "__proto__",
      '{"name":"proto","instances":0,"configuration":{"image":"hello-world"},"__proto__":{"instances":5}}',
    ],
    [
      "a __proto__ key inside",
      "configuration.__proto__",
      '{"name":"proto","instances":0,"configuration":{"image":"hello-world","__proto__":{"image":"x"}}}',
    ],
    [
      "a constructor key",
      "constructor",
      '{"name":"proto","instances":0,"configuration":{"image":"hello-world"},"constructor":1}',
    ],
  ];

  it.for(bodies)("for %s names %s and leaves nothing", async ([, field, body], { expect }) => {
    const before = await names();
    const answer = await post(body);
    expect(answer).toMatchObject({ ...REFUSED, status: 400, errors: [{ code: 1000 }] });
    const { error, details, message } = domainError(answer);
    expect(error).toBe("VALIDATE_INPUT");
    expect(Object.keys(details)).toContain(field);
    expect(message).toContain(`${field}: `);
    expect(await names()).toEqual(before);
  });

  const fields: readonly [string, Record<string, unknown>][] = [
    ["name", { ...SPEC, name: undefined }],
    ["name", { ...SPEC, name: "" }],
    ["name", { ...SPEC, name: "Upper" }],
    ["name", { ...SPEC, name: "-a" }],
    ["name", { ...SPEC, name: "a.b" }],
    ["name", { ...SPEC, name: "a\nb" }],
    ["name", { ...SPEC, name: "ä" }],
    ["name", { ...SPEC, name: "a".repeat(64) }],
    ["name", { ...SPEC, name: 7 }],
    ["instances", { ...SPEC, instances: -1 }],
    ["instances", { ...SPEC, instances: 1e9 }],
    ["instances", { ...SPEC, instances: 1.5 }],
    ["instances", { ...SPEC, instances: "3" }],
    ["instances", { ...SPEC, instances: null }],
    ["instances", { ...SPEC, instances: undefined }],
    ["instances", { ...SPEC, instances: 3, max_instances: 2 }],
    ["scheduling_policy", { ...SPEC, scheduling_policy: "gpu" }],
    ["constraints.tiers", { ...SPEC, constraints: { tiers: [2, 1] } }],
    ["ingress.mode", { ...SPEC, ingress: { mode: "open" } }],
    ["ingress.port", { ...SPEC, ingress: { mode: "public", port: 1 } }],
    ["check_every", { ...SPEC, check_every: "often" }],
    ["check_every", { ...SPEC, check_every: 0 }],
    ["check_every", { ...SPEC, check_every: -5 }],
    ["configuration", { ...SPEC, configuration: undefined }],
    ["configuration", { ...SPEC, configuration: "hello-world" }],
    ["configuration.image", { ...SPEC, configuration: {} }],
    ["configuration.image", configured({ image: ["hello-world"] })],
    ["configuration.volumes", configured({ volumes: [] })],
    ["configuration.ports[0].port", configured({ ports: [{ name: "http", port: 70_000 }] })],
    ["configuration.ports[0].port", configured({ ports: [{ name: "http", port: 0 }] })],
    ["configuration.ports[0].protocol", configured({ ports: [{ ...PORT, protocol: "udp" }] })],
    ["configuration.ports[1].name", configured({ ports: [PORT, { name: "http", port: 9_090 }] })],
    [
      "configuration.environment_variables[1].name",
      configured({
        environment_variables: [
          { name: "A", value: "1" },
          { name: "A", value: "2" },
        ],
      }),
    ],
    [
      "configuration.environment_variables[0].name",
      configured({ environment_variables: [{ name: "A=B", value: "1" }] }),
    ],
    [
      "configuration.environment_variables[0].name",
      configured({ environment_variables: [{ name: "GANTRY_X", value: "1" }] }),
    ],
    [
      "configuration.environment_variables[0].value",
      configured({ environment_variables: [{ name: "A", value: "\0" }] }),
    ],
    [
      "configuration.labels[1].name",
      configured({
        labels: [
          { name: "a", value: "" },
          { name: "a", value: "" },
        ],
      }),
    ],
    ["configuration.labels[0].name", configured({ labels: [{ name: "gantry.app", value: "x" }] })],
    ["configuration.checks[0].port", configured({ ports: [PORT], checks: [{ ...CHECK, port: "admin" }] })],
    ["configuration.checks[0].port", configured({ checks: [CHECK] })],
    ["configuration.checks[0].kind", configured({ ports: [PORT], checks: [{ ...CHECK, kind: "liveness" }] })],
    ["configuration.checks[0].http", configured({ ports: [PORT], checks: [{ ...CHECK, type: "http" }] })],
    ["configuration.instance_type", configured({ instance_type: "gigantic" })],
    ["configuration.instance_type", configured({ instance_type: "lite", memory_mib: 512 })],
    ["configuration.command", configured({ command: ["x"] })],
  ];

  it.for(fields)("over %s names it: %j", async ([field, body], { expect }) => {
    const before = await names();
    const answer = await call("POST", "/applications", { name: "refused", ...body });
    expect(answer).toMatchObject({ ...REFUSED, status: 400 });
    expect(domainError(answer)).toMatchObject({ error: "VALIDATE_INPUT", details: { [field]: expect.any(String) } });
    expect(await names()).toEqual(before);
  });

  it("names every field that is wrong at once", async ({ expect }) => {
    const answer = await call("POST", "/applications", { ...SPEC, name: "X", instances: -1, what: 1 });
    expect(Object.keys(domainError(answer).details).toSorted()).toEqual(["instances", "name", "what"]);
  });

  it("for an image that is not declared lists those that are", async ({ expect }) => {
    const before = await names();
    const answer = await call("POST", "/applications", { name: "undeclared", ...configured({ image: "postgres:16" }) });
    expect(answer).toMatchObject({ ...REFUSED, status: 400 });
    const { error, details } = domainError(answer);
    expect(error).toBe("IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE");
    expect(details["configuration.image"]).toMatch(/postgres:16.*declared: exits-0, .*hello-world/);
    expect(await names()).toEqual(before);
  });

  it("for 5 MB of JSON is 413, whether its length is told or not", async ({ expect }) => {
    const before = await names();
    const text = JSON.stringify({ ...SPEC, name: "big", padding: "x".repeat(FIVE_MB) });
    const told = await post(text);
    const streamed = await post(new Blob([text]).stream().pipeThrough(new IdentityTransformStream()));
    for (const answer of [told, streamed]) {
      expect(answer).toMatchObject({ ...REFUSED, status: 413 });
      expect(domainError(answer)).toMatchObject({ error: "BODY_TOO_LARGE", details: { limit: 1_048_576 } });
    }
    expect(await names()).toEqual(before);
  });

  it("for another content type is 415", async ({ expect }) => {
    const answer = await post("<x/>", { "content-type": "application/xml" });
    expect(answer.status).toBe(415);
    expect(domainError(answer).message).toContain("application/xml");
  });

  it("for a name that is taken is 409, names the holder and leaves it as it was", async ({ expect }) => {
    const { id, name } = await createApplication(SPEC);
    const answer = await call("POST", "/applications", { ...SPEC, name, instances: 2 });
    expect(answer).toMatchObject({ ...REFUSED, status: 409 });
    expect(domainError(answer)).toMatchObject({ error: "APPLICATION_ALREADY_EXISTS", details: { id, name } });
    expect(domainError(answer).message).toContain("already exists");
    expect((await call("GET", `/applications/${id}`)).result).toMatchObject({ instances: 0, generation: 1 });
  });
});

describe("a query that is refused", () => {
  it.for([
    ["/applications?per_page=0", "per_page"],
    ["/applications?per_page=1e9", "per_page"],
    ["/applications?per_page=x", "per_page"],
    ["/applications?page_token=garbage", "page_token"],
    ["/applications?page_token=%25%25%25", "page_token"],
    ["/applications?unknown=1", "unknown"],
    ["/dash/applications?page_token=garbage", "page_token"],
    ["/dash/applications?per_page=1001", "per_page"],
    ["/events", "application"],
    ["ID/instances-v2?state=broken", "state"],
    ["ID/instances-v2?page_token=garbage", "page_token"],
    ["ID/events?after=-1", "after"],
    ["ID/events?after=x", "after"],
    ["ID?verbose=1", "verbose"],
  ] as const)("%s names %s", async ([path, field], { expect }) => {
    const { id } = await createApplication(SPEC);
    const answer = await call("GET", path.replace("ID", `/applications/${id}`));
    expect(answer).toMatchObject({ ...REFUSED, status: 400 });
    expect(Object.keys(domainError(answer).details)).toEqual([field]);
  });
});

describe("a patch that is refused", () => {
  it.for([
    ["instances", { instances: -1 }],
    ["instances", { instances: 3 }],
    ["name", { name: "other" }],
    ["configuration.image", { configuration: { image: "" } }],
    ["configuration.image", { instances: 1, configuration: { image: "postgres" } }],
  ] as const)("over %s changes nothing: %j", async ([field, patch], { expect }) => {
    const { id } = await createApplication({ ...SPEC, max_instances: 2 });
    const before = (await call("GET", `/applications/${id}`)).result;
    const answer = await call("PATCH", `/applications/${id}`, patch);
    expect(answer).toMatchObject({ ...REFUSED, status: 400 });
    expect(Object.keys(domainError(answer).details)).toContain(field);
    expect((await call("GET", `/applications/${id}`)).result).toEqual(before);
    expect((await call("GET", `/applications/${id}/versions`)).result).toHaveLength(1);
  });
});

describe("the base without an account", () => {
  it("means the token's account, and is refused without the token", async ({ expect }) => {
    const { id } = await createApplication(SPEC);
    const url = `http://control.test/client/v4/containers/applications/${id}`;
    expect((await call("GET", url)).result).toMatchObject({ id, account_id: ACCOUNT_ID });
    expect((await raw("GET", url, undefined, { authorization: "" })).status).toBe(401);
  });
});
