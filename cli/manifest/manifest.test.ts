import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, onTestFinished } from "vitest";
import { defineContainer, defineResources, env, type Resource } from "../../src/sdk/index.ts";
import { describeProblem, ProblemsError } from "../problems.ts";
import { keyOf, Reference } from "../resources/resource.ts";
import { manifestOf, type Manifest } from "./manifest.ts";
import { readFiles } from "./read-file.ts";

const CONFIGURATION = { image: "hello-world" };

function read(...contents: unknown[]): Manifest {
  return manifestOf(
    contents.map((content) => ({ origin: { file: "a.ts", document: null }, folder: "/project", content })),
  );
}

function problemsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof ProblemsError) return error.problems.map(describeProblem);
    throw error;
  }
  return [];
}

async function file(name: string, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gantry-manifest-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

const io = (stdin = "") => ({
  env: {},
  cwd: "/",
  out: () => undefined,
  err: () => undefined,
  stdin: async () => stdin,
  now: () => 0,
  sleep: async () => undefined,
});

const near = (name: string, to: string) => ({
  kind: "application",
  name,
  spec: {
    instances: 1,
    affinities: { colocation: { application: { ref: `application/${to}` } } },
    configuration: CONFIGURATION,
  },
});

describe("a manifest", () => {
  it("in TypeScript takes the objects themselves as references, and puts them in order", ({ expect }) => {
    const key: Resource = { kind: "secret", name: "key", spec: { value: env("KEY") } };
    const web: Resource = {
      kind: "application",
      name: "web",
      spec: { instances: 1, configuration: { ...CONFIGURATION, secrets: [{ name: "KEY", type: "env", secret: key }] } },
    };
    const { owner, resources } = read(defineResources({ owner: "team", resources: [web, key] }));
    expect(owner).toBe("team");
    expect(resources.map(keyOf)).toEqual(["secret/key", "application/web"]);
    expect(resources[1]?.spec["configuration"]).toMatchObject({
      secrets: [{ secret: new Reference("secret", "key", null) }],
    });
  });

  it("takes definitions of containers as applications, and says what is to be built", ({ expect }) => {
    const containers = { imageResizer: defineContainer({ image: "./resizer", buildArgs: { A: "1" } }) };
    const { resources, images } = read({ owner: "a", containers });
    expect(resources.map(keyOf)).toEqual(["application/image-resizer"]);
    expect(images).toEqual([
      {
        name: "image-resizer",
        dockerfile: "/project/resizer/Dockerfile",
        context: "/project/resizer",
        buildArgs: { A: "1" },
      },
    ]);
  });

  it("in YAML has several documents, and tells the one in which something is wrong", async ({ expect }) => {
    const path = await file(
      "a.yaml",
      "owner: a\n---\nkind: application\nname: web\nspec: { instances: 1, configuration: { imag: x } }\n---\n# nothing\n---\nkind: aplication\nname: b\n",
    );
    const documents = await readFiles(io(), [path]);
    expect(problemsOf(() => manifestOf(documents))).toEqual([
      `${path}, document 4: kind: "aplication" is not one of account, secret, ssh-key, registry, protocol, application, deployment, rollout, schedule, job; did you mean application?`,
      `${path}, document 2: application/web: spec.configuration.image: Invalid input: expected string, received undefined`,
      `${path}, document 2: application/web: spec.configuration.imag: is not known; did you mean image?`,
    ]);
  });

  it.for<[string, string, string]>([
    ["a.yaml", "a: [", "is no YAML"],
    ["a.json", "{", "is no JSON"],
    ["a.txt", "", "must end in"],
    ["a.mjs", "export const a = 1;", "has no default export"],
    ["b.mjs", "throw new Error('boom')", "cannot be loaded: boom"],
  ])("%s of %j is refused: it %s", async ([name, text, reason], { expect }) => {
    const path = await file(name, text);
    const error: unknown = await readFiles(io(), [path]).then(
      () => null,
      (caught: unknown) => caught,
    );
    expect(String(error)).toContain(reason);
  });

  it.for<[unknown, string]>([
    [{ kind: "job", name: "a" }, "job/a: spec.application: "],
    [{ kind: "job", name: "A", spec: { application: "web" } }, "job/web/A: name: must be 1 to 52 lower-case"],
    [{ kind: "job", name: "a", spec: { application: "web", secrets: [{ value: "hunter2" }] } }, "are values, which"],
    [{ kind: "schedule", name: "a/b", spec: { application: "web", cron: "@daily", job: {} } }, "name: must be 1 to 52"],
    [{ kind: "egress", name: "a" }, "is not there yet"],
    [{ kind: "ip", name: "a" }, "is looked up and not declared"],
    [{ kind: "secret", name: "a", spec: { value: "hunter2" } }, "must not stand in a manifest"],
    [{ kind: "secret", name: "a", spec: { value: { env: "" } } }, "must not stand in a manifest"],
    [
      { kind: "secret", name: "a", spec: { value: { ref: "credentials/x.y", field: "key" } } },
      "must be username or password",
    ],
    [
      { kind: "ssh-key", name: "a", spec: { public_key: { ref: "credentials/x.y", field: "password" } } },
      "may only be the value of a secret",
    ],
    [{ kind: "secret", name: "a", spec: { value: { env: "A" } }, instances: 1 }, "fields of the kind stand in spec"],
    [{ kind: "secret", spec: {} }, "name: is needed"],
    [
      { kind: "application", name: "Web", spec: { instances: 1, configuration: CONFIGURATION } },
      "must be 1 to 63 lower-case",
    ],
    [
      { kind: "application", name: "a", spec: { name: "b", instances: 1, configuration: CONFIGURATION } },
      "spec.name: is not given here",
    ],
    [
      { kind: "application", name: "a", spec: { instances: 2, max_instances: 1, configuration: CONFIGURATION } },
      "must be at most max_instances",
    ],
    [
      { kind: "deployment", name: "a", spec: { ...CONFIGURATION, location: { ref: "place/weur" } } },
      "must be <kind>/<name>",
    ],
    [{ owner: "a b" }, "owner: must be 1 to 100 letters"],
    [{ ownr: "a" }, "ownr: is not known; did you mean owner?"],
    ["text", "must be a resource"],
  ])("%j is refused, and told how to be mended: %s", ([content, reason], { expect }) => {
    const problems = problemsOf(() => read(content));
    expect(problems.join("\n")).toContain(reason);
    expect(problems.join("\n")).not.toContain("hunter2");
  });

  it("is refused where it declares something twice, or has two owners", ({ expect }) => {
    const one = { kind: "registry", name: "R.example.com", spec: { is_public: true } };
    const problems = problemsOf(() =>
      read({ owner: "a", resources: [one] }, { owner: "b", resources: [{ ...one, name: "r.example.com" }] }),
    );
    expect(problems).toEqual([
      "a.ts: registry/r.example.com: is declared twice",
      "there are several owners: a, b; apply them one by one",
    ]);
  });

  it("shows a circle of references", ({ expect }) => {
    expect(problemsOf(() => read([near("a", "b"), near("b", "a")]))).toEqual([
      "resources refer to each other in a circle: application/a → application/b → application/a",
    ]);
  });
});
