import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { resumableHasher } from "./hasher.ts";

const ALGORITHMS = ["sha256", "sha512"] as const;

describe("a hash whose state is kept", () => {
  for (const algorithm of ALGORITHMS) {
    it(`is the platform's own, wherever it is cut and gone on with: ${algorithm}`, async ({ expect }) => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }), async (chunks) => {
          const expected = createHash(algorithm);
          let state: string | null = null;
          let offset = 0;
          for (const chunk of chunks) {
            const hasher = resumableHasher(algorithm, state);
            await hasher.update(new Uint8Array(chunk));
            expected.update(chunk);
            offset += chunk.length;
            const saved = await hasher.finish(offset);
            expect(saved).toMatchObject({ algorithm, offset });
            expect(saved.digest).toBe(`${algorithm}:${expected.copy().digest("hex")}`);
            ({ state } = saved);
          }
        }),
      );
    });

    it(`goes on after it was saved in the middle: ${algorithm}`, async ({ expect }) => {
      const bytes = new Uint8Array(1_000).map((_, index) => index);
      const hasher = resumableHasher(algorithm, null);
      await hasher.update(bytes.slice(0, 333));
      const saved = hasher.save(333);
      await hasher.update(bytes.slice(333));
      const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
      expect((await hasher.finish(1_000)).digest).toBe(digest);
      const again = resumableHasher(algorithm, saved?.state ?? null);
      await again.update(bytes.slice(333));
      expect((await again.finish(1_000)).digest).toBe(digest);
    });
  }

  it("counts more bytes than 32 bits have", async ({ expect }) => {
    const hasher = resumableHasher("sha256", null);
    const { state } = await hasher.finish(0);
    const raw = Uint8Array.from(atob(state ?? ""), (character) => character.charCodeAt(0));
    new DataView(raw.buffer).setBigUint64(0, 5_000_000_000n - (5_000_000_000n % 64n));
    const length = 5_000_000_000 - (5_000_000_000 % 64);
    const far = resumableHasher("sha256", btoa(String.fromCharCode(...raw)));
    await far.update(new Uint8Array(7));
    const saved = await far.finish(length + 7);
    const view = new DataView(Uint8Array.from(atob(saved.state ?? ""), (c) => c.charCodeAt(0)).buffer);
    expect(Number(view.getBigUint64(0))).toBe(length + 7);
  });

  it("refuses what is no state", ({ expect }) => {
    expect(() => resumableHasher("sha256", "AAAA")).toThrow("too short");
    expect(() => resumableHasher("sha256", btoa("x".repeat(41)))).toThrow("does not have the bytes");
  });
});
