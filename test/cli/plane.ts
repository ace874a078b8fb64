/** A control plane for the tests of commands, an account of its own for each, and connections that are cut. */
import { startServer, TOKEN, type Server } from "../contract/server.ts";
import { createClient } from "../../src/sdk/client/index.ts";
import type { Io } from "../../cli/io.ts";
import { apiOver, type Api } from "../../cli/api.ts";
import { run } from "../../cli/program.ts";

let server: Server | null = null;

export async function startPlane(): Promise<void> {
  server = await startServer();
}

export async function stopPlane(): Promise<void> {
  await server?.close();
}

export function origin(): string {
  if (server === null) throw new Error("the control plane was not started");
  return server.origin.origin;
}

export interface Account {
  readonly id: string;
  readonly api: Api;
}

export async function newAccount(): Promise<Account> {
  const response = await fetch(`${origin()}/client/v4/accounts`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "test" }),
  });
  const { result }: { result: { id: string } } = JSON.parse(await response.text());
  return { id: result.id, api: apiOf(result.id) };
}

function apiOf(accountId: string): Api {
  return apiOver(createClient({ baseUrl: origin(), token: TOKEN, accountId }), { sleep: async () => undefined });
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly account: Account;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly url?: string;
}

/** A command as a terminal runs it. Pauses are short. */
export async function gantry(options: RunOptions, ...args: readonly string[]): Promise<Ran> {
  const { account, stdin = "", env = {}, cwd = import.meta.dirname, url = origin() } = options;
  let [out, err] = ["", ""];
  const io: Io = {
    env: { GANTRY_URL: url, GANTRY_TOKEN: TOKEN, GANTRY_ACCOUNT_ID: account.id, ...env },
    cwd,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    stdin: async () => stdin,
    now: Date.now,
    sleep: (ms) => new Promise((resolve) => void setTimeout(resolve, Math.min(ms, 20))),
  };
  const code = await run(io, args);
  return { code, out, err };
}
