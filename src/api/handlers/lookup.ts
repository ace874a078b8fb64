/** From an id or a name in a path to the objects behind it. */
import { GantryError } from "../../errors.ts";
import type { ApplicationEntry } from "../../orchestrator/account.ts";
import type { ApplicationView } from "../../orchestrator/views.ts";
import { accountStub, applicationStub } from "../../stubs.ts";
import { decodePageToken, pageOf } from "../pagination.ts";
import type { Call } from "../route.ts";

type Target = Pick<Call<unknown, unknown>, "env" | "accountId" | "params">;

/** The application that `{id}` names. Asking the account first keeps unknown ids from becoming objects. */
export async function findApplication({ env, accountId, params }: Target): Promise<ApplicationEntry> {
  const idOrName = params["id"] ?? "";
  const entry = await accountStub(env, accountId).findApplication(idOrName.slice(0, 100));
  if (entry === null) throw notFound(idOrName);
  return { id: entry.id, name: entry.name };
}

export async function findView(target: Target): Promise<ApplicationView> {
  const { id } = await findApplication(target);
  const view: ApplicationView | null = await applicationStub(target.env, id).view();
  if (view === null) throw notFound(target.params["id"] ?? "");
  return view;
}

/** One page of an account's applications, in order of id. */
export async function pageOfApplications(
  env: Env,
  accountId: string,
  { per_page: perPage, page_token: token }: { per_page: number; page_token?: string | undefined },
) {
  const entries: ApplicationEntry[] = await accountStub(env, accountId).listApplications(
    decodePageToken(token),
    perPage + 1,
  );
  return pageOf(entries, perPage, token, ({ id }) => id);
}

/** Views of many, in order; those that were deleted meanwhile are left out. At most six are asked at a time. */
export async function viewsOf(env: Env, entries: readonly ApplicationEntry[]): Promise<ApplicationView[]> {
  const views: (ApplicationView | null)[] = [];
  for (let start = 0; start < entries.length; start += 6) {
    const batch = entries.slice(start, start + 6).map(async ({ id }): Promise<ApplicationView | null> => {
      return await applicationStub(env, id).view();
    });
    views.push(...(await Promise.all(batch)));
  }
  return views.filter((view) => view !== null);
}

export function notFound(idOrName: string): GantryError {
  const application = idOrName.slice(0, 100);
  return new GantryError("APPLICATION_NOT_FOUND", `there is no application ${application}`, { application });
}
