import type { IncomingMessage } from "node:http";
import { describe, it } from "vitest";
import { inLog, loginOf } from "./login.ts";

const AUTHORIZATION = `Basic ${Buffer.from("ada:a:b").toString("base64")}`;
const asked = (headers: IncomingMessage["headers"]) =>
  loginOf({}, { headers: { authorization: AUTHORIZATION, ...headers } } as IncomingMessage);

describe("a user and password", () => {
  it("come in a header from programs", ({ expect }) => {
    expect(asked({ "user-agent": "curl/8.14.1" })).toEqual({ user: "ada", password: "a:b" });
  });

  it("are none where a browser sends them by itself, as another page may have it do", ({ expect }) => {
    expect(asked({ "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0" })).toBeNull();
    expect(asked({ "sec-fetch-mode": "navigate" })).toBeNull();
  });

  it.for([
    ["team/web:v1@sha256:abc", "team/web:v1@sha256:abc"],
    ["ada:secret@r.example/team/web", "r.example/team/web"],
    ["https://ada:sec@ret@r.example/team/web:v1", "https://r.example/team/web:v1"],
  ] as const)("written into a name, %s, are not in the log", ([image, shown], { expect }) => {
    expect(inLog(image)).toBe(shown);
  });
});
