/** Tools through whole chats: what the model asks for runs in the real server's sandbox, and what it may not do it is told. */
import { createServer, type Server } from "node:http";
import { mkdtemp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, it, vi } from "vitest";
import { AgentProcess } from "./testing/agent-process.ts";
import { MessagesApi } from "./testing/messages-api.ts";

const KEY = "sk-ant-test-of-the-tools";
const api = new MessagesApi(KEY);
let agent: AgentProcess;
let baseUrl: string;
let site: Server;
let siteUrl: string;
let outside: string;
let workDir: string;

beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), "agent-test-"));
  workDir = join(outside, "work");
  await mkdir(workDir);
  await writeFile(join(outside, "secret.txt"), "of nobody's business");
  site = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    if (pathname === "/large") response.end("x".repeat(100_000));
    else if (pathname === "/away") response.writeHead(302, { location: "/echo" }).end();
    else if (pathname === "/circle") response.writeHead(302, { location: "/circle" }).end();
    else if (pathname === "/slow") response.write("one");
    else response.end(`${request.method} ${pathname} ${String(request.headers["x-mine"] ?? "none")}`);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  baseUrl = (await api.start()).replace("127.0.0.1", "localhost");
  agent = await AgentProcess.start({
    ANTHROPIC_BASE_URL: baseUrl,
    ANTHROPIC_API_KEY: KEY,
    AGENT_WORK_DIR: workDir,
    AGENT_SHELL_MS: "2000",
    AGENT_OUTPUT_BYTES: "4096",
    AGENT_FETCH_MS: "500",
    AGENT_APPROVAL_MS: "1500",
    AGENT_MAX_TURNS: "3",
  });
});
afterAll(async () => {
  await agent.stop();
  await api.stop();
  site.closeAllConnections();
  site.close();
  await rm(outside, { recursive: true });
});
beforeEach(async () => void (await agent.call("DELETE", "/history")));

/** What the model is told. */
async function told(name: string, input: object): Promise<string> {
  const { status, body } = await agent.chat(`tool ${name} ${JSON.stringify(input)}`, { tools: true, approval: "auto" });
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body.response;
}

const shell = async (command: string) => await told("shell", { command });

const taking = (megabytes: number) =>
  `exec ${process.execPath} -e 'const a = Buffer.alloc(${megabytes} * 1048576, 1); console.log("took", a.length)'`;

describe("the shell", () => {
  it("runs in the work folder and says how it ended", async ({ expect }) => {
    expect(await shell("pwd; echo problem >&2; exit 3")).toBe(`error: ${workDir}\nproblem\n[exit code 3]`);
    expect(await shell("printf hi")).toBe("hi\n[exit code 0]");
  });

  it("has an environment of its own", async ({ expect }) => {
    const env = await shell("env");
    expect(env).toContain(`HOME=${workDir}`);
    expect(env).not.toContain(KEY);
    expect(env).not.toMatch(/ANTHROPIC|AGENT_|GANTRY/);
  });

  it("is ended with all that it has started when its time is over", async ({ expect }) => {
    const marker = join(workDir, "still-here");
    expect(await shell(`(sleep 4; touch ${marker}) & sleep 30`)).toMatch(/^error: \[killed after 2 s\]$/);
    expect(await shell(`sleep 3 & echo $!`)).toMatch(/^\d+\n\[exit code 0\]$/);
    const pid = Number((await shell(`sleep 60 & echo $!`)).split("\n")[0]);
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), { timeout: 10_000 });
  });

  it("is ended when it prints too much", async ({ expect }) => {
    const said = await shell("yes");
    expect(said).toContain("[killed: more than 4096 bytes of output]");
    expect(said.length).toBeLessThan(4_300);
  });

  it("has so much memory, and no more", async ({ expect }) => {
    expect(await shell(taking(64))).toContain("took");
    expect(await shell(taking(1_100))).not.toContain("took");
  });
});

describe("files", () => {
  it("are written, read and listed below the work folder", async ({ expect }) => {
    expect(await told("write_file", { path: "a/b/c.txt", content: "grüße" })).toBe("wrote 7 bytes to a/b/c.txt");
    expect(await readFile(join(workDir, "a/b/c.txt"), "utf8")).toBe("grüße");
    expect(await told("read_file", { path: "a/b/c.txt" })).toBe("grüße");
    expect(await told("write_file", { path: "a/b/c.txt", content: "x" })).toContain("wrote 1");
    expect(await told("read_file", { path: join(workDir, "a/b/c.txt") })).toBe("x");
    expect(await told("list_files", { path: "a" })).toBe("b/");
    expect(await told("read_file", { path: "nothing" })).toContain("ENOENT");
    expect(await told("read_file", { path: "a" })).toContain("folder");
  });

  it("are cut where they are long", async ({ expect }) => {
    await writeFile(join(workDir, "long"), "y".repeat(5_000));
    expect(await told("read_file", { path: "long" })).toMatch(/^y{4096}\n\[cut: 904 more bytes\]$/);
  });

  it("of outside are refused, whichever way they are named", async ({ expect }) => {
    await symlink(join(outside, "secret.txt"), join(workDir, "link"));
    await symlink(outside, join(workDir, "up"));
    await symlink(join(outside, "made"), join(workDir, "dangling"));
    const ways = [
      "../secret.txt",
      "/etc/passwd",
      "a/../../secret.txt",
      "link",
      "up/secret.txt",
      "dangling",
      "up/work/long",
    ];
    for (const path of ways) {
      expect(await told("read_file", { path })).toMatch(/^error: /);
      expect(await told("write_file", { path, content: "overwritten" })).toMatch(/^error: /);
    }
    for (const path of ["..", "/", "up"]) expect(await told("list_files", { path })).toMatch(/^error: /);
    await shell("ln ../secret.txt hard; mkfifo pipe");
    expect(await told("read_file", { path: "hard" })).toMatch(/^error: /);
    expect(await told("read_file", { path: "pipe" })).toMatch(/^error: /);
    expect(await readFile(join(outside, "secret.txt"), "utf8")).toBe("of nobody's business");
    expect(await shell("ls ..")).not.toContain("made");
  });
});

describe("fetch", () => {
  it("makes a request and follows redirects without the headers of the first", async ({ expect }) => {
    const headers = { "x-mine": "yes" };
    expect(await told("fetch", { url: `${siteUrl}/echo`, method: "post", body: "x", headers })).toBe(
      "HTTP 200\n\nPOST /echo yes",
    );
    expect(await told("fetch", { url: `${siteUrl}/away`, headers })).toBe("HTTP 200\n\nGET /echo none");
    expect(await told("fetch", { url: `${siteUrl}/circle` })).toContain("more than 5 redirects");
  });

  it("is cut where it is long, and ended where it takes long", async ({ expect }) => {
    expect(await told("fetch", { url: `${siteUrl}/large` })).toContain("[cut at 4096 bytes]");
    expect(await told("fetch", { url: `${siteUrl}/slow` })).toBe("error: no answer within 0.5 s");
  });

  it("is not for the API, which would take its key, nor for Gantry's own names", async ({ expect }) => {
    const before = api.received.length;
    for (const url of [
      "http://localhost/v1/messages",
      "http://localhost./",
      "http://kv.gantry.internal/x",
      "file:///etc/passwd",
    ]) {
      expect(await told("fetch", { url })).toMatch(/^error: /);
    }
    expect(api.received.slice(before).every(({ path }) => path === "/v1/messages")).toBe(true);
    expect(await told("fetch", { url: "http://user:word@example.com/" })).toContain("credentials");
  });
});

describe("a call", () => {
  it("of no tool, or with a wrong input, is answered to the model", async ({ expect }) => {
    expect(await told("format_disk", {})).toContain("there is no tool format_disk");
    expect(await told("shell", { cmd: "x" })).toContain("command of shell must be a string");
    expect(await told("shell", { command: "x", timeout: 1 })).toContain("shell has no field timeout");
  });

  it("is possible for those tools only that the chat names", async ({ expect }) => {
    const { body } = await agent.chat('tool shell {"command":"id"}', { tools: ["read_file"], approval: "auto" });
    expect(body.response).toContain("there is no tool shell; there are read_file");
    const none = await agent.chat('tool shell {"command":"id"}', { tools: true, approval: "none" });
    expect(none.body.response).toBe('5: tool shell {"command":"id"}');
    expect(api.last.body).not.toHaveProperty("tools");
  });

  it("of a tool that cannot be run is no end of the chat", async ({ expect }) => {
    const blocked = await AgentProcess.start({
      ANTHROPIC_BASE_URL: baseUrl,
      ANTHROPIC_API_KEY: KEY,
      AGENT_WORK_DIR: join(outside, "secret.txt", "work"),
    });
    try {
      const { status, body } = await blocked.chat("tool list_files {}", { tools: true, approval: "auto" });
      expect([status, body.response]).toEqual([200, expect.stringContaining("list_files could not be run: ENOTDIR")]);
    } finally {
      await blocked.stop();
    }
  });

  it("comes so often, and then the model has to answer", async ({ expect }) => {
    const before = api.received.length;
    const { body } = await agent.chat("again 9 echo hi", { tools: ["shell"], approval: "auto" });
    expect([body.tool_calls, api.received.length - before, body.usage.output_tokens]).toEqual([3, 4, 3 * 7 + 5]);
    expect(api.last.body.tool_choice).toEqual({ type: "none" });
    expect((await agent.chat("and now?")).body.response).toBe("9: and now?");
  });

  it("waits for somebody to approve it, where that is asked for", async ({ expect }) => {
    const stream = agent.stream('tool shell {"command":"echo ran"}', { tools: ["shell"] });
    const types: string[] = [];
    for await (const { type, data } of stream) {
      types.push(type);
      if (type !== "approval") continue;
      expect(data).toMatchObject({ tool: "shell", input: { command: "echo ran" } });
      expect((await agent.call("GET", "/approvals")).body.approvals).toEqual([data]);
      const wrong = await agent.call("POST", `/approvals/${data.id}`, { approve: "yes" });
      expect([wrong.status, Object.keys(wrong.body.error.details.fields)]).toEqual([400, ["approve"]]);
      expect((await agent.call("POST", `/approvals/${data.id}`, { approve: true })).status).toBe(200);
      expect((await agent.call("POST", `/approvals/${data.id}`, { approve: true })).status).toBe(404);
    }
    expect(types).toEqual(["start", "tool_use", "approval", "tool_result", "start", "text", "text", "done"]);
  });

  it("does not run when it is denied, or nobody says anything", async ({ expect }) => {
    const command = JSON.stringify({ command: "touch ran-all-the-same" });
    const asked = agent.chat(`tool shell ${command}`, { tools: ["shell"], approval: "ask" });
    const id = await vi.waitFor(async () => {
      const [first] = (await agent.call("GET", "/approvals")).body.approvals;
      expect(first).toBeDefined();
      return first.id;
    });
    await agent.call("POST", `/approvals/${id}`, { approve: false });
    expect((await asked).body.response).toContain("the user has denied this call");
    const late = await agent.chat(`tool shell ${command}`, { tools: ["shell"] });
    expect(late.body.response).toContain("nobody has approved this call in time");
    expect(await shell("ls")).not.toContain("ran-all-the-same");
  });

  it("ends with its client", async ({ expect }) => {
    const gone = new AbortController();
    const command = JSON.stringify({ command: "echo $$ > pid; sleep 30" });
    const stream = agent.stream(`tool shell ${command}`, { tools: ["shell"], approval: "auto" }, gone.signal);
    expect([(await stream.next()).value?.type, (await stream.next()).value?.type]).toEqual(["start", "tool_use"]);
    const pid = await vi.waitFor(async () => {
      const text = await readFile(join(workDir, "pid"), "utf8");
      expect(text).not.toBe("");
      return Number(text);
    });
    gone.abort();
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), { timeout: 10_000 });
  });
});
