import * as z from "zod";
import { afterEach, beforeEach, describe, it } from "vitest";
import { RECORDED_ACCOUNT_ID, RECORDED_TOKEN, type RecordedApi, startRecordedApi } from "../recorded-api.ts";
import { type Account, backoff, callCloudflare } from "./api.ts";
import { listAll } from "./pages.ts";

const call = { method: "GET", path: "/queues", permission: "Queues: Edit" } as const;
const queues = z.array(z.looseObject({ queue_name: z.string() }));

describe("a call of Cloudflare's API", () => {
  let api: RecordedApi;
  let account: Account;
  let waited: number[];

  beforeEach(async () => {
    api = await startRecordedApi("full", { perPage: 1 });
    waited = [];
    account = accountOf(api, waited);
  });
  afterEach(() => api.close());

  it("waits as long as a 429 asks and succeeds then", async ({ expect }) => {
    api.intercept("GET /queues", 1, () => "rate limited");
    const { result } = await callCloudflare(account, call, queues);
    expect(result).toHaveLength(1);
    expect(waited).toEqual([2000]);
  });

  it("gives a server that keeps failing up after five attempts, each after a longer wait", async ({ expect }) => {
    api.intercept("GET /queues", 9, () => "server error");
    await expect(callCloudflare(account, call, queues)).rejects.toThrow(/GET \/queues failed: internal.*code 10001/);
    expect(api.requests).toHaveLength(5);
    expect(waited).toEqual([...waited].toSorted((a, b) => a - b));
  });

  it("does not repeat what was refused, and names call, code and permission", async ({ expect }) => {
    api.intercept("GET /queues", 1, () => "permission denied");
    await expect(callCloudflare(account, call, queues)).rejects.toThrow(
      'GET /queues failed: Authentication error [status 403, code 10000]; the API token needs the account permission "Queues: Edit"',
    );
    expect(api.requests).toHaveLength(1);
  });

  it("says that a token is wrong", async ({ expect }) => {
    const wrong = { ...account, token: "other" };
    await expect(callCloudflare(wrong, call, queues)).rejects.toThrow(/Invalid API Token.*wrong, revoked or expired/);
  });

  it("says why nothing answers", async ({ expect }) => {
    await api.close();
    await expect(callCloudflare(account, call, queues)).rejects.toThrow(/GET \/queues failed: .*ECONNREFUSED/);
  });

  it("never puts the token into an error", async ({ expect }) => {
    api.intercept("GET /queues", 1, () => "permission denied");
    const error: unknown = await callCloudflare(account, call, queues).catch((reason: unknown) => reason);
    expect(String(error)).not.toContain(RECORDED_TOKEN);
  });

  it("reads a list to its last page, by number and by token", async ({ expect }) => {
    const item = z.looseObject({});
    expect(await listAll(account, call, item, "number")).toHaveLength(api.account.queues.length);
    api.account.applications.push({ id: "2", name: "two" }, { id: "3", name: "three" });
    const applications = { ...call, path: "/containers/dash/applications" };
    expect(await listAll(account, applications, item, "token")).toHaveLength(3);
    expect(api.requests.at(-1)?.query.get("page_token")).toBe("3");
  });
});

describe("backoff", () => {
  it.for([
    [1, null, 0, 250],
    [1, null, 1, 500],
    [3, null, 1, 2000],
    [1, "7", 1, 7000],
    [1, "3600", 1, 30_000],
    [2, "Wed, 21 Oct 2026 07:28:00 GMT", 1, 1000],
  ] as const)("attempt %i, Retry-After %s, luck %d: %i ms", ([attempt, asked, random, expected], { expect }) => {
    expect(backoff(attempt, asked, random)).toBe(expected);
  });
});

function accountOf(api: RecordedApi, waited: number[]): Account {
  return {
    token: RECORDED_TOKEN,
    accountId: RECORDED_ACCOUNT_ID,
    baseUrl: api.baseUrl,
    wait: async (ms) => void waited.push(ms),
  };
}
