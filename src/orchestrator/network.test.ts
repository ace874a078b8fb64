/** What a configuration means for an instance's network. */
import { describe, it } from "vitest";
import { configurationSchema } from "../api/schemas/configuration.ts";
import { hasAddress, networkOf, portsOf, PRIVATE } from "./network.ts";
import { hostVariables } from "./prepare/network.ts";

const of = (fields: object) => configurationSchema.parse({ image: "hello-world", ...fields });
const PORTS = [{ name: "web-ui", port: 80 }];

describe("a network", () => {
  it.for<[object | undefined, string, string, string]>([
    [undefined, "private", "none", "none"],
    [{}, "private", "none", "none"],
    [{ mode: "private" }, "private", "none", "none"],
    [{ mode: "public" }, "public", "none", "predefined"],
    // Cloudflare's rule: it is never without IPv6.
    [{ mode: "public", assign_ipv6: "none" }, "public", "none", "predefined"],
    [{ mode: "public", assign_ipv4: "account", assign_ipv6: "account" }, "public", "account", "account"],
    [{ mode: "public-by-port" }, "public-by-port", "none", "predefined"],
    [{ mode: "public-by-port", assign_ipv6: "none" }, "public-by-port", "none", "none"],
  ])("of %j is %s with IPv4 %s and IPv6 %s", ([network, mode, ipv4, ipv6], { expect }) => {
    const found = networkOf(of({ ports: PORTS, ...(network && { network }) }));
    expect(found).toEqual({ mode, ipv4, ipv6 });
    expect(hasAddress(found)).toBe(ipv4 !== "none" || ipv6 !== "none");
  });

  it("that is private is one and the same, said or not", ({ expect }) => {
    expect(networkOf(of({}))).toBe(PRIVATE);
  });
});

describe("ports", () => {
  it("that are assigned stay out of the way of those that are fixed, in whichever order they stand", ({ expect }) => {
    const range = [{ start: 5, end: 7 }];
    const ports = [
      { name: "a", assign_port: range },
      { name: "b", assign_port: range },
      { name: "c", port: 5 },
    ];
    expect(portsOf(of({ ports }))).toEqual([
      { name: "a", port: 6 },
      { name: "b", port: 7 },
      { name: "c", port: 5 },
    ]);
  });

  it("go on in the next range when the first is used up", ({ expect }) => {
    const ranges = [
      { start: 9, end: 9 },
      { start: 3, end: 3 },
    ];
    const ports = ["a", "b"].map((name) => ({ name, assign_port: ranges }));
    expect(portsOf(of({ ports })).map(({ port }) => port)).toEqual([9, 3]);
  });
});

describe("the variables of an address", () => {
  it("are of IPv4 where there is one, else of IPv6, and none without an address", ({ expect }) => {
    const ports = portsOf(of({ ports: PORTS }));
    expect(hostVariables({ v4: "10.128.0.9", v6: "fd00::9" }, ports)).toEqual({
      CLOUDFLARE_HOST_PORT_web_ui: "80",
      CLOUDFLARE_HOST_IP_web_ui: "10.128.0.9",
      CLOUDFLARE_HOST_ADDR_web_ui: "10.128.0.9:80",
    });
    expect(hostVariables({ v4: null, v6: "fd00::9" }, ports)["CLOUDFLARE_HOST_ADDR_web_ui"]).toBe("[fd00::9]:80");
    expect(hostVariables({ v4: null, v6: null }, ports)).toEqual({});
  });
});
