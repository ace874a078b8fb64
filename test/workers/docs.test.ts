/** The document of the API and its page need no token, and say what is missing where they are not set up. */
import { describe, it } from "vitest";
import { domainError, raw, type Envelope } from "./client.ts";

const ROOT = "http://control.test";
const open = async (path: string, method = "GET") =>
  await raw(method, `${ROOT}${path}`, undefined, { authorization: "" });

describe("the document of the API", () => {
  it("is what is committed, for everybody", async ({ expect }) => {
    const response = await open("/openapi.json");
    const { default: committed } = await import("../../openapi.json");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(committed);
  });

  it("is read and not written", async ({ expect }) => {
    const response = await open("/openapi.json", "POST");
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET"]);
  });
});

describe("the page of the API", () => {
  it.for(["/docs", "/docs/page.js", "/docs/..%2fsecret"])(
    "%s without assets is a 404 that says why",
    async (path, { expect }) => {
      const response = await open(path);
      expect(response.status).toBe(404);
      expect(domainError(await response.json<Envelope>()).message).toContain("npm ci");
    },
  );
});

it.for(["/healthz", "/openapi.json", "/docs", "/nothing", "/client/v4/containers/me"])(
  "the control plane's answer to %s is nothing that another page can hold, frame or take apart",
  async (path, { expect }) => {
    const { headers } = await open(path);
    expect(Object.fromEntries(headers)).toMatchObject({
      "x-frame-options": "DENY",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  },
);
