import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { describe, it } from "vitest";
import { splice } from "./splice.ts";

interface Ends {
  readonly left: Socket;
  readonly right: Socket;
}

/** Two peers with a splice between them. */
async function spliced(): Promise<Ends> {
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    const [a, b] = accepted;
    if (a !== undefined && b !== undefined) splice(a, b);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const left = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(left, "connect");
  const right = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(right, "connect");
  server.close();
  return { left, right };
}

describe("two spliced sockets", () => {
  it("carry what comes after the other side has finished sending", async ({ expect }) => {
    const { left, right } = await spliced();
    left.end("question");
    let heard = "";
    right.on("data", (bytes: Buffer) => (heard += bytes.toString()));
    await once(right, "end");
    right.end(`answer to ${heard}`);
    const [answer] = await once(left, "data");
    expect(String(answer)).toBe("answer to question");
  });

  it("pass a reset on as a reset, not as an end", async ({ expect }) => {
    const { left, right } = await spliced();
    right.write("part");
    await once(left, "data");
    right.resetAndDestroy();
    const [error] = await once(left, "error");
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });
});
