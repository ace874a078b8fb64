import { describe, it } from "vitest";
import { createClient, GantryError, type ClientOptions } from "./index.ts";

function stage(answers: ((request: Request) => Response | Promise<Response>)[], options: Partial<ClientOptions> = {}) {
  const asked: Request[] = [];
  const client = createClient({
    baseUrl: "https://gantry.example.com/",
    token: "secret",
    fetch: async (request) => {
      asked.push(request);
      const answer = answers[asked.length - 1];
      if (answer === undefined) throw new Error("one request too many");
      return await answer(request);
    },
    ...options,
  });
  return { client, asked };
}

const ok =
  (result: unknown, info: object = {}, headers: Record<string, string> = {}) =>
  () =>
    Response.json({ success: true, errors: [], messages: [], result, ...info }, { headers });

const events = () => new Response("data: 1\n\n", { headers: { "content-type": "text/event-stream" } });
const never = () => new Promise<never>(() => undefined);

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("an operation", () => {
  it("is its method and path in the token's account, with a bearer token", async ({ expect }) => {
    const { client, asked } = stage([ok({ name: "web" }, {}, { etag: '"1"', "x-request-id": "r1" })]);
    const answer = await client.request("GET /applications/{id}", { params: { id: "a/b" } });
    const beside = { requestId: "r1", replayed: false, nextPageToken: null };
    expect(answer).toEqual({ result: { name: "web" }, status: 200, etag: '"1"', ...beside });
    expect(asked[0]?.url).toBe("https://gantry.example.com/client/v4/containers/applications/a%2Fb");
    expect(asked[0]?.headers.get("authorization")).toBe("Bearer secret");
  });

  it("is in the account that is named, also where the account is part of its own path", async ({ expect }) => {
    const accountId = "0".repeat(32);
    const { client, asked } = stage([ok([]), ok([]), ok({})], { accountId });
    await client.request("GET /applications");
    await client.request("GET /client/v4/accounts/{account_id}/secrets_store/stores");
    await client.request("GET /openapi.json");
    expect(asked.map(({ url }) => new URL(url).pathname)).toEqual([
      `/client/v4/accounts/${accountId}/containers/applications`,
      `/client/v4/accounts/${accountId}/secrets_store/stores`,
      "/openapi.json",
    ]);
  });

  it("carries query, body and what makes writes safe", async ({ expect }) => {
    const { client, asked } = stage([ok([]), ok({})]);
    await client.request("GET /applications", { query: { label: ["a=1", "b=2"], per_page: 5 } });
    await client.request("PATCH /applications/{id}", {
      params: { id: "web" },
      body: { instances: 3 },
      ifMatch: '"1"',
      idempotencyKey: "k",
      leaseNonce: "n",
    });
    expect(new URL(asked[0]?.url ?? "").search).toBe("?label=a%3D1&label=b%3D2&per_page=5");
    expect(asked[1]?.method).toBe("PATCH");
    expect(await asked[1]?.json()).toEqual({ instances: 3 });
    expect(Object.fromEntries(asked[1]?.headers ?? [])).toMatchObject({
      "content-type": "application/json",
      "if-match": '"1"',
      "idempotency-key": "k",
      "gantry-lease-nonce": "n",
    });
  });

  it("without what its path needs is refused before it is sent", async ({ expect }) => {
    const { client, asked } = stage([]);
    for (const id of ["", undefined]) {
      const sent = client.request("GET /applications/{id}", { params: { id: id as string } });
      expect(await failureOf(sent)).toMatchObject({ code: "VALIDATE_INPUT", details: { id: expect.any(String) } });
    }
    expect(asked).toEqual([]);
  });

  it("that gives text gives that text", async ({ expect }) => {
    const { client } = stage([() => new Response("# HELP", { headers: { "content-type": "text/plain" } })]);
    expect((await client.request("GET /metrics")).result).toBe("# HELP");
  });

  it("that streams gives its answer as it comes", async ({ expect }) => {
    const { client, asked } = stage([events]);
    const response = await client.stream("GET /applications/{id}/events", { params: { id: "web" } });
    expect(await response.text()).toBe("data: 1\n\n");
    expect(asked[0]?.headers.get("accept")).toContain("text/event-stream");
  });
});

describe("a list", () => {
  it("is read to its last page, and no further than its reader wants", async ({ expect }) => {
    const pages = [
      ok([1, 2], { result_info: { next_page_token: "t1" } }),
      ok([3], { result_info: { next_page_token: "t2" } }),
      ok([4], { result_info: {} }),
    ];
    const { client, asked } = stage(pages);
    const all: unknown[] = [];
    for await (const item of client.items("GET /applications", { query: { name: "x" } })) all.push(item);
    expect(all).toEqual([1, 2, 3, 4]);
    expect(asked.map(({ url }) => new URL(url).search)).toEqual([
      "?name=x",
      "?name=x&page_token=t1",
      "?name=x&page_token=t2",
    ]);
    const early = stage(pages);
    for await (const item of early.client.items("GET /applications")) if (item !== undefined) break;
    expect(early.asked).toHaveLength(1);
  });
});

describe("a failure", () => {
  it("is Gantry's error, with code, fields and request", async ({ expect }) => {
    const domain = {
      error: "VALIDATE_INPUT",
      message: "instances must be a number",
      retryable: false,
      details: { instances: "must be" },
    };
    const errors = [{ ...domain, code: 1000, message: JSON.stringify(domain) }];
    const { client } = stage([
      () =>
        Response.json(
          { success: false, errors, messages: [], result: null },
          { status: 400, headers: { "x-request-id": "r1" } },
        ),
    ]);
    const error = await failureOf(client.request("GET /applications"));
    expect(error).toBeInstanceOf(GantryError);
    expect(error).toMatchObject({
      code: "VALIDATE_INPUT",
      message: "instances must be a number",
      status: 400,
      details: { instances: "must be", request_id: "r1" },
    });
  });

  it("says whether and when to come again", async ({ expect }) => {
    const errors = [{ code: 971, message: "too many", error: "RATE_LIMITED", retryable: true }];
    const { client } = stage([() => Response.json({ errors }, { status: 429, headers: { "retry-after": "7" } })]);
    const error = await failureOf(client.request("GET /applications"));
    expect(error).toMatchObject({ code: "RATE_LIMITED", retryable: true, retryAfterMs: 7_000 });
  });

  it("of something else than Gantry is told apart", async ({ expect }) => {
    const json = { "content-type": "application/json" };
    const { client } = stage([
      () => new Response("<html>", { status: 502 }),
      () => new Response(null, { status: 302, headers: { location: "/login" } }),
      () => new Response("<html>", { headers: json }),
      () => Promise.reject(new TypeError("fetch failed")),
    ]);
    const next = async () => await failureOf(client.request("GET /applications"));
    expect(await next()).toMatchObject({ code: "UNEXPECTED_STATUS", status: 502 });
    expect(await next()).toMatchObject({ code: "UNEXPECTED_STATUS", status: 302 });
    expect(await next()).toMatchObject({ code: "MALFORMED_ANSWER" });
    expect(await next()).toMatchObject({ code: "CONNECTION_LOST", retryable: true });
  });

  it("is the time that is up, or the caller's own reason", async ({ expect }) => {
    const { client } = stage([never], { timeoutMs: 5 });
    expect(await failureOf(client.request("GET /applications"))).toMatchObject({ code: "TIMEOUT" });
    const reason = new Error("enough");
    const patient = stage([never]);
    const caller = new AbortController();
    const waiting = failureOf(patient.client.request("GET /applications", { signal: caller.signal }));
    caller.abort(reason);
    expect(await waiting).toBe(reason);
  });

  it.for(["", "gantry.example.com", "ftp://x", "https://user:secret@x", "https://x/?token=1"])(
    "is the address %j",
    (baseUrl, { expect }) => {
      expect(() => createClient({ baseUrl, token: "t" })).toThrowError(
        expect.objectContaining({ code: "VALIDATE_INPUT", details: { baseUrl: expect.any(String) } }),
      );
    },
  );
});
