import * as fc from "fast-check";
import { describe, it } from "vitest";
import { dependenciesOf, inOrder } from "./order.ts";
import { keyOf, Reference, type Resource, type SpecObject } from "./resource.ts";

const ORIGIN = { file: "a", document: null };
const application = (name: string, near: readonly string[]): Resource => ({
  kind: "application",
  name,
  // Any text may be a reference.
  spec: { configuration: { image: "i", environment_variables: near.map((to) => ({ value: ref("application", to) })) } },
  origin: ORIGIN,
});
const ref = (kind: Reference["kind"], name: string) => new Reference(kind, name, null);

/** Each may refer to those before it only; then shuffled. */
const acyclic = fc
  .array(fc.array(fc.nat(30), { maxLength: 4 }), { minLength: 1, maxLength: 30 })
  .map((links) =>
    links.map((to, index) =>
      application(
        `n${index}`,
        to.filter((other) => other < index).map((other) => `n${other}`),
      ),
    ),
  )
  .chain((resources) => fc.shuffledSubarray(resources, { minLength: resources.length, maxLength: resources.length }));

describe("the order", () => {
  it("has everything once, and after all that it refers to", ({ expect }) => {
    fc.assert(
      fc.property(acyclic, (resources) => {
        const ordered = inOrder(resources);
        if ("cycle" in ordered) throw new Error("there is no cycle");
        const keys = ordered.order.map(keyOf);
        expect(keys.toSorted()).toEqual(resources.map(keyOf).toSorted());
        const known = new Map(resources.map((one) => [keyOf(one), one]));
        for (const [index, one] of ordered.order.entries()) {
          for (const key of dependenciesOf(one, known)) expect(keys.indexOf(key)).toBeLessThan(index);
        }
      }),
    );
  });

  it("is refused where there is a circle, which is shown", ({ expect }) => {
    const ordered = inOrder([application("a", ["b"]), application("b", ["c"]), application("c", ["b"])]);
    expect(ordered).toEqual({ cycle: ["application/b", "application/c", "application/b"] });
  });

  it.for<[Resource["kind"], SpecObject, string]>([
    ["application", { configuration: { secrets: [{ secret: "x" }] } }, "secret/x"],
    ["application", { egress: { credentials: [{ secret: "x" }] } }, "secret/x"],
    ["application", { configuration: { image: "x://team/app" } }, "protocol/x"],
    ["application", { configuration: { image: "x/team/app" } }, "registry/x"],
    ["application", { affinities: { colocation: { application: "x" } } }, "application/x"],
    ["deployment", { secrets: [{ secret: "x" }] }, "secret/x"],
    ["deployment", { image: "x://app" }, "protocol/x"],
    ["rollout", { application: "x" }, "application/x"],
    ["schedule", { application: "x" }, "application/x"],
    ["schedule", { application: "w", job: { image: "x://app" } }, "protocol/x"],
    ["job", { application: ref("application", "x") }, "application/x"],
    ["job", { application: "w", image: "x/app" }, "registry/x"],
    ["protocol", { domains: [{ domain: "x", path: "" }] }, "registry/x"],
    ["registry", { auth: { private_credential: { secret_name: "x" } } }, "secret/x"],
    ["application", { configuration: { a: ref("ip", "x") } }, "deployment/x"],
    ["application", { configuration: { a: ref("placement", "x") } }, "deployment/x"],
    ["secret", { value: ref("credentials", "x") }, "registry/x"],
  ])("knows what a %s %j needs: %s", ([kind, spec, key], { expect }) => {
    const [needed = "", name = ""] = key.split("/");
    const target: Resource = { kind: needed as Resource["kind"], name, spec: {}, origin: ORIGIN };
    const resource: Resource = { kind, name: "a", spec, origin: ORIGIN };
    expect(dependenciesOf(resource, new Map([[key, target]]))).toEqual([key]);
  });
});
