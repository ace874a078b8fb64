import { describe, it } from "vitest";
import { embeddedIpv4, ipv6Text, isPrivateAddress, isPrivateName, parseAddress, type Address } from "./address.ts";

const words = (text: string) => text.trim().split(/\s+/);

const address = (text: string): Address => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is a name`);
  return parsed;
};

describe("an address", () => {
  it.for(
    words(`
      0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1
      127.255.255.255 169.254.0.0 169.254.169.254 169.254.255.255 168.63.129.16 172.16.0.0
      172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0
      198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.0 239.255.255.255 240.0.0.0
      255.255.255.255 :: ::1 ::808:808 fc00:: fdff:ffff::1 fd00:ec2::254 fe80::1 fec0::1
      ff02::1 100::1 64:ff9b:1::1 64:ff9b::a00:1 64:ff9b::7f00:1 2002:a00:1::1 2002:7f00:1::
      2002:a9fe:a9fe:: 2001::1 2001:1ff:ffff:: 2001:db8::1 3fff::1 3fff:fff:: 4000::
      1fff:ffff:: 5f00::1
    `),
  )("%s is private", (text, { expect }) => {
    expect(isPrivateAddress(address(text))).toBe(true);
  });

  it.for(
    words(`
      1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
      169.253.255.255 169.255.0.0 168.63.129.15 168.63.129.17 172.15.255.255 172.32.0.0
      192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
      8.8.8.8 2606:4700:4700::1111 2001:200:: 2001:db9:: 2001:db7:ffff:: 2000:: 3ffe::1
      3fff:1000:: 64:ff9b::808:808 2002:808:808::1
    `),
  )("%s is not", (text, { expect }) => {
    expect(isPrivateAddress(address(text))).toBe(false);
  });

  it("of IPv6 may lead to one of IPv4", ({ expect }) => {
    expect(embeddedIpv4(address("64:ff9b::808:404"))).toBe("8.8.4.4");
    expect(embeddedIpv4(address("2002:808:404:1::1"))).toBe("8.8.4.4");
    expect(embeddedIpv4(address("::808:404"))).toBe("8.8.4.4");
    expect(embeddedIpv4(address("64:ff9b:1::808:404"))).toBeNull();
    expect(embeddedIpv4(address("8.8.4.4"))).toBeNull();
  });

  it.for([
    "::",
    "::1",
    "1::",
    "1:0:1::1",
    "fd00:1:2:3:4:5:6:7",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "1::2:0:0:3",
  ])("%s is the same after a way through its number", (text, { expect }) => {
    const { value } = address(text);
    expect(ipv6Text(BigInt(value))).toBe(new URL(`http://[${text}]/`).hostname.slice(1, -1));
  });
});

describe("a name", () => {
  it.for(
    words(`
      localhost a.localhost printer.local vm.internal db x.home.arpa nas.lan localdomain
      metadata.google.internal
    `),
  )("%s is private", (name, { expect }) => {
    expect(isPrivateName(name)).toBe(true);
  });

  it.for(["example.com", "local.example.com", "notlocal.com", "mylocal.co", "internal.com", "arpa.example", "a.arpa"])(
    "%s is not",
    (name, { expect }) => {
      expect(isPrivateName(name)).toBe(false);
    },
  );
});
