/**
 * SSH into real containers: unmodified wrangler and OpenSSH through the tunnel, to the server of the sample image. And
 * commands that are signed by ssh-keygen.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ensureOpenSsh } from "../../dev/runtime/openssh.ts";
import { ACCOUNT_ID, ControlPlane, docker, eventually, PROJECT_DIR, TOKEN, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
const WRANGLER = join(PROJECT_DIR, "node_modules/wrangler/bin/wrangler.js");
let folder = "";
let publicKey = "";
let instance = "";
let deployment = "";

const key = () => join(folder, "id");

beforeAll(async () => {
  await ensureOpenSsh({ stateDir: join(PROJECT_DIR, ".gantry"), log: (line) => console.log(line) });
  folder = await mkdtemp(join(tmpdir(), "gantry-ssh-"));
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "me@e2e", "-f", key()]);
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "other")]);
  publicKey = (await readFile(`${key()}.pub`, "utf8")).trim();
  await plane.start();
  ({ instance, deployment } = await running("shell", {
    wrangler_ssh: { enabled: true },
    authorized_keys: [{ public_key: publicKey }],
    environment_variables: [{ name: "INSIDE", value: "yes" }],
  }));
  await eventually(async () => (await plane.call("GET", `/instances/${instance}/ssh`)).status === 200);
});
afterAll(async () => {
  await plane.stop();
  await rm(folder, { recursive: true, force: true });
});
afterEach(({ task }) => {
  if (task.result?.state === "fail") plane.debug();
});

async function running(name: string, configuration: Record<string, unknown>) {
  const id = await plane.create(name, { instances: 1, configuration: { image: "hello-world", ...configuration } });
  const [one] = await plane.untilReady(id, 1);
  return { id, instance: one?.id ?? "", deployment: one?.deployment_id ?? "" };
}

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[], input = "", env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, env: { ...process.env, ...env } });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

const wranglerEnv = () => ({
  CLOUDFLARE_API_BASE_URL: `${plane.origin}/client/v4`,
  CLOUDFLARE_API_TOKEN: TOKEN,
  CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID,
  WRANGLER_SEND_METRICS: "false",
  CI: "true",
});

/** OpenSSH, by the configuration of docs/ssh.md. */
async function ssh(id: string, command: readonly string[], input = "", keyFile = key()): Promise<Ran> {
  const config = join(folder, "config");
  const wrangler = `${process.execPath} ${WRANGLER} containers ssh $(basename %h .gantry) --stdio`;
  const lines = [
    "Host *.gantry",
    "User cloudchamber",
    `ProxyCommand ${wrangler}`,
    "StrictHostKeyChecking no",
    "UserKnownHostsFile /dev/null",
    // And of the test: nothing of this machine's, and nothing to answer.
    "IdentitiesOnly yes",
    "BatchMode yes",
    "LogLevel ERROR",
  ];
  await writeFile(config, lines.join("\n"));
  return await run("ssh", ["-F", config, "-i", keyFile, `${id}.gantry`, ...command], input, wranglerEnv());
}

/** What wrangler says where it is not let in. */
async function told(id: string): Promise<string> {
  return (await run(process.execPath, [WRANGLER, "containers", "ssh", id, "--stdio"], "", wranglerEnv())).stderr;
}

async function gantry(...args: string[]): Promise<Ran> {
  const env = { GANTRY_URL: plane.origin, GANTRY_TOKEN: TOKEN };
  return await run(process.execPath, [join(PROJECT_DIR, "dev/run.mjs"), "../cli/main", ...args], "", env);
}

describe("wrangler containers ssh", () => {
  it("runs a command in the container, with its streams and its exit code", async ({ expect }) => {
    const ran = await ssh(deployment, ["echo $INSIDE $GANTRY_DEPLOYMENT; echo err >&2; cat; exit 7"], "in");
    expect(ran).toEqual({ code: 7, stdout: `yes ${deployment}\nin`, stderr: "err\n" });
  });

  it("carries 20 MB in each direction whole, by the public id", async ({ expect }) => {
    const size = 20_000_000;
    const up = await ssh(instance, ["wc -c"], "x".repeat(size));
    expect([up.code, up.stdout.trim()]).toEqual([0, String(size)]);
    const down = await ssh(instance, [`head -c ${size} /dev/zero`]);
    expect([down.code, down.stdout.length]).toEqual([0, size]);
  });

  it("starts OpenSSH itself, on a terminal", async ({ expect }) => {
    const args = [WRANGLER, "containers", "ssh", instance, "--tty", "--identity-file", key()];
    const ran = await run(
      process.execPath,
      [...args, "--", "test -t 0 && echo on a terminal $INSIDE"],
      "",
      wranglerEnv(),
    );
    expect(ran.stdout).toContain("on a terminal yes");
    expect(ran.code).toBe(0);
  });

  it("lets nobody in with another key", async ({ expect }) => {
    const ran = await ssh(instance, ["true"], "", join(folder, "other"));
    expect([ran.code, ran.stderr]).toEqual([255, expect.stringContaining("Permission denied (publickey)")]);
  });

  it("leaves the container to end as it does: by its command, with its code", async ({ expect }) => {
    const { id } = await running("ends", {
      wrangler_ssh: { enabled: true },
      authorized_keys: [{ public_key: publicKey }],
    });
    const [one] = await plane.instances(id);
    await eventually(async () => (await plane.call("GET", `/instances/${one?.id}/ssh`)).status === 200);
    await plane.call("POST", `/applications/${id}/instances/${one?.id}/stop`);
    const ended = await eventually(async () => {
      const [now] = await plane.instances(id);
      return now?.status.state === "stopped" && now;
    });
    expect(ended.status).toMatchObject({ exit_code: 0 });
  });
});

describe("SSH that cannot be had", () => {
  it("is told in wrangler's words and ours: not enabled, nobody there, nothing to find", async ({ expect }) => {
    const off = await running("off", {});
    const keyless = await running("keyless", { wrangler_ssh: { enabled: true } });
    const plain = await running("plain", {
      image: "behaves",
      wrangler_ssh: { enabled: true, port: 2222 },
      authorized_keys: [{ public_key: publicKey }],
    });
    expect(await told(off.instance)).toContain("Error verifying SSH access: SSH_NOT_AVAILABLE: version 1");
    expect(await told(keyless.instance)).toContain("nobody listens on port 22");
    expect(await told(plain.instance)).toContain("nobody listens on port 2222");
    expect(await told("0".repeat(64))).toContain("not found");
    // And it costs nothing: the server runs in none of them.
    const [container] = await workloads(keyless.instance);
    expect(await docker("top", container?.id ?? "", "-o", "pid,args")).not.toContain("/gantry-ssh");
  });
});

describe("gantry exec", () => {
  it("runs what a registered key has signed, and nothing else", async ({ expect }) => {
    const refused = await gantry("exec", "shell", "--key", key(), "--", "true");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("SIGNATURE_REFUSED")]);
    const { result } = await plane.call("POST", "/ssh-public-keys", { name: "mine", public_key: publicKey });
    const ran = await gantry(
      "exec",
      "shell",
      "--key",
      key(),
      "--",
      "sh",
      "-c",
      "echo out $INSIDE; echo err >&2; exit 7",
    );
    expect(ran).toEqual({ code: 7, stdout: "out yes\n", stderr: "err\n" });
    const audit = (await plane.call("GET", "/audit")).result as {
      path: string;
      signed_by: { key_id: string } | null;
    }[];
    expect(audit.find(({ path }) => path.endsWith("/exec"))?.signed_by?.key_id).toBe(result.id);
  });
});

describe("the image", () => {
  it("has a server of less than 400 kB", async ({ expect }) => {
    const { size } = await stat(join(PROJECT_DIR, "containers/hello-world/dist/gantry-ssh"));
    expect(size).toBeLessThan(400_000);
  });
});
