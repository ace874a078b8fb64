import * as fc from "fast-check";
import { describe, it } from "vitest";
import { RequestRewriter } from "./request-rewriter.ts";

function passThrough(pieces: readonly Buffer[], rewrite = (body: string) => `<${body}>`) {
  let continues = 0;
  const rewriter = new RequestRewriter({ rewrite, onExpectContinue: () => continues++ });
  const out: Buffer[] = [];
  let error: Error | undefined;
  rewriter.on("data", (bytes: Buffer) => out.push(bytes));
  rewriter.on("error", (cause) => (error = cause));
  for (const piece of pieces) rewriter.write(piece);
  // Reading to here is synchronous: what was written has come out.
  return { text: () => Buffer.concat(out).toString("latin1"), continues: () => continues, error: () => error };
}

const request = (line: string, headers: string, body = "") =>
  Buffer.from(`${line} HTTP/1.1\r\nHost: docker\r\n${headers}\r\n${body}`, "latin1");

const CREATE = "POST /v1.44/containers/create?name=a";

describe("requests on their way to Docker", () => {
  it("have the body of a create request rewritten and its length mended", ({ expect }) => {
    const seen = passThrough([request(CREATE, "Content-Length: 4\r\n", "body")]);
    expect(seen.text()).toBe(
      "POST /v1.44/containers/create?name=a HTTP/1.1\r\nHost: docker\r\nContent-Length: 6\r\n\r\n<body>",
    );
  });

  it("have a chunked create body joined before it is rewritten", ({ expect }) => {
    const seen = passThrough([
      request(CREATE, "Transfer-Encoding: chunked\r\n", "2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\nT: 1\r\n\r\n"),
    ]);
    expect(seen.text()).toBe(
      "POST /v1.44/containers/create?name=a HTTP/1.1\r\nHost: docker\r\nContent-Length: 6\r\n\r\n<body>",
    );
  });

  it("are told to go on when they wait before a create body", ({ expect }) => {
    const seen = passThrough([request(CREATE, "Expect: 100-continue\r\nContent-Length: 4\r\n")]);
    expect(seen.continues()).toBe(1);
    expect(seen.text()).toBe("");
  });

  it.for([
    ["GET /v1.44/containers/json"],
    ["POST /v1.44/containers/create/x"],
    ["POST /v1.44/images/create?fromImage=containers/create"],
    ["HEAD /_ping"],
  ])("are not touched otherwise: %s", ([line = ""], { expect }) => {
    const bytes = request(line, "Content-Length: 2\r\n", "{}");
    expect(passThrough([bytes]).text()).toBe(bytes.toString("latin1"));
  });

  it("pass unread after an upgrade, even where they look like a create request", ({ expect }) => {
    const upgrade = request("POST /exec/1/start", "Upgrade: tcp\r\nConnection: Upgrade\r\nContent-Length: 2\r\n", "{}");
    const raw = request(CREATE, "Content-Length: 4\r\n", "body");
    expect(passThrough([upgrade, raw]).text()).toBe(Buffer.concat([upgrade, raw]).toString("latin1"));
  });

  it("pass unread after an attach of an old client, which upgrades without saying so", ({ expect }) => {
    const bytes = [request("POST /containers/a/attach?stdin=1", ""), Buffer.from([0, 255, 13, 10, 13, 10, 1])];
    expect(passThrough(bytes).text()).toBe(Buffer.concat(bytes).toString("latin1"));
  });

  it("come out the same however the bytes are cut", ({ expect }) => {
    const bytes = Buffer.concat([
      request("GET /version", ""),
      request(CREATE, "Content-Length: 4\r\n", "body"),
      request("POST /build", "Transfer-Encoding: chunked\r\n", "3\r\n\r\n\r\r\n0\r\n\r\n"),
      request(CREATE, "Transfer-Encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"),
      request("POST /exec/1/start", "Upgrade: tcp\r\n", "raw\r\n\r\nPOST /containers/create HTTP/1.1\r\n\r\n"),
    ]);
    const whole = passThrough([bytes]).text();
    expect(whole.split("<body>")).toHaveLength(3);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: bytes.length - 1 })), (cuts) => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const pieces = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
        expect(passThrough(pieces).text()).toBe(whole);
      }),
    );
  });

  it.for([
    ["garbage", Buffer.from("garbage\r\n\r\n")],
    ["an endless head", Buffer.alloc(70_000, "a")],
    ["a bad chunk size", request(CREATE, "Transfer-Encoding: chunked\r\n", "zz\r\n")],
    ["a bad content length", request(CREATE, "Content-Length: -1\r\n")],
  ] as const)("are refused when they are %s", async ([, bytes], { expect }) => {
    const seen = passThrough([bytes]);
    await new Promise(setImmediate);
    expect(seen.error()).toBeInstanceOf(Error);
  });
});
