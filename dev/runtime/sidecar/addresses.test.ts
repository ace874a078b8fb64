import { describe, it } from "vitest";
import { defaultGateway, isInside, lookUpHost } from "./addresses.ts";

describe("the sidecar's surroundings", () => {
  it("find a host in /etc/hosts, past comments and IPv6", ({ expect }) => {
    const hosts = "127.0.0.1 localhost\n::1 host.docker.internal\n172.17.0.1\thost.docker.internal # engine\n";
    expect(lookUpHost(hosts, "host.docker.internal")).toBe("172.17.0.1");
    expect(lookUpHost(hosts, "docker.internal")).toBeUndefined();
  });

  it("find the default gateway in the kernel's table", ({ expect }) => {
    const routes = "Iface\tDestination\tGateway\tFlags\neth0\t000011AC\t00000000\t1\neth0\t00000000\t010011AC\t3\n";
    expect(defaultGateway(routes)).toBe("172.17.0.1");
  });

  it("tell whether an address is inside a network", ({ expect }) => {
    expect(isInside("172.17.255.1", "172.17.0.0/16")).toBe(true);
    expect(isInside("172.18.0.1", "172.17.0.0/16")).toBe(false);
    expect(isInside("200.1.2.3", "192.0.0.0/2")).toBe(true);
    expect(isInside("10.0.0.1", "0.0.0.0/0")).toBe(true);
    expect(isInside("10.0.0.1", "10.0.0.1/32")).toBe(true);
  });
});
