/**
 * Where a client of `wrangler containers ssh` connects: a WebSocket whose bytes are those of an SSH connection to the
 * container. The token is its only credential; it names who got it, and the audit says that it was used.
 */
import { fromClaims, notGood, type SshClaims } from "../containers/ssh-access.ts";
import { SSH_HEADER } from "../containers/refusal.ts";
import { GantryError } from "../errors.ts";
import { readGrant } from "../grant.ts";
import { masterKeys } from "../sealing.ts";
import { accountStub, instanceStub } from "../stubs.ts";
import { bearerToken } from "./credentials.ts";

export const TUNNEL_PATH = "/client/v4/accounts/:account_id/containers/instances/:deployment/ssh/tunnel";

export function tunnelUrl(requestUrl: string, accountId: string, deploymentId: string): string {
  const path = TUNNEL_PATH.replace(":account_id", accountId).replace(":deployment", deploymentId);
  const url = new URL(path, requestUrl);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export async function serveSshTunnel(
  env: Env,
  params: Readonly<Record<string, string | undefined>>,
  request: Request,
): Promise<Response> {
  const token = bearerToken(request.headers.get("authorization"));
  if (token === null) throw notGood();
  const reading = await readGrant(masterKeys(env), "gantry-ssh-v1", token, Date.now());
  if (reading.outcome !== "good") throw notGood();
  const claims = fromClaims(reading.grant);
  if (claims.accountId !== params["account_id"] || claims.deploymentId !== params["deployment"]) throw notGood();
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw new GantryError("VALIDATE_INPUT", "a tunnel is a WebSocket", { upgrade: "must be websocket" });
  }
  return await audited(env, claims, request, async () => {
    const headers = { upgrade: "websocket", [SSH_HEADER]: token };
    return await instanceStub(env, claims.deploymentId).fetch(new Request(request.url, { headers }));
  });
}

/** Written before anything is done, as of every write. */
async function audited(
  env: Env,
  { accountId, actor, tokenId }: SshClaims,
  request: Request,
  connect: () => Promise<Response>,
): Promise<Response> {
  const account = accountStub(env, accountId);
  const auditId: number = await account.beginAudit({
    requestId: crypto.randomUUID(),
    actor,
    tokenId,
    method: request.method,
    path: new URL(request.url).pathname,
    address: request.headers.get("cf-connecting-ip"),
    idempotencyKey: null,
  });
  const response = await connect();
  const { status } = response;
  await account.finish([{ auditId, status, code: null, idempotency: null, answer: null }]);
  return response;
}
