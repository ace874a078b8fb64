/** Logs of real containers: what their init keeps, and what it leaves as it was. */
import { execFile } from "node:child_process";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { BEGINNING, reader } from "../../src/logs/ring.ts";
import { ControlPlane, docker, eventually, TOKEN, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
let image = "";

beforeAll(async () => {
  await plane.start();
  const { instance } = await running("hello", { image: "hello-world", stop_grace: "60s" });
  const [container] = await workloads(instance);
  image = await docker("inspect", "--format", "{{.Image}}", container?.id ?? "");
});
afterAll(() => plane.stop());
afterEach(({ task }) => {
  if (task.result?.state === "fail") plane.debug();
});

async function running(name: string, configuration: Record<string, unknown>) {
  const id = await plane.create(name, { instances: 1, configuration });
  const [instance] = await plane.untilReady(id, 1);
  return { id, instance: instance?.id ?? "" };
}

interface Entry {
  readonly message: string;
  readonly time: string;
  readonly level: string;
  readonly status: number | null;
  readonly stream: string;
  readonly sequence: number;
}

async function logs(application: string, query = ""): Promise<Entry[]> {
  const { status, result, errors } = await plane.call("GET", `/applications/${application}/logs?order=oldest${query}`);
  if (status !== 200) throw new Error(JSON.stringify(errors));
  return result.entries;
}

async function cause(application: string): Promise<unknown> {
  const { status, errors } = await plane.call("GET", `/applications/${application}/logs`);
  const { error, details } = JSON.parse(errors[0]?.message ?? "{}") as { error: string; details: { cause: string } };
  return [status, error, details.cause];
}

/** The image with another command, without Gantry around it. */
function run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string }> {
  return new Promise((resolve) => {
    execFile("docker", ["run", "--rm", "--network", "none", ...args], { env: process.env }, (error, stdout) =>
      resolve({ code: Number(error?.code ?? 0), stdout }),
    );
  });
}

const READ = "sleep 0.2; cat $1/.gantry-logs/stdout.0 | cut -d : -f 2";
const command = (place: string) => ["/bin/sh", "-c", `echo kept; ${READ}; exit 7`, "sh", place];

describe("a server under the init", () => {
  it("has logs, with what its lines say", async ({ expect }) => {
    expect((await plane.ingress("hello", "/nowhere")).status).toBe(404);
    const before = new Date(Date.now() - 60_000).toISOString();
    const entries = await eventually(async () => {
      const found = await logs("hello", `&since=${before}`);
      return found.length > 1 && found;
    });
    expect(entries).toMatchObject([
      { message: "listening on 8080", level: "info", status: null, stream: "stdout", sequence: 1 },
      { level: "warn", status: 404, stream: "stderr", sequence: 1 },
    ]);
    expect(await logs("hello", "&status=4xx&level=warn")).toEqual(entries.slice(1));
    expect(await logs("hello", "&contains=LISTENING")).toEqual(entries.slice(0, 1));
    expect(await logs("hello", "&since=2999-01-01T00:00:00Z")).toEqual([]);
  });

  it("can be followed", async ({ expect }) => {
    const stop = new AbortController();
    const response = await fetch(`${plane.base}/applications/hello/logs?follow=true&contains=followed`, {
      headers: { authorization: `Bearer ${TOKEN}` },
      signal: stop.signal,
    });
    await plane.ingress("hello", "/followed");
    let text = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += new TextDecoder().decode(chunk);
      if (/"path\\":\\"\/followed/.test(text)) break;
    }
    stop.abort();
    expect(text).toContain("event: LogEntry");
  });

  it("gets SIGTERM at once, and its exit code is that of the container", async ({ expect }) => {
    const [instance] = await plane.instances("hello");
    await plane.call("POST", `/applications/hello/instances/${instance?.id}/stop`);
    const ended = await eventually(async () => {
      const [now] = await plane.instances("hello");
      return now?.status.state === "stopped" && now;
    });
    // It would be 137 at the end of the grace.
    expect(ended.status).toMatchObject({ exit_code: 0 });
    const one = await plane.call("GET", `/applications/hello/instances/${instance?.id}/logs`);
    expect([one.status, one.errors[0]?.message]).toEqual([404, expect.stringContaining("not_running")]);
  });

  it("keeps the newest of what it prints, when that is more than the ring", async ({ expect }) => {
    const lines = 40_000;
    const program = `for (let i = 1; i <= ${lines}; i++) console.log("line " + i + " " + "x".repeat(60));
      require("http").createServer((q, a) => a.end("ok")).listen(8080)`;
    await running("loud", {
      image: "hello-world",
      entrypoint: ["/bin/sh", "/gantry-init", "node", "--eval", program],
    });
    const [newest] = await eventually(async () => {
      const found = await logs("loud", `&contains=${encodeURIComponent(`line ${lines} `)}`);
      return found.length === 1 && found;
    });
    expect(newest?.sequence).toBe(lines);
    const [oldest] = await logs("loud", "&limit=1");
    expect(oldest?.sequence).toBeGreaterThan(lines - 16_000);
    expect(oldest?.sequence).toBeLessThan(lines - 4_000);
  });
});

describe("an image", () => {
  it("without the init says so", async ({ expect }) => {
    await running("plain", { image: "behaves" });
    expect(await cause("plain")).toEqual([404, "LOGS_NOT_AVAILABLE", "no_init"]);
  });

  it("whose init is passed over is told from one without", async ({ expect }) => {
    const [, ...args] = reader("another 1", BEGINNING);
    expect((await run("--entrypoint", "/bin/sh", image, ...args)).code).toBe(8);
  });

  it("has logs by the two lines of the documentation", async ({ expect }) => {
    await running("logged", { image: "logged" });
    expect(await eventually(async () => (await logs("logged"))[0])).toMatchObject({
      message: "[warn] mine",
      level: "warn",
    });
  });

  it("runs jobs as one without the init", async ({ expect }) => {
    const id = await plane.create("jobs", { instances: 0, jobs: true, configuration: { image: "hello-world" } });
    const entrypoint = ["node", "/app/server.js", "job", "--print", "out", "--error", "ERROR err", "--exit", "3"];
    await plane.call("POST", `/applications/${id}/jobs`, { name: "once", entrypoint, retries: 0 });
    const { result } = await plane.call("GET", `/applications/${id}/jobs/once/wait?state=finished&timeout=25s`);
    expect(result.status.state).toBe("failed");
    const attempts = (await plane.call("GET", `/applications/${id}/jobs/once/attempts`)).result;
    expect(attempts).toMatchObject([{ exit_code: 3 }]);
    const printed = await logs(id, "&job=once");
    expect(printed.map(({ message, stream }) => [message, stream])).toEqual([
      ["ERROR err", "stderr"],
      ["out", "stdout"],
    ]);
  });
});

describe("the init in a container", () => {
  it("keeps exit code and output, and logs wherever it may write", async ({ expect }) => {
    const [plain, readOnly] = await Promise.all([
      run(image, ...command("/tmp")),
      run("--read-only", image, ...command("/dev/shm")),
    ]);
    expect([plain, readOnly]).toEqual([
      { code: 7, stdout: "kept\nkept\n" },
      { code: 7, stdout: "kept\nkept\n" },
    ]);
  });

  it("only runs the command where it may write nowhere, or the disk is full", async ({ expect }) => {
    const nowhere = ["--read-only", "--tmpfs", "/dev/shm:ro"];
    const full = ["--tmpfs", "/tmp:size=4k", "--tmpfs", "/dev/shm:size=4k", "--tmpfs", "/run:size=4k"];
    const loud = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done; exit 5";
    const [bare, filled] = await Promise.all([
      run(...nowhere, image, "/bin/sh", "-c", "echo bare $$; exit 6"),
      run(...full, image, "/bin/sh", "-c", loud),
    ]);
    // Process 1: nothing stands before it.
    expect(bare).toEqual({ code: 6, stdout: "bare 1\n" });
    expect([filled.code, filled.stdout.split("\n").length]).toEqual([5, 3_001]);
  });
});
