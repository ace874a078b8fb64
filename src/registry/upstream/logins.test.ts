import { afterEach, describe, it } from "vitest";
import { LOGIN } from "../../../test/registry/fake-registry.ts";
import { client, closeFakes, fake, fastClock, outside } from "../../../test/registry/upstream-client.ts";
import { ecrLogin } from "./ecr.ts";
import { TokenCache } from "./tokens.ts";
import type { Fetch } from "./transport.ts";

afterEach(closeFakes);

describe("logins", () => {
  it("by password are sent when they are asked for, and again without being asked", async ({ expect }) => {
    const registry = await fake({ auth: "basic" });
    registry.addManifest("a", "v1", { schemaVersion: 2 });
    const upstream = client(registry, { login: async () => LOGIN });
    expect((await upstream.manifest("a", "v1")).ok).toBe(true);
    expect((await upstream.manifest("a", "v1")).ok).toBe(true);
    expect(registry.requests.map(({ authorization }) => authorization !== null)).toEqual([false, true, true]);
    expect(await client(registry).manifest("a", "v1")).toMatchObject({ failure: { code: "UNAUTHORIZED" } });
  });

  it("get a token anew before it ends, and once when it is refused", async ({ expect }) => {
    const registry = await fake({ auth: "token", tokenSeconds: 30 });
    registry.addManifest("a", "v1", { schemaVersion: 2 });
    const clock = fastClock();
    const tokens = new TokenCache();
    const upstream = client(registry, { clock, tokens });
    const asked = () => registry.requests.filter(({ line }) => line.startsWith("GET /token")).length;
    await upstream.manifest("a", "v1");
    clock.at += 26_000;
    await upstream.manifest("a", "v1");
    expect(asked()).toBe(1);
    clock.at += 2_000;
    await upstream.manifest("a", "v1");
    expect(asked()).toBe(2);
    // One that ended there, and not by our clock.
    const key = JSON.stringify([`${registry.origin}/token`, "fake.test", "repository:a:pull", ""]);
    tokens.keep(key, { token: "stale", expiresAt: Number.POSITIVE_INFINITY });
    expect((await upstream.manifest("a", "v1")).ok).toBe(true);
    expect(asked()).toBe(3);
  });

  it("share no token with others", async ({ expect }) => {
    const registry = await fake({ auth: "token" });
    registry.addManifest("private/a", "v1", { schemaVersion: 2 });
    const tokens = new TokenCache();
    expect((await client(registry, { tokens, login: async () => LOGIN }).manifest("private/a", "v1")).ok).toBe(true);
    expect(await client(registry, { tokens }).manifest("private/a", "v1")).toMatchObject({
      failure: { code: "UNAUTHORIZED" },
    });
  });

  it("go to no token server at a private address, nor over plain http", async ({ expect }) => {
    for (const realm of [
      "https://10.0.0.1/token",
      "http://auth.example.com/token",
      "https://localhost/token",
      "/token",
    ]) {
      const registry = await fake({ auth: "token", realm });
      const fetched: string[] = [];
      const map = outside({ "https://r.example.com": registry.origin });
      const upstream = client(registry, {
        domain: "r.example.com",
        allowPrivate: false,
        login: async () => LOGIN,
        fetch: async (url, init) => {
          fetched.push(url);
          return await map(url, init);
        },
      });
      expect(await upstream.manifest("a", "v1")).toMatchObject({ failure: { code: "INVALID" } });
      expect(fetched).toEqual(["https://r.example.com/v2/a/manifests/v1"]);
    }
  });

  it("of Amazon are fetched with a signed request, once for hours", async ({ expect }) => {
    const requests: { url: string; headers: Headers; body: unknown }[] = [];
    const clock = fastClock();
    const fetch: Fetch = async (url, init) => {
      requests.push({ url, headers: new Headers(init.headers), body: init.body });
      const data = { authorizationToken: btoa("AWS:long"), expiresAt: clock.at / 1_000 + 43_200 };
      return Response.json({ authorizationData: [data] });
    };
    const deps = { fetch, clock, kept: new TokenCache(), keyDigest: "k" };
    const domain = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    const login = async () => await ecrLogin(domain, { id: "AKIDEXAMPLE", secret: "wJalr" }, deps);
    expect(await login()).toEqual({ user: "AWS", password: "long" });
    await login();
    expect(requests).toHaveLength(1);
    const [first] = requests;
    expect([first?.url, first?.body, first?.headers.get("x-amz-target")]).toEqual([
      "https://api.ecr.eu-west-1.amazonaws.com/",
      "{}",
      "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
    ]);
    expect(first?.headers.get("authorization")).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20231114\/eu-west-1\/ecr\/aws4_request, SignedHeaders=.*host.*, Signature=[0-9a-f]{64}$/,
    );
    clock.at += 42_400_000;
    await login();
    expect(requests).toHaveLength(2);
  });
});
