import { describe, it } from "vitest";
import { issueCredentials, verifyCredentials, type RegistryGrant } from "./credentials.ts";

const KEY = btoa("k".repeat(32));
const OTHER = btoa("o".repeat(32));
const NOW = 1_000_000;
const GRANT: RegistryGrant = { accountId: "a".repeat(32), permissions: ["pull"], expiresAt: NOW + 60_000 };

describe("a registry password", () => {
  it("carries its grant until it expires", async ({ expect }) => {
    const password = await issueCredentials([KEY], GRANT);
    expect(await verifyCredentials([KEY], "v1", password, NOW)).toEqual(GRANT);
    expect(await verifyCredentials([KEY], "v1", password, GRANT.expiresAt - 1)).toEqual(GRANT);
    expect(await verifyCredentials([KEY], "v1", password, GRANT.expiresAt)).toBeNull();
  });

  it("stays good while its key is still among the keys", async ({ expect }) => {
    const password = await issueCredentials([KEY], GRANT);
    expect(await verifyCredentials([OTHER, KEY], "v1", password, NOW)).toEqual(GRANT);
    expect(await verifyCredentials([OTHER], "v1", password, NOW)).toBeNull();
  });

  it("is nothing for another user, or when a part of it was changed", async ({ expect }) => {
    const password = await issueCredentials([KEY], GRANT);
    const [payload = "", signature = ""] = password.split(".");
    const [stronger = ""] = (await issueCredentials([OTHER], { ...GRANT, permissions: ["push"] })).split(".");
    const flipped = `${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
    expect(await verifyCredentials([KEY], "v2", password, NOW)).toBeNull();
    for (const forged of [
      `${stronger}.${signature}`,
      `${payload}.${flipped}`,
      payload,
      `${payload}.`,
      "",
      "x.y",
      `${"A".repeat(9_000)}.${signature}`,
    ])
      expect(await verifyCredentials([KEY], "v1", forged, NOW), forged.slice(0, 80)).toBeNull();
  });

  it("cannot be issued without a master key", async ({ expect }) => {
    await expect(issueCredentials([""], GRANT)).rejects.toMatchObject({ code: "MASTER_KEY_MISSING" });
  });
});
