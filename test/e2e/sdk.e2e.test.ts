/** The package as its users have it, and the example Worker that calls real containers through its service binding. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, PROJECT_DIR, TOKEN, workloads } from "./control-plane.ts";
import { installExample, type Project } from "./packed-sdk.ts";

let project: Project;
let plane: ControlPlane;

beforeAll(async () => {
  project = await installExample();
  const config = join(project.folder, "wrangler.jsonc");
  // The control plane of these tests has another name.
  await writeFile(config, (await readFile(config, "utf8")).replace('"service": "gantry"', '"service": "gantry-e2e"'));
  plane = new ControlPlane(config);
  await plane.start();
});
afterAll(async () => {
  await plane.stop();
  await project.remove();
});
afterEach(({ task }) => {
  if (task.result?.state === "fail") plane.debug();
});

const tsc = join(PROJECT_DIR, "node_modules/.bin/tsc");
const call = (path: string, init?: RequestInit) => plane.callWorker("consumer", path, init);

describe("the package", () => {
  it("has the SDK, the command, and the init and SSH server of images in it, and nothing else", ({ expect }) => {
    const dist = /^dist(?:\/sdk(?:\/.*)?|\/cli(?:\/gantry\.js)?|\/ssh(?:\/gantry-ssh)?)?$/;
    const beside = /^(?:containers(?:\/init(?:\/gantry-init)?)?|package\.json|README\.md|LICENSE)$/;
    const others = project.files.filter((path) => !dist.test(path) && !beside.test(path));
    expect(others).toEqual([]);
    for (const entry of ["index", "bridge", "testing", "client"])
      expect(project.files).toContain(`dist/sdk/${entry}.js`);
  });

  it("is imported by plain Node, with one class of errors for all its entries", async ({ expect }) => {
    const source = `
      const all = await Promise.all(["gantry", "gantry/bridge", "gantry/testing", "gantry/client"].map((name) => import(name)));
      const classes = new Set(all.map(({ GantryError }) => GantryError).filter(Boolean));
      console.log(JSON.stringify([all.map((entry) => Object.keys(entry).length > 0), classes.size]));`;
    const printed = await project.run(process.execPath, "--input-type=module", "--eval", source);
    expect(JSON.parse(printed)).toEqual([[true, true, true, true], 1]);
  });

  it.for([
    ["Workers", { lib: ["es2024"], types: ["@cloudflare/workers-types"] }],
    ["Node", { lib: ["es2024"], types: ["node"] }],
    ["a browser", { lib: ["es2024", "dom", "dom.iterable", "dom.asynciterable"], types: [] }],
  ] as const)("has its public types with those of %s", async ([name, options], { expect }) => {
    const source = await readFile(join(PROJECT_DIR, "test/sdk/public-types.test-d.ts"), "utf8");
    const types = source.replaceAll(
      /"\.\.\/\.\.\/src\/sdk\/(?:(\w+)\/)?index\.ts"/g,
      (_, entry: string | undefined) => {
        return JSON.stringify(entry === undefined ? "gantry" : `gantry/${entry}`);
      },
    );
    const folder = `types-${name.replaceAll(" ", "-")}`;
    await project.run("mkdir", "-p", folder);
    await writeFile(join(project.folder, folder, "public-types.ts"), types);
    const compilerOptions = {
      ...options,
      target: "es2024",
      module: "esnext",
      moduleResolution: "bundler",
      strict: true,
      noEmit: true,
    };
    const config = join(project.folder, folder, "tsconfig.json");
    await writeFile(config, JSON.stringify({ compilerOptions, files: ["public-types.ts"] }));
    expect(await project.run(tsc, "--project", config)).toBe("");
  });

  it("compiles the example, and runs its test without Docker", async ({ expect }) => {
    expect(await project.run(tsc, "--noEmit")).toBe("");
    expect(await project.run(process.execPath, "--test", "src/index.test.ts")).toContain("pass 2");
  });
});

describe("the example Worker", () => {
  beforeAll(async () => {
    const env = { ...process.env, GANTRY_URL: plane.origin, GANTRY_TOKEN: TOKEN };
    Object.assign(process.env, env);
    const printed = await project.run(process.execPath, "src/apply.ts");
    if (!printed.startsWith("hello: version 1, 2 instances")) throw new Error(printed);
    await plane.untilReady("hello", 2);
  });

  it("calls members of the pool", async ({ expect }) => {
    const members = (await plane.instances("hello")).map(({ id }) => id);
    for (let round = 0; round < 5; round += 1) {
      const response = await call("/any/json");
      expect(response.status).toBe(200);
      // The two are in different regions: it is the nearer one that answers.
      expect(members).toContain(response.headers.get("gantry-instance"));
    }
    const pooled = await call("/pool/echo", { method: "POST", body: "hello" });
    expect(await pooled.text()).toBe("hello");
  });

  it("has a container for each room, which stays the room's", async ({ expect }) => {
    const rooms = await Promise.all(["red", "blue", "red"].map((room) => call(`/rooms/${room}/json`)));
    const [red, blue, again] = rooms.map(({ headers }) => headers.get("gantry-instance"));
    expect(rooms.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(again).toBe(red);
    expect(blue).not.toBe(red);
    expect(await workloads(red ?? "")).toHaveLength(1);
    expect(await (await call("/state/red")).json()).toMatchObject({
      name: "room-red",
      state: "running",
      generation: 1,
      instance: red,
    });
  });

  it("starts one container for many first calls at once", async ({ expect }) => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => call("/rooms/crowd/json")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const instances = new Set(answers.map(({ headers }) => headers.get("gantry-instance")));
    expect(instances.size).toBe(1);
    const [instance] = instances;
    expect(await workloads(instance ?? "")).toHaveLength(1);
  });

  it("talks to a container over a WebSocket", async ({ expect }) => {
    expect(await (await call("/ask/red?text=how%20are%20you")).text()).toContain("how are you");
    const passed = await call("/rooms/red/ws", { headers: { upgrade: "websocket" } });
    expect(passed.status).toBe(101);
    const { webSocket } = passed;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    webSocket?.addEventListener("message", ({ data }) => resolve(data));
    webSocket?.accept();
    webSocket?.send("and you");
    expect(await promise).toBe("and you");
    webSocket?.close();
  });

  it("passes a refusal on with status and reason", async ({ expect }) => {
    const response = await call(`/rooms/${"x".repeat(200)}/json`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ success: false, errors: [{ code: "VALIDATE_INPUT" }] });
  });
});
