/** Signing with a key file, without ssh-keygen: that one's own signatures are in `src/ssh-signature.test.ts`. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { LOCKED_KEY, MESSAGE, PRIVATE_KEY, SIGNATURES } from "../test/fixtures/ssh.ts";
import { signWithKey } from "./ssh-sign.ts";

let folder = "";
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "gantry-sign-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
}

const MISSING = "ssh-keygen-that-is-not-there";

describe("a key file", () => {
  it("signs as ssh-keygen does, where that is missing", async ({ expect }) => {
    const key = await file("plain", PRIVATE_KEY);
    // Signatures of ed25519 are the same each time.
    expect(await signWithKey(key, "gantry-exec", MESSAGE, MISSING)).toBe(SIGNATURES.sha512);
  });

  it("with a passphrase needs ssh-keygen, and says so", async ({ expect }) => {
    const key = await file("locked", LOCKED_KEY);
    await expect(signWithKey(key, "gantry-exec", MESSAGE, MISSING)).rejects.toThrow("passphrase");
  });

  it.for(["", "ssh-ed25519 AAAA", PRIVATE_KEY.replace("b3BlbnNza", "AAAAAAAAA")])(
    "that is none is refused: %j",
    async (text, { expect }) => {
      const key = await file("none", text);
      await expect(signWithKey(key, "gantry-exec", MESSAGE, MISSING)).rejects.toThrow(/no private key|cut off/);
    },
  );

  it("is refused in the words of who signs", async ({ expect }) => {
    const program = await file("refuses", "#!/bin/sh\necho 'no such identity' >&2\nexit 255\n");
    await chmod(program, 0o755);
    await expect(signWithKey("/nowhere", "gantry-exec", MESSAGE, program)).rejects.toThrow("no such identity");
  });

  it("goes to ssh-keygen with what it is for, and the message as it is", async ({ expect }) => {
    const program = await file("signs", '#!/bin/sh\necho "$@"\ncat\n');
    await chmod(program, 0o755);
    expect(await signWithKey("/key.pub", "gantry-exec", MESSAGE, program)).toBe(
      `-Y sign -n gantry-exec -f /key.pub\n${MESSAGE}`,
    );
  });
});
