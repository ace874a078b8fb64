import { describe, it } from "vitest";
import { ownHostTarget, pathTarget } from "./router.ts";

describe("a request is for", () => {
  it.for([
    ["web.localhost", "web"],
    ["a.b.localhost", "a.b"],
  ] as const)("an application: %s", ([host, application], { expect }) => {
    expect(ownHostTarget(host, "localhost")).toEqual({ application, prefix: null });
  });

  it.for([
    ["/a/web", { application: "web", prefix: "/a/web" }],
    ["/a/web/", { application: "web", prefix: "/a/web" }],
    ["/a/web/a/b", { application: "web", prefix: "/a/web" }],
    ["/a/w%65b/", { application: "web", prefix: "/a/w%65b" }],
    ["/a/%E0%A4%A/", { application: "%E0%A4%A", prefix: "/a/%E0%A4%A" }],
    // Nobody says by a path what a host says.
    ["/a/%2F%2Fshop.test/", { application: "%2F%2Fshop.test", prefix: "/a/%2F%2Fshop.test" }],
  ] as const)("an application: %s", ([path, target], { expect }) => {
    expect(pathTarget(path)).toEqual(target);
  });

  it.for(["localhost", "notlocalhost", "localhost.evil.test"])("no application by its host: %s", (host, { expect }) => {
    expect(ownHostTarget(host, "localhost")).toBeNull();
  });

  it.for(["/", "/a", "/a/", "/a//x", "/ab/web/", "/healthz", "/client/v4/accounts/1/containers/applications/a/b"])(
    "no application by its path: %s",
    (path, { expect }) => {
      expect(pathTarget(path)).toBeNull();
    },
  );

  it("no application by its host when no ingress domain is set", ({ expect }) => {
    expect(ownHostTarget("web.localhost", "")).toBeNull();
  });
});
