/** The SSH server of images, by a client: who is let in, what runs, and how it ends. By OpenSSH: `test/e2e/ssh.long.e2e.test.ts`. */
import { generateKeyPairSync, sign } from "node:crypto";
import ssh2 from "ssh2";
import { afterEach, describe, it } from "vitest";
import { joined } from "../../../src/encoding.ts";
import { wireStrings } from "../../../src/ssh-wire.ts";
import { newKeyFile } from "./key-file.ts";
import { doorkeeper } from "./keys.ts";
import { hasPty } from "./process.ts";
import { serve, type SshServer } from "./server.ts";

const { Client, utils } = ssh2;
const servers: SshServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const me = newKeyFile();
const other = newKeyFile();

async function started(authorizedKeys = me.publicKey): Promise<number> {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, INSIDE: "yes" };
  const server = await serve({ port: 0, authorizedKeys, authorities: "", env });
  servers.push(server);
  return server.port;
}

function connected(port: number, privateKey = me.privateKey): Promise<ssh2.Client> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.on("ready", () => resolve(client));
    client.on("error", reject);
    client.connect({ host: "127.0.0.1", port, username: "anybody", privateKey });
  });
}

interface Ran {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ended(channel: ssh2.ClientChannel): Promise<Ran> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  channel.on("data", (chunk: Buffer) => out.push(chunk));
  channel.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve) => {
    let [code, signal]: [number | null, string | null] = [null, null];
    channel.on(
      "exit",
      (exitCode: number | null, exitSignal?: string) => ([code, signal] = [exitCode, exitSignal ?? null]),
    );
    channel.on("close", () =>
      resolve({ code, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
  });
}

interface Opened {
  readonly channel: ssh2.ClientChannel;
  readonly ended: Promise<Ran>;
}

/** All that it says is heard: it may be over within the message that opens it. */
function opened(
  open: (then: (error: Error | undefined, channel: ssh2.ClientChannel) => void) => void,
): Promise<Opened> {
  return new Promise((resolve, reject) => {
    open((error, channel) => (error === undefined ? resolve({ channel, ended: ended(channel) }) : reject(error)));
  });
}

async function run(port: number, command: string, options: ssh2.ExecOptions = {}, input = ""): Promise<Ran> {
  const client = await connected(port);
  const running = await opened((then) => client.exec(command, options, then));
  running.channel.end(input);
  const ran = await running.ended;
  client.end();
  return ran;
}

describe("the SSH server", () => {
  it("runs a command with the container's variables, and gives its streams and its exit code", async ({ expect }) => {
    const port = await started();
    expect(await run(port, "echo $INSIDE; echo err >&2; cat; exit 7", {}, "in")).toEqual({
      code: 7,
      signal: null,
      stdout: "yes\nin",
      stderr: "err\n",
    });
    expect((await run(port, "nothing-of-this-name")).code).toBe(127);
    expect(await run(port, "kill -9 $$")).toMatchObject({ code: null, signal: "SIGKILL" });
  });

  it("carries much in both directions whole", async ({ expect }) => {
    const port = await started();
    const input = "x".repeat(5_000_000);
    expect((await run(port, "cat", {}, input)).stdout).toBe(input);
  });

  it("gives a shell", async ({ expect }) => {
    const client = await connected(await started());
    const shell = await opened((then) => client.shell(false, then));
    shell.channel.end("echo from a shell\nexit 3\n");
    expect(await shell.ended).toMatchObject({ code: 3, stdout: expect.stringContaining("from a shell") });
    client.end();
  });

  it("lets nobody else in, and not without a key", async ({ expect }) => {
    const port = await started();
    await expect(connected(port, other.privateKey)).rejects.toThrow("authentication");
    await expect(connected(await started(""))).rejects.toThrow("authentication");
  });

  it("ends what runs when the client goes", async ({ expect }) => {
    const port = await started();
    const client = await connected(port);
    const printed = Promise.withResolvers<string>();
    await opened((then) =>
      client.exec("echo $$; exec sleep 1000", (error, channel) => {
        channel.once("data", (chunk: Buffer) => printed.resolve(chunk.toString()));
        then(error, channel);
      }),
    );
    const pid = Number(await printed.promise);
    client.destroy();
    const isAlive = () => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    while (isAlive()) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(isAlive()).toBe(false);
  });

  it.runIf(hasPty(process.env))(
    "gives a terminal of the client's size, and the command's exit code",
    async ({ expect }) => {
      const ran = await run(await started(), "stty size; test -t 0 && exit 5", {
        pty: { cols: 123, rows: 45, term: "vt100" },
      });
      expect(ran).toMatchObject({ code: 5, stdout: "45 123\r\n" });
    },
  );

  it("refuses a terminal where there is nothing to make one with, and runs without", async ({ expect }) => {
    expect([hasPty({ PATH: "/nowhere" }), hasPty({})]).toEqual([false, false]);
    const server = await serve({ port: 0, authorizedKeys: me.publicKey, authorities: "", env: { PATH: "/nowhere" } });
    servers.push(server);
    await expect(run(server.port, "exit 0", { pty: true })).rejects.toThrow("pseudo-terminal");
    expect((await run(server.port, "exit 4")).code).toBe(4);
  });
});

describe("a key that is made here", () => {
  it("is one that can be read, each time", ({ expect }) => {
    const read = Array.from({ length: 600 }, () => utils.parseKey(newKeyFile().privateKey));
    expect(read.filter((key) => key instanceof Error)).toEqual([]);
  });
});

/** ed25519 with its line and its wire form. */
function keyPair() {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  const blob = Buffer.from(wireStrings("ssh-ed25519", raw));
  return { privateKey, raw, blob, line: `ssh-ed25519 ${blob.toString("base64")}` };
}

const NOW = 1_800_000_000_000;
const TYPE = "ssh-ed25519-cert-v01@openssh.com";

interface CertificateFields {
  readonly type?: number;
  readonly principals?: readonly string[];
  readonly after?: number;
  readonly before?: number;
  readonly critical?: readonly string[];
  readonly extensions?: readonly string[];
}

function wide(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(Math.floor(value)));
  return bytes;
}

function pairs(names: readonly string[]) {
  return wireStrings(...names.flatMap((name) => [name, ""]));
}

function certificate(
  user: ReturnType<typeof keyPair>,
  authority: ReturnType<typeof keyPair>,
  fields: CertificateFields = {},
) {
  const { type = 1, principals = ["me"], after = 0, before = NOW / 1_000 + 60 } = fields;
  const { critical = [], extensions = ["permit-pty"] } = fields;
  const signed = joined(
    wireStrings(TYPE, "nonce", user.raw),
    wide(7),
    new Uint8Array([0, 0, 0, type]),
    wireStrings("id", wireStrings(...principals)),
    wide(after),
    wide(before),
    wireStrings(pairs(critical), pairs(extensions), "", authority.blob),
  );
  return joined(signed, wireStrings(wireStrings("ssh-ed25519", sign(null, signed, authority.privateKey))));
}

describe("a certificate", () => {
  const [user, authority, stranger] = [keyPair(), keyPair(), keyPair()];
  const message = Buffer.from("what a session signs");
  const admitted = (blob: Uint8Array, signer = user) => {
    const signature = wireStrings("ssh-ed25519", sign(null, message, signer.privateKey));
    const offer = { algorithm: TYPE, blob, signature, message, user: "me" };
    return doorkeeper("", authority.line).admit(offer, NOW);
  };

  it("of a trusted authority lets in whom it names, with the terminal that it permits", ({ expect }) => {
    expect(admitted(certificate(user, authority))).toEqual({ mayHavePty: true });
    expect(admitted(certificate(user, authority, { extensions: [] }))).toEqual({ mayHavePty: false });
    const asked = { algorithm: TYPE, blob: certificate(user, authority), signature: null, message: null, user: "me" };
    expect(doorkeeper("", authority.line).admit(asked, NOW)).toEqual({ mayHavePty: true });
  });

  it.for([
    ["of another name", certificate(user, authority, { principals: ["you"] })],
    ["of no name", certificate(user, authority, { principals: [] })],
    ["of a host", certificate(user, authority, { type: 2 })],
    ["that has ended", certificate(user, authority, { before: NOW / 1_000 })],
    ["that has not begun", certificate(user, authority, { after: NOW / 1_000 + 1 })],
    ["with an option that must be obeyed", certificate(user, authority, { critical: ["force-command"] })],
    ["of another authority", certificate(user, stranger)],
    ["that says another authority's name", certificate(user, { ...stranger, blob: authority.blob })],
    ["that is cut off", certificate(user, authority).slice(0, -1)],
    ["of somebody else's key", certificate(stranger, authority)],
  ] as const)("%s lets nobody in", ([, blob], { expect }) => {
    expect(admitted(blob)).toBe(null);
  });
});
