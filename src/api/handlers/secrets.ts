/** secrets: create, list, get, change, delete, seal again. Values come in and never go out. */
import * as z from "zod";
import type { ApplicationEntry } from "../../account/applications.ts";
import type { ResealReport } from "../../account/reseal.ts";
import { inBatches } from "../../batches.ts";
import { notFound, secretEtag, type Secret } from "../../account/secrets.ts";
import { GantryError } from "../../errors.ts";
import { accountStub, applicationStub } from "../../stubs.ts";
import { decodePageToken, pageOf, pageQuery } from "../pagination.ts";
import { removeUnused } from "../references.ts";
import { message } from "../results/common.ts";
import { resealResult, secretResult } from "../results/secret.ts";
import { defineRoute, type Call } from "../route.ts";
import { changeSecretSchema, createSecretSchema } from "../schemas/secret.ts";
import { wireSecret } from "../wire/secret.ts";
import { requireWholeAccount } from "./lookup.ts";

const NO_QUERY = z.strictObject({});
/** Of one reading of an account's applications. */
const APPLICATIONS = 500;

/** What instances were started with is sealed too, by the applications that they belong to. */
async function resealStarted(env: Env, accountId: string): Promise<ResealReport> {
  const account = accountStub(env, accountId);
  const unreadable: string[] = [];
  let resealed = 0;
  for (let cursor = ""; ;) {
    const entries: ApplicationEntry[] = await account.listApplications("application", cursor, APPLICATIONS);
    const reports = await inBatches(entries, async ({ id, name }) => {
      const report: ResealReport = await applicationStub(env, id).resealChoices();
      return { name, report };
    });
    for (const { name, report } of reports) {
      resealed += report.resealed;
      unreadable.push(...report.unreadable.map((deployment) => `what ${deployment} of ${name} was started with`));
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < APPLICATIONS) return { resealed, unreadable };
    cursor = last.id;
  }
}
/** Cloudflare's clients know no pages of secrets and expect everything. */
const MAX_PAGE = 1_000;

export const secretRoutes = [
  defineRoute({
    method: "POST",
    path: "/secrets",
    tag: "Secrets",
    summary: "Create a secret; its value is never shown again",
    owned: true,
    query: NO_QUERY,
    body: createSecretSchema,
    result: secretResult,
    statuses: [201],
    errors: ["SECRET_NAME_ALREADY_EXISTS", "MASTER_KEY_MISSING"],
    etag: true,
    run: async ({ env, accountId, actor, seed, body: { name, value } }) => {
      requireWholeAccount(actor);
      const secret: Secret = await accountStub(env, accountId).createSecret({ id: seed, name, value, comment: "" });
      return { status: 201, result: wireSecret(secret), etag: secretEtag(secret) };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/secrets",
    tag: "Secrets",
    summary: "List secrets, without their values",
    query: z.strictObject(pageQuery(MAX_PAGE, MAX_PAGE)),
    result: z.array(secretResult),
    paged: true,
    run: async ({ env, accountId, query: { per_page: perPage, page_token: pageToken } }) => {
      const secrets: Secret[] = await accountStub(env, accountId).secrets(decodePageToken(pageToken), perPage + 1);
      const { page, info } = pageOf(secrets, perPage, pageToken, ({ name }) => name);
      return { result: page.map(wireSecret), resultInfo: info };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/secrets/reseal",
    tag: "Secrets",
    summary: "Seal again, under the first key of GANTRY_MASTER_KEY, whatever another key has sealed",
    scope: "admin",
    query: NO_QUERY,
    result: resealResult,
    errors: ["MASTER_KEY_MISSING"],
    run: async ({ env, accountId }) => {
      const { resealed, unreadable }: ResealReport = await accountStub(env, accountId).resealAll();
      const started = await resealStarted(env, accountId);
      return {
        result: { resealed: resealed + started.resealed, unreadable: [...unreadable, ...started.unreadable] },
      };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/secrets/:name",
    tag: "Secrets",
    summary: "Get a secret, without its value",
    query: NO_QUERY,
    result: secretResult,
    errors: ["SECRET_NAME_NOT_FOUND"],
    etag: true,
    run: async ({ env, accountId, params }) => {
      const name = params["name"] ?? "";
      const secret: Secret | null = await accountStub(env, accountId).secret(name);
      if (secret === null) throw notFound(name);
      return { result: wireSecret(secret), etag: secretEtag(secret) };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/secrets/:name",
    tag: "Secrets",
    summary: "Change a secret's value: containers get it at their next placement",
    query: NO_QUERY,
    body: changeSecretSchema,
    result: secretResult,
    errors: ["SECRET_NAME_NOT_FOUND", "MASTER_KEY_MISSING"],
    etag: true,
    run: async ({ env, accountId, actor, params, body: { value }, seed, ifMatch }) => {
      requireWholeAccount(actor);
      const name = params["name"] ?? "";
      const secret: Secret = await accountStub(env, accountId).changeSecret({ name, value, write: seed, ifMatch });
      return { result: wireSecret(secret), etag: secretEtag(secret) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/secrets/:name",
    tag: "Secrets",
    summary: "Delete a secret that nothing uses",
    query: NO_QUERY,
    result: message,
    errors: ["SECRET_NAME_NOT_FOUND", "SECRET_IN_USE"],
    etag: true,
    run: async (call) => {
      const name = call.params["name"] ?? "";
      await removeSecret(call, name, call.ifMatch);
      return { result: { message: `secret ${name} is deleted` } };
    },
  }),
];

export async function removeSecret(call: Call<unknown, unknown>, name: string, ifMatch: string | null): Promise<void> {
  requireWholeAccount(call.actor);
  const account = accountStub(call.env, call.accountId);
  const removal = await removeUnused(
    call,
    { kind: "secret", name },
    async (asked) => await account.removeSecret(name, asked, ifMatch),
    (users) => {
      const text = `secret ${name} is in use: take it out of the configurations first; users: ${users.join("; ")}`;
      return new GantryError("SECRET_IN_USE", text, { name, users });
    },
    async () => {
      const domains: string[] = await account.registriesWithSecret(name);
      return domains.map((domain) => `registry ${domain}`);
    },
  );
  if (removal === "missing" && !call.isRetry) throw notFound(name);
}
