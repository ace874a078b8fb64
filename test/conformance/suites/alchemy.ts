/** Alchemy's `ContainerApplication`: create, update, adopt, delete. */
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ACCOUNT_ID, eventually, TOKEN, workloads } from "../../e2e/control-plane.ts";
import { clientBase, freshFolder, plane, removeEverything, requests, runProgram, type Ran } from "../stage.ts";

const FOLDER = join(import.meta.dirname, "../alchemy");
const INSTALL_TIMEOUT_MS = 240_000;
/** What Alchemy does not know, and leaves alone. */
const HEALTHY_AT_ONCE = { min_healthy_time: 0 };

/** What the test says of an application; the rest is as in Alchemy's documentation. */
interface Props {
  readonly name: string;
  readonly image?: string;
  readonly instances?: number;
  readonly maxInstances?: number;
  readonly instanceType?: string;
  readonly adopt?: boolean;
  readonly durableObjects?: { readonly namespaceId: string };
  readonly rollout?: { readonly strategy: "rolling" | "immediate" };
}

export function alchemy(): void {
  describe("Alchemy's ContainerApplication", () => {
    let project = "";
    beforeAll(installAlchemy, INSTALL_TIMEOUT_MS);
    afterAll(removeEverything);

    describe("in one project", () => {
      beforeAll(async () => {
        project = await freshFolder("alchemy");
        requests();
      });

      it("is created and runs", async ({ expect }) => {
        const made = await deploy(project, { name: "alchemist", instances: 1, maxInstances: 2 });
        expect(requests()).toEqual(["POST /containers/applications"]);
        const [ready] = await plane.untilReady(made.id, 1);
        expect(ready?.status.state).toBe("running");
        expect((await plane.call("GET", "/applications/alchemist")).result).toMatchObject({
          id: made.id,
          instances: 1,
          max_instances: 2,
          version: 1,
          configuration: { image: "hello-world" },
        });
      });

      it("a second run without a change sends nothing", async ({ expect }) => {
        await deploy(project, { name: "alchemist", instances: 1, maxInstances: 2 });
        expect(requests()).toEqual([]);
      });

      it("a change of the count and the size is rolled out", async ({ expect }) => {
        await plane.call("PATCH", "/applications/alchemist", { rollout: HEALTHY_AT_ONCE });
        const made = await deploy(project, {
          name: "alchemist",
          instances: 2,
          maxInstances: 3,
          instanceType: "basic",
          rollout: { strategy: "immediate" },
        });
        expect(requests()).toEqual([
          `PATCH /containers/applications/${made.id}`,
          `POST /containers/applications/${made.id}/rollouts`,
        ]);
        await untilMemory(made.id, [1024, 1024]);
        expect((await plane.call("GET", `/applications/${made.id}/rollouts`)).result).toHaveLength(1);
      });

      it("destroy removes it with its containers, and a second destroy finds nothing to do", async ({ expect }) => {
        const { id } = (await plane.call("GET", "/applications/alchemist")).result;
        requests();
        expect((await run(project, { phase: "destroy", name: "alchemist" })).code).toBe(0);
        expect(requests()).toEqual([`DELETE /containers/applications/${id}`]);
        await eventually(async () => (await workloads()).length === 0);
        expect((await plane.call("GET", "/applications/alchemist")).status).toBe(404);
      });
    });

    describe("on an application that somebody else made", () => {
      let id = "";
      beforeAll(async () => {
        const configuration = { image: "hello-world" };
        id = await plane.create("theirs", { instances: 1, rollout: HEALTHY_AT_ONCE, configuration });
        await plane.untilReady(id, 1);
        requests();
      });

      it("without adopt says that it already exists, and changes nothing", async ({ expect }) => {
        const before = (await plane.call("GET", `/applications/${id}`)).result;
        const { code, stderr, stdout } = await run(await freshFolder("alchemy"), {
          name: "theirs",
          instances: 2,
          maxInstances: 2,
        });
        expect(code).not.toBe(0);
        expect(`${stdout}${stderr}`).toContain("already exists");
        expect((await plane.call("GET", `/applications/${id}`)).result).toMatchObject({
          instances: 1,
          version: before.version,
        });
      });

      it("with adopt takes it over by name, among many others", async ({ expect }) => {
        const others = Array.from({ length: 60 }, (_, index) => `crowd-${String(index).padStart(2, "0")}`);
        await Promise.all(
          others.map((name) => plane.create(name, { instances: 0, configuration: { image: "hello-world" } })),
        );
        requests();
        const folder = await freshFolder("alchemy");
        const adopted = await deploy(folder, { name: "theirs", adopt: true, maxInstances: 3, instanceType: "basic" });
        expect(adopted).toEqual({ id, name: "theirs" });
        expect(requests()).toEqual([
          "POST /containers/applications",
          "GET /containers/applications",
          `PATCH /containers/applications/${id}`,
          `POST /containers/applications/${id}/rollouts`,
        ]);
        await untilMemory(id, [1024]);
        expect((await plane.call("GET", `/applications/${id}`)).result).toMatchObject({
          max_instances: 3,
          configuration: { image: "hello-world", instance_type: "basic" },
        });
      });

      it("destroy of what is gone already succeeds", async ({ expect }) => {
        const folder = await freshFolder("alchemy");
        const made = await deploy(folder, { name: "shortlived", instances: 0 });
        await plane.call("DELETE", `/applications/${made.id}`);
        const { code, stderr } = await run(folder, { phase: "destroy", name: "shortlived" });
        expect(stderr).toBe("");
        expect(code).toBe(0);
      });
    });

    describe("on a Durable Object namespace that has an application", () => {
      const durableObjects = { namespaceId: "0123456789abcdef0123456789abcdef" };
      let id = "";
      beforeAll(async () => {
        const folder = await freshFolder("alchemy");
        ({ id } = await deploy(folder, { name: "first-of-namespace", instances: 0, durableObjects }));
      });

      it("without adopt says which application has it", async ({ expect }) => {
        const folder = await freshFolder("alchemy");
        const { code, stdout, stderr } = await run(folder, { name: "second", instances: 0, durableObjects });
        expect(code).not.toBe(0);
        expect(`${stdout}${stderr}`).toContain(
          `Durable Object namespace ${durableObjects.namespaceId} already has an application with id ${id}`,
        );
        expect((await plane.call("GET", "/applications/second")).status).toBe(404);
      });

      it("with adopt takes that application over", async ({ expect }) => {
        const folder = await freshFolder("alchemy");
        const adopted = await deploy(folder, {
          name: "second",
          adopt: true,
          instances: 0,
          maxInstances: 4,
          durableObjects,
        });
        expect(adopted).toEqual({ id, name: "first-of-namespace" });
        expect(requests()).toEqual([
          "POST /containers/applications",
          `GET /containers/applications/${id}`,
          `PATCH /containers/applications/${id}`,
        ]);
        expect((await plane.call("GET", `/applications/${id}`)).result.max_instances).toBe(4);
      });
    });

    describe("when it cannot", () => {
      it.for([
        ["an image that is not there", { image: "no-such-image" }, "no-such-image"],
        ["a size that is not there", { instanceType: "huge" }, "instance_type"],
      ] as const)("names %s", async ([, change, cause], { expect }) => {
        const { code, stdout, stderr } = await run(await freshFolder("alchemy"), { name: "refused", ...change });
        expect(code).not.toBe(0);
        expect(`${stdout}${stderr}`).toContain("Failed to create container application");
        expect(`${stdout}${stderr}`).toContain(cause);
        expect((await plane.call("GET", "/applications/refused")).status).toBe(404);
      });

      it("names a wrong token as the cause", async ({ expect }) => {
        const folder = await freshFolder("alchemy");
        const { code, stdout, stderr } = await run(folder, { name: "stranger" }, "wrong-token");
        expect(code).not.toBe(0);
        expect(`${stdout}${stderr}`).toMatch(/token/i);
      });
    });
  });
}

async function deploy(cwd: string, props: Props): Promise<{ id: string; name: string }> {
  const { code, stdout, stderr } = await run(cwd, props);
  if (code !== 0) throw new Error(`Alchemy failed: ${stdout}${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

/** That many instances are ready, each of this size. */
async function untilMemory(id: string, memory: readonly number[]): Promise<void> {
  await eventually(async () => {
    const { result } = await plane.call("GET", `/applications/${id}/instances-v2`);
    const ready = result.filter((instance: { ready: boolean }) => instance.ready);
    const sizes = ready.map((instance: { configuration: { memory: number } }) => instance.configuration.memory);
    return result.length === ready.length && JSON.stringify(sizes) === JSON.stringify(memory);
  });
}

async function run(cwd: string, options: Props & { phase?: "destroy" }, token = TOKEN): Promise<Ran> {
  const { image = "hello-world", ...props } = options;
  const given = { ...props, image: { imageRef: image }, baseUrl: clientBase(), accountId: ACCOUNT_ID };
  return await runProgram([join(FOLDER, "program.mjs"), JSON.stringify(given)], {
    cwd,
    env: { CLOUDFLARE_API_TOKEN: token, ALCHEMY_TELEMETRY_DISABLED: "1" },
  });
}

/** Alchemy brings 200 packages: they are no part of this project's own tree. */
async function installAlchemy(): Promise<void> {
  const installed = await access(join(FOLDER, "node_modules/alchemy/package.json")).then(
    () => true,
    () => false,
  );
  if (installed) return;
  const flags = ["--ignore-scripts", "--omit=optional", "--omit=peer", "--no-audit", "--no-fund"];
  await promisify(execFile)("npm", ["ci", ...flags], { cwd: FOLDER });
}
