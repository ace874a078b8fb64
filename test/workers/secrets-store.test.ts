/** The Secrets Store that wrangler configures registries with: the account's secrets in other words. */
import { describe, it } from "vitest";
import { accountStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, call, raw, testEnv, type Envelope } from "./client.ts";

const STORES = `http://control.test/client/v4/accounts/${ACCOUNT_ID}/secrets_store/stores`;
const newName = () => `W_${crypto.randomUUID().slice(0, 8)}`;

async function secrets(): Promise<string> {
  return `${STORES}/${(await call("GET", STORES)).result[0].id}/secrets`;
}

const bodyOf = (name: string, value = "wr4ngler-pass") => ({
  name,
  value,
  scopes: ["containers"],
  comment: "for a registry",
});

/** As wrangler sends it. */
async function post(url: string, body: unknown): Promise<Envelope & { status: number }> {
  const response = await raw("POST", url, JSON.stringify(body), { "content-type": "text/plain;charset=UTF-8" });
  return { ...(await response.json<Envelope>()), status: response.status };
}

function told(answer: Envelope & { status: number }): string {
  return `${answer.status} ${answer.errors[0]?.message ?? ""}`;
}

describe("the secrets store", () => {
  it("is one, and always the same", async ({ expect }) => {
    const first = await call("GET", STORES);
    expect(first).toMatchObject({ status: 200, result: [{ name: "default", account_id: ACCOUNT_ID }] });
    expect((await call("GET", `${STORES}?page=1&per_page=10`)).result).toEqual(first.result);
    expect((await call("GET", `${STORES}?page=2&per_page=10`)).result).toEqual([]);
  });

  it("takes what wrangler sends, finds it by name and deletes it by id", async ({ expect }) => {
    const url = await secrets();
    const name = newName();
    expect((await call("GET", `${url}?search=${name}`)).result).toEqual([]);
    const created = await post(url, [bodyOf(name)]);
    expect(created).toMatchObject({
      status: 200,
      success: true,
      result: [{ name, status: "active", scopes: ["containers"], comment: "for a registry" }],
    });
    expect(JSON.stringify(created)).not.toContain("wr4ngler-pass");
    const found = await call("GET", `${url}?search=${name.toLowerCase()}`);
    expect(found.result).toEqual(created.result);
    expect(found.result_info).toMatchObject({ count: 1, total_count: 1, page: 1 });
    expect((await call("GET", `/secrets/${name}`)).result).toMatchObject({ name, version: 1 });
    const material = { secrets: [name], sshKeyIds: [], protocol: null };
    const { secrets: given } = await accountStub(testEnv, ACCOUNT_ID).launchMaterial(material);
    expect(given).toEqual({ [name]: "wr4ngler-pass" });
    const { id } = created.result[0];
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    // Its answers carry no ETags, so there is nothing that If-Match could mean.
    const deleted = await raw("DELETE", `${url}/${id}`, undefined, { "if-match": '"other"' });
    expect((await deleted.json<Envelope>()).result).toEqual({ id });
    expect((await call("GET", `/secrets/${name}`)).status).toBe(404);
  });

  it("shows secrets that were made elsewhere, in numbered pages", async ({ expect }) => {
    const mark = newName();
    for (const suffix of ["c", "a", "b"]) await call("POST", "/secrets", { name: `${mark}_${suffix}`, value: "x" });
    const url = await secrets();
    const pages = await Promise.all(
      [1, 2, 3].map(async (page) => await call("GET", `${url}?search=${mark}&per_page=2&page=${page}`)),
    );
    const names = pages.map(({ result }) => result.map((secret: { name: string }) => secret.name));
    expect(names).toEqual([[`${mark}_a`, `${mark}_b`], [`${mark}_c`], []]);
  });

  it("makes all of a request's secrets or none", async ({ expect }) => {
    const url = await secrets();
    const [taken, first, second] = [newName(), newName(), newName()];
    await post(url, [bodyOf(taken)]);
    expect((await post(url, [bodyOf(first), bodyOf(taken)])).status).toBe(409);
    expect((await post(url, [bodyOf(first), bodyOf(first)])).status).toBe(409);
    expect((await call("GET", `/secrets/${first}`)).status).toBe(404);
    const headers = { "idempotency-key": crypto.randomUUID() };
    const body = JSON.stringify([bodyOf(first), bodyOf(second)]);
    const answers = await Promise.all(
      [1, 2].map(async () => await (await raw("POST", url, body, headers)).json<Envelope>()),
    );
    expect(answers.some(({ success }) => success)).toBe(true);
    expect((await call("GET", `${url}?search=${second}`)).result).toHaveLength(1);
  });

  it("explains refusals in sentences, which its clients show as they are", async ({ expect }) => {
    const url = await secrets();
    const name = newName();
    await post(url, [bodyOf(name)]);
    expect(told(await post(url, [bodyOf(name)]))).toMatch(/^409 a secret named \S+ already exists/);
    expect(told(await post(url, [{ ...bodyOf(newName()), scopes: ["workers"] }]))).toMatch(
      /^400 \[0\]\.scopes\[0\]: must be/,
    );
    expect(told(await post(url, []))).toMatch(/^400 body: /);
    expect(told(await post(url, [{ ...bodyOf("a b") }]))).toMatch(/^400 \[0\]\.name: /);
    expect(told(await call("GET", `${STORES}/other/secrets`))).toMatch(/^404 there is no secrets store other/);
    expect(told(await call("DELETE", `${url}/${"0".repeat(32)}`))).toMatch(/^404 there is no secret 0/);
    expect(told(await call("GET", `${url}?search=a&nothing=b`))).toMatch(/^400 nothing: /);
    const foreign = STORES.replace(ACCOUNT_ID, "f".repeat(32));
    expect(told(await call("GET", foreign))).toBe("404 Unknown account");
    const anonymous = await raw("GET", STORES, undefined, { authorization: "" });
    expect([anonymous.status, (await anonymous.json<Envelope>()).errors[0]?.message]).toEqual([
      401,
      expect.stringMatching(/^Authentication error/),
    ]);
  });
});
