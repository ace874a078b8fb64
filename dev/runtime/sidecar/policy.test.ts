import { describe, it } from "vitest";
import { afterUpdate, initialPolicy } from "./policy.ts";

describe("the egress policy", () => {
  it("forbids everything before workerd has spoken", ({ expect }) => {
    const policy = initialPolicy(1000);
    expect(policy.internet).toBe(false);
    expect(policy.mayResolve("a.example")).toBe(false);
  });

  it("takes port, internet and names from an update", ({ expect }) => {
    const body = { port: 2000, internet: { enabled: true }, dns: { allowHostnames: ["*.example"] } };
    const policy = afterUpdate(initialPolicy(1000), JSON.stringify(body));
    expect(policy).toMatchObject({ port: 2000, internet: true });
    expect(policy?.mayResolve("a.example")).toBe(true);
  });

  it("keeps what an update leaves out, as after a restart of the object", ({ expect }) => {
    const first = { internet: { enabled: true }, dns: { allowHostnames: ["a.example"] } };
    const before = afterUpdate(initialPolicy(1000), JSON.stringify(first));
    const policy = before && afterUpdate(before, '{"port":3000}');
    expect(policy).toMatchObject({ port: 3000, internet: true });
    expect(policy?.mayResolve("a.example")).toBe(true);
  });

  it("refuses a body that is no object", ({ expect }) => {
    expect(afterUpdate(initialPolicy(1000), "nonsense")).toBeUndefined();
    expect(afterUpdate(initialPolicy(1000), "[]")).toBeUndefined();
  });
});
