/** Requests with the headers that writes may carry. */
import { runInDurableObject } from "cloudflare:test";
import type { Application } from "../../src/orchestrator/application.ts";
import { keyedDigest, masterKeys } from "../../src/sealing.ts";
import { accountStub, applicationStub } from "../../src/stubs.ts";
import { ACCOUNT_ID, raw, testEnv, type Envelope } from "./client.ts";

export interface Answered extends Envelope {
  readonly status: number;
  readonly etag: string;
  readonly headers: Headers;
}

/** `body` as JSON, headers as given. */
export async function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const response = await raw(method, path, body === undefined ? undefined : JSON.stringify(body), {
    "content-type": "application/json",
    ...headers,
  });
  const envelope = await response.json<Envelope>();
  return {
    ...envelope,
    status: response.status,
    etag: response.headers.get("etag") ?? "",
    headers: response.headers,
  };
}

/** Rows written and alarms set by an application's object in this lifetime. */
export async function billed(id: string): Promise<number> {
  const { rowsWritten, alarmsSet } = await applicationStub(testEnv, id).billing();
  return rowsWritten + alarmsSet;
}

/** The object loses its memory; its storage stays. */
export async function forget(id: string): Promise<void> {
  const stub = applicationStub(testEnv, id);
  await runInDurableObject(stub, (_: Application, state: DurableObjectState) => state.abort("reset by the test")).catch(
    () => undefined,
  );
}

/** As after a crash: the request was admitted, and nobody heard its answer. */
export async function unheard(accountId: string, key: string): Promise<void> {
  const account = testEnv.ACCOUNT.getByName(accountId);
  await runInDurableObject(account, (_, state: DurableObjectState) => {
    state.storage.sql.exec("UPDATE idempotency SET answer = NULL WHERE key LIKE ?", `% ${key}`);
  });
}

/** As after a crash right behind admission: the key is claimed, and nothing was done. Returns the seed of all its tries. */
export async function admittedOnly(method: string, path: string, body: unknown, key: string): Promise<string> {
  const account = accountStub(testEnv, ACCOUNT_ID);
  const pathname = `/client/v4/accounts/${ACCOUNT_ID}/containers${path}`;
  const admission = await account.admit({
    requestId: crypto.randomUUID(),
    credential: { kind: "operator" },
    scope: "deploy",
    method,
    path: pathname,
    isWrite: true,
    application: null,
    idempotency: {
      key,
      fingerprint: await keyedDigest(
        masterKeys(testEnv).at(-1) ?? "",
        [method, pathname, "", JSON.stringify(body)].join("\n"),
      ),
    },
    address: null,
  });
  if (admission.outcome !== "admitted") throw new Error(admission.outcome);
  await runInDurableObject(account, (_, state: DurableObjectState) => state.abort("reset by the test")).catch(
    () => undefined,
  );
  return admission.seed;
}
