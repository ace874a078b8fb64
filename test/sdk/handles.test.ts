/** The contract of handles, on the test double. */
import { createContainers } from "../../src/sdk/containers.ts";
import type { ContainerConfig } from "../../src/sdk/definition/config.ts";
import type { ExecRequest, ExecResult } from "../../src/sdk/binding.ts";
import {
  acceptUpgrade,
  createTestContainers,
  type TerminalSession,
  type TestCall,
} from "../../src/sdk/testing/index.ts";
import { handleContract, type Stage } from "./handle-contract.ts";

handleContract(async (): Promise<Stage> => {
  const received = new Map<string, Map<string, number>>();
  const hanging = new Set<string>();
  const broken = new Map<string, string>();

  async function web(request: Request, { port, instance }: TestCall): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const counts = received.get(pathname) ?? new Map<string, number>();
    received.set(pathname, counts.set(instance, (counts.get(instance) ?? 0) + 1));
    const body = await request.text();
    if (broken.get(pathname) === instance) return new Response("broken", { status: 500 });
    if (pathname === "/busy") return new Response("mine", { status: 429, headers: { "retry-after": "0" } });
    if (pathname === "/down") return new Response("mine", { status: 503, headers: { "retry-after": "0" } });
    if (hanging.has(pathname)) return await new Promise<never>(() => undefined);
    if (pathname === "/ws") return echoSocket();
    const headers = Object.fromEntries(request.headers);
    return Response.json({ port, path: pathname, search, method: request.method, headers, body });
  }

  const { containers, gantry } = createTestContainers({ web: { fetch: web, exec: run, terminal: cat } });
  return {
    web: containers.web,
    unknown: createContainers<{ unknown: ContainerConfig }>(gantry).unknown,
    receivedAt: async (path) => new Map(received.get(path)),
    envOf: async (id) => gantry.instance("web", id).options.env ?? {},
    hangAt: async (path) => void hanging.add(path),
    breakMember: async (path) => void broken.set(path, gantry.pool("web")[1]?.id ?? ""),
  };
});

function run({ command, args = [] }: ExecRequest): ExecResult {
  return { exitCode: command === "fail" ? 3 : 0, stdout: args.join(" "), stderr: "" };
}

function cat(session: TerminalSession): void {
  session.onInput((keys) => {
    if (new TextDecoder().decode(keys) === "\u0004") session.exit(0);
    else session.write(keys);
  });
}

function echoSocket(): Response {
  const { response, socket } = acceptUpgrade();
  socket.addEventListener("message", (event) => socket.send(`echo ${String((event as MessageEvent).data)}`));
  return response;
}
