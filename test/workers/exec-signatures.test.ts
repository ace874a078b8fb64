/** Commands over the control API: a signature of a registered SSH key over a challenge, and what is not enough. */
import { describe, it } from "vitest";
import { commandDigest } from "../../src/exec-challenge.ts";
import { makeGrant } from "../../src/grant.ts";
import { masterKeys } from "../../src/sealing.ts";
import { freshAccount } from "./accounts.ts";
import {
  ACCOUNT_ID,
  call,
  createApplication,
  domainError,
  eventually,
  raw,
  testEnv,
  untilReady,
  type Envelope,
} from "./client.ts";
import { containerOf } from "./fake-container.ts";
import { sshUser, type SshUser } from "./ssh-user.ts";

type Answer = Envelope & { status: number };

async function running() {
  const { id } = await createApplication();
  const [one] = await untilReady(id, 1);
  if (one === undefined) throw new Error("not running");
  return { id, instance: one.id, deployment: one.deployment_id, container: containerOf(one.id) };
}

async function registered(): Promise<SshUser & { id: string; name: string }> {
  const user = await sshUser();
  const name = `key-${crypto.randomUUID().slice(0, 8)}`;
  const { result } = await call("POST", "/ssh-public-keys", { name, public_key: `${user.publicKey} me@host` });
  return { ...user, id: result.id, name };
}

const at = ({ id, instance }: { id: string; instance: string }) => `/applications/${id}/instances/${instance}/exec`;

async function challenged(target: { id: string; instance: string }, body: Record<string, unknown>): Promise<string> {
  const { status, result, errors } = await call("POST", `${at(target)}/challenges`, body);
  if (status !== 201) throw new Error(JSON.stringify(errors));
  return result.challenge;
}

const PRINT = { command: "print", args: ["one", "two"] };

function told(answer: Answer): string {
  if (answer.success) return String(answer.status);
  const { error, details } = domainError(answer);
  return [answer.status, error, details["cause"]].filter(Boolean).join(" ");
}

describe("a signed command", () => {
  it("runs once, and its audit row names the key", async ({ expect }) => {
    const target = await running();
    const user = await registered();
    const challenge = await challenged(target, PRINT);
    const signature = await user.sign(challenge);
    const answer = await call("POST", at(target), { ...PRINT, challenge, signature });
    const signed_by = { key_id: user.id, name: user.name, fingerprint: user.fingerprint };
    expect(answer.result).toEqual({ exit_code: 0, stdout: "one two", stderr: "", signed_by });
    const again = await call("POST", at(target), { ...PRINT, challenge, signature });
    expect(told(again)).toBe("403 SIGNATURE_REFUSED used");
    expect(target.container.execs).toBe(2);
    const rows = await eventually(async () => {
      const audit = (await call("GET", "/audit?per_page=1000")).result as Record<string, unknown>[];
      const mine = audit.filter(({ path }) => String(path).includes(target.id) && String(path).endsWith("/exec"));
      return mine.length === 2 && mine.every(({ status }) => status !== null) && mine;
    });
    const { key_id, fingerprint } = signed_by;
    expect(rows.map(({ status, signed_by: by }) => [status, by])).toEqual([
      [403, { key_id, fingerprint }],
      [200, { key_id, fingerprint }],
    ]);
    // Other writes have none.
    const { result } = await call("GET", "/audit?per_page=1000");
    expect(
      (result as { path: string; signed_by: unknown }[]).find(({ path }) => path.endsWith("/ssh-public-keys"))
        ?.signed_by,
    ).toBe(null);
  });

  it("gets its folder, its variables and its exit code", async ({ expect }) => {
    const target = await running();
    const user = await registered();
    const run = async (body: Record<string, unknown>) => {
      const challenge = await challenged(target, body);
      return (await call("POST", at(target), { ...body, challenge, signature: await user.sign(challenge) })).result;
    };
    const seen = JSON.parse((await run({ command: "env", cwd: "/srv", env: { B: "2", A: "1" } })).stdout);
    expect(seen).toEqual({ env: { A: "1", B: "2" }, cwd: "/srv" });
    expect((await run({ command: "fail" })).exit_code).toBe(3);
    expect((await run({ command: "nothing-of-this-name" })).exit_code).toBe(127);
  });

  it("is killed at its time and at its size", async ({ expect }) => {
    const user = await registered();
    const killed: number[] = [];
    const run = async (body: Record<string, unknown>) => {
      const target = await running();
      const challenge = await challenged(target, body);
      const answer = await call("POST", at(target), { ...body, challenge, signature: await user.sign(challenge) });
      killed.push(...target.container.killed);
      return told(answer);
    };
    expect(await run({ command: "silent", timeout_ms: 50 })).toBe("504 EXEC_TIMEOUT");
    expect(await run({ command: "endless", max_output_bytes: 5_000 })).toBe("413 EXEC_OUTPUT_TOO_LARGE");
    expect(killed).toEqual([9, 9]);
  });

  it("is answered the same for one Idempotency-Key, and runs once", async ({ expect }) => {
    const target = await running();
    const user = await registered();
    const challenge = await challenged(target, PRINT);
    const body = JSON.stringify({ ...PRINT, challenge, signature: await user.sign(challenge) });
    const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
    const answers = [await raw("POST", at(target), body, headers), await raw("POST", at(target), body, headers)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(await answers[0]?.json()).toEqual(await answers[1]?.json());
  });

  it("needs a container that is ready, and may be sent again when there is one", async ({ expect }) => {
    const target = await running();
    const user = await registered();
    const challenge = await challenged(target, PRINT);
    const body = { ...PRINT, challenge, signature: await user.sign(challenge) };
    await call("POST", `/applications/${target.id}/instances/${target.instance}/stop`);
    await eventually(async () => !target.container.running);
    expect(told(await call("POST", at(target), body))).toBe("409 INSTANCE_NOT_RUNNING");
    await call("POST", `/applications/${target.id}/instances/${target.instance}/start`);
    await untilReady(target.id, 1);
    expect(told(await call("POST", at(target), body))).toBe("200");
  });
});

describe("a command is refused", () => {
  it("with a signature by a key that is not the account's, or is not any more", async ({ expect }) => {
    const target = await running();
    const [stranger, user] = [await sshUser(), await registered()];
    const send = async (signer: SshUser) => {
      const challenge = await challenged(target, PRINT);
      return told(await call("POST", at(target), { ...PRINT, challenge, signature: await signer.sign(challenge) }));
    };
    expect(await send(stranger)).toBe("403 SIGNATURE_REFUSED unknown_key");
    await call("DELETE", `/ssh-public-keys/${user.name}`);
    expect(await send(user)).toBe("403 SIGNATURE_REFUSED unknown_key");
    expect(target.container.execs).toBe(1);
  });

  it("with a signature over something else, or for something else", async ({ expect }) => {
    const target = await running();
    const user = await registered();
    const challenge = await challenged(target, PRINT);
    const send = async (signature: string) => told(await call("POST", at(target), { ...PRINT, challenge, signature }));
    expect(await send(await user.sign(`${challenge}\n`))).toBe("403 SIGNATURE_REFUSED signature");
    expect(await send(await user.sign(challenge, "file"))).toBe("403 SIGNATURE_REFUSED namespace");
    expect(await send("-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----")).toBe("400 VALIDATE_INPUT");
    // None of these has used it up.
    expect(await send(await user.sign(challenge))).toBe("200");
  });

  it("with a challenge for another command, instance or account, an old one, or one that was made up", async ({
    expect,
  }) => {
    const [target, other] = [await running(), await running()];
    const user = await registered();
    const send = async (challenge: string, body: Record<string, unknown> = PRINT) =>
      told(await call("POST", at(target), { ...body, challenge, signature: await user.sign(challenge) }));
    const good = await challenged(target, PRINT);
    expect(await send(good, { command: "print", args: ["three"] })).toBe("403 SIGNATURE_REFUSED other_command");
    expect(await send(good, { ...PRINT, env: { A: "1" } })).toBe("403 SIGNATURE_REFUSED other_command");
    expect(await send(await challenged(other, PRINT))).toBe("403 SIGNATURE_REFUSED other_instance");
    const digest = await commandDigest({ ...PRINT, env: {}, timeout_ms: 60_000, max_output_bytes: 1_000_000 });
    const made = (account: string, until: number) =>
      makeGrant(masterKeys(testEnv), "gantry-exec-v1", [account, target.deployment, digest], until);
    expect(await send(await made(crypto.randomUUID(), Date.now() + 60_000))).toBe(
      "403 SIGNATURE_REFUSED other_account",
    );
    expect(await send(await made(ACCOUNT_ID, Date.now() - 1))).toBe("403 SIGNATURE_REFUSED expired");
    expect(await send(`${good.slice(0, -1)}x`)).toBe("403 SIGNATURE_REFUSED unknown");
    expect(await send("anything")).toBe("403 SIGNATURE_REFUSED unknown");
    expect(target.container.execs).toBe(1);
  });

  it("by a key of another account", async ({ expect }) => {
    const target = await running();
    const account = await freshAccount();
    const user = await sshUser();
    await account.call("POST", "/ssh-public-keys", { name: "mine", public_key: user.publicKey });
    const challenge = await challenged(target, PRINT);
    const answer = await call("POST", at(target), { ...PRINT, challenge, signature: await user.sign(challenge) });
    expect(told(answer)).toBe("403 SIGNATURE_REFUSED unknown_key");
    expect((await account.call("POST", `${at(target)}/challenges`, PRINT)).status).toBe(404);
  });

  it("without a token of scope operate that reaches the application, however it is signed", async ({ expect }) => {
    const target = await running();
    const user = await registered();
    const challenge = await challenged(target, PRINT);
    const body = JSON.stringify({ ...PRINT, challenge, signature: await user.sign(challenge) });
    const as = async (scopes: string[], applications?: string[]) => {
      const { result } = await call("POST", "/tokens", { name: "exec", scopes, ...(applications && { applications }) });
      const headers = { authorization: `Bearer ${result.value}`, "content-type": "application/json" };
      return (await raw("POST", at(target), body, headers)).status;
    };
    expect(await as(["read"])).toBe(403);
    expect(await as(["operate"], [crypto.randomUUID()])).toBe(404);
    expect(await as(["operate"], [target.id])).toBe(200);
  });

  it.for([
    ["no command", { args: [] }, "command"],
    ["a NUL", { command: "a\0b" }, "command"],
    ["a variable of no name", { command: "a", env: { "": "x" } }, "env."],
    ["too long a time", { command: "a", timeout_ms: 600_001 }, "timeout_ms"],
    ["too much output", { command: "a", max_output_bytes: 16_000_001 }, "max_output_bytes"],
  ] as const)("with %s, by the field", async ([, body, field], { expect }) => {
    const target = { id: crypto.randomUUID(), instance: "x" };
    const answer = await call("POST", `${at(target)}/challenges`, body);
    expect([answer.status, ...Object.keys(domainError(answer).details)]).toEqual([400, field]);
  });
});
