/**
 * On a developer's machine: the launcher's helper, which has the Docker engine, is asked on loopback to load an image.
 * It gets credentials that end within minutes, and answers with lines of progress.
 */
import * as z from "zod";
import { masterKeys } from "../../sealing.ts";
import { issueCredentials, REGISTRY_USER } from "../credentials.ts";
import type { ImageBackend } from "./backend.ts";
import { OWN_REGISTRY, type Pin } from "./pin.ts";
import { ImageFailure } from "./progress.ts";
import { loginFor } from "../registry-for.ts";

const CREDENTIALS_MS = 3_600_000;
/** The helper says something every few seconds, or it is gone. */
const SILENCE_MS = 60_000;
const MAX_LINE = 65_536;

const loaderLine = z.discriminatedUnion("state", [
  z.object({ state: z.literal("mirroring"), percent: z.number().min(0).max(100).optional() }),
  z.object({ state: z.literal("preparing") }),
  z.object({ state: z.literal("alive") }),
  z.object({ state: z.literal("ready"), image: z.string().min(1) }),
  z.object({ state: z.literal("error"), reason: z.string(), passing: z.boolean() }),
]);

/** Null where the launcher has none. */
export function loaderBackend(env: Env): ImageBackend | null {
  const vars: { readonly GANTRY_IMAGE_LOADER_URL?: string; readonly GANTRY_IMAGE_LOADER_TOKEN?: string } = env;
  const { GANTRY_IMAGE_LOADER_URL: url = "", GANTRY_IMAGE_LOADER_TOKEN: token = "" } = vars;
  if (url === "" || token === "") return null;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return {
    make: async (pin, accountId, tell) => {
      const body = JSON.stringify({ ...pin, ...(await access(env, accountId, pin)) });
      const silence = new AbortController();
      const timer = { id: setTimeout(() => silence.abort(), SILENCE_MS) };
      try {
        const answer = await fetch(`${url}/images`, { method: "POST", headers, body, signal: silence.signal });
        if (answer.status !== 200 || answer.body === null) {
          throw failed(`the loader of images answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
        }
        for await (const text of linesOf(answer.body)) {
          clearTimeout(timer.id);
          timer.id = setTimeout(() => silence.abort(), SILENCE_MS);
          const line = loaderLine.parse(JSON.parse(text));
          if (line.state === "ready") return line.image;
          if (line.state === "error") throw new ImageFailure(line.reason, { isPassing: line.passing });
          if (line.state === "mirroring") {
            tell({ state: "mirroring", ...(line.percent === undefined ? {} : { percent: line.percent }) });
          }
          if (line.state === "preparing") tell({ state: "preparing" });
        }
        throw failed("the loader of images broke off");
      } catch (error) {
        if (error instanceof ImageFailure) throw error;
        throw failed(`the loader of images could not be asked: ${String(error)}`);
      } finally {
        clearTimeout(timer.id);
      }
    },
    drop: async ({ digest }) => {
      const answer = await fetch(`${url}/images/${digest}`, { method: "DELETE", headers });
      await answer.body?.cancel();
    },
  };
}

function failed(reason: string): ImageFailure {
  return new ImageFailure(reason, { isPassing: true });
}

/** What the registry is asked with; `domain` is null where it is Gantry's own, whose address the helper knows. */
async function access(env: Env, accountId: string, { domain, repository }: Pin): Promise<object> {
  if (domain !== OWN_REGISTRY) {
    const login = await loginFor(env, accountId, domain);
    return login === null ? {} : { username: login.user, password: login.password };
  }
  const expiresAt = Date.now() + CREDENTIALS_MS;
  const grant = { accountId, permissions: ["pull"] as const, repositories: [repository], expiresAt };
  const password = await issueCredentials(masterKeys(env), grant);
  return { domain: null, repository: `${accountId}/${repository}`, username: REGISTRY_USER, password };
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    rest += value;
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield line;
    if (rest.length > MAX_LINE) throw new Error("a line without an end");
  }
  if (rest.trim() !== "") yield rest;
}
