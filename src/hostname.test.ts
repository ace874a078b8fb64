import { describe, it } from "vitest";
import { isControlHost, normalizeHostname, reservedBy, takesHostnames } from "./hostname.ts";

const LOCAL = { INGRESS_DOMAIN: "localhost" };
const DEPLOYED = { INGRESS_DOMAIN: "apps.example.com", GANTRY_HOSTS: "gantry.example.com, Admin.example.com" };

describe("a host name", () => {
  it.for([
    ["app.example.com", "app.example.com"],
    ["APP.Example.COM.", "app.example.com"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["a-1.b2.c", "a-1.b2.c"],
  ] as const)("%s has the form %s", ([text, hostname], { expect }) => {
    expect(normalizeHostname(text)).toEqual({ hostname });
  });

  it.for([
    "localhost",
    "example",
    "*.example.com",
    "app.example.com:8080",
    "https://app.example.com",
    "app.example.com/x",
    "user@app.example.com",
    "app.example.com?x",
    "app.example.com#x",
    "app .example.com",
    "app%2eexample.com",
    "10.0.0.1",
    "0x0a.0.0.1",
    "167772161",
    "10.0.0.1.",
    "[::1]",
    "::1",
    "-app.example.com",
    "app-.example.com",
    "app..example.com",
    ".example.com",
    "app_1.example.com",
    "app.example.com..",
    "",
    ".",
    `${"a".repeat(64)}.example.com`,
    Array.from({ length: 40 }, () => "abcdef").join("."),
  ])("%s is none", (text, { expect }) => {
    expect(normalizeHostname(text)).toHaveProperty("problem");
  });
});

describe("the control plane's own hosts", () => {
  it.for(["gantry.example.com", "admin.example.com", "apps.example.com", "web.apps.example.com", "x.y.workers.dev"])(
    "are nobody's: %s",
    (host, { expect }) => {
      expect(reservedBy(host, DEPLOYED)).not.toBeNull();
    },
  );

  it("are others' where they are not", ({ expect }) => {
    for (const host of ["example.com", "shop.example.com", "notapps.example.com", "gantry.example.com.evil.test"]) {
      expect([reservedBy(host, DEPLOYED), isControlHost(host, DEPLOYED)]).toEqual([null, false]);
    }
    for (const host of ["localhost", "127.0.0.1", "[::1]"]) expect(isControlHost(host, LOCAL)).toBe(true);
  });

  it("have to be known before any application has one", ({ expect }) => {
    expect([takesHostnames(LOCAL), takesHostnames(DEPLOYED)]).toEqual([true, true]);
    expect(takesHostnames({ INGRESS_DOMAIN: "apps.example.com", GANTRY_HOSTS: " , " })).toBe(false);
  });
});
