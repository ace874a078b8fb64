/** Accounts of this deployment: for the operator, and as far as it is its own, for a token. */
import * as z from "zod";
import type { AccountEntry } from "../../account/accounts.ts";
import { GantryError } from "../../errors.ts";
import { accountStub, registryStub } from "../../stubs.ts";
import { forgetAccount } from "../account-directory.ts";
import { decodePageToken, pageOf, pageQuery } from "../pagination.ts";
import { message, timestamp } from "../results/common.ts";
import { defineRoute, type Call } from "../route.ts";
import { iso } from "../../iso.ts";

const PER_PAGE = 50;
const MAX_PER_PAGE = 1_000;
const DEFAULT_NAME = "default";

const accountResult = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  name: z.string(),
  created_on: timestamp.optional(),
});

export const accountRoutes = [
  defineRoute({
    method: "GET",
    path: "/client/v4/accounts",
    base: "root",
    tag: "Accounts",
    summary: "List the accounts that the token reaches",
    query: z.strictObject({
      ...pageQuery(PER_PAGE, MAX_PER_PAGE),
      page: z.coerce.number().int().min(1).max(1).optional().describe("Only the first page goes by number"),
      name: z.string().max(100).optional().describe("Only the account of this name"),
    }),
    result: z.array(accountResult),
    paged: true,
    run: async (call) => {
      const { per_page: perPage, page_token: pageToken, name } = call.query;
      const all = await reachable(call, decodePageToken(pageToken), perPage + 1);
      const { page, info } = pageOf(all, perPage, pageToken, ({ id }) => id);
      return {
        result: page.filter((entry) => name === undefined || entry.name === name).map(wireAccount),
        resultInfo: info,
      };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/client/v4/accounts",
    base: "root",
    tag: "Accounts",
    summary: "Create an account: the operator only",
    scope: "admin",
    query: z.strictObject({}),
    body: z.strictObject({ name: z.string().min(1).max(100).describe("What lists show beside the account's id") }),
    result: accountResult,
    statuses: [201],
    run: async (call) => {
      requireOperator(call);
      const entry: AccountEntry = { id: call.seed.replaceAll("-", ""), name: call.body.name, createdAt: Date.now() };
      const created: AccountEntry = await accountStub(call.env, call.env.GANTRY_ACCOUNT_ID).createAccount(entry);
      return { status: 201, result: wireAccount(created) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/client/v4/accounts/:account",
    base: "root",
    tag: "Accounts",
    summary: "Delete an account that has no applications: the operator only",
    scope: "admin",
    query: z.strictObject({}),
    result: message,
    errors: ["ACCOUNT_NOT_FOUND", "ACCOUNT_NOT_EMPTY"],
    run: async (call) => {
      requireOperator(call);
      const { env } = call;
      const id = call.params["account"] ?? "";
      const directory = accountStub(env, env.GANTRY_ACCOUNT_ID);
      if (id === env.GANTRY_ACCOUNT_ID || (await directory.account(id)) === null) {
        throw new GantryError("ACCOUNT_NOT_FOUND", "Unknown account, or the one of the deployment");
      }
      if (!(await accountStub(env, id).erase())) {
        throw new GantryError("ACCOUNT_NOT_EMPTY", `account ${id} has applications: delete them first`, {
          account: id,
        });
      }
      await registryStub(env, id).erase();
      await directory.removeAccount(id);
      forgetAccount(id);
      return { result: { message: `account ${id} is deleted` } };
    },
  }),
];

async function reachable(
  { env, actor, accountId }: Call<unknown, unknown>,
  cursor: string,
  limit: number,
): Promise<AccountEntry[]> {
  const directory = accountStub(env, env.GANTRY_ACCOUNT_ID);
  const own: AccountEntry = { id: env.GANTRY_ACCOUNT_ID, name: DEFAULT_NAME, createdAt: 0 };
  if (actor.tokenId !== null) {
    const entry: AccountEntry | null = accountId === own.id ? own : await directory.account(accountId);
    return entry === null || entry.id <= cursor ? [] : [entry];
  }
  const others: AccountEntry[] = await directory.accounts(cursor, limit);
  return [...(own.id > cursor ? [own] : []), ...others].toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
}

function requireOperator({ actor }: Call<unknown, unknown>): void {
  if (actor.tokenId === null) return;
  throw new GantryError("FORBIDDEN", "accounts are made and deleted with the operator's token only");
}

function wireAccount({ id, name, createdAt }: AccountEntry): z.output<typeof accountResult> {
  return { id, name, ...(createdAt === 0 ? {} : { created_on: iso(createdAt) }) };
}
