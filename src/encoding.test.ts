import { describe, it } from "vitest";
import { fromBase64, toBase64, toBase64Url, toHex } from "./encoding.ts";

describe("bytes as text", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);

  it("is what Node's own encoder writes, for every byte and every length of the last group", ({ expect }) => {
    for (const part of [bytes, bytes.subarray(1), bytes.subarray(2), bytes.subarray(0, 0)]) {
      const peer = Buffer.from(part);
      expect([toHex(part), toBase64(part), toBase64Url(part)]).toEqual([
        peer.toString("hex"),
        peer.toString("base64"),
        peer.toString("base64url"),
      ]);
    }
  });

  it("comes back from both alphabets, padded or not", ({ expect }) => {
    for (const part of [bytes, bytes.subarray(1), bytes.subarray(2)]) {
      expect(fromBase64(toBase64(part))).toEqual(part);
      expect(fromBase64(toBase64Url(part))).toEqual(part);
    }
  });

  it("is null for what is no base64", ({ expect }) => {
    expect(["%", "a", "ä", "=a=="].map((text) => fromBase64(text))).toEqual([null, null, null, null]);
  });
});
