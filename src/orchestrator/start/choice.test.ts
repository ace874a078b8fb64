import { describe, it } from "vitest";
import { beyond, differing, fieldsOf, isBare, overrideOf, withChoice } from "./choice.ts";
import { WaitingChoices, type WaitingChoice } from "./waiting.ts";

const BASE = {
  image: "web",
  vcpu: 0.5,
  memory_mib: 1_024,
  disk: { size_mb: 2_000 },
  environment_variables: [{ name: "A", value: "configuration" }],
  secrets: [{ name: "S", type: "env" as const, secret: "s" }],
  entrypoint: ["run"],
};

describe("a configuration with a choice over it", () => {
  it("has the chosen environment and no secret beside it", ({ expect }) => {
    const { secrets, environment_variables: variables, ...rest } = withChoice(BASE, { env: { B: "1" } });
    expect(secrets).toBeUndefined();
    expect(variables).toEqual([{ name: "B", value: "1" }]);
    expect(rest).toMatchObject({ image: "web", vcpu: 0.5, entrypoint: ["run"] });
    expect(withChoice(BASE, { env: {} }).environment_variables).toEqual([]);
  });

  it("keeps its environment and secrets when only something else is chosen", ({ expect }) => {
    expect(withChoice(BASE, { image: "other" })).toEqual({ ...BASE, image: "other" });
    expect(withChoice(BASE, { snapshot: "one" })).toEqual(BASE);
  });

  it("has the size of the chosen type alone", ({ expect }) => {
    const { vcpu, memory_mib: memory, disk, instance_type: type } = withChoice(BASE, { instanceType: "basic" });
    expect([vcpu, memory, disk, type]).toEqual([undefined, undefined, undefined, "basic"]);
  });
});

describe("two choices", () => {
  it.for([
    [{}, {}, []],
    [{ env: { A: "1", B: "2" } }, { env: { B: "2", A: "1" } }, []],
    [{ env: { A: "1" } }, { env: { A: "2" } }, ["env"]],
    [{ env: {} }, {}, ["env"]],
    [{ image: "a", instanceType: "lite" }, { image: "b", instanceType: "lite" }, ["image"]],
    [{ instanceType: "lite" }, { snapshot: "one" }, ["instance_type", "snapshot"]],
  ] as const)("%j and %j differ in %j", ([a, b, fields], { expect }) => {
    expect(differing(a, b)).toEqual(fields);
    expect(differing(b, a)).toEqual(fields);
  });
});

describe("what a row says of a choice", () => {
  it("is its fields and what is counted or in use, and no value of its environment", ({ expect }) => {
    const override = overrideOf("id", { env: { TOKEN: "hidden" }, image: "proto://web:1", instanceType: "basic" });
    expect(override).toEqual({
      id: "id",
      fields: ["env", "image", "instance_type"],
      size: { vcpu: 0.25, memoryMib: 1_024, diskMb: 4_000 },
      protocol: "proto",
    });
    expect(overrideOf("id", { snapshot: "one" })).toEqual({ id: "id", fields: ["snapshot"], snapshot: "one" });
    expect([isBare({}), isBare({ env: {} }), fieldsOf({})]).toEqual([true, false, []]);
  });
});

describe("what is larger than usual", () => {
  it("counts by resource, and what is smaller gives nothing", ({ expect }) => {
    const usual = { vcpu: 1, memoryMib: 1_024, diskMb: 2_000 };
    const large = { vcpu: 2, memoryMib: 4_096, diskMb: 1_000 };
    const small = { vcpu: 0.5, memoryMib: 256, diskMb: 2_000 };
    expect(beyond([large, large, small], usual)).toEqual({ vcpu: 2, memoryMib: 6_144, diskMb: 0 });
    expect(beyond([], usual)).toEqual({ vcpu: 0, memoryMib: 0, diskMb: 0 });
  });
});

const waiting = (id: string): WaitingChoice => ({
  override: { id, fields: ["env"] },
  choice: { env: {} },
  kept: { id, sealed: "" },
});

describe("choices that are waited with", () => {
  it("stand until the last caller has gone", ({ expect }) => {
    const choices = new WaitingChoices();
    choices.join("alice", waiting("1"));
    choices.join("alice", waiting("1"));
    choices.join("bob", waiting("2"));
    expect([choices.leave("alice"), choices.get("alice")?.override.id]).toEqual([false, "1"]);
    expect(choices.overridesBut("alice").map(({ id }) => id)).toEqual(["2"]);
    expect([choices.leave("alice"), choices.get("alice"), choices.size]).toEqual([true, undefined, 1]);
    expect(choices.leave("nobody")).toBe(true);
  });
});
