/**
 * Host names of an application around its write: refused when the control plane's own, claimed before the write, and
 * what it has no more is released after it. Cut off in between, the claim lapses, and the name is whoever's has it.
 */
import { CLAIM_MS } from "../account/references.ts";
import type { HostnameHolder } from "../account/hostnames.ts";
import { forgetHosts } from "../containers/host-lookup.ts";
import { describeError, GantryError } from "../errors.ts";
import { reservedBy, takesHostnames } from "../hostname.ts";
import { accountStub } from "../stubs.ts";
import { invalid } from "./body.ts";
import type { Call } from "./route.ts";
import { mayReach } from "./scopes.ts";

type Context = Pick<Call<unknown, unknown>, "env" | "accountId" | "actor" | "request">;

/** A write that comes this much later than its claim is not done. */
const CLAIM_MARGIN_MS = 5_000;

/** Those that an application may have. */
export function requireOwnHostnames({ env, accountId, request }: Context, hostnames: readonly string[] = []): void {
  if (hostnames.length === 0) return;
  if (accountId !== env.GANTRY_ACCOUNT_ID) {
    throw invalid({ hostnames: "are only for applications of the control plane's first account: leave them out" });
  }
  if (!takesHostnames(env)) {
    const fix = "set GANTRY_HOSTS of the control plane to its own host names first";
    throw invalid({ hostnames: `cannot be told from the control plane's own: ${fix}` });
  }
  const here = new URL(request.url).hostname;
  const reasons = hostnames.map((hostname, index) => [
    `hostnames[${index}]`,
    hostname === here ? "is a host of the control plane" : reservedBy(hostname, env),
  ]);
  const refused = reasons.filter(([, reason]) => reason !== null);
  if (refused.length > 0) throw invalid(Object.fromEntries(refused));
}

/** `before`: those that it had, as far as is known, so that a write without any releases them. */
export async function withHostnames<T>(
  context: Context,
  applicationId: string,
  { hostnames, before = [] }: { readonly hostnames: readonly string[]; readonly before?: readonly string[] },
  write: (claimedUntil: number) => Promise<T>,
): Promise<T> {
  if (hostnames.length === 0 && before.length === 0) return await write(Number.POSITIVE_INFINITY);
  const account = accountStub(context.env, context.accountId);
  const id = hostnames.length === 0 ? null : crypto.randomUUID();
  const claimedUntil = Date.now() + CLAIM_MS - CLAIM_MARGIN_MS;
  if (id !== null) {
    const holders: HostnameHolder[] = await account.claimHostnames({ id, application: applicationId, hostnames });
    if (holders.length > 0) throw takenError(context, hostnames, holders);
  }
  let written: readonly string[] | null = null;
  try {
    const result = await write(claimedUntil);
    written = hostnames;
    return result;
  } finally {
    await settled(account, id, applicationId, written);
    forgetHosts([...hostnames, ...before]);
  }
}

/** For a dry run: refused as the write would be, and nothing is claimed. */
export async function requireFreeHostnames(
  context: Context,
  application: string,
  hostnames: readonly string[] = [],
): Promise<void> {
  if (hostnames.length === 0) return;
  const account = accountStub(context.env, context.accountId);
  const holders: HostnameHolder[] = await account.examineHostnames({ application, hostnames });
  if (holders.length > 0) throw takenError(context, hostnames, holders);
}

/** A claim that is not settled lapses by itself. */
async function settled(
  account: ReturnType<typeof accountStub>,
  id: string | null,
  applicationId: string,
  written: readonly string[] | null,
): Promise<void> {
  try {
    await account.settleHostnames(id, applicationId, written);
  } catch (error) {
    console.warn({ message: "hostnames.settle.failed", application: applicationId, error: describeError(error) });
  }
}

/** Names the holder only to those who may see it. */
function takenError({ actor }: Context, hostnames: readonly string[], holders: readonly HostnameHolder[]): GantryError {
  const details = holders.map(({ hostname, application, name }): [string, string] => {
    const isShown = name !== null && mayReach(actor, { id: application, name });
    const owner = isShown ? `the application ${name}` : "another application";
    return [`hostnames[${hostnames.indexOf(hostname)}]`, `${hostname} belongs to ${owner}: take it out there first`];
  });
  return new GantryError("HOSTNAME_TAKEN", details[0]?.[1] ?? "a host name is taken", Object.fromEntries(details));
}
