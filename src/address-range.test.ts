/** Ranges, blocks and the choice of an address. */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { addressRange, canonicalAddress, chooseOffset, type AddressRange, type AddressType } from "./address-range.ts";
import { hashOf } from "./hash.ts";

function range(type: AddressType, text?: string): AddressRange {
  const found = addressRange(type, { ipv4: text, ipv6: text });
  if (found === null) throw new Error(`${text} is no range`);
  return found;
}

describe("a range", () => {
  it("is the documented one unless it is configured", ({ expect }) => {
    expect(range("v4").prefixOf(0)).toBe("10.128.0");
    expect(range("v4").prefixOf(255)).toBe("10.128.255");
    expect(range("v4").blocks).toBe(256);
    expect(range("v6").addressOf(range("v6").prefixOf(3), 26)).toBe("fd67:616e:7472:3::1a");
    expect(range("v6", "fd00:1:2::/48").addressOf("fd00:1:2:0", 1)).toBe("fd00:1:2::1");
    expect(range("v4", "172.16.0.0/12").prefixOf(300)).toBe("172.17.44");
  });

  it.for(["10.0.0.0", "10.0.0.0/7", "10.0.0.0/25", "10.0.0.256/16", "nonsense", "fd00::/48"])(
    "is none for IPv4 when it says %s",
    (text, { expect }) => {
      expect(addressRange("v4", { ipv4: text, ipv6: "" })).toBeNull();
    },
  );

  it.for(["fd00::", "fd00::/64", "fd00:0:0:1::/48", "10.0.0.0/16", "fd00:::/48"])(
    "is none for IPv6 when it says %s",
    (text, { expect }) => {
      expect(addressRange("v6", { ipv4: "", ipv6: text })).toBeNull();
    },
  );

  it("finds the block of each of its addresses, and of no other", ({ expect }) => {
    fc.assert(
      fc.property(fc.constantFrom<AddressType>("v4", "v6"), fc.nat(), fc.nat(), (type, block, offset) => {
        const own = range(type);
        const prefix = own.prefixOf(block % own.blocks);
        const address = own.addressOf(prefix, (offset % own.maxOffset) + 1);
        expect(own.blockOf(address)).toBe(prefix);
        // It is written as the host of a URL is.
        expect(canonicalAddress(type === "v4" ? address : `[${address}]`)).toBe(address);
      }),
    );
    for (const address of ["10.127.255.1", "10.129.0.1", "127.0.0.1", "10.128", "localhost"]) {
      expect(range("v4").blockOf(address)).toBeNull();
    }
    for (const address of ["::1", "fd67:616e:7473::1", "10.128.0.1", "localhost"]) {
      expect(range("v6").blockOf(address)).toBeNull();
    }
  });
});

describe("the choice of an offset", () => {
  it("is a free one as long as there is one, whatever is taken", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.string(),
        fc.array(fc.integer({ min: 1, max: 40 })),
        (max, id, all) => {
          const taken = new Set(all.filter((offset) => offset <= max));
          const chosen = chooseOffset(max, hashOf(id), (offset) => taken.has(offset));
          if (taken.size === max) expect(chosen).toBeNull();
          else {
            expect(taken.has(chosen ?? 0)).toBe(false);
            expect(chosen).toBeGreaterThanOrEqual(1);
            expect(chosen).toBeLessThanOrEqual(max);
          }
        },
      ),
    );
  });

  it("gives everyone another one until all are given", ({ expect }) => {
    const taken = new Set<number>();
    for (let owner = 0; owner < 254; owner += 1) {
      const offset = chooseOffset(254, hashOf(`owner ${owner}`), (candidate) => taken.has(candidate));
      taken.add(offset ?? 0);
    }
    expect(taken.size).toBe(254);
    expect(chooseOffset(254, 7, (candidate) => taken.has(candidate))).toBeNull();
  });
});
