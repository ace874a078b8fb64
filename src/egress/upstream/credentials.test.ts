import { describe, it, vi } from "vitest";
import type { EgressCredential } from "../policy/policy.ts";
import { CredentialValues, dropReflected, inject, REMEMBERED_MS, type SecretValue } from "./credentials.ts";

const CREDENTIAL: EgressCredential = { hosts: ["a.test"], header: "x-key", prefix: "Key ", secret: "K" };

function store(first: string | null) {
  const asked: string[] = [];
  const kept = { value: first, version: 1 };
  return {
    asked,
    kept,
    lookup: async (accountId: string, name: string): Promise<SecretValue | null> => {
      asked.push(`${accountId} ${name}`);
      return kept.value === null ? null : { value: kept.value, version: kept.version };
    },
  };
}

describe("values of secrets", () => {
  it("are asked for once a minute, of each account by itself", async ({ expect }) => {
    let now = 1_000;
    const values = new CredentialValues(() => now);
    const { asked, kept, lookup } = store("old");
    for (let count = 0; count < 3; count += 1) await values.get("a", "K", lookup);
    await values.get("b", "K", lookup);
    expect(asked).toEqual(["a K", "b K"]);
    kept.value = "new";
    now += REMEMBERED_MS - 1;
    expect((await values.get("a", "K", lookup))?.value).toBe("old");
    now += 1;
    expect((await values.get("a", "K", lookup))?.value).toBe("new");
  });

  it("are remembered from when they were asked for, not from when they came", async ({ expect }) => {
    let now = 0;
    const values = new CredentialValues(() => now);
    const { kept, lookup } = store("old");
    await values.get("a", "K", async (...of) => {
      const found = await lookup(...of);
      now += REMEMBERED_MS;
      return found;
    });
    kept.value = "new";
    expect((await values.get("a", "K", lookup))?.value).toBe("new");
  });

  it("are asked for once by all who want one at the same time", async ({ expect }) => {
    const values = new CredentialValues(() => 0);
    const gate = Promise.withResolvers<SecretValue>();
    let asked = 0;
    const slow = async () => {
      asked += 1;
      return await gate.promise;
    };
    const all = Array.from({ length: 5 }, async () => await values.get("a", "K", slow));
    gate.resolve({ value: "v", version: 1 });
    expect(new Set((await Promise.all(all)).map((found) => found?.value))).toEqual(new Set(["v"]));
    expect(asked).toBe(1);
  });

  it("are asked for again when whoever asked has failed", async ({ expect }) => {
    const values = new CredentialValues(() => 0);
    const { lookup } = store("v");
    const failing = values.get("a", "K", async () => {
      throw new Error("lost");
    });
    const [failed, second] = await Promise.allSettled([failing, values.get("a", "K", lookup)]);
    expect(failed.status).toBe("rejected");
    expect(second).toMatchObject({ status: "fulfilled", value: { value: "v" } });
  });

  it("are asked for again when whoever asked is gone, and their answer with them", async ({ expect }) => {
    vi.useFakeTimers();
    try {
      const values = new CredentialValues(() => 0);
      void values.get("a", "K", async () => await new Promise<never>(() => undefined));
      const second = values.get("a", "K", store("v").lookup);
      await vi.advanceTimersByTimeAsync(2_000);
      expect((await second)?.value).toBe("v");
    } finally {
      vi.useRealTimers();
    }
  });

  it("that are not there are asked for again soon", async ({ expect }) => {
    let now = 0;
    const values = new CredentialValues(() => now);
    const { asked, kept, lookup } = store(null);
    expect(await values.get("a", "K", lookup)).toBeNull();
    kept.value = "v";
    expect(await values.get("a", "K", lookup)).toBeNull();
    expect(asked).toHaveLength(1);
    now += 1_000;
    expect((await values.get("a", "K", lookup))?.value).toBe("v");
  });
});

describe("a header of a credential", () => {
  it("is prefix and value", async ({ expect }) => {
    const { headers, values } = await inject([CREDENTIAL], "a.test", async () => ({ value: "abc", version: 2 }));
    expect([headers, values]).toEqual([[{ name: "x-key", value: "Key abc" }], ["abc"]]);
  });

  it.for([
    ["told-to-nobody\n", "a line break"],
    ["a\r\nx-other: 1", "a line break"],
    ["snow ☃", "not printable ASCII"],
    ["clé de voûte", "not printable ASCII"],
    ["nul \0", "not printable ASCII"],
    [" ", "empty"],
  ] as const)("is not made of %j, and the value is not told", async ([value, why], { expect }) => {
    const work = inject([CREDENTIAL], "a.test", async () => ({ value, version: 1 }));
    const error: unknown = await work.catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "CREDENTIAL_UNAVAILABLE",
      details: { host: "a.test", header: "x-key", secret: "K" },
      message: expect.stringContaining(why),
    });
    if (value.trim() !== "") expect(JSON.stringify([error, String(error)])).not.toContain(value.trim());
  });

  it("is not made when its secret cannot be read", async ({ expect }) => {
    const work = inject([CREDENTIAL], "a.test", async () => {
      throw new Error("the account does not answer");
    });
    await expect(work).rejects.toMatchObject({
      code: "CREDENTIAL_UNAVAILABLE",
      message: expect.stringContaining("the account does not answer"),
    });
  });
});

describe("headers that repeat a secret", () => {
  it("are taken out, also where it is written for a URL", ({ expect }) => {
    const headers = new Headers([
      ["x-auth", "you sent: Key a+b/c=d!"],
      ["location", "/?k=a%2Bb%2Fc%3Dd!"],
      ["set-cookie", "a=1"],
      ["x-short", "ab"],
    ]);
    dropReflected(headers, ["a+b/c=d!", "ab"]);
    expect([...headers.keys()]).toEqual(["set-cookie", "x-short"]);
  });
});
