import { describe, it } from "vitest";
import { ingressTarget } from "./router.ts";

describe("a request is for", () => {
  it.for([
    ["http://web.localhost:8787/x", { application: "web", prefix: null }],
    ["http://WEB.localhost/", { application: "web", prefix: null }],
    ["http://web.localhost/a/other/", { application: "web", prefix: null }],
    ["http://a.b.localhost/", { application: "a.b", prefix: null }],
    ["http://localhost/a/web", { application: "web", prefix: "/a/web" }],
    ["http://localhost/a/web/", { application: "web", prefix: "/a/web" }],
    ["http://localhost/a/web/a/b?c", { application: "web", prefix: "/a/web" }],
    ["http://localhost/a/w%65b/", { application: "web", prefix: "/a/w%65b" }],
    ["http://localhost/a/%E0%A4%A/", { application: "%E0%A4%A", prefix: "/a/%E0%A4%A" }],
    ["http://other.test/a/web/", { application: "web", prefix: "/a/web" }],
  ] as const)("an application: %s", ([url, target], { expect }) => {
    expect(ingressTarget(url, "localhost")).toEqual(target);
  });

  it.for([
    "http://localhost/",
    "http://localhost/a",
    "http://localhost/a/",
    "http://localhost/a//x",
    "http://localhost/ab/web/",
    "http://localhost/healthz",
    "http://notlocalhost/x",
    "http://localhost.evil.test/",
    "http://localhost/client/v4/accounts/1/containers/applications/a/b",
  ])("the control plane: %s", (url, { expect }) => {
    expect(ingressTarget(url, "localhost")).toBeNull();
  });

  it("the control plane on every host when no ingress domain is set", ({ expect }) => {
    expect(ingressTarget("http://web.localhost/x", "")).toBeNull();
  });
});
