import { describe, it, vi } from "vitest";
import { begin, end, HEARD_FOR_MS, load } from "./load.ts";

const member = (deploymentId: string) => ({ deploymentId });

describe("what an instance has under way", () => {
  it("is counted until it ends, also when several are", ({ expect }) => {
    const a = member("counted");
    begin(a);
    begin(a);
    end(a);
    expect(load(a)).toBe(1);
    end(a);
    end(a);
    expect(load(a)).toBe(0);
  });

  it("is what others have there too, as its last answer said", ({ expect }) => {
    const a = member("told");
    begin(a);
    begin(a);
    // One of ours is left, and three of others.
    end(a, 4);
    expect(load(a)).toBe(4);
    // One of ours streams on.
    end(a, 1);
    expect(load(a)).toBe(1);
    begin(a);
    end(a, 0);
    expect(load(a)).toBe(0);
  });

  it("of others is forgotten after a while, of ours never", ({ expect }) => {
    const a = member("old");
    begin(a);
    begin(a);
    end(a, 9);
    const now = Date.now();
    const clock = vi.spyOn(Date, "now");
    clock.mockReturnValue(now + HEARD_FOR_MS - 100);
    expect(load(a)).toBe(9);
    clock.mockReturnValue(now + HEARD_FOR_MS + 100);
    expect(load(a)).toBe(1);
    clock.mockRestore();
  });

  it("is dropped of those that are called no more, when there are very many", ({ expect }) => {
    const now = Date.now();
    const clock = vi.spyOn(Date, "now").mockReturnValue(now);
    for (let nth = 0; nth < 6_000; nth += 1) {
      begin(member(`many-${nth}`));
      end(member(`many-${nth}`), 3);
    }
    begin(member("kept"));
    clock.mockReturnValue(now + HEARD_FOR_MS);
    begin(member("one more"));
    clock.mockReturnValue(now);
    expect([load(member("many-0")), load(member("kept"))]).toEqual([0, 1]);
    clock.mockRestore();
  });
});
