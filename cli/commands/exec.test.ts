import { describe, it } from "vitest";
import { commandDigest } from "../../src/exec-challenge.ts";
import { createClient } from "../../src/sdk/client/index.ts";
import type { Io } from "../io.ts";
import { runSigned, type ExecFlags } from "./exec.ts";

const INSTANCE = { id: "abcd", name: "0", deployment_id: "auto-0-x-y" };

interface Asked {
  readonly path: string;
  readonly body: Record<string, unknown> | null;
}

interface Plane {
  readonly instances?: readonly (typeof INSTANCE)[];
  /** What the challenge says. */
  readonly deployment?: string;
  readonly digest?: string;
}

const RESULT = {
  exit_code: 7,
  stdout: "out\n",
  stderr: "err\n",
  signed_by: { key_id: "k", name: "me", fingerprint: "f" },
};

async function told(command: readonly string[], flags: ExecFlags = {}, plane: Plane = {}) {
  const asked: Asked[] = [];
  const said = { out: "", err: "" };
  const signed: string[][] = [];
  const io: Io = {
    env: { HOME: "/home/me" },
    cwd: "/home/me/web",
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    stdin: async () => "",
    now: () => 0,
    sleep: async () => undefined,
  };
  const reach = async (request: Request) => {
    const path = new URL(request.url).pathname.replace(/^.*\/containers/, "");
    const body = request.method === "POST" ? await request.json<Record<string, unknown>>() : null;
    asked.push({ path, body });
    return Response.json({ success: true, errors: [], messages: [], result: await answerTo(path, body) });
  };
  const answerTo = async (path: string, body: unknown): Promise<unknown> => {
    if (path.endsWith("/challenges")) {
      const digest = plane.digest ?? (await commandDigest(body as Parameters<typeof commandDigest>[0]));
      const words = ["gantry-exec-v1", "account", plane.deployment ?? INSTANCE.deployment_id, digest, "1", "n", "mac"];
      return { challenge: words.join(":"), namespace: "gantry-exec", expires_at: "2026-01-01T00:00:00Z" };
    }
    if (path.endsWith("/exec")) return RESULT;
    return path.endsWith("/instances-v2") ? (plane.instances ?? [INSTANCE]) : INSTANCE;
  };
  const client = createClient({ baseUrl: "http://gantry.test", token: "t", fetch: reach });
  const sign = async (...words: string[]) => {
    signed.push(words);
    return "signature";
  };
  const code = await runSigned(io, client, "web", command, flags, sign);
  return { code, asked, signed, ...said };
}

describe("gantry exec", () => {
  it("signs what it runs, prints both streams, and ends with the command's code", async ({ expect }) => {
    const flags = { cwd: "/srv", env: ["A=1", "B=x=y"], timeout: "5m" };
    const { code, asked, signed, out, err } = await told(["sh", "-c", "exit 7"], flags);
    expect([code, out, err]).toEqual([7, "out\n", "err\n"]);
    const command = {
      command: "sh",
      args: ["-c", "exit 7"],
      cwd: "/srv",
      env: { A: "1", B: "x=y" },
      timeout_ms: 300_000,
      max_output_bytes: 16_000_000,
    };
    const [, challenges, exec] = asked;
    expect(challenges).toEqual({ path: "/applications/web/instances/abcd/exec/challenges", body: command });
    const challenge = exec?.body?.["challenge"];
    expect(exec).toEqual({
      path: "/applications/web/instances/abcd/exec",
      body: { ...command, challenge, signature: "signature" },
    });
    expect(signed).toEqual([["/home/me/.ssh/id_ed25519", "gantry-exec", challenge]]);
  });

  it.for([
    ["~/.ssh/work.pub", "/home/me/.ssh/work.pub"],
    ["keys/id", "/home/me/web/keys/id"],
    ["/keys/id", "/keys/id"],
  ] as const)("takes the key %s", async ([key, file], { expect }) => {
    const { signed } = await told(["true"], { key, instance: "abcd", json: true });
    expect(signed[0]?.[0]).toBe(file);
  });

  it("prints one line of JSON where that is asked for", async ({ expect }) => {
    const { out, err } = await told(["true"], { json: true });
    expect([JSON.parse(out), err]).toEqual([RESULT, ""]);
  });

  it.for([
    ["another command", { digest: "0".repeat(64) }],
    ["another instance", { deployment: "auto-0-x-z" }],
  ] as const)("does not sign for %s", async ([, plane], { expect }) => {
    await expect(told(["true"], {}, plane)).rejects.toThrow("something else");
  });

  it("asks which instance is meant where there are several, and where none runs", async ({ expect }) => {
    const two = [INSTANCE, { ...INSTANCE, id: "efgh", name: "1" }];
    await expect(told(["true"], {}, { instances: two })).rejects.toThrow("--instance (0, 1)");
    await expect(told(["true"], {}, { instances: [] })).rejects.toThrow("no instance");
  });

  it.for([
    [{ env: ["A"] }, "--env"],
    [{ timeout: "soon" }, "--timeout"],
  ] as const)("refuses %j", async ([flags, message], { expect }) => {
    await expect(told(["true"], flags)).rejects.toThrow(message);
  });
});
