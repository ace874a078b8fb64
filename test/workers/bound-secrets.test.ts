/** Secrets of Cloudflare's Secrets Store that the control plane is bound to: used like those of its first account. */
import { describe, it } from "vitest";
import { accountStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, call, createApplication, testEnv } from "./client.ts";

const account = accountStub(testEnv, ACCOUNT_ID);
const configuration = (secret: string) => ({
  image: "hello-world",
  secrets: [{ name: "KEY", type: "env", secret }],
});

describe("a secret that the control plane is bound to", () => {
  it("has its value, and no version", async ({ expect }) => {
    expect(await account.secretValue("STORE_KEY")).toEqual({ value: "of the store", version: null });
  });

  it("is no other account's", async ({ expect }) => {
    expect(await accountStub(testEnv, "f".repeat(32)).secretValue("STORE_KEY")).toBeNull();
  });

  it("is no other binding, and no variable", async ({ expect }) => {
    for (const name of ["FUNCTIONS", "SILENT", "ACCOUNT", "TASKS", "GANTRY_MASTER_KEY", "toString"]) {
      expect(await account.secretValue(name), name).toBeNull();
      const { errors } = await call("POST", "/applications", {
        name: `app-${crypto.randomUUID().slice(0, 8)}`,
        instances: 1,
        configuration: configuration(name),
      });
      expect(errors.length, name).toBeGreaterThan(0);
    }
  });

  it("may be named by configurations, whose containers get its value", async ({ expect }) => {
    await createApplication({ instances: 0, configuration: configuration("STORE_KEY") });
    const { secrets } = await account.launchMaterial({ secrets: ["STORE_KEY"], sshKeyIds: [], protocol: null });
    expect(secrets).toEqual({ STORE_KEY: "of the store" });
  });

  it("stands back behind a secret of the account with its name", async ({ expect }) => {
    expect((await call("POST", "/secrets", { name: "STORE_KEY", value: "of the account" })).status).toBe(201);
    expect(await account.secretValue("STORE_KEY")).toEqual({ value: "of the account", version: 1 });
    expect((await call("DELETE", "/secrets/STORE_KEY")).status).toBe(200);
  });
});
