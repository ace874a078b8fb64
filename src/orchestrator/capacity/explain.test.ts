import { describe, it } from "vitest";
import { explainShortage, shortDetails, wireShortfall } from "./explain.ts";

const ALL = { instances: 1, vcpu: 0.5, memoryMib: 128, diskMb: 2_000 };
const shortage = (shortfall: Partial<typeof ALL>, isImpossible = false) =>
  ({ reason: "NoCapacity", shortfall, isImpossible }) as const;

describe("a shortage", () => {
  it("has the names of the API", ({ expect }) => {
    expect(wireShortfall(ALL)).toEqual({ instances: 1, vcpu: 0.5, memory_mib: 128, disk_mb: 2_000 });
    expect(wireShortfall({ vcpu: 1 })).toStrictEqual({ vcpu: 1 });
  });

  it("is in the details of an event by resource", ({ expect }) => {
    expect(shortDetails(shortage({ instances: 2, diskMb: 5 }))).toStrictEqual({ instances_short: 2, disk_mb_short: 5 });
    expect(shortDetails(undefined)).toStrictEqual({});
  });

  it("says what one more needs", ({ expect }) => {
    expect(explainShortage(shortage({ vcpu: 1, diskMb: 5 }))).toBe(
      "; one more needs 1 vcpu, 5 disk_mb beyond what is left",
    );
    expect(explainShortage(shortage({}))).toBe("");
    expect(explainShortage(undefined)).toBe("");
  });

  it("that nothing can end says what to change", ({ expect }) => {
    expect(explainShortage(shortage({ vcpu: 1 }, true))).toBe(
      "; one more needs 1 vcpu beyond what is left; it is larger than the whole capacity: lower its size or raise it",
    );
  });
});
