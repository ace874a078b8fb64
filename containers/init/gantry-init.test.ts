/** The init as a shell runs it here, and the reader of what it keeps. In containers: `test/e2e/logs.long.e2e.test.ts`. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { BEGINNING, reader, readRing, type Positions, type RingLine } from "../../src/logs/ring.ts";

const PLACES = "/tmp /dev/shm /run";
let source = "";
const folders: string[] = [];

beforeAll(async () => {
  source = await readFile(join(import.meta.dirname, "gantry-init"), "utf8");
});

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** With a folder of its own in the place of those of a container. */
async function place() {
  const folder = await mkdtemp(join(tmpdir(), "gantry-init-"));
  folders.push(folder);
  const init = join(folder, "gantry-init");
  await mkdir(join(folder, "place"));
  await writeFile(init, source.replace(PLACES, join(folder, "place")));
  return { folder, init };
}

interface Run {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function start(command: readonly string[], env: Record<string, string> = {}) {
  const [program = "", ...args] = command;
  const own = { ...process.env, GANTRY_DEPLOYMENT: "dep", GANTRY_GENERATION: "1", ...env };
  const child = spawn(program, args, { env: own, stdio: ["ignore", "pipe", "pipe"] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const ended = new Promise<Run>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) =>
      resolve({
        code: code ?? (signal === null ? -1 : -2),
        stdout: Buffer.concat(out),
        stderr: String(Buffer.concat(err)),
      }),
    );
  });
  const printed = async (word: string) => {
    while (!String(Buffer.concat(out)).includes(word)) await new Promise((resolve) => setTimeout(resolve, 5));
    return String(Buffer.concat(out));
  };
  return { child, ended, printed };
}

async function read(folder: string, after: Positions = BEGINNING, owner = "dep 1"): Promise<RingLine[]> {
  const [shell = "", flag = "", text = "", ...args] = reader(owner, after);
  const own = text.replace(PLACES, join(folder, "place"));
  const { code, stdout } = await start([shell, flag, own, ...args]).ended;
  const lines = readRing({ exitCode: code, output: String(stdout) });
  if (typeof lines === "string") throw new Error(lines);
  return lines;
}

async function sh(text: string) {
  const { folder, init } = await place();
  const { printed, ended, child } = start(["/bin/sh", init, "/bin/sh", "-c", text]);
  return { folder, init, printed, ended, child };
}

describe.concurrent("a command under the init", () => {
  it("prints as it would, and ends with its code", async ({ expect }) => {
    const { ended, folder } = await sh("echo out; echo err >&2; printf 'no end'; exit 3");
    const { code, stdout, stderr } = await ended;
    expect([code, String(stdout), stderr]).toEqual([3, "out\nno end", "err\n"]);
    const lines = await read(folder);
    expect(lines.map(({ stream, sequence, text }) => [stream, sequence, text])).toEqual([
      ["stdout", 1, "out"],
      ["stdout", 2, "no end"],
      ["stderr", 1, "err"],
    ]);
    expect(lines.every(({ at }) => Math.abs(at - Date.now()) < 60_000)).toBe(true);
  });

  it.for(["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"])("gets the signal: %s", async (name, { expect }) => {
    const handler = `process.on("SIG${name}", () => { console.log("got"); process.exit(9); })`;
    const { init } = await place();
    const script = `${handler}; setInterval(() => {}, 1000); console.log("up")`;
    const { child, printed, ended } = start(["/bin/sh", init, process.execPath, "-e", script]);
    await printed("up");
    child.kill(`SIG${name}` as NodeJS.Signals);
    const { code, stdout } = await ended;
    expect([code, String(stdout)]).toEqual([9, "up\ngot\n"]);
  });

  it.for([
    ["SIGTERM", 143],
    ["SIGINT", 143],
    ["SIGHUP", 129],
  ] as const)("that has no handler is ended by it: %s", async ([signal, expected], { expect }) => {
    const { child, printed, ended } = await sh("echo up; exec sleep 30");
    await printed("up");
    child.kill(signal);
    expect((await ended).code).toBe(expected);
  });

  it("keeps its own code, however many signals it takes", async ({ expect }) => {
    const text = "trap : USR1; echo up; n=0; while [ $n -lt 40 ]; do sleep 0.01; n=$((n+1)); done; exit 6";
    const { child, printed, ended } = await sh(text);
    await printed("up");
    const timer = setInterval(() => child.kill("SIGUSR1"), 7);
    expect((await ended).code).toBe(6);
    clearInterval(timer);
  });

  it("does not wait for what it leaves behind", async ({ expect }) => {
    const { child, printed, ended } = await sh("sleep 600 & echo left $!; exit 4");
    const over = new Promise<number | null>((resolve) => child.on("exit", resolve));
    const left = Number(/left (\d+)/.exec(await printed("\n"))?.[1]);
    expect(await over).toBe(4);
    process.kill(left);
    await ended;
  });

  it.for([
    ["/no/such/program", 127],
    ["/", 126],
  ] as const)("that cannot be run is told as a shell does: %s", async ([program, expected], { expect }) => {
    const { init } = await place();
    const { code, stderr } = await start(["/bin/sh", init, program]).ended;
    expect([code, stderr.includes(program)]).toEqual([expected, true]);
  });
});

describe.concurrent("what the init keeps", () => {
  it("is the newest, of more than it has room for", async ({ expect }) => {
    const { ended, folder } = await sh(
      `i=0; while [ $i -lt 20 ]; do i=$((i+1)); head -c 200000 /dev/zero | tr '\\0' x | fold -w 100; echo; done; echo last`,
    );
    const { stdout } = await ended;
    const lines = await read(folder);
    const size = lines.reduce((sum, { text }) => sum + text.length + 25, 0);
    expect(lines.at(-1)?.text).toBe("last");
    expect(size).toBeGreaterThan(512 * 1_024);
    expect(size).toBeLessThan(1_200_000);
    expect(lines.map(({ sequence }) => sequence)).toEqual(lines.map((_, index) => (lines[0]?.sequence ?? 0) + index));
    expect(lines.at(-1)?.sequence).toBe(String(stdout).split("\n").length - 1);
    const [beforeLast] = lines.slice(-2);
    const news = await read(folder, { stdout: beforeLast?.sequence ?? 0, stderr: 0 });
    expect(news.map(({ text }) => text)).toEqual(["last"]);
  });

  it("is 16 KiB of a line, which says so", async ({ expect }) => {
    const { ended, folder } = await sh("head -c 20000 /dev/zero | tr '\\0' x; echo; echo next");
    expect((await ended).stdout).toHaveLength(20_006);
    expect((await read(folder)).map(({ text, isCut }) => [text.length, isCut])).toEqual([
      [16_384, true],
      [4, false],
    ]);
  });

  it("goes on after bytes of all kinds and a line without an end, which come through whole", async ({ expect }) => {
    const { init, folder } = await place();
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7_919 + (index >> 8)) % 256));
    const file = join(folder, "bytes");
    await writeFile(file, Buffer.concat([bytes, Buffer.alloc(12_000_000, 120)]));
    const text = `cat ${file}; sleep 1.6; echo; echo after`;
    const { stdout, code } = await start(["/bin/sh", init, "/bin/sh", "-c", text]).ended;
    expect([code, stdout.length]).toEqual([0, 12_300_007]);
    expect(stdout.subarray(0, 300_000).equals(bytes)).toBe(true);
    expect((await read(folder)).at(-1)?.text).toBe("after");
  });

  it("is kept once, where one init runs another", async ({ expect }) => {
    const { init, folder } = await place();
    const { code, stdout } = await start(["/bin/sh", init, "/bin/sh", init, "/bin/sh", "-c", "echo once; exit 2"])
      .ended;
    expect([code, String(stdout)]).toEqual([2, "once\n"]);
    expect((await read(folder)).map(({ text }) => text)).toEqual(["once"]);
  });

  it("is of its own container only", async ({ expect }) => {
    const { ended, folder } = await sh("echo mine");
    await ended;
    expect(await read(folder, BEGINNING, "dep 2").catch((error: unknown) => String(error))).toBe("Error: no_init");
  });
});

const TOOLS = ["awk", "cat", "date", "mkdir", "mkfifo", "rm", "sleep", "tee"];

describe("where logs cannot be kept", () => {
  it.for(["awk", "mkfifo", "tee"])("the command runs alone: without %s", async (missing, { expect }) => {
    const { init, folder } = await place();
    const tools = join(folder, "tools");
    await mkdir(tools);
    for (const tool of TOOLS) {
      const found = ["/usr/bin", "/bin"].find((name) => existsSync(join(name, tool))) ?? "";
      if (tool !== missing) await symlink(join(found, tool), join(tools, tool));
    }
    const { code, stdout } = await start(["/bin/sh", init, "/bin/sh", "-c", "echo bare; exit 5"], { PATH: tools })
      .ended;
    expect([code, String(stdout), existsSync(join(folder, "place/.gantry-logs"))]).toEqual([5, "bare\n", false]);
  });

  it("the command runs alone: without a place to write", async ({ expect }) => {
    const { init, folder } = await place();
    await writeFile(init, source.replace(PLACES, "/proc/none"));
    const { code, stdout } = await start(["/bin/sh", init, "/bin/sh", "-c", "echo bare; exit 5"]).ended;
    expect([code, String(stdout), existsSync(join(folder, "place/.gantry-logs"))]).toEqual([5, "bare\n", false]);
  });

  it("says what is missing, without a command", async ({ expect }) => {
    const { init } = await place();
    const { code, stderr } = await start(["/bin/sh", init]).ended;
    expect([code, stderr]).toEqual([64, expect.stringContaining("no command")]);
  });
});
