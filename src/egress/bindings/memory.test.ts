import { describe, it } from "vitest";
import { HeldMemory, MAX_HELD_BYTES } from "./memory.ts";

describe("memory of bodies", () => {
  it("is shared by all requests, and free again when they are over", ({ expect }) => {
    const [one, two] = [new HeldMemory(), new HeldMemory()];
    one.take(MAX_HELD_BYTES - 10);
    two.take(10);
    expect(() => two.take(1)).toThrow(expect.objectContaining({ code: "RATE_LIMITED" }));
    one.release();
    one.release();
    two.take(MAX_HELD_BYTES - 10);
    expect(() => one.take(1)).toThrow(expect.objectContaining({ code: "RATE_LIMITED" }));
    two.release();
  });
});
