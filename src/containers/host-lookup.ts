/**
 * From a host to the application that has it among its `hostnames`, with a copy that is kept for moments: also of the
 * answer that nobody has it, since then the request is for the control plane.
 */
import type { ApplicationEntry } from "../account/applications.ts";
import { accountStub } from "../stubs.ts";

const TTL_MS = 2_000;
const MAX_ENTRIES = 2_000;
/** Longer ones are no hosts. */
const MAX_LENGTH = 253;

/** Per isolate; rebuilt from the account at any time. */
const entries = new Map<string, { readonly entry: ApplicationEntry | null; readonly until: number }>();

/** No name and no id of an application begins so: `/a/…` cannot say it. */
const PREFIX = "//";

/** Under which the routing of a host is kept. */
export function hostKey(host: string): string {
  return PREFIX + host;
}

export function hostOf(key: string): string | null {
  return key.startsWith(PREFIX) ? key.slice(PREFIX.length) : null;
}

export async function applicationAtHost(host: string, env: Env): Promise<ApplicationEntry | null> {
  if (host.length > MAX_LENGTH) return null;
  const known = entries.get(host);
  if (known !== undefined && known.until > Date.now()) return known.entry;
  const entry: ApplicationEntry | null = await accountStub(env, env.GANTRY_ACCOUNT_ID).applicationAtHost(host);
  if (entries.size >= MAX_ENTRIES) entries.clear();
  entries.set(host, { entry, until: Date.now() + TTL_MS });
  return entry;
}

export function forgetHosts(hosts: readonly string[]): void {
  for (const host of hosts) entries.delete(host);
}
