/** From an id or a name in a path to the objects behind it. */
import { inBatches } from "../../batches.ts";
import { GantryError } from "../../errors.ts";
import type { ApplicationEntry } from "../../account/applications.ts";
import type { ApplicationView } from "../../orchestrator/views.ts";
import { accountStub, applicationStub } from "../../stubs.ts";
import { decodePageToken, pageOf } from "../pagination.ts";
import type { Call } from "../route.ts";
import { mayReach, type Actor } from "../scopes.ts";

type Target = Pick<Call<unknown, unknown>, "env" | "application" | "params">;

/** The application that the path's `{id}` names. One that the caller may not reach is not there. */
export function findApplication({ application, params }: Omit<Target, "env">): { id: string; name: string } {
  if (application === null) throw notFound(params["id"] ?? "");
  return application;
}

/** The application that something else than the path names. */
export async function findNamed(
  { env, accountId, actor }: Pick<Call<unknown, unknown>, "env" | "accountId" | "actor">,
  idOrName: string,
): Promise<ApplicationEntry> {
  const entry: ApplicationEntry | null = await accountStub(env, accountId).findApplication(idOrName.slice(0, 100));
  if (entry === null || entry.kind !== "application" || !mayReach(actor, entry)) throw notFound(idOrName);
  return entry;
}

export async function findView(target: Target): Promise<ApplicationView> {
  const { id } = findApplication(target);
  const view: ApplicationView | null = await applicationStub(target.env, id).view();
  if (view === null) throw notFound(target.params["id"] ?? "");
  return view;
}

/** Writes to what belongs to no application: not for a token that is limited to some. */
export function requireWholeAccount(actor: Actor): void {
  if (actor.applications === null) return;
  const message = "this token is limited to some applications; this belongs to the whole account";
  throw new GantryError("FORBIDDEN", message, { applications: [...actor.applications] });
}

/** One page of an account's applications, in order of id. */
export async function pageOfApplications(
  { env, accountId, actor }: Pick<Call<unknown, unknown>, "env" | "accountId" | "actor">,
  { per_page: perPage, page_token: token }: { per_page: number; page_token?: string | undefined },
) {
  const account = accountStub(env, accountId);
  const found: ApplicationEntry[] = [];
  let cursor = decodePageToken(token);
  // What the caller may not reach leaves no gap that would tell of it.
  while (found.length <= perPage) {
    const wanted = perPage + 1 - found.length;
    const entries: ApplicationEntry[] = await account.listApplications("application", cursor, wanted);
    found.push(...entries.filter((entry) => mayReach(actor, entry)));
    const last = entries.at(-1);
    if (last === undefined || entries.length < wanted) break;
    cursor = last.id;
  }
  return pageOf(found, perPage, token, ({ id }) => id);
}

/** Views of many, in order; those that were deleted meanwhile are left out. At most six are asked at a time. */
export async function viewsOf(env: Env, entries: readonly { readonly id: string }[]): Promise<ApplicationView[]> {
  const views = await inBatches(entries, async ({ id }): Promise<ApplicationView | null> => {
    return await applicationStub(env, id).view();
  });
  return views.filter((view) => view !== null);
}

export function notFound(idOrName: string): GantryError {
  const application = idOrName.slice(0, 100);
  return new GantryError("APPLICATION_NOT_FOUND", `there is no application ${application}`, { application });
}

export function instanceNotFound(key: string): GantryError {
  const instance = key.slice(0, 100);
  return new GantryError("INSTANCE_NOT_FOUND", `there is no instance ${instance}`, { instance });
}
