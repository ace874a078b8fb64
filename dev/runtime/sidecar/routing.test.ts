import { describe, it } from "vitest";
import { filterRules, SIDECAR_UID } from "./routing.ts";

const rules = filterRules({
  network: { device: "eth0", ownAddress: "172.17.0.5" },
  gatewayCidr: "172.17.0.0/16",
  ingressPort: 39_001,
  workerdHost: "172.17.0.1",
  ports: { http: 1080, tls: 1443, dns: 1053, dnsAddresses: ["127.0.0.1"] },
}).split("\n");

describe("the packet filter", () => {
  it("changes ports but no address of what goes to 80 and 443", ({ expect }) => {
    expect(rules).toContain("-A OUTPUT -p tcp --dport 80 -j DNAT --to-destination :1080");
    expect(rules).toContain("-A OUTPUT -p tcp --dport 443 -j DNAT --to-destination :1443");
  });

  it("lets only the sidecar reach workerd", ({ expect }) => {
    const toHost = rules.filter((rule) => rule.includes("-d 172.17.0.1 ") && rule.endsWith("ACCEPT"));
    expect(toHost).toEqual([`-A OUTPUT -m owner --uid-owner ${SIDECAR_UID} -d 172.17.0.1 -j ACCEPT`]);
  });

  it("ends by refusing everything else", ({ expect }) => {
    expect(rules.slice(-4)).toEqual([
      "-A OUTPUT -p tcp -j REJECT --reject-with tcp-reset",
      "-A OUTPUT -j REJECT",
      "COMMIT",
      "",
    ]);
  });
});
