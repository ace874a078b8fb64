import { once } from "node:events";
import { connect, createServer } from "node:tls";
import type { AddressInfo } from "node:net";
import { describe, it } from "vitest";
import { createAuthority } from "./authority.ts";
import { issuerOf } from "./certificates.ts";

describe("a certificate under the local authority", () => {
  it.for([{ name: "api.example.com" }, { name: "10.1.2.3" }, { name: `${"a".repeat(63)}.example.com` }])(
    "is accepted for $name by a client that trusts the authority",
    async ({ name }, { expect }) => {
      const authority = await createAuthority();
      const cert = await (await issuerOf(authority))(name);
      const server = createServer({ cert, key: authority.leafKey }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const isName = !/^[\d.]+$/.test(name);
      const client = connect({
        port,
        host: "127.0.0.1",
        ca: authority.certificate,
        ...(isName ? { servername: name } : { checkServerIdentity: () => undefined }),
      });
      await once(client, "secureConnect");
      expect(client.authorized).toBe(true);
      expect(client.getPeerCertificate().subjectaltname).toBe(`${isName ? "DNS" : "IP Address"}:${name}`);
      client.destroy();
      server.close();
    },
  );
});
