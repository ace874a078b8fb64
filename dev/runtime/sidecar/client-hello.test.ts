import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { connect } from "node:tls";
import { describe, it } from "vitest";
import { readClientHello } from "./client-hello.ts";

/** What Node really sends first. */
async function helloFor(servername: string): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: "127.0.0.1", ...(servername === "" ? {} : { servername }) });
  client.on("error", () => {});
  const [socket] = await once(server, "connection");
  const [bytes] = await once(socket, "data");
  socket.destroy();
  server.close();
  return bytes;
}

describe("the first bytes of a connection to port 443", () => {
  it("tell the name it is for", async ({ expect }) => {
    expect(readClientHello(await helloFor("api.example.com"))).toEqual({
      kind: "hello",
      serverName: "api.example.com",
    });
  });

  it("may tell no name", async ({ expect }) => {
    expect(readClientHello(await helloFor(""))).toEqual({ kind: "hello", serverName: undefined });
  });

  it("are waited for until the hello is whole", async ({ expect }) => {
    const bytes = await helloFor("api.example.com");
    for (const length of [0, 1, 4, 5, bytes.length - 1]) {
      expect(readClientHello(bytes.subarray(0, length))).toEqual({ kind: "incomplete" });
    }
  });

  it("may be no TLS at all", ({ expect }) => {
    expect(readClientHello(Buffer.from("SSH-2.0-OpenSSH\r\n"))).toEqual({ kind: "other" });
  });

  it("never lead outside the record, whatever lengths they claim", async ({ expect }) => {
    const bytes = await helloFor("api.example.com");
    for (let at = 5; at < bytes.length; at++) {
      const broken = Buffer.from(bytes);
      broken[at] = 0xff;
      expect(() => readClientHello(broken)).not.toThrow();
    }
  });
});
