/** What lists are narrowed by, and tokens that end at a time, where no resource's own test sees it. */
import { describe, it } from "vitest";
import { call, createApplication, domainError, untilReady } from "./client.ts";

const ACCOUNTS = "http://control.test/client/v4/accounts";

describe("the list of rollouts", () => {
  it("goes on behind the last one that was seen, with as many as are asked for", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    await untilReady(id, 1);
    for (const description of ["one", "two", "three"]) {
      const body = { description, strategy: "rolling", target_version: 1 };
      expect((await call("POST", `/applications/${id}/rollouts`, body)).status).toBe(200);
    }
    const whole: { id: string }[] = (await call("GET", `/applications/${id}/rollouts`)).result;
    expect(whole).toHaveLength(3);
    const first: { id: string }[] = (await call("GET", `/applications/${id}/rollouts?limit=2`)).result;
    expect(first).toEqual(whole.slice(0, 2));
    const rest = await call("GET", `/applications/${id}/rollouts?limit=2&last=${first[1]?.id}`);
    expect(rest.result).toEqual(whole.slice(2));
  });
});

describe("an account in the list of accounts", () => {
  it("is found by its name", async ({ expect }) => {
    const name = `account ${crypto.randomUUID()}`;
    const { result } = await call("POST", ACCOUNTS, { name });
    const found = await call("GET", `${ACCOUNTS}?name=${encodeURIComponent(name)}`);
    expect(found.result).toEqual([result]);
  });

  it("has a first page by number, and no second", async ({ expect }) => {
    const unnumbered = await call("GET", ACCOUNTS);
    expect((await call("GET", `${ACCOUNTS}?page=1`)).result).toEqual(unnumbered.result);
    const second = await call("GET", `${ACCOUNTS}?page=2`);
    expect([second.status, Object.keys(domainError(second).details)]).toEqual([400, ["page"]]);
  });
});

describe("a token", () => {
  it("that expires at a time says so, and is not made for a time that has passed", async ({ expect }) => {
    const body = { name: "ends", scopes: ["read"] };
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const made = await call("POST", "/tokens", { ...body, expires_at: expiresAt });
    expect([made.status, made.result.expires_at]).toEqual([201, expiresAt]);
    const past = await call("POST", "/tokens", { ...body, expires_at: new Date(0).toISOString() });
    expect([past.status, Object.keys(domainError(past).details)]).toEqual([400, ["expires_at"]]);
  });
});
