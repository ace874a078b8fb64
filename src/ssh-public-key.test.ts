import { describe, it } from "vitest";
import { keyLine, parseSshPublicKey } from "./ssh-public-key.ts";

const length = (n: number) => String.fromCharCode(0, 0, 0, n);

/** A blob in SSH's wire form. */
function blob(type: string, keyBytes: number): string {
  return btoa(`${length(type.length)}${type}${length(keyBytes)}${"k".repeat(keyBytes)}`);
}

const GOOD = blob("ssh-ed25519", 32);

describe("an ed25519 public key", () => {
  it.for([
    [`ssh-ed25519 ${GOOD}`, { body: GOOD, comment: null }],
    [`ssh-ed25519 ${GOOD} me@host`, { body: GOOD, comment: "me@host" }],
    [`  ssh-ed25519\t${GOOD}  me@host\n`, { body: GOOD, comment: "me@host" }],
  ] as const)("is read from %j", ([text, key], { expect }) => {
    expect(parseSshPublicKey(text)).toEqual(key);
  });

  it.for([
    ["", "ssh-ed25519"],
    ["ssh-ed25519", "base64"],
    [`ssh-rsa ${GOOD}`, "no other key type"],
    [`ssh-ed25519 ${GOOD} a comment`, "one word"],
    [`ssh-ed25519 ${GOOD}\nssh-ed25519 ${GOOD}`, "one line"],
    [`ssh-ed25519 ${GOOD}\0`, "one line"],
    ["ssh-ed25519 not/base64!", "base64"],
    ["ssh-ed25519 AAAA", "32 bytes"],
    [`ssh-ed25519 ${blob("ssh-ed25519", 31)}`, "32 bytes"],
    [`ssh-ed25519 ${blob("ssh-ed25519", 33)}`, "32 bytes"],
    [`ssh-ed25519 ${blob("ssh-ed25518", 32)}`, "32 bytes"],
  ] as const)("is not %j", ([text, why], { expect }) => {
    expect(parseSshPublicKey(text)).toContain(why);
  });

  it("is written as a line with the name that it was given, else its own comment", ({ expect }) => {
    expect(keyLine({ body: GOOD, comment: "me@host" })).toBe(`ssh-ed25519 ${GOOD} me@host`);
    expect(keyLine({ body: GOOD, comment: "me@host" }, "deploy key")).toBe(`ssh-ed25519 ${GOOD} deploy key`);
    expect(keyLine({ body: GOOD, comment: null })).toBe(`ssh-ed25519 ${GOOD}`);
  });
});
