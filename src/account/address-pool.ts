/**
 * The pool of an account: gives addresses out, leases another block when its own are used up, and takes back what
 * belongs to deployments that are gone. Decisions and writes are the free functions beside it; here is what has to wait
 * for other objects.
 */
import { addressRange, type AddressRange, type AddressType } from "../address-range.ts";
import { inBatches } from "../batches.ts";
import type { Database } from "../database.ts";
import { describeError, GantryError } from "../errors.ts";
import { accountStub, applicationStub } from "../stubs.ts";
import { blocksOf, keepBlock, leaseBlocks } from "./address-blocks.ts";
import {
  addressedApplications,
  allocate,
  listAddresses,
  releaseGone,
  type Address,
  type Addresses,
  type AddressRequest,
  type Block,
} from "./addresses.ts";

export interface PoolDeps {
  readonly db: Database;
  readonly env: Env;
  readonly accountId: string;
}

/** An address, and the placement that has it. */
export interface PlacedAddress extends Address {
  readonly subnetMask: number;
  /** Null while its deployment has no placement yet. */
  readonly generation: number | null;
}

/** More than the blocks that one deployment can need. */
const MAX_LEASES = 8;

export function rangeOf(env: Env, type: AddressType): AddressRange | null {
  return addressRange(type, { ipv4: env.GANTRY_IPV4_RANGE, ipv6: env.GANTRY_IPV6_PREFIX });
}

export async function takeAddresses(deps: PoolDeps, request: AddressRequest): Promise<Addresses> {
  const { db } = deps;
  let hasReconciled = false;
  for (let lease = 0; lease < MAX_LEASES; lease += 1) {
    const allocation = allocate(db, request, ownBlocks(deps), Date.now());
    if (allocation.outcome === "allocated") return allocation.addresses;
    if (await leaseAnother(deps, allocation.type)) continue;
    if (hasReconciled) break;
    hasReconciled = true;
    await reconcile(deps);
  }
  const message = "no address is left for this instance: delete deployments that have one, or widen the range";
  throw new GantryError("ADDRESS_POOL_EXHAUSTED", message, { deployment: request.deployment });
}

/** All of them, after taking back what belongs to nobody. */
export async function placedAddresses(deps: PoolDeps): Promise<PlacedAddress[]> {
  const generations = await reconcile(deps);
  return listAddresses(deps.db).map((address) => ({
    ...address,
    subnetMask: rangeOf(deps.env, address.type)?.subnetMask ?? 0,
    generation: address.deployment === null ? null : (generations.get(address.deployment) ?? null),
  }));
}

function ownBlocks({ db, env, accountId }: PoolDeps): Block[] {
  return (["v4", "v6"] as const).flatMap((type) => {
    const range = rangeOf(env, type);
    return range === null ? [] : blocksOf(db, accountId, type).map((prefix) => ({ prefix, range }));
  });
}

async function leaseAnother({ db, env, accountId }: PoolDeps, type: AddressType): Promise<boolean> {
  const range = rangeOf(env, type);
  if (range === null) return false;
  const known = blocksOf(db, accountId, type);
  if (accountId === env.GANTRY_ACCOUNT_ID) return leaseBlocks(db, accountId, range, known).length > 0;
  const leased: string[] = await accountStub(env, env.GANTRY_ACCOUNT_ID).leaseBlocks(accountId, type, known);
  for (const prefix of leased) keepBlock(db, accountId, type, prefix);
  return leased.length > 0;
}

/** Asks every application that has addresses which deployments it has; returns their placements. */
async function reconcile({ db, env }: PoolDeps): Promise<Map<string, number>> {
  const all = new Map<string, number>();
  await inBatches(addressedApplications(db), async (id) => {
    const askedAt = Date.now();
    try {
      const generations: Record<string, number> = await applicationStub(env, id).generations();
      const deployments = new Set(Object.keys(generations));
      db.transaction(() => releaseGone(db, id, deployments, askedAt, Date.now()));
      for (const [deployment, generation] of Object.entries(generations)) all.set(deployment, generation);
    } catch (error) {
      // One that does not answer keeps its addresses.
      console.warn({ message: "addresses.reconcile.failed", application: id, error: describeError(error) });
    }
  });
  return all;
}
