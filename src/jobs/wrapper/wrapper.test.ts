import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, onTestFinished } from "vitest";
import { kill, OUTPUT_KEPT_BYTES, readOutcome, release, watch, wrapped } from "./wrapper.ts";

interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

function run([command = "", ...args]: readonly string[]) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  const ended = once(child, "close").then(([code]): Ended => {
    return { code: code as number | null, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
  });
  /** It may have printed before anybody waits for it. */
  const printed = async () => void (stdout.length > 0 || (await once(child.stdout, "data")));
  return { child, ended, printed };
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "gantry-wrapper-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return join(path, "attempt");
}

async function outcome(path: string) {
  const { code, stdout } = await run(watch(path)).ended;
  return code === 0 ? readOutcome(stdout) : null;
}

async function attempt(script: string) {
  const path = await folder();
  const container = run(wrapped(["/bin/sh", "-c", script, "job"], path));
  // The watcher comes when the container does.
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5));
  return { path, ...container };
}

async function finish({ path, ended }: Awaited<ReturnType<typeof attempt>>) {
  const seen = await outcome(path);
  await run(release(path)).ended;
  return { seen, container: await ended };
}

describe("a command in its wrapper", () => {
  it("has its exit code and both its streams kept, and sent where they would have gone", async ({ expect }) => {
    const { seen, container } = await finish(await attempt("echo out; echo err >&2; exit 3"));
    expect(seen).toEqual({ exitCode: 3, stdout: "out\n", stderr: "err\n" });
    expect(container.code).toBe(3);
    expect([String(container.stdout), String(container.stderr)]).toEqual(["out\n", "err\n"]);
  });

  it("gets its arguments as they are", async ({ expect }) => {
    const path = await folder();
    const args = ["a b", "$HOME", "'\"", "", "*", "ü\n"];
    const { ended } = run(wrapped(["/bin/sh", "-c", 'for a; do printf "[%s]" "$a"; done', "job", ...args], path));
    while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await outcome(path))?.stdout).toBe(args.map((arg) => `[${arg}]`).join(""));
    await run(release(path)).ended;
    await ended;
  });

  it("can be asked again until it is released", async ({ expect }) => {
    const job = await attempt("printf done");
    const first = await outcome(job.path);
    expect(first).toEqual({ exitCode: 0, stdout: "done", stderr: "" });
    expect(await outcome(job.path)).toEqual(first);
    expect(job.child.exitCode).toBeNull();
    await finish(job);
  });

  it("that prints without end keeps the end, and little of the disk", async ({ expect }) => {
    const job = await attempt("i=0; while [ $i -lt 80000 ]; do i=$((i+1)); printf '%063d\\n' $i; done; printf END >&2");
    const seen = await outcome(job.path);
    expect(seen?.stdout.length).toBe(OUTPUT_KEPT_BYTES);
    expect(seen?.stdout.endsWith(`${String(80_000).padStart(63, "0")}\n`)).toBe(true);
    expect(seen?.stderr).toBe("END");
    const files = await readdir(job.path);
    const sizes = await Promise.all(files.map(async (name) => (await stat(join(job.path, name))).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(3 * 1_048_576);
    const { container } = await finish(job);
    expect(container.stdout.length).toBe(80_000 * 64);
  });

  it("is sent the signals that its container gets, and may end as it likes", async ({ expect }) => {
    const job = await attempt("trap 'echo told; exit 7' TERM; echo up; while :; do sleep 0.05; done");
    await job.printed();
    job.child.kill("SIGTERM");
    const { seen, container } = await finish(job);
    expect(seen).toEqual({ exitCode: 7, stdout: "up\ntold\n", stderr: "" });
    expect(container.code).toBe(7);
  });

  it("that does not care for signals has the code of its death", async ({ expect }) => {
    const job = await attempt("echo up; exec sleep 60");
    await job.printed();
    job.child.kill("SIGTERM");
    expect((await finish(job)).seen?.exitCode).toBe(143);
  });

  it("that is killed has all kept that it printed until then, however little", async ({ expect }) => {
    const job = await attempt("echo up; exec sleep 60");
    await job.printed();
    const { code, stdout } = await run(kill(job.path)).ended;
    expect([code, readOutcome(stdout)]).toEqual([0, { exitCode: 137, stdout: "up\n", stderr: "" }]);
    expect((await finish(job)).container.code).toBe(137);
  });

  it("that has ended and is killed has its own code", async ({ expect }) => {
    const job = await attempt("echo done; exit 3");
    await outcome(job.path);
    const { stdout } = await run(kill(job.path)).ended;
    expect(readOutcome(stdout)).toEqual({ exitCode: 3, stdout: "done\n", stderr: "" });
    await finish(job);
  });

  it("that is not there is 127", async ({ expect }) => {
    const path = await folder();
    const { ended } = run(wrapped(["/no/such/command"], path));
    while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5));
    const seen = await outcome(path);
    expect(seen?.exitCode).toBe(127);
    expect(seen?.stderr).toContain("/no/such/command");
    await run(release(path)).ended;
    expect((await ended).code).toBe(127);
  });

  it("does not wait for what it left behind", async ({ expect }) => {
    const { seen } = await finish(await attempt("sleep 5 & echo gone; exit 4"));
    expect(seen).toEqual({ exitCode: 4, stdout: "gone\n", stderr: "" });
  });

  it("only runs where nothing can be written", async ({ expect }) => {
    const { code, stdout } = await run(wrapped(["/bin/sh", "-c", "echo bare; exit 5"], "/proc/none/attempt")).ended;
    expect([code, String(stdout)]).toEqual([5, "bare\n"]);
  });
});

describe("a shell without the tools of the wrapper", () => {
  it.for(["tee", "mkfifo", "head"])("only runs the command: %s", async (missing, { expect }) => {
    const [path, tools] = [await folder(), await folder()];
    await mkdir(tools);
    for (const tool of ["rm", "mkdir", "mkfifo", "head", "tail", "tee", "wc", "cat", "mv", "sleep"]) {
      const folders = ["/usr/bin", "/bin"].filter((name) => existsSync(join(name, tool)));
      if (tool !== missing) await symlink(join(folders[0] ?? "", tool), join(tools, tool));
    }
    const command = wrapped(["/bin/sh", "-c", "echo bare; exit 5"], path);
    const { code, stdout } = await run(["/usr/bin/env", `PATH=${tools}`, ...command]).ended;
    expect([code, String(stdout), existsSync(path)]).toEqual([5, "bare\n", false]);
  });
});

describe("what a watcher prints", () => {
  it.for(["", "x", "3 1\nab", "3 1 1\nabc", "3 9 9\nab"])("%j is no outcome", (printed, { expect }) => {
    expect(readOutcome(Buffer.from(printed))).toBeNull();
  });
});
