import { readFile } from "node:fs/promises";
import { describe, it } from "vitest";
import { bindingProblem, boundTo, OWN_BINDINGS } from "./known.ts";

/** What a binding is told by is the name of its class. */
const instanceOf = (name: string): object => Object.create({ constructor: { name } }) as object;

class DurableObjectNamespace {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  idFromName(name: string): { toString: () => string } {
    return { toString: () => `${this.#key}/${name}` };
  }
}

const bindings = {
  ACCOUNT: new DurableObjectNamespace("account"),
  SAME_CLASS: new DurableObjectNamespace("account"),
  ROOMS: new DurableObjectNamespace("room"),
  FILES: instanceOf("R2Bucket"),
  NAMES: instanceOf("KvNamespace"),
  FUNCTIONS: instanceOf("Fetcher"),
  INGRESS_DOMAIN: "localhost",
};
const env = bindings as unknown as Env;

describe("a grant's binding", () => {
  it("is fine where the control plane has it", ({ expect }) => {
    for (const [type, binding] of [
      ["r2", "FILES"],
      ["kv", "NAMES"],
      ["do", "ROOMS"],
    ] as const) {
      expect(bindingProblem({ type, binding }, env)).toBeNull();
      expect(boundTo(type, binding, env)).toBe(bindings[binding]);
    }
  });

  it("that is not there is answered with what is, and where to add it", ({ expect }) => {
    const problem = bindingProblem({ type: "do", binding: "HALLS" }, env);
    expect(problem).toBe(
      "must name a Durable Object namespace of the control plane: it has ROOMS; " +
        "add it to durable_objects.bindings[] of the control plane's wrangler.jsonc and deploy",
    );
    expect(bindingProblem({ type: "r2", binding: "toString" }, env)).toContain("it has FILES");
    expect(bindingProblem({ type: "kv", binding: "X" }, {} as Env)).toContain("it has none");
  });

  it("of another kind is answered with what it is", ({ expect }) => {
    expect(bindingProblem({ type: "r2", binding: "NAMES" }, env)).toContain("is a KV namespace and not an R2 bucket");
    expect(bindingProblem({ type: "kv", binding: "FUNCTIONS" }, env)).toContain("is no R2 bucket");
    expect(bindingProblem({ type: "kv", binding: "INGRESS_DOMAIN" }, env)).toContain("is no R2 bucket");
    expect(boundTo("r2", "NAMES", env)).toBeNull();
  });

  it("is never one of Gantry's own, by whatever name and type it is asked for", ({ expect }) => {
    for (const binding of ["ACCOUNT", "APPLICATION", "INSTANCE", "SAME_CLASS"]) {
      for (const type of ["do", "r2", "kv"] as const) {
        expect(bindingProblem({ type, binding }, env)).toContain("is Gantry's own");
        expect(boundTo(type, binding, env)).toBeNull();
      }
    }
    expect(bindingProblem({ type: "do", binding: "HALLS" }, env)).not.toContain("ACCOUNT");
  });

  it("of every object and bucket that Gantry is deployed with is known as its own", async ({ expect }) => {
    const config = (await readFile("wrangler.jsonc")).toString();
    const objects = [...config.matchAll(/"name": "(\w+)", "class_name"/g)].map(([, name]) => name);
    const buckets = [...config.matchAll(/"binding": "(\w+)", "bucket_name"/g)].map(([, name]) => name);
    expect(objects.length).toBeGreaterThan(0);
    expect(buckets.length).toBeGreaterThan(0);
    // Made to be given to applications, each below its own prefix.
    const forApplications = new Set(["SAMPLES_R2", "SAMPLES_STATE"]);
    expect(OWN_BINDINGS).toEqual(new Set([...objects, ...buckets].filter((name) => !forApplications.has(name ?? ""))));
  });
});
