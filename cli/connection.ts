/** Where the control plane is and who is calling: flags, then the environment, then what `npm start` left on this machine. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { createClient, type Client } from "../src/sdk/client/index.ts";
import type { Io } from "./io.ts";
import { problem, ProblemsError } from "./problems.ts";

const LOCAL_URL = "http://127.0.0.1:8787";

export interface ConnectionFlags {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly accountId?: string | undefined;
}

export async function connect(io: Io, flags: ConnectionFlags): Promise<Client> {
  const baseUrl = baseUrlOf(io, flags);
  const token = await tokenOf(io, flags);
  const accountId = accountOf(io, flags);
  const reach = (request: Request) => fetch(request).catch((error: unknown) => unreachable(baseUrl, request, error));
  return createClient({ baseUrl, token, fetch: reach, ...(accountId === undefined ? {} : { accountId }) });
}

export async function tokenOf(io: Io, flags: ConnectionFlags): Promise<string> {
  const isHere = isLocal(baseUrlOf(io, flags));
  const token = flags.token ?? given(io.env["GANTRY_TOKEN"]) ?? (isHere ? await localToken(io.cwd) : null);
  if (token !== null) return token;
  throw new ProblemsError([
    problem("there is no token: set GANTRY_TOKEN, or give --token (npm start keeps one in .dev.vars)"),
  ]);
}

/** Undefined: the token's. */
export function accountOf(io: Io, { accountId }: ConnectionFlags): string | undefined {
  return accountId ?? given(io.env["GANTRY_ACCOUNT_ID"]);
}

export function baseUrlOf(io: Io, { url }: ConnectionFlags): string {
  return url ?? given(io.env["GANTRY_URL"]) ?? LOCAL_URL;
}

/** `fetch failed` tells nobody what to do. */
function unreachable(url: string, { signal }: Request, error: unknown): never {
  if (signal.aborted) throw error;
  const { cause } = error instanceof Error ? error : { cause: undefined };
  const why = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  throw new Error(`${url} does not answer${why}: start it, or name another with --url or GANTRY_URL`, { cause: error });
}

function given(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/** A token of this machine goes to this machine only. */
function isLocal(url: string): boolean {
  return URL.canParse(url) && ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname);
}

/** Of the control plane's folder, which this one is or is in. */
async function localToken(folder: string): Promise<string | null> {
  for (let at = folder; ; at = dirname(at)) {
    const text = await readFile(join(at, ".dev.vars"), "utf8").catch(() => null);
    const token = text === null ? undefined : parseEnv(text)["GANTRY_ADMIN_TOKEN"];
    if (token !== undefined && token !== "") return token;
    if (dirname(at) === at) return null;
  }
}
