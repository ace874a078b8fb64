import { describe, it } from "vitest";
import { compilePolicy } from "./compile.ts";
import { evaluate } from "./evaluate.ts";
import { NO_POLICY, type EgressCredential, type EgressHandler, type EgressPolicy } from "./policy.ts";

const policy = (part: Partial<EgressPolicy> = {}): EgressPolicy => ({ ...NO_POLICY, ...part });
const ask = (of: EgressPolicy, url: string, method = "GET") => evaluate(compilePolicy(of), { url, method });
const all = { default: "allow" } as const;

describe("a request of a container", () => {
  it("is denied where nothing is said", ({ expect }) => {
    expect(ask(NO_POLICY, "http://API.example.com./x")).toEqual({
      allowed: false,
      host: "api.example.com",
      reason: "not_allowed",
      rule: "default",
    });
  });

  it("is allowed by default where the policy says so", ({ expect }) => {
    expect(ask(policy(all), "http://API.example.com./x")).toEqual({
      allowed: true,
      host: "api.example.com",
      handler: null,
      credentials: [],
    });
  });

  it("is denied by a list that does not name its host, whatever the default", ({ expect }) => {
    expect(ask(policy({ ...all, allow: [] }), "http://a.test/")).toMatchObject({
      reason: "not_allowed",
      rule: "allow",
    });
    const listed = policy({ allow: [{ host: "a.test" }] });
    expect(ask(listed, "http://b.test/")).toMatchObject({ reason: "not_allowed", rule: "allow" });
    expect(ask(listed, "http://a.test/")).toMatchObject({ allowed: true });
  });

  it("is denied by the first rule that names it, over whatever allows it", ({ expect }) => {
    const denying = policy({
      allow: [{ host: "a.b.test" }],
      deny: [{ host: "c.test" }, { host: "*.b.test" }, { host: "a.b.test" }],
    });
    expect(ask(denying, "http://a.b.test/")).toMatchObject({ reason: "denied", rule: "deny[1]" });
  });

  it("is held against ports and methods of rules", ({ expect }) => {
    const some = policy({
      allow: [{ host: "a.test", ports: [443] }, { host: "a.test", ports: [80], methods: ["GET"] }, { host: "b.test" }],
      deny: [{ host: "b.test", methods: ["DELETE"], ports: [443] }],
    });
    expect(ask(some, "https://a.test/", "POST").allowed).toBe(true);
    expect(ask(some, "http://a.test/", "get").allowed).toBe(true);
    expect(ask(some, "http://a.test/", "POST")).toMatchObject({ reason: "not_allowed", rule: "allow" });
    expect(ask(some, "https://b.test/", "delete")).toMatchObject({ reason: "denied", rule: "deny[0]" });
    expect(ask(some, "http://b.test/", "DELETE").allowed).toBe(true);
    expect(ask(some, "http://a.test:443/", "POST").allowed).toBe(true);
  });

  it("is not sent by HTTPS while that is not intercepted, before any list is asked", ({ expect }) => {
    const without = policy({ ...all, interceptHttps: false, deny: [{ host: "a.test" }] });
    expect(ask(without, "https://a.test/")).toMatchObject({ reason: "https_off", rule: "intercept_https" });
    expect(ask(without, "https://b.test:80/")).toMatchObject({ reason: "https_off" });
    expect(ask(without, "http://b.test:443/")).toMatchObject({ reason: "https_off" });
    expect(ask(without, "http://b.test/")).toMatchObject({ allowed: true });
  });

  it("to a private address needs a rule that names it", ({ expect }) => {
    expect(ask(policy(all), "http://10.0.0.1/")).toMatchObject({ reason: "private_address", rule: "default" });
    expect(ask(policy({ allow: [{ host: "10.0.0.0/8" }] }), "http://10.0.0.1/")).toMatchObject({ allowed: true });
    expect(ask(policy({ allow: [{ host: "localhost" }] }), "http://localhost/")).toMatchObject({ allowed: true });
  });

  it("to an address that embeds another one is denied with that, and not allowed with it", ({ expect }) => {
    const denying = policy({ allow: [{ host: "::/0" }], deny: [{ host: "8.8.8.8" }] });
    expect(ask(denying, "http://[64:ff9b::808:808]/")).toMatchObject({ reason: "denied", rule: "deny[0]" });
    expect(ask(denying, "http://[64:ff9b::808:809]/")).toMatchObject({ allowed: true });
    const allowing = policy({ allow: [{ host: "8.8.8.8" }] });
    expect(ask(allowing, "http://[64:ff9b::808:808]/")).toMatchObject({ reason: "not_allowed" });
    expect(ask(allowing, "http://[::ffff:808:808]/")).toMatchObject({ allowed: true, host: "8.8.8.8" });
  });

  it.for([
    ["not a url", "GET", "url", ""],
    ["http://a..b:99999/x", "GET", "url", "a..b:99999"],
    ["http://user:secret@a.test:99999/x", "GET", "url", "a.test:99999"],
    [`http://${"a".repeat(300)}:x/`, "GET", "url", "a".repeat(253)],
    ["ftp://a.test/", "GET", "scheme", "a.test"],
    ["http://user:secret@A.test/", "GET", "userinfo", "a.test"],
    ["http://a..b/", "GET", "host", "a..b"],
    ["http://a.test:8080/", "GET", "port", "a.test"],
    ["http://a.test/", "G ET", "method", "a.test"],
    // A server's answer to it has the credentials of the request in its body.
    ["http://a.test/", "TRACE", "method", "a.test"],
    ["http://a.test/", "connect", "method", "a.test"],
  ])("%s by %s is malformed in its %s", ([url, method, rule, host], { expect }) => {
    const decision = ask(policy(all), url as string, method);
    expect(decision).toEqual({ allowed: false, host, reason: "malformed", rule });
    expect(JSON.stringify(decision)).not.toContain("secret");
  });
});

const credential = (part: Partial<EgressCredential> = {}): EgressCredential => ({
  hosts: ["api.test"],
  header: "authorization",
  prefix: "",
  secret: "key",
  ...part,
});

describe("credentials of a request", () => {
  it("are those of its host", ({ expect }) => {
    const own = credential({ hosts: ["x.test", "*.api.test"] });
    const with1 = policy({ ...all, credentials: [credential(), own] });
    expect(ask(with1, "http://a.api.test/")).toMatchObject({ allowed: true, credentials: [own] });
    expect(ask(with1, "http://other.test/")).toMatchObject({ allowed: true, credentials: [] });
  });

  it("are one for each header, the first that covers it", ({ expect }) => {
    const list = [
      credential({ secret: "writes", methods: ["POST"] }),
      credential({ secret: "reads" }),
      credential({ secret: "more" }),
      credential({ secret: "tenant", header: "x-tenant" }),
    ];
    expect(ask(policy({ ...all, credentials: list }), "http://api.test/")).toMatchObject({
      credentials: [list[1], list[3]],
    });
  });

  it("deny what none of them covers, and name the first", ({ expect }) => {
    const list = [
      credential({ hosts: ["x.test"] }),
      credential({ methods: ["POST"], paths: ["/v1/*"] }),
      credential({ paths: ["/v2/*"] }),
    ];
    const scoped = policy({ ...all, credentials: list });
    expect(ask(scoped, "http://api.test/v1/x")).toMatchObject({ reason: "credential_scope", rule: "credentials[1]" });
    expect(ask(scoped, "http://api.test/v1/x", "POST")).toMatchObject({ credentials: [list[1]] });
    expect(ask(scoped, "http://api.test/v2/x?y")).toMatchObject({ credentials: [list[2]] });
    expect(ask(scoped, "http://api.test/v2/..%2fadmin")).toMatchObject({ reason: "credential_scope" });
  });

  it("allow nothing that the lists do not", ({ expect }) => {
    expect(ask(policy({ credentials: [credential()] }), "http://api.test/")).toMatchObject({ reason: "not_allowed" });
  });
});

const handler = (part: Partial<EgressHandler> = {}): EgressHandler => ({
  hosts: ["api.test"],
  binding: "MOCK",
  ...part,
});

describe("the handler of a request", () => {
  it("is the first of its host and method", ({ expect }) => {
    const list = [
      handler({ hosts: ["x.test"] }),
      handler({ methods: ["POST"] }),
      handler({ hosts: ["*.test"] }),
      handler(),
    ];
    const handled = policy({ ...all, handlers: list });
    expect(ask(handled, "http://api.test/")).toMatchObject({ handler: list[2] });
    expect(ask(handled, "http://api.test/", "POST")).toMatchObject({ handler: list[1] });
    expect(ask(handled, "http://api.other/")).toMatchObject({ handler: null });
  });

  it("is asked only for what is allowed", ({ expect }) => {
    const handled = policy({ handlers: [handler()] });
    expect(ask(handled, "http://api.test/")).toMatchObject({ reason: "not_allowed" });
  });
});
