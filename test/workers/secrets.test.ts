/** Secrets: write-only, versioned, and neither lost nor deleted under those that use them. */
import { describe, it } from "vitest";
import { call, domainError, raw } from "./client.ts";

const newName = () => `S_${crypto.randomUUID().slice(0, 8)}`;
const VALUE = "s3cret-value";

async function createSecret(value = VALUE): Promise<string> {
  const name = newName();
  const { status, errors } = await call("POST", "/secrets", { name, value });
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return name;
}

describe("a secret", () => {
  it("is created, listed, read, changed and deleted without its value", async ({ expect }) => {
    const name = await createSecret();
    const read = await call("GET", `/secrets/${name}`);
    expect(read).toMatchObject({ status: 200, result: { name, version: 1 } });
    expect(Object.keys(read.result).toSorted()).toEqual(["created_at", "name", "updated_at", "version"]);
    expect((await call("GET", "/secrets")).result).toContainEqual(read.result);
    expect((await call("PATCH", `/secrets/${name}`, { value: "other" })).result).toMatchObject({ name, version: 2 });
    expect((await call("PATCH", `/secrets/${name}`, { value: "other" })).result).toMatchObject({ version: 3 });
    expect(await call("DELETE", `/secrets/${name}`)).toMatchObject({ status: 200, result: { message: expect.any(String) } });
    const gone = await call("GET", `/secrets/${name}`);
    expect([gone.status, domainError(gone).error]).toEqual([404, "SECRET_NAME_NOT_FOUND"]);
  });
});
