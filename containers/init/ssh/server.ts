/**
 * The SSH server of Gantry's images: shells and commands for whoever has one of the container's keys, as the user that it
 * runs as. Nothing else: no passwords, no forwarding, no files. Its host key is made anew at each start, since nobody
 * who comes through the control plane's tunnel looks at it.
 */
import ssh2, { type Connection, type ServerChannel, type Session } from "ssh2";
import { hasPty, start, type Started, type Terminal } from "./process.ts";
import { newKeyFile } from "./key-file.ts";
import { doorkeeper, type Doorkeeper, type Welcome } from "./keys.ts";

const { Server } = ssh2;

/** Whoever has not shown a key by then is sent away. */
const LOGIN_MS = 30_000;
const MAX_CONNECTIONS = 64;

/** What OpenSSH has by default, of what is fast. */
const ALGORITHMS = {
  kex: ["curve25519-sha256", "curve25519-sha256@libssh.org"],
  cipher: ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-gcm", "aes128-gcm"],
  serverHostKey: ["ssh-ed25519"],
  compress: ["none"],
} as const;

export interface SshServer {
  readonly port: number;
  close(): void;
}

export interface ServerOptions {
  /** 0: any that is free. */
  readonly port: number;
  /** Lines of an `authorized_keys` file. */
  readonly authorizedKeys: string;
  readonly authorities: string;
  /** What sessions start with. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Resolves when it listens. */
export function serve(options: ServerOptions): Promise<SshServer> {
  const keeper = doorkeeper(options.authorizedKeys, options.authorities);
  const hostKeys = [newKeyFile().privateKey];
  const algorithms = ALGORITHMS as unknown as ssh2.Algorithms;
  const server = new Server({ hostKeys, algorithms, ident: "Gantry" }, (client) => receive(client, keeper, options));
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(options.port, () => {
      const { port } = server.address() as { port: number };
      resolve({ port, close: () => void server.close() });
    });
  });
}

function receive(client: Connection, keeper: Doorkeeper, { env }: ServerOptions): void {
  let welcome: Welcome | null = null;
  const timer = setTimeout(() => client.end(), LOGIN_MS);
  client.on("error", () => undefined);
  client.on("close", () => clearTimeout(timer));
  client.on("authentication", (login) => {
    if (login.method !== "publickey") {
      login.reject(["publickey"]);
      return;
    }
    const { key, signature = null, blob: message = null, username: user } = login;
    welcome = keeper.admit({ algorithm: key.algo, blob: key.data, signature, message, user }, Date.now());
    if (welcome === null) login.reject(["publickey"]);
    else login.accept();
  });
  client.on("ready", () => {
    clearTimeout(timer);
    client.on("session", (accept) => serveSession(accept(), welcome?.mayHavePty === true && hasPty(env), env));
  });
}

/** Variables that a client may set. */
const TAKEN = /^(?:LANG|LC_[A-Z]+)$/;

/** A shell's code for what is there and cannot be run. */
const CANNOT_BEGIN = 126;

function serveSession(session: Session, mayHavePty: boolean, env: ServerOptions["env"]): void {
  const own: Record<string, string> = {};
  let terminal: Terminal | null = null;
  let running: Started | null = null;
  const begin = (channel: ServerChannel, command: string | null) => {
    try {
      running = start(command, { ...env, ...own }, terminal);
    } catch (error) {
      // Of this session only: the others go on.
      channel.stderr.write(`gantry-ssh: ${error instanceof Error ? error.message : String(error)}\n`);
      channel.exit(CANNOT_BEGIN);
      channel.end();
      return;
    }
    connect(channel, running);
  };
  session.on("env", (accept, reject, { key, val }) => {
    if (!TAKEN.test(key)) {
      refuse(reject);
      return;
    }
    own[key] = val;
    agree(accept);
  });
  session.on("pty", (accept, reject, { cols: columns, rows, ...info }) => {
    if (!mayHavePty) {
      refuse(reject);
      return;
    }
    // The types leave it out.
    const { term = "xterm" } = info as { term?: string };
    terminal = { type: term, columns, rows };
    agree(accept);
  });
  session.on("window-change", (accept, _, { cols, rows }) => {
    running?.resize(cols, rows);
    agree(accept);
  });
  session.on("signal", (accept, _, { name }) => {
    running?.signal(`SIG${name}` as NodeJS.Signals);
    agree(accept);
  });
  session.on("shell", (accept) => begin(accept(), null));
  session.on("exec", (accept, _, { command }) => begin(accept(), command));
}

function connect(channel: ServerChannel, { stdin, stdout, stderr, ended, signal }: Started): void {
  let isOver = false;
  channel.on("error", () => undefined);
  channel.on("close", () => {
    if (!isOver) signal("SIGHUP");
  });
  channel.pipe(stdin);
  stdout.pipe(channel, { end: false });
  stderr?.pipe(channel.stderr, { end: false });
  void ended.then((end) => {
    isOver = true;
    if (typeof end === "number") channel.exit(end);
    else channel.exit(end.replace(/^SIG/, ""));
    channel.end();
  });
}

/** There is none where the client wants no answer. */
function agree(accept: unknown): void {
  if (typeof accept === "function") accept();
}

function refuse(reject: unknown): void {
  if (typeof reject === "function") reject();
}
