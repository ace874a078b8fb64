/**
 * From an instance's name or address to where it is, with a copy that is kept for moments, so that a warm request asks
 * no object. An instance that did not answer is looked up again at once.
 */
import type { Address } from "../account/addresses.ts";
import { rangeOf } from "../account/address-pool.ts";
import { GantryError } from "../errors.ts";
import type { InstanceRouting } from "../orchestrator/instance-routing.ts";
import { accountStub, applicationStub } from "../stubs.ts";
import { SNAPSHOT_TTL_MS } from "./routing-cache.ts";

const MAX_ENTRIES = 2_000;
const MAX_NAME_LENGTH = 129;

/** Per isolate; rebuilt from the objects at any time. */
const entries = new Map<string, { readonly routing: InstanceRouting; readonly until: number }>();

export function instanceByName(
  application: string,
  instance: string,
  env: Env,
  account: string = env.GANTRY_ACCOUNT_ID,
): Promise<InstanceRouting> {
  const name = application.slice(0, MAX_NAME_LENGTH);
  // One that is longer is nobody's, whatever follows.
  const key = instance.slice(0, MAX_NAME_LENGTH);
  return cached(keyOf(account, name, key), async () => {
    const entry = await accountStub(env, account).findApplication(name);
    const routing = entry === null ? null : await routingOf(env, entry.id, key);
    if (routing !== null) return routing;
    throw new GantryError("APPLICATION_NOT_FOUND", `there is no application ${name}`, { application: name });
  });
}

/** Of any account: an address has one owner. */
export function instanceByAddress(address: string, env: Env): Promise<InstanceRouting> {
  return cached(address, async () => {
    const owner = await ownerOf(env, address);
    const routing = owner?.application ? await routingOf(env, owner.application, owner.deployment ?? "") : null;
    if (routing !== null) return routing;
    throw new GantryError("INSTANCE_NOT_FOUND", `no instance has the address ${address}`, { address });
  });
}

export function forgetInstance(deploymentId: string): void {
  for (const [key, { routing }] of entries) {
    if (routing.instance?.member.deploymentId === deploymentId) entries.delete(key);
  }
}

/** Whether an address is one of those that Gantry gives to instances. */
export function isInstanceAddress(env: Env, address: string): boolean {
  return rangeOf(env, address.includes(":") ? "v6" : "v4")?.blockOf(address) != null;
}

async function ownerOf(env: Env, address: string): Promise<Address | null> {
  const prefix = rangeOf(env, address.includes(":") ? "v6" : "v4")?.blockOf(address) ?? null;
  if (prefix === null) return null;
  const account: string | null = await accountStub(env, env.GANTRY_ACCOUNT_ID).accountOfBlock(prefix);
  return account === null ? null : await accountStub(env, account).addressOwner(address);
}

async function routingOf(env: Env, applicationId: string, instance: string): Promise<InstanceRouting | null> {
  return await applicationStub(env, applicationId).instanceRouting(instance);
}

/** Started, or made, if need be, and waited for. Throws why it takes no requests. */
export async function callInstance(
  { applicationId, accountId, name }: Pick<InstanceRouting, "applicationId" | "accountId" | "name">,
  instance: string,
  waitMs: number,
  env: Env,
): Promise<InstanceRouting> {
  const routing: InstanceRouting = await applicationStub(env, applicationId).callInstance(instance, waitMs);
  remember(keyOf(accountId, name, instance), routing);
  return routing;
}

function keyOf(account: string, application: string, instance: string): string {
  return `${account} ${application} @${instance}`;
}

async function cached(key: string, look: () => Promise<InstanceRouting>): Promise<InstanceRouting> {
  const known = entries.get(key);
  // One that takes no requests is looked at each time: it may do so by now.
  if (known !== undefined && known.until > Date.now() && known.routing.instance?.unavailable === null) {
    return known.routing;
  }
  entries.delete(key);
  const routing = await look();
  remember(key, routing);
  return routing;
}

function remember(key: string, routing: InstanceRouting): void {
  if (entries.size >= MAX_ENTRIES) entries.clear();
  entries.set(key, { routing, until: Date.now() + SNAPSHOT_TTL_MS });
}
