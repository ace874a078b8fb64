/**
 * What instances that were started in a size of their own come to: in the account's limits, where room for named ones is
 * kept in the version's size, and in its capacity.
 */
import type { Size, Usage } from "../../account/amounts.ts";
import type { Shortage } from "../../account/capacity/statement.ts";
import type { Verdict } from "../../account/ledger.ts";
import { describeError, GantryError } from "../../errors.ts";
import { accountStub } from "../../stubs.ts";
import type { ApplicationCore } from "../application-core.ts";
import type { Job } from "../../jobs/job.ts";
import { unfinishedJobs } from "../../jobs/job-store.ts";
import { sizeOf } from "../launch-spec.ts";
import { runsJobs } from "../plan/deployment.ts";
import type { ApplicationRow } from "../storage/application-row.ts";
import { usageOf } from "../usage.ts";
import { beyond, isNothing, type Override } from "./choice.ts";

/** What it is at; `wanted`: as if those ran besides, in place of what runs under their names. */
export function usageWith(
  core: ApplicationCore,
  row: ApplicationRow,
  wanted: readonly Override[] = [],
  but: string | null = null,
): Usage {
  const configuration = core.configuration(row.activeVersion);
  const kept = core.deployments.all().flatMap((deployment) => {
    const { name, override } = deployment;
    return name === but || override === undefined || runsJobs(deployment) ? [] : [override];
  });
  const sizes = [...kept, ...wanted].flatMap(({ size }) => (size === undefined ? [] : [size]));
  for (const { job } of unfinishedJobs(core.db)) sizes.push(...sizesOf(job, row));
  const own = beyond(sizes, sizeOf(configuration));
  return { ...usageOf(row, configuration), ...(isNothing(own) ? {} : { beyond: own }) };
}

/** Of all that a job may run at a time. */
function sizesOf({ override, spec }: Pick<Job, "override" | "spec">, row: ApplicationRow): Size[] {
  const { size } = override ?? {};
  const most = Math.min(spec.parallelism, row.spec.jobInstances ?? 0);
  return size === undefined ? [] : Array.from({ length: most }, () => size);
}

/** As `reserveSize`, for a job that is to be made. */
export async function reserveJob(
  core: ApplicationCore,
  env: Env,
  job: Pick<Job, "override" | "spec">,
): Promise<string | null> {
  const row = core.mustRow();
  const sizes = sizesOf(job, row);
  if (isNothing(beyond(sizes, sizeOf(core.configuration(row.activeVersion))))) return null;
  return await reserve(
    core,
    env,
    usageWith(
      core,
      row,
      sizes.map((size) => ({ id: "", fields: [], size })),
    ),
  );
}

/**
 * Reserves what is larger than what is kept for it. The id of what is to be settled afterwards; null when there is nothing
 * to. Throws with what it would surpass, and by how much.
 */
export async function reserveSize(
  core: ApplicationCore,
  env: Env,
  name: string,
  override: Override,
): Promise<string | null> {
  const row = core.mustRow();
  if (override.size === undefined) return null;
  if (isNothing(beyond([override.size], sizeOf(core.configuration(row.activeVersion))))) return null;
  return await reserve(core, env, usageWith(core, row, [...core.named.choices.overridesBut(name), override], name));
}

/** Throws with what it would surpass. */
async function reserve(core: ApplicationCore, env: Env, usage: Usage): Promise<string> {
  const { generation: _, named: __, jobs: ___, isScaled: ____, ...ask } = usage;
  const row = core.mustRow();
  const intent = crypto.randomUUID();
  const verdict: Verdict = await accountStub(env, row.accountId).reserve(row.id, ask, intent);
  if (verdict.outcome === "refused") throw new GantryError(verdict.code, verdict.message, { ...verdict.details });
  return intent;
}

/** The account hears what it has come to. One that does not hear of it asks later. */
export async function settleSizes(core: ApplicationCore, env: Env, intent: string): Promise<void> {
  const row = core.row();
  if (row === undefined || row.deleting) return;
  try {
    await accountStub(env, row.accountId).settle(row.id, usageWith(core, row), intent);
  } catch (error) {
    console.warn({ message: "ledger.settle.failed", application: row.id, error: describeError(error) });
  }
}

/** One that had a size of its own is gone. Until the account hears, it keeps too much room, never too little. */
export function settleFreedSizes(core: ApplicationCore, env: Env, ctx: DurableObjectState): void {
  if (!core.deployments.hasFreedSize) return;
  core.deployments.hasFreedSize = false;
  ctx.waitUntil(settleSizes(core, env, crypto.randomUUID()));
}

/** Why what is to start under that name does not begin, where its size is its own. */
export function shortageOf(core: ApplicationCore, name: string): Shortage | null {
  const size: Size | undefined = (core.named.choices.get(name) ?? core.deployments.named(name))?.override?.size;
  return size === undefined ? null : core.capacity.refusalOf(size);
}
