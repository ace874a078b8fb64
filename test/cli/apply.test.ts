/** `gantry apply`, `diff`, `destroy` and `export` against a control plane, as a terminal runs them. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ENV, FIRST, OWNER, SECOND } from "./manifests.ts";
import { gantry, newAccount, startPlane, stopPlane, type Account } from "./plane.ts";

beforeAll(startPlane, 60_000);
afterAll(stopPlane);

interface Told {
  readonly steps: readonly {
    readonly resource: string;
    readonly action: string;
    readonly outcome?: string;
    readonly message?: string | null;
    readonly changes: readonly { field: string; from: unknown; to: unknown }[];
  }[];
  readonly left: readonly string[];
}

async function ran(account: Account, command: string, stdin: string, ...flags: string[]) {
  const { code, out, err } = await gantry({ account, stdin, env: ENV }, command, "-f", "-", "--json", ...flags);
  const told = (out === "" ? { steps: [], left: [] } : JSON.parse(out)) as Told;
  const actions = Object.fromEntries((told.steps ?? []).map(({ resource, action }) => [resource, action]));
  return { code, err, told, actions };
}

const apply = (account: Account, stdin: string, ...flags: string[]) => ran(account, "apply", stdin, ...flags);
const diff = (account: Account, stdin: string, ...flags: string[]) => ran(account, "diff", stdin, ...flags);

const application = (name: string, spec: string, owner = OWNER) => `
owner: ${owner}
resources:
  - { kind: application, name: ${name}, spec: { ${spec} } }
`;
const SMALL = "instances: 0, configuration: { image: hello-world }";
const at = (spec: string) => `owner: a\nresources: [{ kind: deployment, name: w, spec: { ${spec} } }]`;
const rolledOut = (colour: string) => `
owner: a
resources:
  - kind: rollout
    name: web
    spec: { application: { ref: application/web }, description: ${colour}, step_percentage: 50, min_healthy_time: 0 }
  - kind: application
    name: web
    spec: { instances: 1, configuration: { image: hello-world, environment_variables: [{ name: C, value: ${colour} }] } }
`;
const isDone = (told: Told) => told.steps.every(({ action }) => action === "none");

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((path) => rm(path, { recursive: true }))));

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "gantry-cli-"));
  folders.push(path);
  return path;
}

const secretOf = (name: string) => ({ kind: "secret", name, spec: { value: { stdin: true } } });

function openRegistry(more: string): string {
  return `owner: a\nresources: [{ kind: registry, name: r.example.com, spec: { is_public: true${more} } }]`;
}

describe.concurrent("apply", () => {
  it("makes all kinds in order, then nothing, and what export prints changes nothing", async ({ expect }) => {
    const account = await newAccount();
    const planned = await diff(account, FIRST);
    const first = await apply(account, FIRST);
    expect([first.code, first.err]).toEqual([0, ""]);
    expect(first.actions).toEqual(planned.actions);
    expect(new Set(Object.values(first.actions))).toEqual(new Set(["create", "update"]));
    expect(isDone((await apply(account, FIRST)).told)).toBe(true);
    for (const format of ["yaml", "json", "ts"]) {
      const { out, code } = await gantry({ account }, "export", "--owner", OWNER, "--format", format);
      expect([code, out.includes(ENV.API_KEY)]).toEqual([0, false]);
      const path = join(await folder(), `manifest.${format === "ts" ? "mjs" : format}`);
      const source = new URL("../../src/sdk/index.ts", import.meta.url).href;
      await writeFile(path, out.replace('"gantry"', JSON.stringify(source)));
      const again = await gantry({ account }, "diff", "-f", path, "--prune", "--exit-code");
      expect([format, again.code, again.err]).toEqual([format, 0, ""]);
    }
  });

  it("changes what is other, deletes with --prune what is gone, and tells the same before", async ({ expect }) => {
    const account = await newAccount();
    await apply(account, FIRST);
    const kept = await diff(account, SECOND);
    expect(kept.told.left.toSorted()).toEqual([
      "registry/docker.io",
      "registry/r.example.com",
      "schedule/web/weekly",
      "secret/token",
      "ssh-key/laptop",
    ]);
    const planned = await diff(account, SECOND, "--prune");
    const { code, err, told, actions } = await apply(account, SECOND, "--prune");
    expect([code, err]).toEqual([0, ""]);
    expect(actions).toEqual(planned.actions);
    expect(told.steps.map(({ changes }) => changes)).toEqual(planned.told.steps.map(({ changes }) => changes));
    expect(actions).toMatchObject({
      "deployment/worker": "update",
      "secret/api-key": "update",
      "schedule/web/nightly": "update",
      "schedule/web/weekly": "delete",
      "job/web/migrate": "none",
      "secret/token": "delete",
    });
    const order = told.steps.map(({ resource }) => resource);
    expect(order.indexOf("registry/docker.io")).toBeLessThan(order.indexOf("secret/token"));
    expect(isDone((await diff(account, SECOND, "--prune")).told)).toBe(true);
  });

  it("never tells a secret's value", async ({ expect }) => {
    const account = await newAccount();
    const told = await gantry({ account, stdin: FIRST, env: ENV }, "apply", "-f", "-");
    expect(told.out + told.err).not.toContain(ENV.API_KEY);
    const literal = "kind: secret\nname: a\nspec: { value: hunter2 }";
    const refused = await gantry({ account, stdin: literal }, "apply", "-f", "-", "--owner", "a");
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toContain("secret/a: spec.value: must not stand in a manifest");
    expect(refused.err).not.toContain("hunter2");
  });

  it("takes what is nobody's only with --adopt, and another's not at all", async ({ expect }) => {
    const account = await newAccount();
    await account.api.send("POST /applications", {
      body: { name: "web", instances: 0, configuration: { image: "hello-world" } },
    });
    const refused = await apply(account, application("web", SMALL));
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("--adopt");
    const adopted = await apply(account, application("web", SMALL), "--adopt");
    expect([adopted.code, adopted.actions]).toEqual([0, { "application/web": "adopt" }]);
    expect((await diff(account, application("web", SMALL))).actions).toEqual({ "application/web": "none" });
    const other = await apply(account, application("web", SMALL, "other"), "--adopt");
    expect([other.code, other.err.includes(`belongs to ${OWNER}`)]).toEqual([1, true]);
  });

  it("prunes nothing that is nobody's or another's", async ({ expect }) => {
    const account = await newAccount();
    await account.api.send("POST /secrets", { body: { name: "mine", value: "x" } });
    await apply(account, application("theirs", SMALL, "other"));
    await apply(account, application("gone", SMALL));
    const { code, actions } = await apply(account, application("web", SMALL), "--prune");
    expect([code, actions]).toEqual([0, { "application/web": "create", "application/gone": "delete" }]);
    const names = (await account.api.list("GET /applications")).map(({ name }) => name);
    expect(names.toSorted()).toEqual(["theirs", "web"]);
    expect(await account.api.list("GET /secrets")).toHaveLength(1);
  });

  it("makes anew what never changes, where that is allowed", async ({ expect }) => {
    const account = await newAccount();
    await apply(account, at("image: hello-world, location: weur"), "--no-wait");
    const other = at("image: hello-world, location: weur, network: { mode: private }");
    const refused = await apply(account, other);
    expect([refused.code, refused.err.includes("--allow-replace")]).toEqual([1, true]);
    const replaced = await apply(account, other, "--allow-replace", "--no-wait");
    expect([replaced.code, replaced.actions]).toEqual([0, { "deployment/w": "replace" }]);
    const all = await account.api.list("GET /deployments/v2");
    expect(all.map(({ network }) => network.mode)).toEqual(["private"]);
    expect(isDone((await diff(account, other)).told)).toBe(true);
  });

  it("changes how a registry is pulled through where it is", async ({ expect }) => {
    const account = await newAccount();
    await apply(account, openRegistry(""));
    for (const [wanted, through] of [
      [openRegistry(", pull_through: { refresh_seconds: 60 }"), { prefix: "r.example.com", refresh_seconds: 60 }],
      [openRegistry(", pull_through: { prefix: r }"), { prefix: "r", refresh_seconds: 300 }],
      [openRegistry(""), undefined],
    ] as const) {
      expect((await apply(account, wanted)).actions).toEqual({ "registry/r.example.com": "update" });
      expect(isDone((await diff(account, wanted)).told)).toBe(true);
      const { result } = await account.api.send("GET /registries");
      expect(result.find(({ domain }) => domain === "r.example.com")?.pull_through).toEqual(through);
    }
  });

  it("does the rest when something fails, and keeps back what needs it", async ({ expect }) => {
    const account = await newAccount();
    const manifest = `
owner: a
resources:
  - { kind: registry, name: r.example.com, spec: { is_public: true } }
  - { kind: protocol, name: mine, spec: { domains: [{ domain: none.example.com, path: "" }] } }
  - { kind: deployment, name: w, spec: { image: "mine://team/app:1", location: weur } }
  - { kind: application, name: web, spec: { ${SMALL} } }
`;
    const { code, told } = await apply(account, manifest, "--no-wait");
    expect(code).toBe(1);
    expect(told.steps.map(({ resource, outcome }) => `${resource} ${outcome ?? ""}`)).toEqual([
      "registry/r.example.com done",
      "protocol/mine failed",
      "deployment/w skipped",
      "application/web done",
    ]);
  });

  it("ends with 2 when something does not run by the deadline", async ({ expect }) => {
    const account = await newAccount();
    await account.api.send("PATCH /me", { body: { capacity: { instances: 0 } } });
    const one = application("web", "instances: 1, configuration: { image: hello-world }");
    const { code, told } = await apply(account, one, "--timeout", "200ms");
    expect([code, told.steps[0]?.outcome]).toEqual([2, "late"]);
  });

  it("brings a configuration by its rollout, in its steps, and not twice", async ({ expect }) => {
    const account = await newAccount();
    expect((await apply(account, rolledOut("green"))).actions).toEqual({
      "application/web": "create",
      "rollout/web": "none",
    });
    const { code, actions } = await apply(account, rolledOut("blue"));
    expect([code, actions]).toEqual([0, { "application/web": "none", "rollout/web": "update" }]);
    const { result } = await account.api.send("GET /applications/{id}/rollouts", { params: { id: "web" } });
    expect(result.map(({ description, steps }) => [description, steps?.length])).toContainEqual(["blue", 2]);
    expect(isDone((await diff(account, rolledOut("blue"))).told)).toBe(true);
    const back = `owner: b\nresources: [{ kind: rollout, name: web, spec: { application: web, min_healthy_time: 0, target_version: 1 } }]`;
    expect((await apply(account, back)).actions).toEqual({ "rollout/web": "update" });
    expect(isDone((await diff(account, back)).told)).toBe(true);
  });

  it("follows references to what is there, and to addresses that come", async ({ expect }) => {
    const account = await newAccount();
    const manifest = `
owner: a
resources:
  - kind: application
    name: web
    spec:
      instances: 0
      configuration:
        image: hello-world
        environment_variables: [{ name: PEER, value: { ref: ip/worker, field: ipv6 } }]
  - { kind: deployment, name: worker, spec: { image: hello-world, location: weur } }
  - { kind: secret, name: login, spec: { value: { ref: credentials/registry.cloudflare.com, field: password } } }
`;
    const { code, err } = await apply(account, manifest);
    expect([code, err]).toEqual([0, ""]);
    const { result } = await account.api.send("GET /applications/{id}", { params: { id: "web" } });
    const [deployment] = await account.api.list("GET /deployments/v2");
    expect(result.configuration.environment_variables?.[0]?.value).toBe(deployment?.network.ipv6);
    expect(isDone((await diff(account, manifest)).told)).toBe(true);
    const missing = await diff(account, manifest.replace("ip/worker", "ip/nobody"));
    expect(missing.err).toContain("spec.configuration.environment_variables.0.value: there is no ip/nobody");
  });

  it("leaves a secret of the Secrets Store as it is, and misses one that is not there", async ({ expect }) => {
    const account = await newAccount();
    const manifest = "owner: a\nresources: [{ kind: secret, name: theirs, spec: { value: { store: true } } }]";
    expect((await diff(account, manifest)).err).toContain("is not in the account's Secrets Store");
    await account.api.send("POST /secrets", { body: { name: "theirs", value: "x" } });
    const { code, actions } = await apply(account, manifest, "--prune");
    expect([code, actions]).toEqual([0, { "secret/theirs": "none" }]);
    expect((await ran(account, "destroy", manifest, "--yes")).actions).toEqual({});
    const unset = await gantry({ account, stdin: FIRST }, "diff", "-f", "-");
    expect(unset.err).toContain("secret/api-key: spec.value: the environment variable API_KEY is not set");
  });

  it("takes a secret's value from standard input, once", async ({ expect }) => {
    const account = await newAccount();
    const path = join(await folder(), "gantry.json");
    await writeFile(path, JSON.stringify({ owner: "a", resources: [secretOf("one")] }));
    const made = await gantry({ account, stdin: "typed\n" }, "apply", "-f", path);
    expect([made.code, made.out.includes("typed")]).toEqual([0, false]);
    await writeFile(path, JSON.stringify({ owner: "a", resources: [secretOf("one"), secretOf("two")] }));
    const twice = await gantry({ account, stdin: "typed" }, "apply", "-f", path);
    expect(twice.err).toBe("only one may come from standard input: secret/one, secret/two\n");
  });

  it("leaves the count of what follows the load alone", async ({ expect }) => {
    const account = await newAccount();
    const scaled = application(
      "web",
      "autoscaling: { min: 1, max: 3, target_rps: 10 }, configuration: { image: hello-world }",
    );
    await apply(account, scaled);
    await account.api.send("PATCH /applications/{id}", { params: { id: "web" }, body: { instances: 2 } });
    expect(isDone((await diff(account, scaled)).told)).toBe(true);
  });
});

describe.concurrent("destroy", () => {
  it("deletes everything of an owner, users first, and only when it is meant", async ({ expect }) => {
    const account = await newAccount();
    await apply(account, FIRST);
    await apply(account, application("theirs", SMALL, "other"));
    const asked = await gantry({ account }, "destroy", "--owner", OWNER);
    expect([asked.code, asked.err]).toEqual([1, "Nothing was deleted: give --yes.\n"]);
    const done = await ran(account, "destroy", FIRST, "--yes");
    expect([done.code, done.err]).toEqual([0, ""]);
    expect(Object.values(done.actions)).toHaveLength(10);
    const { result } = await account.api.send("GET /owners");
    expect(result.map(({ owner }) => owner)).toEqual(["other"]);
  });
});

describe.concurrent("images that are built", () => {
  it("are shown as a diff of wrangler.jsonc, and written only with --write", async ({ expect }) => {
    const account = await newAccount();
    const cwd = await folder();
    const config = `{
  // The control plane.
  "containers": [
    { "class_name": "Instance", "scheduling_policy": "durable_object", "images": {} }, // all of them
  ],
}
`;
    await writeFile(join(cwd, "wrangler.jsonc"), config);
    await writeFile(
      join(cwd, "gantry.yaml"),
      application("hello-world", "instances: 0, configuration: { image: ./containers/hello }"),
    );
    const shown = await gantry({ account, cwd }, "apply");
    expect(shown.out).toContain('"dockerfile": "./containers/hello/Dockerfile"');
    expect(await readFile(join(cwd, "wrangler.jsonc"), "utf8")).toBe(config);
    const written = await gantry({ account, cwd }, "apply", "--write");
    expect(written.code).toBe(0);
    const text = await readFile(join(cwd, "wrangler.jsonc"), "utf8");
    expect(text).toContain("// The control plane.");
    expect(text).toContain("// all of them");
    expect((await gantry({ account, cwd }, "diff", "--exit-code")).code).toBe(0);
  });
});
