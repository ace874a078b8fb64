import { describe, it } from "vitest";
import { networkOf } from "./client-address.ts";

describe("a client", () => {
  it.for([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"],
    ["2001:db8:1:2::", "2001:db8:1:2::"],
    ["fe80::1%eth0", "fe80::"],
  ] as const)("%s counts as %s", ([address, network], { expect }) => {
    expect(networkOf(address)).toBe(network);
  });

  it.for(["a/../b", "x".repeat(200), "%", "[::1", "ü?#"])(
    "that is no address is a part of a key all the same: %s",
    (text, { expect }) => {
      expect(networkOf(text)).toMatch(/^[\w.:-]{0,64}$/);
    },
  );
});
