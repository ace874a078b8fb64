/** Jobs on real containers: counted once, whatever becomes of their containers and of the objects that watch them. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, inject, it, onTestFinished } from "vitest";
import { readOutcome, watch, wrapped } from "../../src/jobs/wrapper/wrapper.ts";
import { ControlPlane, docker, eventually, PROJECT_DIR, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
/** While an attempt runs half a second, and as it ends. */
const DROPS = 12;
let application = "";
let made = 0;

beforeAll(async () => {
  await plane.start();
  const configuration = { image: "hello-world", stop_grace: "1s" };
  application = await plane.create("jobs", { instances: 0, job_instances: 20, configuration });
});
afterAll(() => plane.stop());
afterEach(({ task }) => {
  if (task.result?.state === "fail") plane.debug();
});

const path = (job: string, more = "") => `/applications/${application}/jobs/${job}${more}`;

/** Hello-world as a job; what fails is tried again at once. */
function hello(...args: string[]): Record<string, unknown> {
  return { entrypoint: ["node", "/app/server.js", "job", ...args], backoff: 0 };
}

const shell = (script: string) => ({ entrypoint: ["/bin/sh", "-c", script], backoff: 0 });

async function submit(body: Record<string, unknown>): Promise<string> {
  made += 1;
  const asked = { name: `job-${made}`, ...body };
  const { status, result, errors } = await plane.call("POST", `/applications/${application}/jobs`, asked);
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return result.id;
}

/** Asked again when an object was dropped under the question. */
async function ask(url: string) {
  return await eventually(async () => {
    const answer = await plane.call("GET", url).catch(() => null);
    return answer !== null && answer.status < 500 && answer;
  });
}

interface WireStatus {
  readonly state: string;
  readonly reason: string | null;
  readonly succeeded: number;
  readonly failed: number;
  readonly lost: number;
  readonly cancelled: number;
  readonly completed_indexes: string;
}

async function finished(job: string): Promise<WireStatus> {
  return await eventually(async () => {
    const { result } = await ask(path(job));
    return result.finished_at !== null && result.status;
  });
}

interface WireAttempt {
  readonly number: number;
  readonly index: number;
  readonly state: string;
  readonly reason: string | null;
  readonly exit_code: number | null;
  readonly started_at: string | null;
  readonly deployment_id: string;
}

async function attempts(job: string): Promise<WireAttempt[]> {
  return (await ask(path(job, "/attempts?per_page=500"))).result;
}

/** So many attempts run, and a container of each is there. */
async function running(job: string, count: number): Promise<WireAttempt[]> {
  return await eventually(async () => {
    const found = (await attempts(job)).filter(({ state }) => state === "running");
    return found.length === count && found;
  });
}

async function printed(job: string, attempt = 1) {
  return await ask(path(job, `/attempts/${attempt}/logs`));
}

const drop = (kind: "INSTANCE" | "APPLICATION", name: string) => fetch(`${plane.origin}/__test/abort/${kind}/${name}`);

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

/** The workload container of an attempt. */
async function containerOf({ deployment_id: deployment }: WireAttempt): Promise<string> {
  const { result } = await plane.call("GET", `/applications/${application}/instances-v2`);
  const { id } = result.find((one: { deployment_id: string }) => one.deployment_id === deployment);
  return (await workloads(id))[0]?.id ?? "";
}

/** How often the engine starts a workload from now on; it keeps its own list of what has happened for a short while only. */
async function watchStarts(): Promise<() => Promise<number>> {
  const own = `label=dev.gantry.session=${inject("containerSession")}`;
  const filters = ["type=container", "event=start", own].flatMap((filter) => ["--filter", filter]);
  const since = String(Date.now() / 1_000);
  const events = spawn("docker", ["events", "--since", since, ...filters, "--format", "{{.Actor.Attributes.name}}"], {
    env: process.env,
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(() => void events.kill());
  const names: string[] = [];
  createInterface({ input: events.stdout }).on("line", (name) => names.push(name));
  return async () => {
    // What has happened before this has been told before its own start.
    const marker = `gantry-marker-${crypto.randomUUID()}`;
    await docker(
      "run",
      "--rm",
      "--name",
      marker,
      "--label",
      own.slice("label=".length),
      "node:24-slim",
      "node",
      "--version",
    );
    await eventually(async () => names.includes(marker));
    return names.filter((name) => name.includes("Instance") && !name.endsWith("-proxy")).length;
  };
}

describe("a job", () => {
  it("that fails once for each index and then succeeds is counted exactly, and never too parallel", async ({
    expect,
  }) => {
    const job = await submit({
      ...hello("--fail-first", "1", "--exit", "3"),
      completions: 3,
      parallelism: 2,
      retries: 3,
    });
    let most = 0;
    const status = await eventually(async () => {
      most = Math.max(most, (await workloads()).length);
      const { result } = await ask(path(job));
      return result.finished_at !== null && result.status;
    });
    expect(await workloads()).toEqual([]);
    expect(status).toMatchObject({ state: "succeeded", succeeded: 3, failed: 3, lost: 0, completed_indexes: "0-2" });
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(2);
    const ended = (await attempts(job)).map(({ index, exit_code: code }) => `${index}: ${code}`);
    expect(ended.toSorted()).toEqual(["0: 0", "0: 3", "1: 0", "1: 3", "2: 0", "2: 3"]);
  });

  it("whose containers vanish has lost attempts, tries them again, and has used up no retries", async ({ expect }) => {
    const script = 'echo "try $GANTRY_ATTEMPT"; [ "$GANTRY_ATTEMPT" -gt 2 ] || sleep 60';
    const job = await submit({ ...shell(script), completions: 2, parallelism: 2, retries: 0 });
    const strict = await submit({ ...shell("sleep 60"), loss_retries: 0, retries: 5 });
    const [first, second] = (await running(job, 2)) as [WireAttempt, WireAttempt];
    const [third] = (await running(strict, 1)) as [WireAttempt];
    await docker("rm", "-f", await containerOf(first));
    await docker("kill", await containerOf(second));
    await docker("kill", await containerOf(third));
    expect(await finished(job)).toMatchObject({ state: "succeeded", succeeded: 2, failed: 0, lost: 2 });
    const ended = await attempts(job);
    expect(ended.map(({ number, state }) => `${number} ${state}`)).toEqual([
      "1 lost",
      "2 lost",
      "3 succeeded",
      "4 succeeded",
    ]);
    expect((await printed(job, 4)).result.stdout).toBe("try 4\n");
    expect(await finished(strict)).toMatchObject({
      state: "failed",
      reason: "LossLimitExceeded",
      succeeded: 0,
      lost: 1,
    });
  });

  it("that exits with 3 runs once for each attempt, shell or not", async ({ expect }) => {
    const starts = await watchStarts();
    const jobs = [
      await submit({ ...hello("--exit", "3"), retries: 1 }),
      await submit({ ...hello("--exit", "3"), shell: false, retries: 1 }),
    ];
    for (const job of jobs) {
      expect(await finished(job)).toMatchObject({ reason: "BackoffLimitExceeded", failed: 2, lost: 0 });
      expect((await attempts(job)).map(({ exit_code: code }) => code)).toEqual([3, 3]);
    }
    expect(await starts()).toBe(4);
    expect(await workloads()).toEqual([]);
  });

  it("keeps code and output when its objects are dropped while it runs, as it ends, and afterwards", async ({
    expect,
  }) => {
    const starts = await watchStarts();
    const job = await submit(hello("--print", "said", "--error", "cried", "--sleep", "0.5", "--exit", "3"));
    const [{ deployment_id: deployment }] = (await running(job, 1)) as [WireAttempt];
    const { result: instances } = await plane.call("GET", `/applications/${application}/instances-v2`);
    const { id } = instances.find((one: { deployment_id: string }) => one.deployment_id === deployment);
    for (let dropped = 0; dropped < DROPS; dropped += 1) {
      await pause((dropped * 37) % 150);
      await drop(dropped % 4 === 3 ? "APPLICATION" : "INSTANCE", dropped % 4 === 3 ? application : deployment);
    }
    await eventually(async () => {
      // Who was dropped looks again when its time has come, or somebody asks it.
      await plane.call("GET", `/applications/${application}/instances/${id}/bridge`).catch(() => null);
      return (await ask(path(job))).result.finished_at !== null;
    });
    await drop("APPLICATION", application);
    expect(await finished(job)).toMatchObject({ reason: "BackoffLimitExceeded", failed: 1, lost: 0 });
    const { result } = await printed(job);
    expect(result).toMatchObject({ state: "failed", exit_code: 3, stdout: "said\n", stderr: "cried\n" });
    expect(await attempts(job)).toHaveLength(1);
    expect(await starts()).toBe(1);
    expect(await workloads()).toEqual([]);
  });

  it("that ignores SIGTERM is killed after its grace, and what it said is kept", async ({ expect }) => {
    const stubborn = hello("--term", "ignore", "--sleep", "60");
    const late = await submit({ ...stubborn, deadline: "5s", retries: 5 });
    const slow = await submit({ ...hello("--sleep", "60"), timeout: "4s" });
    expect(await finished(late)).toMatchObject({
      state: "failed",
      reason: "DeadlineExceeded",
      cancelled: 1,
      failed: 0,
    });
    const { result } = await printed(late);
    expect(result).toMatchObject({ state: "cancelled", reason: "DeadlineExceeded" });
    expect(result.stdout).toBe("attempt 1, index 0\nSIGTERM\n");
    expect(await finished(slow)).toMatchObject({ reason: "BackoffLimitExceeded", failed: 1 });
    const timedOut = (await printed(slow)).result;
    expect(timedOut).toMatchObject({ state: "failed", reason: "TimedOut", exit_code: 143 });
    expect(timedOut.stdout).toBe("attempt 1, index 0\nSIGTERM\n");
    expect(await workloads()).toEqual([]);
  });

  it("reads its payload, and what it says over the bridge is a part of its attempt", async ({ expect }) => {
    const program = `(async () => {
      const bridge = "http://control.gantry.internal";
      const send = (path, body) => fetch(bridge + path, { method: "PUT", body: JSON.stringify(body) });
      const { result } = await (await fetch(bridge + "/payload")).json();
      await send("/progress", { fraction: 0.5 });
      await send("/result", { result });
    })()`;
    const job = await submit({ entrypoint: ["node", "--eval", program], name: "payload", payload: "given" });
    expect(await finished(job)).toMatchObject({ state: "succeeded" });
    const value = { job, name: "payload", index: 0, count: 1, attempt: 1, payload: "given" };
    expect(await attempts(job)).toMatchObject([{ progress: { fraction: 0.5 }, result: { value } }]);
  });

  it("that is cancelled while it starts never runs afterwards", async ({ expect }) => {
    for (const delayMs of [0, 150, 400]) {
      const job = await submit(shell("sleep 60"));
      await pause(delayMs);
      await plane.call("PATCH", path(job), { terminate: true });
      expect(await finished(job)).toMatchObject({ state: "cancelled", reason: "Cancelled", succeeded: 0 });
      const starts = await watchStarts();
      expect(await workloads()).toEqual([]);
      expect(await starts()).toBe(0);
    }
  });
});

/** What such an image may run. */
const program = (code: number, ms: number) => ({
  image: "no-shell",
  entrypoint: ["node", "--eval", `setTimeout(() => process.exit(${code}), ${ms})`],
});

async function built(dockerfile: string, tag: string[] = []): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gantry-build-"));
  await writeFile(join(folder, "Dockerfile"), dockerfile);
  const lines = (await docker("build", "-q", ...tag, folder)).split("\n");
  await rm(folder, { recursive: true });
  return lines.at(-1) ?? "";
}

/** Where no registry is in reach, the stand-in of the base image has the same tools. */
async function ensureBusyboxImage(): Promise<void> {
  const isThere = (await docker("images", "-q", "busybox:musl")) !== "";
  if (isThere) return;
  await docker("pull", "-q", "busybox:musl").catch(async () => {
    await built("FROM scratch\nCOPY --from=node:24-slim /bin/ /bin/\n", ["-t", "busybox:musl"]);
  });
}

describe("an image without a shell", () => {
  it("runs as it is: its exit code is known, its output is not, and the answer says why", async ({ expect }) => {
    const starts = await watchStarts();
    const job = await submit(program(5, 2_500));
    await running(job, 1);
    expect(await finished(job)).toMatchObject({ state: "failed", failed: 1, lost: 0 });
    const [attempt] = await attempts(job);
    expect(attempt).toMatchObject({ state: "failed", exit_code: 5, started_at: expect.any(String) });
    const { status, errors } = await printed(job);
    expect([status, errors[0]?.message]).toEqual([404, expect.stringContaining("no shell")]);
    // The shell that is not there was tried once.
    expect(await starts()).toBe(1);
  });

  it("has one with the line that the documentation says", async ({ expect }) => {
    const bridge = await readFile(join(PROJECT_DIR, "docs/bridge.md"), "utf8");
    const line = /^COPY --from=busybox.*$/m.exec(bridge)?.[0] ?? "";
    await ensureBusyboxImage();
    const dockerfile = await readFile(join(import.meta.dirname, "images/no-shell/Dockerfile"), "utf8");
    const image = await built(`${dockerfile}\n${line}\n`);
    const command = wrapped(["node", "--eval", "console.log('said'); process.exit(4)"]);
    const container = await docker("run", "-d", "--entrypoint", command[0] ?? "", image, ...command.slice(1));
    try {
      const seen = readOutcome(Buffer.from(`${await docker("exec", container, ...watch())}\n`));
      expect(seen).toEqual({ exitCode: 4, stdout: "said\n", stderr: "" });
    } finally {
      await docker("rm", "-f", container);
    }
  });

  it("that does not boot either is refused, with the attempt that found out", async ({ expect }) => {
    const job = await submit({ image: "broken" });
    expect(await finished(job)).toMatchObject({ state: "failed", reason: "StartRefused", failed: 1, lost: 0 });
  });
});
