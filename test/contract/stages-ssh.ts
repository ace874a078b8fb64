/** An instance that lets SSH in, and a command that somebody has signed. */
import { sshUser } from "../workers/ssh-user.ts";
import type { Sent } from "./client.ts";
import type { Operation } from "./document.ts";

const OF_SSH = /\/instances\/\{[^}]+\}\/ssh$/;
const OF_EXEC = /\/instances\/\{[^}]+\}\/exec(?:\/challenges)?$/;

export interface StagedSent extends Sent {
  /** Its body, as it was before it was written. */
  readonly value?: unknown;
}

export interface SshStage {
  /** Of what it makes. */
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly accountId: string;
  /** The answer's body. */
  readonly send: (method: string, target: string, body?: object) => Promise<string>;
}

/** Null: chance will do, or another stage. */
export async function stagedForSsh({ method, path }: Operation, stage: SshStage): Promise<StagedSent | null> {
  if (!OF_SSH.test(path) && !OF_EXEC.test(path)) return null;
  const { name, headers, accountId, send } = stage;
  const [area = ""] = path.replace("{account_id}", accountId).split(/\/(?:instances|applications)\//);
  const application = `${area}/applications/${name}`;
  const configuration = { image: "hello-world", wrangler_ssh: { enabled: true } };
  await send("POST", `${area}/applications`, { name, instances: 1, configuration });
  await send("GET", `${application}/wait?state=ready&timeout=10`);
  if (OF_SSH.test(path)) {
    const [instance] = resultOf(await send("GET", `${application}/instances-v2`)) as { id: string }[];
    return { method, target: `${area}/instances/${instance?.id ?? ""}/ssh`, headers };
  }
  const json = { ...headers, "content-type": "application/json" };
  const command = { command: "print", args: ["hello"] };
  const target = `${application}/instances/${name}-0/exec`;
  if (path.endsWith("/challenges")) {
    return { method, target: `${target}/challenges`, headers: json, body: JSON.stringify(command), value: command };
  }
  const user = await sshUser();
  await send("POST", `${area}/ssh-public-keys`, { name, public_key: user.publicKey });
  const { challenge } = resultOf(await send("POST", `${target}/challenges`, command)) as { challenge: string };
  const value = { ...command, challenge, signature: await user.sign(challenge) };
  return { method, target, headers: json, body: JSON.stringify(value), value };
}

/** With an envelope or without. */
function resultOf(text: string): unknown {
  const body = JSON.parse(text) as unknown;
  return typeof body === "object" && body !== null && "result" in body ? body.result : body;
}
