/**
 * `wrangler containers ssh`: an address and a token, with which the client opens the tunnel (`ssh-tunnel.ts`). Errors are
 * sentences, since that is what it prints.
 */
import * as z from "zod";
import { toClaims, type SshAccess } from "../../containers/ssh-access.ts";
import { GantryError } from "../../errors.ts";
import { makeGrant } from "../../grant.ts";
import { masterKeys } from "../../sealing.ts";
import { instanceStub } from "../../stubs.ts";
import { defineRoute } from "../route.ts";
import { tunnelUrl } from "../ssh-tunnel.ts";
import { findInstance } from "./any-instance.ts";

/** The client connects at once. */
const TOKEN_MS = 60_000;

export const sshRoutes = [
  defineRoute({
    method: "GET",
    path: "/instances/:instance_id/ssh",
    tag: "Instances",
    summary: "Get an address and a token for one SSH connection into an instance, by its id or its deployment's",
    scope: "operate",
    isAudited: true,
    query: z.strictObject({}),
    result: z.strictObject({
      url: z.string().describe("Of a WebSocket whose binary messages are the bytes of an SSH connection"),
      token: z.string().describe("For `Authorization: Bearer` there: good for a minute, and for one connection"),
    }),
    plainErrors: true,
    errors: ["INSTANCE_NOT_FOUND", "SSH_NOT_AVAILABLE", "MASTER_KEY_MISSING"],
    run: async (call) => {
      const { env, accountId, actor, request } = call;
      const { deploymentId, version } = await findInstance(call, call.params["instance_id"] ?? "");
      const access: SshAccess = await instanceStub(env, deploymentId).sshAccess();
      if (access.state !== "open") throw notAvailable(access, version);
      const { generation } = access;
      const claims = toClaims({ accountId, deploymentId, generation, actor: actor.name, tokenId: actor.tokenId });
      const token = await makeGrant(masterKeys(env), "gantry-ssh-v1", claims, Date.now() + TOKEN_MS);
      return { result: { url: tunnelUrl(request.url, accountId, deploymentId), token } };
    },
  }),
];

function notAvailable(access: Exclude<SshAccess, { state: "open" }>, version: number): GantryError {
  switch (access.state) {
    case "not-running": {
      return refusal(
        access.state,
        "the instance has no running container, and SSH starts none: start or call it first",
      );
    }
    case "not-enabled": {
      const fix = "set configuration.wrangler_ssh.enabled to true, with authorized_keys, and roll it out";
      return refusal(access.state, `version ${version}, which the instance runs, does not let SSH in: ${fix}`);
    }
    case "not-listening": {
      const { port } = access;
      const fix =
        "its image needs an SSH server there, which Gantry's starts as soon as the configuration has authorized_keys or ssh_public_key_ids (docs/ssh.md)";
      return refusal(access.state, `nobody listens on port ${port} of the container (wrangler_ssh.port): ${fix}`);
    }
  }
}

function refusal(cause: string, reason: string): GantryError {
  return new GantryError("SSH_NOT_AVAILABLE", `SSH_NOT_AVAILABLE: ${reason}`, { cause });
}
