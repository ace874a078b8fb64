/** `npm start` as a visitor meets it: four applications that answer at their addresses, and a real archive of a real image. */
import { request, type IncomingMessage } from "node:http";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, it } from "vitest";
import { docker, eventually } from "./control-plane.ts";
import { LaunchedPlane } from "./launched-plane.ts";

const plane = new LaunchedPlane({ samples: "on", templates: "on", env: { ANTHROPIC_API_KEY: "sk-ant-of-the-test" } });
const NAMES = ["api-proxy", "claude-agent", "downloader", "hello-world"];

beforeAll(async () => {
  await plane.start();
  // The last of what it does beside the start.
  await eventually(async () => plane.output.includes(`Pushed the image 127.0.0.1:${plane.port}/hello-world`), 240_000);
}, 500_000);

afterAll(async () => {
  const reference = `127.0.0.1:${plane.port}/hello-world:latest`;
  await docker("rmi", reference).catch(() => undefined);
  await plane.remove();
});

/** At its own address, as a browser calls it. */
async function at(name: string, path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const call = request({
    host: "127.0.0.1",
    port: plane.port,
    path,
    headers: { ...headers, host: `${name}.localhost:${plane.port}` },
  });
  call.end();
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  return answer;
}

async function names(): Promise<string[]> {
  return (await plane.call<{ name: string }[]>("GET", "/applications")).map(({ name }) => name).toSorted();
}

describe("npm start", () => {
  it("makes an application of each sample, of which none runs before it is called", async ({ expect }) => {
    expect(await names()).toEqual(NAMES);
    expect(await plane.containersOf("Instance")).toEqual([]);
    expect(plane.output).not.toContain("Could not");
    for (const name of NAMES) expect(plane.output).toContain(`http://${name}.localhost:${plane.port}/`);
  });

  it.for(NAMES)("has %s answer at its address", async (name, { expect }) => {
    const headers: Record<string, string> = { authorization: `Bearer ${await plane.token()}` };
    const answer = await at(name, "/health", headers);
    expect([answer.statusCode, JSON.parse(await text(answer))]).toMatchObject([200, { status: "healthy" }]);
  });

  it("lets nobody at the agent who has no token", async ({ expect }) => {
    const answer = await at("claude-agent", "/health");
    answer.resume();
    expect(answer.statusCode).toBe(401);
  });

  it("gives the agent's key to nobody but egress", async ({ expect }) => {
    const secrets = await plane.call<{ name: string }[]>("GET", "/secrets");
    expect(secrets.map(({ name }) => name)).toEqual(["ANTHROPIC_API_KEY"]);
    const answer = await at("claude-agent", "/health", { authorization: `Bearer ${await plane.token()}` });
    expect(JSON.parse(await text(answer))).toMatchObject({ hasApiKey: true });
  });

  it("gives a visitor an archive of an image of its own registry, which an engine loads", async ({ expect }) => {
    const reference = `127.0.0.1:${plane.port}/hello-world:latest`;
    const archive = await at("downloader", `/api/download?image=${encodeURIComponent(reference)}`);
    expect(archive.statusCode).toBe(200);
    const load = spawn("docker", ["load"], { stdio: ["pipe", "pipe", "inherit"] });
    archive.pipe(load.stdin);
    const [said] = await Promise.all([text(load.stdout), once(load, "exit")]);
    expect(said).toContain(`Loaded image: ${reference}`);
    expect(await docker("run", "--rm", "--network", "none", reference, "node", "/app/server.js", "job")).toContain(
      "attempt 1, index 0",
    );
  });

  it("brings nothing back that was deleted, and changes nothing that was changed", async ({ expect }) => {
    await plane.call("DELETE", "/applications/api-proxy");
    await plane.call("PATCH", "/applications/hello-world", { autoscaling: { min: 0, max: 2, target_concurrency: 5 } });
    await eventually(async () => !(await names()).includes("api-proxy"));
    await plane.interrupt();
    await plane.start();
    await eventually(async () => (await names()).length === NAMES.length - 1);
    expect(plane.output).not.toContain("http://api-proxy.localhost");
    expect(plane.output).toContain(`http://downloader.localhost:${plane.port}/`);
    const answer = await at("hello-world", "/health");
    expect(answer.statusCode).toBe(200);
    answer.resume();
    expect(plane.output).not.toMatch(/Made the|Changed the|Pushed the image|Could not/);
    const changed = await plane.call<{ autoscaling: { max: number } }>("GET", "/applications/hello-world");
    expect(changed.autoscaling.max).toBe(2);
    expect(await names()).not.toContain("api-proxy");
  });
});
