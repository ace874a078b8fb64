/** When `gantry-init` begins the SSH server, and that nothing waits for it. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";

let folder = "";
let init = "";
const began = () => join(folder, "began");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gantry-ssh-start-"));
  init = join(folder, "init");
  const server = join(folder, "server");
  const source = await readFile(join(import.meta.dirname, "../gantry-init"), "utf8");
  await writeFile(init, source.replace("ssh=/gantry-ssh", `ssh=${server}`).replace("/tmp /dev/shm /run", "/nowhere"));
  // It lasts for longer than a test, unless it is ended, which nobody but this test does here.
  await writeFile(
    server,
    `const { GANTRY_SSH_PORT: port } = process.env;
     require("fs").writeFileSync(${JSON.stringify(began())}, process.pid + " " + port);
     setTimeout(() => undefined, 60_000);`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The exit code of a command under the init. */
function run(script: string, env: Record<string, string>): Promise<number | null> {
  const own: Record<string, string> = { PATH: process.env["PATH"] ?? "", ...env };
  const options = { env: own as NodeJS.ProcessEnv, stdio: "ignore" } as const;
  const child = spawn("/bin/sh", [init, "/bin/sh", "-c", script], options);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", resolve);
  });
}

/** Without logs the command takes the place of the init, and has its children: that one, or none. */
const CHILDREN = 'read children < /proc/$$/task/$$/children; [ -z "$children" ] && exit 5';

const ALL = { GANTRY_SSH_PORT: "2222", GANTRY_AUTHORIZED_KEYS: "ssh-ed25519 AAAA" };

describe("the SSH server", () => {
  it.for([
    ["keys", ALL],
    ["authorities", { GANTRY_SSH_PORT: "2222", GANTRY_TRUSTED_USER_CA_KEYS: "ssh-ed25519 AAAA" }],
  ] as const)("is begun with %s, and the container ends with its command all the same", async ([, env], { expect }) => {
    const code = await run(`while [ ! -s ${began()} ]; do sleep 0.05; done; exit 7`, env);
    const [pid, port] = (await readFile(began(), "utf8")).split(" ");
    process.kill(Number(pid));
    await rm(began());
    expect([code, port]).toEqual([7, "2222"]);
  });

  it.for([
    ["without keys", { GANTRY_SSH_PORT: "2222" }],
    ["without wrangler_ssh", { GANTRY_AUTHORIZED_KEYS: "ssh-ed25519 AAAA" }],
    ["by what the command begins", { ...ALL, GANTRY_INIT: "1" }],
  ] as const)("is not begun %s", async ([, env], { expect }) => {
    expect(await run(CHILDREN, env)).toBe(5);
    expect(existsSync(began())).toBe(false);
  });
});
