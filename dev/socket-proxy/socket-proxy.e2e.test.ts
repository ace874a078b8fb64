import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, it } from "vitest";
import { startContainerBackend, type ContainerBackend } from "../launcher/container-backend.ts";
import { listContainers } from "../launcher/containers.ts";
import { NODE_IMAGE } from "../runtime/base-image.ts";
import { findEngine } from "../runtime/engine.ts";

const PROJECT = `${import.meta.dirname}/../..`;
const run = promisify(execFile);
let backend: ContainerBackend;
let env: NodeJS.ProcessEnv;
const docker = async (...args: string[]) => (await run("docker", args, { env })).stdout.trim();

beforeAll(async () => {
  backend = await startContainerBackend({ projectDir: PROJECT, log: () => undefined });
  env = { ...process.env, ...backend.env };
});
afterAll(() => backend.close());

const SLEEP = ["node", "-e", "setInterval(() => {}, 1000)"];

describe("the real docker CLI through the proxy", () => {
  it("creates containers that Docker does not restart, labelled with their session", async ({ expect }) => {
    const id = await docker("create", "--restart", "on-failure", "--label", "a=b", NODE_IMAGE, ...SLEEP);
    const [container] = JSON.parse(await docker("inspect", id));
    expect(container.HostConfig.RestartPolicy.Name).toBe("no");
    expect(container.Config.Labels).toMatchObject({ a: "b", "dev.gantry.session": backend.session });
  });

  it("passes exec with its input, output and exit code", async ({ expect }) => {
    const id = await docker("run", "--detach", NODE_IMAGE, ...SLEEP);
    const child = spawn("docker", ["exec", "-i", id, "node", "-e", ECHO], { env });
    const exit = once(child, "exit");
    child.stdin.end("hello");
    expect(await text(child.stdout)).toBe("echo hello");
    expect((await exit)[0]).toBe(7);
  });

  it("passes a run in the foreground with its output and exit code", async ({ expect }) => {
    const failed = await run("docker", ["run", "--rm", NODE_IMAGE, "node", "-e", "console.log(1); process.exit(3)"], {
      env,
    }).catch((error: { code: number; stdout: string }) => error);
    expect(failed).toMatchObject({ code: 3, stdout: "1\n" });
  });

  it("removes the containers of its session and no others", async ({ expect }) => {
    const stranger = await startContainerBackend({ projectDir: PROJECT, log: () => undefined });
    const theirs = (
      await run("docker", ["create", "--name", `gantry-test-${randomUUID()}`, NODE_IMAGE], {
        env: { ...process.env, ...stranger.env },
      })
    ).stdout.trim();
    await docker("run", "--detach", NODE_IMAGE, ...SLEEP);
    expect(await backend.removeContainers()).toBeGreaterThan(0);
    const socket = (await findEngine()) ?? "";
    expect(await listContainers(socket, `dev.gantry.session=${backend.session}`)).toEqual([]);
    expect((await listContainers(socket, `dev.gantry.session=${stranger.session}`)).map(({ id }) => id)).toEqual([
      theirs,
    ]);
    await stranger.close();
    expect(await listContainers(socket, `dev.gantry.session=${stranger.session}`)).toEqual([]);
  });
});

const ECHO = `let s = ""; process.stdin.on("data", (d) => (s += d)).on("end", () => { process.stdout.write("echo " + s); process.exitCode = 7; })`;
