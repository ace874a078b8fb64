/**
 * Debian's docker-registry in the shape of Docker Hub, on loopback: tokens from a server of their own, signed, and blobs at
 * another origin, which refuses whoever brings an `Authorization`.
 */
import { execFile, spawn } from "node:child_process";
import { createSign, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { promisify } from "node:util";
import { eventually } from "./control-plane.ts";
import { freePort, registryTools, type RegistryUser } from "./registry-tools.ts";

const run = promisify(execFile);
const SERVICE = "registry.test";
const ISSUER = "token server";

export interface TokenRegistry {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly user: RegistryUser;
  /** How often each was asked. */
  readonly asked: { tokens: number; blobs: number; refused: number };
  /** Where tokens and blobs really are. */
  readonly origins: { readonly tokens: string; readonly blobs: string };
  /** For whoever cannot ask by the names that it tells: may push to and pull from a repository. */
  token(repository: string): string;
  /** It does not answer any more. */
  stop(): Promise<void>;
}

export interface TokenRegistryOptions {
  /** Whoever brings no password gets a token to pull with, as at Docker Hub. */
  readonly anonymous?: boolean;
  /** What clients are told of where tokens and blobs are, when that is another name of this one's: `https://auth.docker.io`. */
  readonly names?: { readonly tokens: string; readonly blobs: string };
}

/** Whoever has the password may push; without it nobody gets a token, but for what `anonymous` says. */
export async function startTokenRegistry({
  anonymous = false,
  names,
}: TokenRegistryOptions = {}): Promise<TokenRegistry> {
  await registryTools();
  const folder = await mkdtemp(join(tmpdir(), "token-registry-"));
  const user = { user: "robot", password: randomUUID() };
  const asked = { tokens: 0, blobs: 0, refused: 0 };
  const files = { key: join(folder, "key.pem"), certificate: join(folder, "certificate.pem") };
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=tokens"];
  await run("openssl", [...request, "-keyout", files.key, "-out", files.certificate]);
  const key = await readFile(files.key, "utf8");
  const certificate = (await readFile(files.certificate, "utf8")).replaceAll(/-----[^-]+-----|\s/g, "");

  const tokens = await listen((incoming, response) => {
    asked.tokens += 1;
    const expected = `Basic ${Buffer.from(`${user.user}:${user.password}`).toString("base64")}`;
    const given = incoming.headers.authorization;
    const isNobody = anonymous && given === undefined;
    if (given !== expected && !isNobody) return void response.writeHead(401).end("{}");
    const { searchParams } = new URL(incoming.url ?? "/", "http://tokens");
    const scopes = searchParams.getAll("scope");
    const token = signed(isNobody ? scopes.map(pullOnly) : scopes, { key, certificate });
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ token, expires_in: 300 }));
  });
  const data = join(folder, "data");
  const blobs = await listen((incoming, response) => {
    asked.blobs += 1;
    if (incoming.headers.authorization !== undefined) {
      asked.refused += 1;
      return void response.writeHead(400).end("Only one auth mechanism allowed");
    }
    void sendFile(incoming, response, join(data, normalize(`/${(incoming.url ?? "").split("?")[0]}`)));
  });
  const host = `127.0.0.1:${await freePort()}`;
  const origins = { tokens: originOf(tokens), blobs: originOf(blobs) };
  const told = names ?? origins;
  const config = {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
    http: { addr: host, secret: "for a test" },
    auth: {
      token: {
        realm: `${told.tokens}/token`,
        service: SERVICE,
        issuer: ISSUER,
        rootcertbundle: files.certificate,
      },
    },
    middleware: { storage: [{ name: "redirect", options: { baseurl: `${told.blobs}/` } }] },
  };
  await writeFile(join(folder, "config.yml"), JSON.stringify(config));
  const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], { stdio: "ignore" });
  await eventually(async () => (await fetch(`http://${host}/v2/`).catch(() => null))?.status === 401);
  return {
    host,
    user,
    asked,
    origins,
    token: (repository) => signed([`repository:${repository}:push,pull`], { key, certificate }),
    stop: async () => {
      const ended = new Promise((resolve) => {
        child.once("exit", resolve);
      });
      if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await ended;
      for (const server of [tokens, blobs]) {
        server.close();
        server.closeAllConnections();
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const pullOnly = (scope: string) => scope.replace(/:[^:]+$/, ":pull");

/** An RS256 JWT that brings its certificate along. */
function signed(scopes: readonly string[], { key, certificate }: { key: string; certificate: string }): string {
  const access = scopes.flatMap((scope) => {
    const [, type, name, actions = ""] = /^([^:]+):(.+):([^:]+)$/.exec(scope) ?? [];
    return type === undefined ? [] : [{ type, name, actions: actions.split(",") }];
  });
  const now = Math.floor(Date.now() / 1_000);
  const times = { iat: now, nbf: now - 10, exp: now + 300 };
  const payload = { iss: ISSUER, sub: "robot", aud: SERVICE, jti: randomUUID(), ...times, access };
  const header = { typ: "JWT", alg: "RS256", x5c: [certificate] };
  const text = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${createSign("RSA-SHA256").update(text).sign(key).toString("base64url")}`;
}

async function sendFile({ method, headers }: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => null,
  );
  if (size === null) return void response.writeHead(404).end();
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
  const start = Number(from ?? 0);
  const end = to === undefined ? size - 1 : Number(to);
  const part = from === undefined ? {} : { "content-range": `bytes ${start}-${end}/${size}` };
  response.writeHead(from === undefined ? 200 : 206, { "content-length": end - start + 1, ...part });
  if (method === "HEAD") response.end();
  else createReadStream(path, { start, end }).pipe(response);
}

async function listen(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return server;
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
