import { describe, it } from "vitest";
import { makeGrant, readGrant } from "./grant.ts";

const key = (byte: number) => Buffer.alloc(32, byte).toString("base64");
const [OLD, NEW] = [key(1), key(2)];
const CLAIMS = ["account", "with: colon %3A", "", "token ü (1)"];
const AT = 1_000_000;

describe("a grant", () => {
  it("says what it was made with, until it ends", async ({ expect }) => {
    const text = await makeGrant([NEW], "gantry-ssh-v1", CLAIMS, AT);
    const reading = await readGrant([NEW], "gantry-ssh-v1", text, AT - 1);
    expect(reading).toMatchObject({ outcome: "good", grant: { claims: CLAIMS, expiresAt: AT } });
    expect(await readGrant([NEW], "gantry-ssh-v1", text, AT)).toEqual({ outcome: "expired" });
  });

  it("has a number of its own each time", async ({ expect }) => {
    const made = await Promise.all([1, 2].map(() => makeGrant([NEW], "gantry-ssh-v1", CLAIMS, AT)));
    expect(new Set(made).size).toBe(2);
  });

  it("holds through a rotation of the master key, and not without the key", async ({ expect }) => {
    const text = await makeGrant([OLD], "gantry-ssh-v1", CLAIMS, AT);
    expect(await readGrant([NEW, OLD], "gantry-ssh-v1", text, 0)).toMatchObject({ outcome: "good" });
    expect(await readGrant([NEW], "gantry-ssh-v1", text, 0)).toEqual({ outcome: "invalid" });
  });

  it("is none for another purpose, and none when one character of it differs", async ({ expect }) => {
    const text = await makeGrant([NEW], "gantry-ssh-v1", CLAIMS, AT);
    expect(await readGrant([NEW], "gantry-exec-v1", text, 0)).toEqual({ outcome: "invalid" });
    for (let at = 0; at < text.length; at += 1) {
      const other = `${text.slice(0, at)}${text[at] === "0" ? "1" : "0"}${text.slice(at + 1)}`;
      expect(await readGrant([NEW], "gantry-ssh-v1", other, 0)).toEqual({ outcome: "invalid" });
    }
  });

  it.for(["", ":", "gantry-ssh-v1", "x".repeat(5_000)])("is not %j", async (text, { expect }) => {
    expect(await readGrant([NEW], "gantry-ssh-v1", text, 0)).toEqual({ outcome: "invalid" });
  });

  it("is not made, and none is taken, without a master key", async ({ expect }) => {
    await expect(makeGrant([""], "gantry-ssh-v1", CLAIMS, AT)).rejects.toThrow("GANTRY_MASTER_KEY");
    await expect(readGrant([""], "gantry-ssh-v1", "a:b", 0)).rejects.toThrow("GANTRY_MASTER_KEY");
  });
});
