import { describe, it } from "vitest";
import { hostPattern } from "./host-pattern.ts";

describe("a host in an egress list", () => {
  it.for([
    ["api.stripe.com", "api.stripe.com"],
    ["*.Stripe.com", "*.stripe.com"],
    ["example.com.", "example.com"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["*.bücher.example", "*.xn--bcher-kva.example"],
    ["_dmarc.example.com", "_dmarc.example.com"],
    ["10.0.0.1", "10.0.0.1"],
    ["0x0a.1", "10.0.0.1"],
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["FD00:0::1", "fd00::1"],
    ["[fd00::1]", "fd00::1"],
    ["fd00:0::/16", "fd00::/16"],
  ])("%s is compared as %s", ([text, pattern], { expect }) => {
    expect(hostPattern(text as string)).toEqual({ pattern });
  });

  it.for([
    ["", "empty"],
    [" a.com", "blanks"],
    ["*", "enableInternet"],
    ["https://a.com/x", "URL"],
    ["a.com:8080", "port"],
    ["a.com/x", "not a host name"],
    ["user@a.com", "not a host name"],
    ["*stripe.com", "in front"],
    ["goo*gle", "in front"],
    ["google.*.com", "in front"],
    ["*.*.com", "in front"],
    ["*.10.0.0.1", "range"],
    ["10.0.0.0/33", "32"],
    ["fd00::/129", "128"],
    ["10.0.0/8", "range"],
    ["a..b", "host name"],
    ["-a.com", "host name"],
    ["1::2::3", "IPv6"],
    ["?.x.com", "host name"],
  ])("%j is refused: %s", ([text, why], { expect }) => {
    expect(hostPattern(text as string)).toEqual({ problem: expect.stringContaining(why as string) });
  });
});
