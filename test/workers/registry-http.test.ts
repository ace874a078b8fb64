/** The paths of the registry, their methods and who may use them; the form of every answer. */
import { describe, it } from "vitest";
import { ACCOUNT_ID, call, raw } from "./client.ts";
import { bodyOf, newRepository, pushBlob, pushImage, randomBytes, send, told } from "./registry-push-world.ts";

describe("the registry", () => {
  it("says that it is one, with and without a slash", async ({ expect }) => {
    for (const path of ["/v2/", "/v2"]) {
      const response = await send("GET", path);
      expect([response.status, await response.text()]).toEqual([200, "{}"]);
      expect(response.headers.get("docker-distribution-api-version")).toBe("registry/2.0");
      expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
      const head = await send("HEAD", path);
      expect([head.status, (await bodyOf(head)).length]).toEqual([200, 0]);
    }
  });

  it("is on no host of an application", async ({ expect }) => {
    const response = await raw("GET", "http://some-application.localhost/v2/");
    expect(response.headers.get("docker-distribution-api-version")).toBeNull();
  });

  it("asks who it is", async ({ expect }) => {
    for (const path of ["/v2/", "/v2/_catalog", "/v2/some/image/manifests/latest", "/v2/some/image/blobs/uploads/"]) {
      const method = path.endsWith("uploads/") ? "POST" : "GET";
      const response = await raw(method, `http://control.test${path}`, undefined, { authorization: "" });
      expect(response.headers.get("www-authenticate")).toMatch(/^Bearer realm=/);
      expect(await told(response)).toBe("401 UNAUTHORIZED");
    }
  });

  it.for([
    ["/v2/", "POST", "GET, HEAD"],
    ["/v2/_catalog", "DELETE", "GET, HEAD"],
    ["/v2/gc/layers", "GET", "PUT"],
    ["/v2/a/tags/list", "PUT", "GET, HEAD"],
    ["/v2/a/manifests/latest", "POST", "GET, HEAD, PUT, DELETE"],
    [`/v2/a/blobs/sha256:${"0".repeat(64)}`, "PUT", "GET, HEAD, DELETE"],
    ["/v2/a/blobs/uploads/", "GET", "POST"],
    ["/v2/a/blobs/uploads", "PUT", "POST"],
    ["/v2/a/blobs/uploads/x", "POST", "GET, HEAD, PATCH, PUT, DELETE"],
    [`/v2/a/referrers/sha256:${"0".repeat(64)}`, "DELETE", "GET, HEAD"],
  ] as const)("has at %s no %s", async ([path, method, allow], { expect }) => {
    const response = await send(method, path);
    expect([response.headers.get("allow"), await told(response)]).toEqual([allow, "405 UNSUPPORTED"]);
  });

  it.for(["/v2/nothing", "/v2/a/tags", "/v2/a/tags/x", "/v2/a/b/c", "/v2/%zz/tags/list", "/v2//", "/v2/manifests/a"])(
    "has nothing at %s",
    async (path, { expect }) => {
      expect(await told(await send("GET", path))).toBe("404 UNSUPPORTED");
    },
  );

  it.for(["UPPER", "a//b", "-a", "a/-b", "a..b", "a%20b", "a".repeat(256)])(
    "has no repository %s",
    async (name, { expect }) => {
      const answer = await told(await send("GET", `/v2/${name}/tags/list`));
      expect(["400 NAME_INVALID", "404 UNSUPPORTED"]).toContain(answer);
    },
  );

  it("knows repositories by their names with and without the account", async ({ expect }) => {
    const repository = newRepository();
    const digest = await pushBlob(`${ACCOUNT_ID}/${repository}`, randomBytes(20));
    for (const name of [repository, `${ACCOUNT_ID}/${repository}`]) {
      expect((await send("HEAD", `/v2/${name}/blobs/${digest}`)).status).toBe(200);
    }
    const mounted = await send(
      "POST",
      `/v2/${ACCOUNT_ID}/${newRepository()}/blobs/uploads/?mount=${digest}&from=${ACCOUNT_ID}/${repository}`,
    );
    expect([mounted.status, mounted.headers.get("location")]).toEqual([
      201,
      expect.stringMatching(new RegExp(`^/v2/${ACCOUNT_ID}/team/`)),
    ]);
  });

  it("has repositories whose names are the specification's own words", async ({ expect }) => {
    for (const name of ["manifests/blobs", "a/blobs/uploads", "tags/list", "a/manifests/b"]) {
      const digest = await pushBlob(name, randomBytes(20));
      expect((await send("HEAD", `/v2/${name}/blobs/${digest}`)).status).toBe(200);
      await pushImage(name, "list");
      expect((await send("HEAD", `/v2/${name}/manifests/list`)).status).toBe(200);
      expect((await send("GET", `/v2/${name}/tags/list`)).status).toBe(200);
    }
  });

  it("lets nobody push who may only pull", async ({ expect }) => {
    const body = { expiration_minutes: 5, permissions: ["pull"] };
    const { result } = await call("POST", "/registries/registry.cloudflare.com/credentials", body);
    const authorization = `Basic ${btoa(`v1:${result.password}`)}`;
    const repository = newRepository();
    await pushImage(repository, "v1");
    const path = `/v2/${repository}/manifests/v1`;
    expect((await send("GET", path, undefined, { authorization })).status).toBe(200);
    expect(await told(await send("DELETE", path, undefined, { authorization }))).toBe("403 DENIED");
    const upload = `/v2/${repository}/blobs/uploads/`;
    expect(await told(await send("POST", upload, undefined, { authorization }))).toBe("403 DENIED");
    expect(await told(await send("PUT", "/v2/gc/layers", undefined, { authorization }))).toBe("403 DENIED");
  });

  it("collects garbage where a client asks for it", async ({ expect }) => {
    const response = await send("PUT", "/v2/gc/layers");
    expect([response.status, await response.json()]).toEqual([
      200,
      expect.objectContaining({ blobs: expect.any(Number) }),
    ]);
  });
});
