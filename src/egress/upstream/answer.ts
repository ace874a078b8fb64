/** Whoever answers an allowed request: the Worker that handles its host, or the host itself. */
import type { Caller } from "../../bridge/workload.ts";
import { accountStub } from "../../stubs.ts";
import type { Decision } from "../policy/decision.ts";
import { NO_USAGE, type Usage } from "../told.ts";
import { connectToOf } from "./connect-to.ts";
import { CredentialValues, type SecretValue } from "./credentials.ts";
import { callHandler } from "./handlers.ts";
import { sendUpstream } from "./send.ts";

export type Allowed = Extract<Decision, { readonly allowed: true }>;

export interface Answering {
  readonly env: Env;
  readonly accountId: string;
  readonly caller: Caller;
  /** Throws where it is denied. */
  readonly decide: (request: Request) => Allowed;
  /** Settles with what it has come to, when it is over. */
  readonly onUsed: (usage: Promise<Usage>) => void;
}

/** Of this isolate. */
const values = new CredentialValues();

export async function answerUpstream(request: Request, decision: Allowed, answering: Answering): Promise<Response> {
  const { env, caller, decide, onUsed } = answering;
  if (decision.handler === null) return await fromHost(request, decision, answering);
  const answer = await callHandler(decision.handler, request, caller, env);
  if (answer instanceof Request) return await fromHost(answer, decide(answer), answering);
  onUsed(Promise.resolve({ ...NO_USAGE, requests: 1 }));
  return answer;
}

async function fromHost(request: Request, decision: Allowed, { env, accountId, onUsed }: Answering): Promise<Response> {
  const bytes = { up: 0, down: 0 };
  const { promise, resolve } = Promise.withResolvers<Usage>();
  const end = () => resolve({ ...NO_USAGE, requests: 1, bytesUp: bytes.up, bytesDown: bytes.down });
  onUsed(promise);
  try {
    const response = await sendUpstream(request, {
      decision,
      connectTo: connectToOf(env),
      secrets: secretsOf(env, accountId),
      count: { up: (count) => (bytes.up += count), down: (count) => (bytes.down += count), end },
    });
    if (response.webSocket !== null) end();
    return response;
  } catch (error) {
    end();
    throw error;
  }
}

/** Values of the account's secrets, as this isolate remembers them. */
export function secretsOf(env: Env, accountId: string): (name: string) => Promise<SecretValue | null> {
  return async (name) =>
    await values.get(accountId, name, async (account, secret) => await lookUp(env, account, secret));
}

async function lookUp(env: Env, accountId: string, name: string): Promise<SecretValue | null> {
  return await accountStub(env, accountId).secretValue(name);
}
