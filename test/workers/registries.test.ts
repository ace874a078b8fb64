/** Image registries, their credentials, and the login of registry clients. */
import { describe, it } from "vitest";
import { accountStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, call, domainError, raw, testEnv, type Envelope } from "./client.ts";

const MANAGED = "registry.cloudflare.com";
const random = () => crypto.randomUUID().slice(0, 8);
const ecr = () => `${String(Math.floor(Math.random() * 1e12)).padStart(12, "0")}.dkr.ecr.eu-west-1.amazonaws.com`;

function told(answer: Envelope & { status: number }): string {
  return `${answer.status} ${answer.success ? "" : domainError(answer).error}`.trim();
}

async function store(): Promise<string> {
  const url = `http://control.test/client/v4/accounts/${ACCOUNT_ID}/secrets_store/stores`;
  return (await call("GET", url)).result[0].id;
}

async function createSecret(): Promise<string> {
  const name = `R_${random()}`;
  await call("POST", "/secrets", { name, value: "pull-pass" });
  return name;
}

async function external(domain = ecr(), kind = "ECR") {
  const secret_name = await createSecret();
  const auth = { public_credential: "AKIA", private_credential: { store_id: await store(), secret_name } };
  return { domain, kind, auth, is_public: false };
}

/** What a registry client sends. */
async function login(user: string, password: string, path = "/v2/"): Promise<Response> {
  return await raw("GET", `http://control.test${path}`, undefined, {
    authorization: `Basic ${btoa(`${user}:${password}`)}`,
  });
}

async function ask(domain: string, body: object) {
  return await call("POST", `/registries/${domain}/credentials`, body);
}

/** Of base64, or of base64url. */
function bytes(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

describe("registries", () => {
  it("always have the managed one, which nobody makes or removes", async ({ expect }) => {
    const { result } = await call("GET", "/registries");
    expect(result[0]).toEqual({ domain: MANAGED, kind: "default", is_public: false, created_at: expect.any(String) });
    expect((await call("GET", "/registries")).result[0]).toEqual(result[0]);
    expect(told(await call("DELETE", `/registries/${MANAGED}`))).toBe("403 IMAGE_REGISTRY_NOT_ALLOWED");
    const made = await call("POST", "/registries", { domain: "Registry.Cloudflare.com", is_public: true });
    expect(told(made)).toBe("403 IMAGE_REGISTRY_NOT_ALLOWED");
  });

  it("with a credential refer to a secret, which then stays", async ({ expect }) => {
    const body = await external();
    const { domain } = body;
    const secret = body.auth.private_credential.secret_name;
    const created = await call("POST", "/registries", body);
    expect(created).toMatchObject({
      status: 201,
      result: { domain, kind: "ECR", private_credential: { secret_name: secret } },
    });
    expect(JSON.stringify(created)).not.toContain("pull-pass");
    expect((await call("GET", "/registries")).result).toContainEqual(created.result);
    expect(told(await call("POST", "/registries", body))).toBe("409 IMAGE_REGISTRY_ALREADY_EXISTS");
    const inUse = await call("DELETE", `/secrets/${secret}`);
    expect([told(inUse), domainError(inUse).details["users"]]).toEqual(["409 SECRET_IN_USE", [`registry ${domain}`]]);
    const removed = await call("DELETE", `/registries/${domain}`);
    expect(removed.result).toEqual({ domain, secrets_store_ref: `${await store()}:${secret}` });
    expect(told(await call("DELETE", `/registries/${domain}`))).toBe("404 IMAGE_REGISTRY_NOT_FOUND");
    expect(told(await call("DELETE", `/secrets/${secret}`))).toBe("200");
  });

  it("are found by an encoded domain, and written in any case", async ({ expect }) => {
    const port = 20_000 + Math.floor(Math.random() * 40_000);
    expect((await call("POST", "/registries", { domain: `LocalHost:${port}`, is_public: true })).status).toBe(201);
    expect((await call("DELETE", `/registries/localhost%3A${port}`)).result).toEqual({ domain: `localhost:${port}` });
  });

  it("are made once with one key, also when the answer was lost", async ({ expect }) => {
    const domain = `${random()}.example.com`;
    const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
    const body = JSON.stringify({ domain, is_public: false });
    const first = await (await raw("POST", "/registries", body, headers)).json<Envelope>();
    const second = await (await raw("POST", "/registries", body, headers)).json<Envelope>();
    expect(second.result).toEqual(first.result);
    const account = accountStub(testEnv, ACCOUNT_ID);
    const domainToo = `${random()}.example.com`;
    const registry = { id: "same", domain: domainToo, isPublic: false, auth: null, pullThrough: null, createdAt: 1 };
    await account.createRegistry({ ...registry, publicKey: "first" }, "private-1");
    expect(await account.createRegistry({ ...registry, publicKey: "second" }, "private-2")).toMatchObject({
      publicKey: "first",
    });
    expect((await account.registry(registry.domain))?.privateKey).toBe("private-1");
  });

  it.for([
    ["no domain", { is_public: true }, ["domain"]],
    ["a scheme", { domain: "https://a.example", is_public: true }, ["domain"]],
    ["a path", { domain: "a.example/x", is_public: true }, ["domain"]],
    ["a short domain", { domain: "a.", is_public: true }, ["domain"]],
    ["a bare word", { domain: "protos", is_public: true }, ["domain"]],
    ["nothing else", { domain: "a.example" }, ["is_public"]],
    ["a kind alone", { domain: "docker.io", kind: "DockerHub" }, ["auth"]],
    ["an unknown kind", { domain: "quay.io", kind: "Quay", is_public: true }, ["kind"]],
    [
      "a raw credential",
      { domain: "docker.io", kind: "DockerHub", auth: { public_credential: "u", private_credential: "raw" } },
      ["auth.private_credential"],
    ],
  ] as const)("with %s are refused by the field", async ([, body, fields], { expect }) => {
    const answer = await call("POST", "/registries", body);
    expect(told(answer)).toBe("400 VALIDATE_INPUT");
    expect(Object.keys(domainError(answer).details)).toEqual(fields);
  });

  it("of a kind have its domain, its store and its secret", async ({ expect }) => {
    const good = await external();
    const { private_credential } = good.auth;
    const withCredential = (change: object) => ({
      ...good,
      auth: { ...good.auth, private_credential: { ...private_credential, ...change } },
    });
    for (const [body, field] of [
      [{ ...good, domain: "a.example" }, "domain"],
      [{ ...good, kind: "GHCR" }, "domain"],
      [{ ...good, kind: "GAR" }, "domain"],
      [{ ...good, kind: "DockerHub" }, "domain"],
      [{ ...good, is_public: true }, "is_public"],
      [withCredential({ store_id: "other" }), "auth.private_credential.store_id"],
      [withCredential({ secret_name: "NOT_THERE" }), "auth.private_credential.secret_name"],
    ] as const) {
      const answer = await call("POST", "/registries", body);
      expect([told(answer), ...Object.keys(domainError(answer).details)]).toEqual(["400 VALIDATE_INPUT", field]);
    }
  });
});

describe("registries of other kinds", () => {
  it("are GitHub's, and any other with a name and a password", async ({ expect }) => {
    const generic = await external(`${random()}.example.com:8443`, "Generic");
    const ghcr = await external("ghcr.io", "GHCR");
    for (const body of [generic, ghcr]) {
      const { result } = await call("POST", "/registries", body);
      expect(result).toMatchObject({ domain: body.domain, kind: body.kind, is_public: false });
      await call("DELETE", `/registries/${encodeURIComponent(body.domain)}`);
    }
  });

  it("get another credential, which is what they are read with from then on", async ({ expect }) => {
    const body = await external(`${random()}.example.com`, "Generic");
    await call("POST", "/registries", body);
    const secret = await createSecret();
    const auth = {
      public_credential: "robot",
      private_credential: { store_id: await store(), secret_name: secret },
    };
    const { result } = await call("PATCH", `/registries/${body.domain}`, { auth });
    expect(result).toMatchObject({ kind: "Generic", private_credential: { secret_name: secret } });
    expect((await ask(body.domain, {})).result.username).toBe("robot");
    const material = await accountStub(testEnv, ACCOUNT_ID).registryMaterial(body.domain);
    expect(material).toMatchObject({ secret: "pull-pass", registry: { auth: { publicCredential: "robot" } } });
    // The old one is free to go.
    expect((await call("DELETE", `/secrets/${body.auth.private_credential.secret_name}`)).status).toBe(200);
    expect(told(await call("DELETE", `/secrets/${secret}`))).toBe("409 SECRET_IN_USE");
  });

  it("are changed only where they are, to what is there", async ({ expect }) => {
    const body = await external(`${random()}.example.com`, "Generic");
    await call("POST", "/registries", body);
    const open = `${random()}.example.com`;
    await call("POST", "/registries", { domain: open, is_public: true });
    const { private_credential } = body.auth;
    const withCredential = (change: object) => ({
      auth: { public_credential: "u", private_credential: { ...private_credential, ...change } },
    });
    for (const [domain, patch, wanted, field] of [
      ["nowhere.example.com", {}, "404 IMAGE_REGISTRY_NOT_FOUND", null],
      [MANAGED, {}, "403 IMAGE_REGISTRY_NOT_ALLOWED", null],
      [open, withCredential({}), "400 VALIDATE_INPUT", "auth"],
      [
        body.domain,
        withCredential({ secret_name: "NOT_THERE" }),
        "400 VALIDATE_INPUT",
        "auth.private_credential.secret_name",
      ],
      [body.domain, withCredential({ store_id: "x" }), "400 VALIDATE_INPUT", "auth.private_credential.store_id"],
      [body.domain, { kind: "ECR" }, "400 VALIDATE_INPUT", "kind"],
    ] as const) {
      const answer = await call("PATCH", `/registries/${domain}`, patch);
      expect(told(answer)).toBe(wanted);
      if (field !== null) expect(Object.keys(domainError(answer).details)).toEqual([field]);
    }
  });
});

describe("pull-through", () => {
  it("is below the domain unless another prefix is given, and ends again", async ({ expect }) => {
    const domain = `${random()}.example.com`;
    const created = await call("POST", "/registries", { domain, is_public: true, pull_through: {} });
    expect(created.result.pull_through).toEqual({ prefix: domain, refresh_seconds: 300 });
    const prefix = `p${random()}`;
    const changed = await call("PATCH", `/registries/${domain}`, { pull_through: { prefix, refresh_seconds: 0 } });
    expect(changed.result.pull_through).toEqual({ prefix, refresh_seconds: 0 });
    expect((await call("GET", "/registries")).result).toContainEqual(changed.result);
    expect((await call("PATCH", `/registries/${domain}`, {})).result).toEqual(changed.result);
    const ended = await call("PATCH", `/registries/${domain}`, { pull_through: null });
    expect(ended.result).not.toHaveProperty("pull_through");
  });

  it("has a prefix that is a part of a name, no account, and nobody else's", async ({ expect }) => {
    const taken = `p${random()}`;
    const first = `${random()}.example.com`;
    await call("POST", "/registries", { domain: first, is_public: true, pull_through: { prefix: taken } });
    for (const [domain, pull_through] of [
      [`${random()}.example.com`, { prefix: taken }],
      [`${random()}.example.com`, { prefix: "A" }],
      [`${random()}.example.com`, { prefix: "a/b" }],
      [`${random()}.example.com`, { prefix: ACCOUNT_ID }],
      [`${random()}.example.com:5000`, {}],
    ] as const) {
      const answer = await call("POST", "/registries", { domain, is_public: true, pull_through });
      expect([told(answer), ...Object.keys(domainError(answer).details)]).toEqual([
        "400 VALIDATE_INPUT",
        "pull_through.prefix",
      ]);
    }
    // Its own again is nobody else's.
    const again = await call("PATCH", `/registries/${first}`, { pull_through: { prefix: taken } });
    expect(again.status).toBe(200);
    const other = `${random()}.example.com`;
    await call("POST", "/registries", { domain: other, is_public: true });
    const moved = await call("PATCH", `/registries/${other}`, { pull_through: { prefix: taken } });
    expect(told(moved)).toBe("400 VALIDATE_INPUT");
  });
});

describe("credentials", () => {
  const wanted = { permissions: ["pull", "push"], expiration_minutes: 5 };

  it("of the managed registry log a client in", async ({ expect }) => {
    const { result, status } = await ask(MANAGED, wanted);
    expect([status, result]).toEqual([
      200,
      { account_id: ACCOUNT_ID, registry_host: MANAGED, username: "v1", password: expect.any(String) },
    ]);
    for (const path of ["/v2/", "/v2"]) {
      const good = await login("v1", result.password, path);
      expect([good.status, good.headers.get("docker-distribution-api-version")]).toEqual([200, "registry/2.0"]);
    }
    const own = await ask("control.test", wanted);
    expect(own.result.registry_host).toBe("control.test");
    expect((await login("v1", own.result.password)).status).toBe(200);
  });

  it.for([
    ["another user", (password: string) => login("v2", password)],
    ["a changed password", (password: string) => login("v1", `${password.slice(0, -2)}xx`)],
    ["no password", () => login("v1", "")],
    ["no credentials", () => raw("GET", "http://control.test/v2/", undefined, { authorization: "" })],
    ["a bearer token", () => raw("GET", "http://control.test/v2/")],
    ["garbage", () => raw("GET", "http://control.test/v2/", undefined, { authorization: "Basic A===" })],
  ] as const)("are not good with %s", async ([, attempt], { expect }) => {
    const { result } = await ask(MANAGED, wanted);
    const refused = await attempt(result.password);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toMatch(/^Bearer realm="http:\/\/control\.test\/v2\/token"/);
    expect(await refused.json()).toMatchObject({ errors: [{ code: "UNAUTHORIZED" }] });
  });

  it("of the managed registry need permissions and an end", async ({ expect }) => {
    for (const [body, fields] of [
      [{}, ["permissions", "expiration_minutes"]],
      [{ ...wanted, expiration_minutes: 0 }, ["expiration_minutes"]],
      [{ ...wanted, expiration_minutes: 10_081 }, ["expiration_minutes"]],
      [{ ...wanted, permissions: [] }, ["permissions"]],
      [{ ...wanted, permissions: ["admin"] }, ["permissions[0]"]],
    ] as const) {
      const answer = await ask(MANAGED, body);
      expect([told(answer), ...Object.keys(domainError(answer).details)]).toEqual(["400 VALIDATE_INPUT", ...fields]);
    }
  });

  it("of a registry with a stored credential are its public part, never the secret", async ({ expect }) => {
    const body = await external();
    await call("POST", "/registries", body);
    const { result } = await ask(body.domain, {});
    expect(result).toEqual({ account_id: ACCOUNT_ID, registry_host: body.domain, username: "AKIA" });
  });

  it("of a private registry are a token that its public key verifies", async ({ expect }) => {
    const domain = `${random()}.example.com`;
    const { result: registry } = await call("POST", "/registries", { domain, is_public: false });
    const { result } = await ask(domain, wanted);
    const [header = "", payload = "", signature = ""] = String(result.password).split(".");
    const key = await crypto.subtle.importKey(
      "spki",
      bytes(registry.public_key),
      { name: "ECDSA", namedCurve: "P-256" },
      false,
      ["verify"],
    );
    const signed = new TextEncoder().encode(`${header}.${payload}`);
    expect(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, bytes(signature), signed)).toBe(true);
    const claims = JSON.parse(new TextDecoder().decode(bytes(payload)));
    expect(claims).toMatchObject({ sub: ACCOUNT_ID, aud: domain, access: [{ actions: ["pull", "push"] }] });
    expect(claims.exp - claims.nbf).toBe(300);
  });

  it("of a public registry are not needed, and of an unknown one not there", async ({ expect }) => {
    const domain = `${random()}.example.com`;
    await call("POST", "/registries", { domain, is_public: true });
    expect(told(await ask(domain, wanted))).toBe("409 IMAGE_REGISTRY_IS_PUBLIC");
    expect(told(await ask("docker.io", wanted))).toBe("404 IMAGE_REGISTRY_NOT_FOUND");
  });

  it("that are given again for one key are the same, and sealed where they are kept", async ({ expect }) => {
    const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
    const path = `/registries/${MANAGED}/credentials`;
    const first = await (await raw("POST", path, JSON.stringify(wanted), headers)).json<Envelope>();
    const second = await (await raw("POST", path, JSON.stringify(wanted), headers)).json<Envelope>();
    expect(second.result).toEqual(first.result);
  });
});
