import * as fc from "fast-check";
import { describe, it } from "vitest";
import { partsOf } from "./parts.ts";

function bodyOf(chunks: readonly Uint8Array[]): { body: ReadableStream<Uint8Array>; given: () => number } {
  let given = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[given];
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
        given += 1;
      },
    },
    { highWaterMark: 0 },
  );
  return { body, given: () => given };
}

describe("a body that is cut", () => {
  it("is what it was, in equal parts but the last", async ({ expect }) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 60 }),
        async (chunks, size) => {
          const parts: { bytes: Uint8Array; isLast: boolean }[] = [];
          for await (const { bytes, isLast } of partsOf(bodyOf(chunks).body, size)) {
            parts.push({ bytes: bytes.slice(), isLast });
          }
          const total = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
          expect(Buffer.concat(parts.map(({ bytes }) => bytes)).equals(Buffer.concat(chunks))).toBe(true);
          expect(parts.length).toBe(Math.max(1, Math.ceil(total / size)));
          expect(parts.map(({ isLast }) => isLast)).toEqual(parts.map((_, index) => index === parts.length - 1));
          expect(parts.slice(0, -1).every(({ bytes }) => bytes.byteLength === size)).toBe(true);
        },
      ),
    );
  });

  it("takes as much memory as it needs, and no more than a part", async ({ expect }) => {
    const memoryOf = async (count: number, size: number) => {
      let taken = 0;
      const chunks = Array.from({ length: count }, (_, index) => new Uint8Array(10_000).fill(index));
      const found: Uint8Array[] = [];
      for await (const { bytes } of partsOf(bodyOf(chunks).body, size, (more) => (taken += more))) {
        found.push(bytes.slice());
      }
      expect(Buffer.concat(found).equals(Buffer.concat(chunks))).toBe(true);
      return taken;
    };
    expect(await memoryOf(0, 1_000_000)).toBe(0);
    expect(await memoryOf(1, 1_000_000)).toBe(65_536);
    expect(await memoryOf(30, 1_000_000)).toBe(524_288);
    expect(await memoryOf(300, 1_000_000)).toBe(1_000_000);
    expect(await memoryOf(1, 100)).toBe(100);
  });

  it("is left where there is no memory for it", async ({ expect }) => {
    const { body } = bodyOf([new Uint8Array(10)]);
    const parts = partsOf(body, 50, () => {
      throw new Error("none left");
    });
    await expect(parts.next()).rejects.toThrow("none left");
    expect(body.locked).toBe(false);
  });

  it("is not read further while a part is being taken", async ({ expect }) => {
    const { body, given } = bodyOf(Array.from({ length: 100 }, () => new Uint8Array(10)));
    const parts = partsOf(body, 50);
    await parts.next();
    // What shows that this part is not the last.
    expect(given()).toBe(6);
    await parts.next();
    expect(given()).toBe(11);
  });

  it("that is left is cancelled", async ({ expect }) => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10)),
      cancel: () => void (isCancelled = true),
    });
    for await (const part of partsOf(body, 5)) if (!part.isLast) break;
    expect(isCancelled).toBe(true);
  });
});
