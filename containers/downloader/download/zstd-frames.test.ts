import { randomBytes } from "node:crypto";
import { constants, zstdCompressSync } from "node:zlib";
import { array, assert, boolean, integer, nat, property, record } from "fast-check";
import { describe, it } from "vitest";
import { FrameCutter } from "./zstd-frames.ts";

interface Shape {
  readonly size: number;
  readonly level: number;
  readonly hasChecksum: boolean;
  readonly isRandom: boolean;
  readonly isSkippable: boolean;
}

function frameOf({ size, level, hasChecksum, isRandom, isSkippable }: Shape): Buffer {
  const content = isRandom ? randomBytes(size) : Buffer.alloc(size, "gantry");
  if (isSkippable) {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(0x184d2a50 + (size % 16));
    head.writeUInt32LE(size, 4);
    return Buffer.concat([head, content]);
  }
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_checksumFlag]: hasChecksum ? 1 : 0,
    [constants.ZSTD_c_contentSizeFlag]: hasChecksum ? 0 : 1,
  };
  return zstdCompressSync(content, { params });
}

const shape = record({
  size: nat(150_000),
  level: integer({ min: 1, max: 9 }),
  hasChecksum: boolean(),
  isRandom: boolean(),
  isSkippable: boolean(),
});

describe("a zstd stream", () => {
  it("is cut where its frames end, however it comes", ({ expect }) => {
    assert(
      property(
        array(shape, { minLength: 1, maxLength: 5 }),
        array(integer({ min: 500, max: 70_000 })),
        (shapes, sizes) => {
          const frames = shapes.map(frameOf);
          const whole = Buffer.concat(frames);
          const cutter = new FrameCutter();
          const parts: Uint8Array[] = [];
          for (let at = 0, index = 0; at < whole.length; index += 1) {
            const end = at + (sizes[index % Math.max(1, sizes.length)] ?? whole.length);
            parts.push(...cutter.cut(whole.subarray(at, end)));
            at = end;
          }
          expect(Buffer.concat(parts).equals(whole)).toBe(true);
          const ends = new Set(parts.map((_, index) => Buffer.concat(parts.slice(0, index + 1)).length));
          let end = 0;
          for (const { length } of frames) {
            end += length;
            expect(ends.has(end)).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("that is none is passed on as it is", ({ expect }) => {
    const bytes = randomBytes(1_000);
    bytes[0] = 0;
    expect(new FrameCutter().cut(bytes)).toEqual([bytes]);
  });
});
