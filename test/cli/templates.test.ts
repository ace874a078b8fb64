/** `gantry templates …` and `gantry init` against the registry of a control plane, as a terminal runs them. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { gantry, newAccount, startPlane, stopPlane, type Account } from "./plane.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "gantry-templates-"));
  await startPlane();
}, 60_000);
afterAll(async () => {
  await stopPlane();
  await rm(root, { recursive: true });
});

const PACKAGE = { name: "@team/page", version: "1.0.0", description: "A page", files: ["server.ts"] };
const APPLICATION = {
  name: "page",
  instances: 1,
  configuration: { image: "hello-world", secrets: [{ name: "KEY", type: "env", secret: "page-key" }] },
};

/** A folder of a template; `more`: what is otherwise in its package.json. */
async function folderOf(more: object = {}): Promise<string> {
  const folder = await mkdtemp(join(root, "folder-"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ ...PACKAGE, ...more }));
  await writeFile(join(folder, "application.json"), JSON.stringify(APPLICATION));
  await writeFile(join(folder, "server.ts"), "serve();\n");
  await writeFile(join(folder, "server.test.ts"), "test();\n");
  await writeFile(join(folder, "Dockerfile"), "FROM scratch\n");
  return folder;
}

const run = (account: Account, ...args: string[]) => gantry({ account, cwd: root }, ...args);
const push = async (account: Account, folder: string, ...flags: string[]) => {
  const { code, out, err } = await run(account, "templates", "push", folder, "--json", ...flags);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as { name: string; tags: string[]; digest: string; size: number; pushed: boolean };
};
const listed = async (account: Account) =>
  (await run(account, "templates", "list", "--json")).out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

describe.concurrent("gantry templates", () => {
  it("push once, and list with tags and the digest that a registry has", async ({ expect }) => {
    const account = await newAccount();
    expect(await run(account, "templates", "list")).toMatchObject({
      code: 0,
      out: expect.stringContaining("no templates"),
    });
    const folder = await folderOf();
    const first = await push(account, folder);
    expect(first).toMatchObject({ name: "page", tags: ["1.0.0", "latest"], pushed: true });
    expect(await push(account, folder)).toEqual({ ...first, pushed: false });
    const second = await push(account, folder, "--version", "1.1.0");
    expect(await listed(account)).toMatchObject([
      { name: "page", tags: ["latest", "1.1.0"], digest: second.digest, description: "A page" },
      { name: "page", tags: ["1.0.0"], digest: first.digest },
    ]);
    const { out } = await run(account, "templates", "list");
    expect(out).toMatch(
      /^NAME +TAGS +DIGEST +SIZE +DESCRIPTION\npage +latest, 1\.1\.0 +sha256:[0-9a-f]{64} +[\d.]+ (?:Ki)?B +A page\n/,
    );
  });

  it("are of their account alone", async ({ expect }) => {
    const [mine, other] = [await newAccount(), await newAccount()];
    await push(mine, await folderOf());
    expect(await listed(other)).toEqual([]);
    const pulled = await run(other, "templates", "pull", "page", "not-there");
    expect([pulled.code, pulled.err]).toEqual([
      1,
      "template page: there is no such template: there are none; npm start publishes the samples, and gantry templates push <folder> one of yours\n",
    ]);
  });

  it("show what they are and need", async ({ expect }) => {
    const account = await newAccount();
    const { digest } = await push(account, await folderOf());
    const { out } = await run(account, "templates", "show", "page:1.0.0");
    expect(out).toContain(`template:    page 1.0.0\ndigest:      ${digest}\ndescription: A page\n`);
    expect(out).toContain("secrets:     page-key\n");
    expect(out).toMatch(
      /files:\n {2}Dockerfile +13 B\n {2}application.json +\d+ B\n {2}package.json +\d+ B\n {2}server.ts +9 B\n/,
    );
    const json = JSON.parse((await run(account, "templates", "show", `page@${digest}`, "--json")).out);
    expect(json).toMatchObject({ digest, name: "page", secrets: ["page-key"], application: APPLICATION });
  });

  it("pull the same files, by tag and by digest", async ({ expect }) => {
    const account = await newAccount();
    const folder = await folderOf();
    const { digest } = await push(account, folder);
    await push(account, await folderOf({ description: "Another page", version: "2.0.0" }));
    const target = join(root, "pulled", basename(folder));
    const pulled = await run(account, "templates", "pull", `page@${digest}`, target);
    expect([pulled.code, pulled.err]).toEqual([0, ""]);
    expect(await readdir(target)).toEqual(["Dockerfile", "application.json", "package.json", "server.ts"]);
    for (const name of await readdir(target)) {
      expect(await readFile(join(target, name), "utf8")).toBe(await readFile(join(folder, name), "utf8"));
    }
    const again = await run(account, "templates", "pull", "page", target);
    expect(again.err).toContain("is not empty (Dockerfile, application.json, package.json, …)");
    // What was pulled is the template that it came from.
    expect(await push(account, target)).toMatchObject({ digest, pushed: true });
  });

  it("are read with a token that may only read", async ({ expect }) => {
    const account = await newAccount();
    const { digest } = await push(account, await folderOf());
    const { result } = await account.api.send("POST /tokens", { body: { name: "reader", scopes: ["read"] } });
    const env = { GANTRY_TOKEN: result.value, GANTRY_ACCOUNT_ID: "" };
    const read = async (...args: string[]) => await gantry({ account, cwd: root, env }, "templates", ...args);
    expect(JSON.parse((await read("list", "--json")).out)).toMatchObject({ name: "page", digest });
    const pushed = await read("push", await folderOf({ version: "2.0.0" }));
    expect([pushed.code, pushed.err]).toEqual([1, expect.stringMatching(/^FORBIDDEN: .*deploy/)]);
  });

  it("push nothing where something is missing", async ({ expect }) => {
    const account = await newAccount();
    const folder = await folderOf({ version: undefined });
    const { code, err } = await run(account, "templates", "push", folder);
    expect([code, err]).toEqual([1, "version: is needed: give --version, or write it into package.json\n"]);
    const wrong = await run(account, "templates", "show", "Page:1");
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('"Page:1": must be <name>, <name>:<version>')]);
    expect(await listed(account)).toEqual([]);
  });
});

describe.concurrent("gantry init", () => {
  it("makes a project that can be applied", async ({ expect }) => {
    const account = await newAccount();
    await push(account, await folderOf());
    const made = await run(account, "init", "My-Shop", "--template", "page:1.0.0");
    expect([made.code, made.err]).toEqual([0, ""]);
    expect(made.out).toMatch(/^my-shop is in My-Shop: 4 files of page:1\.0\.0 \(sha256:[0-9a-f]{64}\)\n/);
    expect(made.out).toContain("  gantry apply -f My-Shop/gantry.yaml\n");
    expect(made.out).toMatch(/ {2}docker push \S+:\d+\/my-shop:1\n/);
    expect(made.out).toContain("page-key");
    expect(await readdir(join(root, "My-Shop"))).toEqual(["Dockerfile", "gantry.yaml", "package.json", "server.ts"]);
    await account.api.send("POST /secrets", { body: { name: "page-key", value: "v" } });
    const applied = await run(account, "apply", "-f", "My-Shop/gantry.yaml");
    expect([applied.code, applied.err]).toEqual([0, ""]);
    const { result } = await account.api.send("GET /applications/{id}", { params: { id: "my-shop" } });
    expect(result).toMatchObject({ name: "my-shop", instances: 1 });
    // A project is a template too.
    const pushed = await push(account, join(root, "My-Shop"));
    expect(pushed).toMatchObject({ name: "my-shop", tags: ["1.0.0", "latest"], pushed: true });
    const again = await run(account, "init", "My-Second", "--template", `my-shop@${pushed.digest}`, "--json");
    expect(JSON.parse(again.out)).toMatchObject({ name: "my-second", template: "my-shop", digest: pushed.digest });
    const manifest = await readFile(join(root, "My-Second/gantry.yaml"), "utf8");
    expect(manifest).toContain("owner: my-second\n");
    expect(manifest).toContain("name: my-second\n");
  });

  it("writes nothing into a folder that has something in it, or under a name that is none", async ({ expect }) => {
    const account = await newAccount();
    await push(account, await folderOf());
    await mkdir(join(root, "full"), { recursive: true });
    await writeFile(join(root, "full/notes.txt"), "mine");
    const full = await run(account, "init", "full", "--template", "page");
    expect([full.code, full.err]).toEqual([
      1,
      `${join(root, "full")}: is not empty (notes.txt): nothing is written into it\n`,
    ]);
    expect(await readdir(join(root, "full"))).toEqual(["notes.txt"]);
    const named = await run(account, "init", "a b", "--template", "page");
    expect([named.code, named.err]).toEqual([
      1,
      expect.stringMatching(/^"a b": is no name of an application: .*--name\n$/),
    ]);
    const none = await run(account, "init", "new", "--template", "pages");
    expect(none.err).toContain("did you mean page?");
    expect(await readdir(root)).not.toContain("new");
  });
});
