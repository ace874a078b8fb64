import { describe, it } from "vitest";
import { readHttpHead } from "./http-host.ts";

const read = (text: string) => readHttpHead(Buffer.from(text));

describe("the first bytes of a connection to port 80", () => {
  it("name the host without its port", ({ expect }) => {
    const request = "GET / HTTP/1.1\r\nAccept: */*\r\nhost:  api.example.com:80 \r\n\r\nbody";
    expect(read(request)).toEqual({ kind: "http", hostname: "api.example.com" });
  });

  it("may name no host", ({ expect }) => {
    expect(read("GET / HTTP/1.0\r\n\r\n")).toEqual({ kind: "http", hostname: undefined });
  });

  it("are waited for until the head is whole", ({ expect }) => {
    for (const part of ["", "GE", "GET / HTTP/1.1\r\nHost: a.exam", "GET / HTTP/1.1\r\nHost: a.example\r\n"]) {
      expect(read(part)).toEqual({ kind: "incomplete" });
    }
  });

  it("may be no HTTP at all", ({ expect }) => {
    expect(read("SSH-2.0-OpenSSH\r\n")).toEqual({ kind: "other" });
    expect(read("\u0016\u0003\u0001")).toEqual({ kind: "other" });
  });

  it("do not take a host out of the body", ({ expect }) => {
    expect(read("POST / HTTP/1.1\r\nA: b\r\n\r\nHost: evil.example\r\n\r\n")).toEqual({
      kind: "http",
      hostname: undefined,
    });
  });

  it("are not waited for without end", ({ expect }) => {
    expect(read(`GET / HTTP/1.1\r\nX: ${"x".repeat(70_000)}`)).toEqual({ kind: "other" });
  });
});
