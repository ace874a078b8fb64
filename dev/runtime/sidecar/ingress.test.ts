import { describe, it } from "vitest";
import { parseDestination } from "./ingress.ts";

describe("the destination of a tunnel", () => {
  it("is an address and a port", ({ expect }) => {
    expect(parseDestination("10.0.0.1:8080")).toEqual({ host: "10.0.0.1", port: 8080 });
    expect(parseDestination("[::1]:80")).toEqual({ host: "::1", port: 80 });
  });

  it("is the workload itself when it names no address", ({ expect }) => {
    for (const text of [":80", "0.0.0.0:80", "localhost:80"]) {
      expect(parseDestination(text)).toEqual({ host: "127.0.0.1", port: 80 });
    }
  });

  it("makes no sense without a valid port", ({ expect }) => {
    for (const text of [undefined, "", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:x"]) {
      expect(parseDestination(text)).toBeUndefined();
    }
  });
});
