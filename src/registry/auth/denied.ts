/**
 * Denied pushes in the audit of the account that was to be pushed to. Clients send a push as many requests and try again:
 * one row for each repository and actor in a minute tells enough, and rows are the account's bill.
 */
import type { AuditDraft } from "../../account/audit.ts";
import { accountExists } from "../../api/account-directory.ts";
import { accountStub } from "../../stubs.ts";

const EVERY_MS = 60_000;
const MAX_REMEMBERED = 1_000;
const MAX_PATH_LENGTH = 500;

/** What this isolate has told the account, and when: the account itself remembers for all of them. */
const told = new Map<string, number>();

interface DeniedPush {
  readonly accountId: string;
  readonly repository: string;
  readonly actor: string;
  readonly tokenId: string | null;
  readonly code: "UNAUTHORIZED" | "FORBIDDEN";
}

/** Whose credentials were good; of another account they are as little as none, and its names are its own business. */
export interface Denied {
  readonly actor: string;
  readonly tokenId: string | null;
  readonly accountId: string;
  readonly isEverywhere: boolean;
}

/** `caller`: in words where nobody is known. */
export function recordDeniedPush(
  request: Request,
  env: Env,
  ctx: ExecutionContext,
  { accountId, repository }: Pick<DeniedPush, "accountId" | "repository">,
  caller: Denied | string,
): void {
  const denied = { accountId, repository, ...asSeenFrom(accountId, caller) };
  const { actor } = denied;
  const key = `${accountId}/${repository} ${actor}`;
  const now = Date.now();
  if (now - (told.get(key) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return;
  if (told.size >= MAX_REMEMBERED) told.clear();
  told.set(key, now);
  ctx.waitUntil(record(request, env, denied));
}

function asSeenFrom(accountId: string, caller: Denied | string): Pick<DeniedPush, "actor" | "tokenId" | "code"> {
  if (typeof caller === "string") return { actor: caller, tokenId: null, code: "UNAUTHORIZED" };
  const { actor, tokenId } = caller;
  if (caller.isEverywhere || caller.accountId === accountId) return { actor, tokenId, code: "FORBIDDEN" };
  return { actor: "another account", tokenId: null, code: "UNAUTHORIZED" };
}

async function record(request: Request, env: Env, denied: DeniedPush): Promise<void> {
  const { accountId, repository, actor, tokenId, code } = denied;
  if (!(await accountExists(env, accountId))) return;
  const draft: AuditDraft = {
    requestId: crypto.randomUUID(),
    actor,
    tokenId,
    method: request.method,
    path: new URL(request.url).pathname.slice(0, MAX_PATH_LENGTH),
    address: request.headers.get("cf-connecting-ip"),
    idempotencyKey: null,
  };
  await accountStub(env, accountId).recordDeniedPush(draft, repository, code);
}
