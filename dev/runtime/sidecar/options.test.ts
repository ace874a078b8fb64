import { describe, it } from "vitest";
import { parseOptions } from "./options.ts";

describe("workerd's command line", () => {
  it("is understood as a whole", ({ expect }) => {
    const line =
      "--http-egress-port 1234 --http-ingress-address 0.0.0.0:39001 --docker-gateway-cidr 172.17.0.0/16 --dns-enabled --tls-intercept --disable-ipv6";
    expect(parseOptions(line.split(" "))).toEqual({
      egressPort: 1234,
      ingressHost: "0.0.0.0",
      ingressPort: 39_001,
      gatewayCidr: "172.17.0.0/16",
      dns: true,
      tls: true,
    });
  });

  it("may hold flags that are not known yet", ({ expect }) => {
    expect(parseOptions(["--new-flag", "--dns-enabled"])).toMatchObject({ dns: true, tls: false });
  });
});
