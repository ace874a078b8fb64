/**
 * Commands inside an instance over the control API: the caller's token says which instances he may act on, and a
 * signature by a registered SSH key says who he is, and that he wants this command there (docs/decisions/014).
 */
import * as z from "zod";
import type { ExecResult } from "../../containers/exec.ts";
import type { SshKey } from "../../account/ssh-keys.ts";
import { GantryError } from "../../errors.ts";
import { commandDigest, EXEC_NAMESPACE } from "../../exec-challenge.ts";
import { makeGrant, readGrant, type Grant } from "../../grant.ts";
import { iso } from "../../iso.ts";
import { masterKeys } from "../../sealing.ts";
import { isSigned, parseSshSignature } from "../../ssh-signature.ts";
import { sshFingerprint } from "../../ssh-public-key.ts";
import { accountStub, instanceStub } from "../../stubs.ts";
import { invalid } from "../body.ts";
import { timestamp } from "../results/common.ts";
import { defineRoute, type Call } from "../route.ts";
import { execChallengeSchema, execSchema, toExecRequest, type ExecCommand } from "../schemas/exec.ts";
import { readInstance } from "./instances.ts";
import { findApplication } from "./lookup.ts";

/** Long enough to type a passphrase. */
const CHALLENGE_MS = 60_000;

export const execRoutes = [
  defineRoute({
    method: "POST",
    path: "/applications/:id/instances/:instance_id/exec/challenges",
    tag: "Instances",
    summary: "Get what is to be signed for a command in an instance",
    scope: "operate",
    query: z.strictObject({}),
    body: execChallengeSchema,
    result: z.strictObject({
      challenge: z.string().describe("The message to sign: exactly this text, without a line break behind it"),
      namespace: z.string().describe("What the signature is made for"),
      expires_at: timestamp,
    }),
    statuses: [201],
    errors: ["APPLICATION_NOT_FOUND", "INSTANCE_NOT_FOUND", "MASTER_KEY_MISSING"],
    run: async (call) => {
      const claims = await claimsOf(call);
      const expiresAt = Date.now() + CHALLENGE_MS;
      const challenge = await makeGrant(masterKeys(call.env), "gantry-exec-v1", claims, expiresAt);
      return { status: 201, result: { challenge, namespace: EXEC_NAMESPACE, expires_at: iso(expiresAt) } };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/applications/:id/instances/:instance_id/exec",
    tag: "Instances",
    summary: "Run a command in an instance that runs, with a signature by a registered SSH key",
    scope: "operate",
    sensitive: true,
    query: z.strictObject({}),
    body: execSchema,
    result: z.strictObject({
      exit_code: z.int(),
      stdout: z.string(),
      stderr: z.string(),
      signed_by: z.strictObject({ key_id: z.string(), name: z.string(), fingerprint: z.string() }),
    }),
    errors: [
      "APPLICATION_NOT_FOUND",
      "INSTANCE_NOT_FOUND",
      "INSTANCE_NOT_RUNNING",
      "INSTANCE_UNREACHABLE",
      "SIGNATURE_REFUSED",
      "EXEC_TIMEOUT",
      "EXEC_OUTPUT_TOO_LARGE",
      "MASTER_KEY_MISSING",
    ],
    run: async (call) => {
      const { env, body } = call;
      const [accountId = "", deploymentId = "", digest = ""] = await claimsOf(call);
      const grant = await challengeOf(call, [accountId, deploymentId, digest]);
      const key = await signerOf(call);
      const result: ExecResult | "used" | null = await instanceStub(env, deploymentId).execOnce(toExecRequest(body), {
        nonce: grant.nonce,
        expiresAt: grant.expiresAt,
      });
      if (result === "used") throw refused("used", "the challenge was used before: each is good for one command");
      if (result === null) {
        const why = "the instance has no container that is ready: start it, or wait until it is";
        throw new GantryError("INSTANCE_NOT_RUNNING", why, { instance: call.params["instance_id"] ?? "" });
      }
      const { exitCode: exit_code, stdout, stderr } = result;
      return { result: { exit_code, stdout, stderr, signed_by: key } };
    },
  }),
];

type ExecCall = Call<unknown, ExecCommand>;

/** What a challenge is bound to, in its order. */
async function claimsOf(call: ExecCall): Promise<string[]> {
  const { id } = findApplication(call);
  const { deployment } = await readInstance(call, id);
  return [call.accountId, deployment.id, await commandDigest(call.body)];
}

async function challengeOf(
  call: Call<unknown, z.output<typeof execSchema>>,
  claims: readonly string[],
): Promise<Grant> {
  const reading = await readGrant(masterKeys(call.env), "gantry-exec-v1", call.body.challenge, Date.now());
  if (reading.outcome === "expired")
    throw refused("expired", "the challenge has expired: ask for another and sign that");
  if (reading.outcome !== "good") throw refused("unknown", "the challenge was not given by this control plane");
  const { grant } = reading;
  const names = ["account", "instance", "command"];
  const other = names.find((_, index) => grant.claims[index] !== claims[index]);
  if (other !== undefined) throw refused(`other_${other}`, `the challenge was given for another ${other}`);
  return grant;
}

/** Whose it is, which from here on stands in the audit. */
async function signerOf(call: Call<unknown, z.output<typeof execSchema>>) {
  const { env, accountId, auditId, body } = call;
  const signature = parseSshSignature(body.signature);
  if (typeof signature === "string") throw invalid({ signature });
  if (signature.namespace !== EXEC_NAMESPACE) {
    throw refused(
      "namespace",
      `the signature was made for ${JSON.stringify(signature.namespace.slice(0, 100))}: sign with -n ${EXEC_NAMESPACE}`,
    );
  }
  if (!(await isSigned(signature, EXEC_NAMESPACE, body.challenge))) {
    throw refused(
      "signature",
      "the signature is not of this challenge: sign exactly its text, without a line break behind it",
    );
  }
  const key: SshKey | null = await accountStub(env, accountId).signer(signature.keyBody, auditId);
  const fingerprint = sshFingerprint(signature.keyBody);
  if (key === null)
    throw refused("unknown_key", `no key of the account's ssh-public-keys is ${fingerprint}: register it first`);
  return { key_id: key.id, name: key.name, fingerprint };
}

function refused(cause: string, message: string): GantryError {
  return new GantryError("SIGNATURE_REFUSED", message, { cause });
}
